"""Pictures of what a memory did with a graph, and of how a network learnt it."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from examples.common import HEADS, read_log
from examples.graphs.asking import edge_text

WRITE = "#2e8b2e"
RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"
LEAST = 0.05  # a weaker read is not drawn
TIED = "\N{NO-BREAK SPACE}"  # a line does not end here
WIDE = 42  # characters that stand above a small picture


def name_heads(figure, look):
    """Puts the colours of a look's read heads below a figure or a part of one."""
    heads = look.trajectory.read_weighting.shape[1]
    figure.legend([Line2D([], [], color=colour, lw=4) for colour in HEADS[:heads]],
                  [f"head {head + 1}" for head in range(heads)],
                  loc="outside lower center", ncols=heads, fontsize=9, frameon=False)


def reads_of(look, step):
    """What the heads read at a step, as far as it is strong enough to be drawn.

    Args:
      look: `asking.Look`.
      step: from the query on.

    Returns:
      (list of (head, edge, strength) of the edges that were described, a title that
      names the step and what else is read).
    """
    edges, others = [], {}
    for head, strengths in enumerate(look.strengths[step]):
        for source in np.flatnonzero(strengths > LEAST):
            strength = min(1.0, strengths[source])
            if source < len(look.numbered.triples):
                edges.append((head, look.shown(source), strength))
            elif strength > 0.3:
                name = look.names[source].split(":")[0]
                others.setdefault(name, []).append(str(head + 1))
    read = "; ".join(f"head {', '.join(heads)}: “{name}”".replace(" ", TIED)
                     for name, heads in others.items())
    return edges, "\n".join([look.names[step], *(textwrap.wrap(read, WIDE) or [""])])


