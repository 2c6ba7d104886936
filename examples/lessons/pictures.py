"""Pictures of a memory slot by slot, and of how a network learnt."""

import numpy as np
from matplotlib.figure import Figure

from examples.common import HEADS, read_log

WRITE = "#2e8b2e"
RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"
LEAST = 0.05  # a weaker read is not drawn


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


def draw_learning(log, updates, title, complete=(0.9,), fields=("right",),
                  what="right", label=str):
    """Accuracy over the updates, with the lessons as steps.

    Args:
      log: path of the file that the training's CSVLogger wrote.
      updates: in an epoch.
      title: what stands above.
      complete: shares of right ones at which lessons are.
      fields: of the log that have shares, each a line.
      what: the new episodes of a single line are, in words.
      label: function of a lesson's number in the log: what it is called.

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
    for share in complete:
        axes.axhline(100 * share, color="#888888", lw=0.8, ls=":")
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
        axes.annotate(label(number), (first, 1.01), (2, 0), va="bottom", size=8,
                      xycoords=("data", "axes fraction"), textcoords="offset points")
    axes.set_title(f"{title} (numbers: where a lesson begins)\n", size=11)
    return figure
