"""Pictures of an episode: what comes in and goes out, and the memory meanwhile."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from dnc.trajectory import origins
from examples.common import HEADS, read_log

LEAST = 0.02  # smaller shares of what a slot holds are not drawn
STYLES = ("-", "--", ":")
PLOT = 9  # height of a plot, in rows of the panels


def draw_panels(title, panels, plots, phases, height):
    """Panels and plots over the steps of an episode, one below the other.

    Args:
      title: what stands above.
      panels: list of (name, name of a row, `[T, rows]` shares from 0 to 1).
      plots: list of (name, {name of a line: `[T]` shares}), of the same lines.
      phases: list of (first step, name). Where the first one begins again there is a
        thick line.
      height: of the picture in inches.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((10, height), dpi=100, layout="constrained")
    figure.suptitle(title, size=12)
    heights = [values.shape[1] for _, _, values in panels] + [PLOT] * len(plots)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for panel, (name, row, values) in zip(axes, panels):
        shades = panel.imshow(values.T, cmap="Blues", vmin=0, vmax=1, aspect="auto",
                              interpolation="nearest")
        panel.set_title(name, loc="left", size=9)
        panel.set_ylabel(row, size=9)
        panel.set_yticks(range(0, values.shape[1], 3 * (1 + values.shape[1] // 20)))
    figure.colorbar(shades, ax=axes[:len(panels)], fraction=0.02, pad=0.01)
    for plot, (name, lines) in zip(axes[len(panels):], plots):
        for style, (label, values) in zip(STYLES, lines.items()):
            plot.plot(values, style, color="black", label=label, lw=1.5)
        plot.set_title(name, loc="left", size=9)
        plot.set_ylim(-0.05, 1.05)
    axes[-1].set_xlabel("step", size=9)
    axes[-1].legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), ncols=len(STYLES), fontsize=9,
        frameon=False,
        bbox_transform=offset_copy(axes[-1].transAxes, figure, y=-25, units="points"))
    _mark_phases(axes, phases, len(panels[0][2]))
    return figure


def _mark_phases(axes, phases, steps):
    """Lines between the phases of an episode, and their names on top."""
    ends = [*(start for start, _ in phases[1:]), steps]
    for (start, name), end in zip(phases, ends):
        axes[0].annotate(name, ((start + end - 1) / 2, 1),
                         xycoords=("data", "axes fraction"), xytext=(0, 18),
                         textcoords="offset points", ha="center", size=9)
        anew = name == phases[0][1]
        for panel in axes:
            panel.axvline(start - 0.5, color="black", lw=1.2 if anew else 0.6,
                          ls="-" if anew else "--")


def draw_episode(layer, task, rng):
    """An episode of the longest length, and what a DNC's memory does with it.

    Args:
      layer: the trained `DNC`.
      task: see `examples.recall.episodes`.
      rng: gives the episode.

    Returns:
      A matplotlib Figure.
    """
    episode = task.draw(rng, task.longest)
    due = episode.due[:, np.newaxis]
    look = layer.trajectory(episode.inputs[np.newaxis]).sample(0)
    answers = 1 / (1 + np.exp(-look.outputs)) * due
    wrong = int((((answers > 0.5) != (episode.targets > 0.5)) * due).sum())
    panels = [("comes in", "bit", episode.inputs),
              ("has to go out", "bit", episode.targets),
              ("goes out", "bit", answers),
              ("write weighting", "slot", look.write_weighting[:, 0])]
    plots = []
    modes = look.interface.read_modes  # [T, R, modes]
    for head in range(modes.shape[1]):
        which = f", head {head + 1}" if modes.shape[1] > 1 else ""
        panels.append((f"read weighting{which}", "slot", look.read_weighting[:, head]))
        steps = read_steps(look, head)
        last = np.flatnonzero(steps.max(axis=0) > LEAST).max(initial=0)
        panels.append((f"what is read was written at{which}", "step",
                       steps[:, :last + 1]))
        plots.append((f"read modes{which}", dict(zip(
            ("backward", "content", "forward"), modes[:, head].T))))
    rows = sum(values.shape[1] for _, _, values in panels) + PLOT * len(plots)
    said = "every bit right" if not wrong else f"{wrong} bits wrong"
    return draw_panels(f"{task.title}: {said}", panels, plots, episode.phases,
                       height=2.5 + rows / 10)


def read_steps(look, head):
    """How strongly a head reads, at each step, what was written at each step.

    Args:
      look: `dnc.trajectory.Trajectory` of arrays `[T, ...]`.
      head: its number.

    Returns:
      `[T, T]`: step that reads, step that wrote.
    """
    count = len(look.usage)
    return np.stack([
        np.bincount(steps, look.read_weighting[step, head, slots] * shares, count)
        for step, (slots, steps, shares) in enumerate(origins(look, LEAST))])


def draw_learning(logs, updates, title):
    """The share of whole episodes right at the longest length, over the updates.

    Args:
      logs: {name of a network: path of its `CSVLogger`'s file}.
      updates: in an epoch.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((9, 3.6), dpi=80, layout="constrained")
    axes = figure.subplots()
    for colour, (name, path) in zip(HEADS[1::-1], logs.items()):
        rows = read_log(path, ("episodes_right", "bits_right"))
        for (field, shares), style in zip(rows.items(), ("-", ":")):
            done = updates * (1 + np.arange(len(shares)))
            axes.plot(done, 100 * np.array(shares), style, lw=1.4,
                      color=colour, label=f"{name}, {field.replace('_', ' ')}")
    axes.set_xlabel("updates", size=9)
    axes.set_ylabel("right at the longest length, %", size=9)
    axes.set_ylim(-1, 101)
    axes.legend(fontsize=9, frameon=False)
    axes.set_title(title, size=11)
    return figure


def draw_lengths(scores, task):
    """How much is right at each length, and where the training's lengths end.

    Args:
      scores: {name of a network: {length: (share of bits, share of episodes)}}.
      task: see `examples.recall.episodes`.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((9, 3.6), dpi=80, layout="constrained")
    axes = figure.subplots()
    for colour, (name, right) in zip(HEADS[1::-1], scores.items()):
        for field, shares, style in zip(("bits", "episodes"), zip(*right.values()),
                                        (":", "-")):
            axes.plot(list(right), 100 * np.array(shares), style, marker=".", lw=1.4,
                      color=colour, label=f"{name}, {field} right")
    axes.axvline(task.longest + 0.5, color="black", lw=0.8, ls="--")
    axes.annotate("longer than in training", (task.longest + 0.5, 103), xytext=(4, 3),
                  textcoords="offset points", size=9, annotation_clip=False)
    axes.set_xlabel(task.unit, size=9)
    axes.set_ylabel("right, %", size=9)
    axes.set_ylim(-3, 103)
    axes.set_xticks(list(right))
    figure.legend(fontsize=9, ncols=4, frameon=False, loc="outside lower center")
    axes.set_title(task.title, size=11, loc="left")
    return figure