def draw_strip(look, decoder, title):
    """What is written and read at each step, slot by slot (paper, Figure 3).

    Rows are the slots that matter to the answer, in the order in which they were
    written, with what was written there by name and what the decoder finds there.

    Args:
      look: `asking.Look`.
      decoder: `asking.Decoder`.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    trajectory, first = look.trajectory, look.query[0]
    count = len(trajectory.usage)
    slots, sources, times = _slots_that_matter(look)
    tall = max(2.0, 0.2 * len(slots))
    figure = Figure((13, 2.6 + tall), dpi=80, layout="constrained")
    figure.suptitle(title, size=12)
    panels = figure.subplots(2, 2, width_ratios=[1, 2.2], height_ratios=[tall, 1.5])
    for axes, begin, end in ((panels[0, 0], 0, first), (panels[0, 1], first, count)):
        draw_dots(axes, trajectory, slots)
        axes.set_xlim(begin - 0.6, end - 0.6)
    panels[0, 0].set_yticks(range(len(slots)), [look.names[step] for step in sources],
                            size=7.5)
    panels[0, 0].set_title("description", size=9)
    planned = look.episode.begins.sum() > 3
    panels[0, 1].set_title(
        "query, planning | answer" if planned else "query | answer", size=9)
    decoded = decoder(trajectory.memory[times, slots], look.numbered)
    panels[0, 1].yaxis.tick_right()
    panels[0, 1].set_yticks(range(len(slots)), [edge_text(edge) for edge in decoded],
                            size=7.5)
    panels[0, 1].annotate("decoded from the slot", (1, 1), (5, 4), size=8,
                          xycoords="axes fraction", textcoords="offset points")
    _stack_modes(panels[1, 1], trajectory, range(first, count))
    for axes in panels[:, 1]:
        axes.axvline(look.answering[0] - 0.5, color="black", lw=1)
    panels[1, 0].axis("off")
    panels[1, 0].legend(*panels[0, 0].get_legend_handles_labels(), loc="center",
                        fontsize=8, ncols=2)
    return figure


def _slots_that_matter(look, least=0.2):
    """Slots that are read from the query on, in the order of writing.

    Returns:
      (`[K]` their numbers, the steps that wrote what is read, the steps that read it
      most strongly).
    """
    first = look.query[0]
    reads = look.trajectory.read_weighting[first:].max(axis=1)
    slots = np.flatnonzero(reads.max(axis=0) > least)
    times = first + reads[:, slots].argmax(axis=0)
    sources = np.array([look.holders[time][slot] for time, slot in zip(times, slots)],
                       dtype=int)
    order = np.argsort(sources, kind="stable")
    order = order[sources[order] >= 0]  # a read of an empty slot is of nothing
    return slots[order], sources[order], times[order]


def draw_dots(axes, trajectory, slots):
    """Squares as large as the write weighting, dots as large as the heads' reads.

    Args:
      axes: of matplotlib; steps go to the right, slots down.
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`.
      slots: `[K]` numbers of those to draw, in the order of the rows.
    """
    heads = trajectory.read_weighting.shape[1]
    apart = min(0.2, 0.8 / heads)
    series = [("write", WRITE, "s", trajectory.write_weighting[:, 0], 0.0, 40)]
    series += [(f"read, head {head + 1}", HEADS[head], "o",
                trajectory.read_weighting[:, head],
                (head - (heads - 1) / 2) * apart, 26) for head in range(heads)]
    for label, colour, marker, weighting, aside, size in series:
        shares = weighting[:, slots]
        steps, rows = np.nonzero(shares > LEAST)
        axes.scatter(steps, rows + aside, size * shares[steps, rows], color=colour,
                     marker=marker, lw=0)
        axes.scatter([], [], size, color=colour, marker=marker, label=label)
    axes.set_ylim(len(slots) - 0.3, -0.7)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)


def _stack_modes(axes, trajectory, steps):
    """Read modes of each head as stacked bars, side by side."""
    modes = trajectory.interface.read_modes  # [T, R, modes]
    heads = modes.shape[1]
    wide = 0.8 / heads
    for head in range(heads):
        below = np.zeros(len(steps))
        places = np.array(steps) + (head - (heads - 1) / 2) * wide
        for number, hatch in enumerate(("xxxx", None, "////")):
            values = modes[steps, head, number]
            axes.bar(places, values, wide, below, color=HEADS[head], hatch=hatch,
                     alpha=0.35 + 0.3 * (number == 1), edgecolor="white", lw=0)
            below += values
    axes.set_title("read modes of each head: crossed backward, plain content, "
                   "hatched forward", size=8, loc="left")
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1])
    axes.set_xlim(steps[0] - 0.6, steps[-1] + 0.6)
    axes.set_xlabel("step", size=9)


def draw_learning(log, updates, title, complete=0.9, fields=("right",), what="right"):
    """Accuracy over the updates, with the lessons as steps.

    Args:
      log: path of the file that the training's CSVLogger wrote.
      updates: in an epoch.
      title: what stands above.
      complete: share of right ones at which a lesson is.
      fields: of the log that have shares, each a line.
      what: the new episodes of a single line are, in words.

    Returns:
      A matplotlib Figure.
    """
    rows = read_log(log, ("epoch", "lesson", *fields))
    done = [updates * (1 + int(epoch)) for epoch in rows["epoch"]]
    lessons = list(map(int, rows["lesson"]))
    figure = Figure((9, 3.6), dpi=80, layout="constrained")
    axes = figure.subplots()
    for field, colour in zip(fields, HEADS[1:]):
        axes.plot(done, [100 * share for share in rows[field]], ".-", lw=1,
                  color=colour, label=field)
    if len(fields) > 1:
        axes.legend(fontsize=8, loc="lower right")
    axes.axhline(100 * complete, color="#888888", lw=0.8, ls=":")
    axes.set_ylabel("of new episodes, %" if len(fields) > 1 else
                    f"new episodes {what}, %", size=9)
    axes.set_xlabel("updates", size=9)
    axes.set_ylim(0, 101)
    numbered = -done[-1]
    for number in sorted(set(lessons)):
        first = done[lessons.index(number)] - updates / 2
        axes.axvline(first, color="#bbbbbb", lw=0.7, zorder=0)
        if first - numbered < 0.018 * done[-1]:  # it would stand on the one before
            continue
        numbered = first
        axes.annotate(str(number), (first, 1.01), (2, 0), va="bottom", size=8,
                      xycoords=("data", "axes fraction"), textcoords="offset points")
    axes.set_title(f"{title} (numbers: where a lesson begins)\n", size=11)
    return figure
