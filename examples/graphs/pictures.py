"""Pictures of what a memory did with a graph."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from examples.common import HEADS
from examples.graphs.asking import edge_text
from examples.lessons.pictures import LEAST, draw_dots

TIED = "\N{NO-BREAK SPACE}"  # a line does not end here
WIDE = 36  # characters that stand above a small picture


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
