"""Pictures of a walk on the Underground, and of how the network learnt it."""

import csv

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from examples.graphs import london
from examples.graphs.asking import ride_text

HEADS = ("#d55e00", "#0072b2", "#cc79a7", "#009e73", "#e69f00")  # colours
WRITE = "#2e8b2e"
RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"
_APART = 0.16  # between lines that run side by side
_LEAST = 0.05  # a weaker read is not drawn

# Where a name stands, if not above on the right: points from its station, alignment.
LABELS = {
    "Oxford Circus": (-4, 6, "right"), "Tottenham Court Road": (0, 8, "center"),
    "Bond Street": (0, -13, "center"), "Piccadilly Circus": (-5, -12, "center"),
    "Warren Street": (-7, 2, "right"), "Earl's Court": (0, -13, "center"),
    "South Kensington": (0, -14, "center"), "Victoria": (2, -14, "left"),
    "Notting Hill Gate": (-4, 7, "left"), "Green Park": (-8, 3, "right"),
    "Westminster": (0, -14, "center"), "Waterloo": (-8, -8, "right"),
    "Leicester Square": (8, -4, "left"), "Charing Cross": (8, -2, "left"),
    "Embankment": (9, -4, "left"), "London Bridge": (8, -4, "left"),
    "Holborn": (3, 7, "left"), "Bank": (7, -3, "left"),
}
_POSITIONS = {name: np.array(place) for name, place in london.STATIONS.items()}


def track(ride):
    """`[2, 2]`: both ends of a ride's stroke; lines between the same stations lie
    side by side."""
    here, direction, there = ride
    pair = sorted((here, there))
    lines = sorted({london.line_of(way) for a, way, b in london.RIDES
                    if {a, b} == set(pair)})
    start, end = (_POSITIONS[name] for name in pair)
    along = (end - start) / np.linalg.norm(end - start)
    place = lines.index(london.line_of(direction)) - (len(lines) - 1) / 2
    shift = place * _APART * np.array([-along[1], along[0]])
    stroke = np.stack([start, end]) + shift
    return stroke if here == pair[0] else stroke[::-1]


def _base(axes, faint=False):
    """The map without anything on it."""
    for ride in london.RIDES:
        if ride[0] < ride[2]:
            colour = london.COLOURS[london.line_of(ride[1])]
            axes.plot(*track(ride).T, color="#dddddd" if faint else colour,
                      lw=0.8 if faint else 2.2, zorder=1, solid_capstyle="round")
    axes.set_aspect("equal")
    axes.axis("off")
    axes.margins(0.06)


def draw_walk(look, title):
    """The map with the walk asked and answered, and each step's reads.

    Args:
      look: `asking.Look`.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    columns = min(len(look.answering), 5)
    rows = [steps[first:first + columns] for steps in (look.query, look.answering)
            for first in range(0, len(steps), columns)]
    figure = Figure((11, 5.3 + 1.8 * len(rows)), dpi=80, layout="constrained")
    figure.suptitle(title, size=12)
    upper, lower = figure.subfigures(2, 1, height_ratios=[5.1, 1.8 * len(rows)])
    large, beside = upper.subplots(1, 2, width_ratios=[2.6, 1])
    _asked_and_answered(large, look)
    _in_words(beside, look)
    lower.suptitle("What each head reads, as strong as it reads it: "
                   "while asked, then while answering", size=10)
    heads = look.trajectory.read_weighting.shape[1]
    lower.legend([Line2D([], [], color=colour, lw=4) for colour in HEADS[:heads]],
                 [f"head {head + 1}" for head in range(heads)],
                 loc="outside lower center", ncols=heads, fontsize=9, frameon=False)
    for row, steps in zip(lower.subplots(len(rows), columns, squeeze=False), rows):
        for axes in row[len(steps):]:
            axes.axis("off")
        for axes, step in zip(row, steps):
            _reads(axes, look, step)
    return figure


def _asked_and_answered(axes, look):
    """The large map: the walk asked, and a mark for each ride answered."""
    _base(axes)
    for number, (ride, answered, right) in enumerate(
            zip(look.walk, look.answer, look.right)):
        start, end = track(ride)
        axes.plot(*np.stack([start, end]).T, color="black", lw=6.5, alpha=0.3, zorder=2,
                  solid_capstyle="round")
        side = 0.3 if sum({*ride[::2]} == {*other[::2]}
                          for other in look.walk[:number]) % 2 else 0.6
        axes.annotate(
            f"{number + 1} {RIGHT if right else WRONG}", start + side * (end - start),
            ha="center", va="center", size=9, weight="bold", zorder=5,
            color="#0b6b0b" if right else "#b00000",
            bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none",
                  "alpha": 0.9})
    walked = {look.walk[0][0], *(ride[2] for ride in look.walk)}
    for name, (x, y) in london.STATIONS.items():
        on = name in walked
        axes.plot(x, y, "o", ms=8 if on else 6, mfc="white", mec="black",
                  mew=1.8 if on else 1, zorder=4)
        aside, up, align = LABELS.get(name, (5, 5, "left"))
        axes.annotate(name, (x, y), (aside, up), textcoords="offset points", ha=align,
                      size=8.5 if on else 7.5, weight="bold" if on else "normal",
                      zorder=6)


def _in_words(axes, look):
    """The rides of the walk, ticked or crossed, and what was answered instead."""
    lines = []
    for number, (ride, answered, right) in enumerate(
            zip(look.walk, look.answer, look.right)):
        here, direction, there = ride
        lines += [f"{RIGHT if right else WRONG} {number + 1}. {here}",
                  f"      {direction} to {there}"]
        if not right:
            lines.append(f"      answered: {ride_text(answered)}")
    axes.axis("off")
    axes.annotate("\n".join(lines), (0, 0.95), xycoords="axes fraction", va="top",
                  size=8.5)


def _reads(axes, look, step):
    """A small map: the rides that each head reads at a step."""
    _base(axes, faint=True)
    others = {}
    for head, strengths in enumerate(look.strengths[step]):
        for source in np.flatnonzero(strengths > _LEAST):
            strength = min(1.0, strengths[source])
            if source >= len(london.RIDES):
                if strength > 0.3:
                    name = look.name(source).split(":")[0]
                    others.setdefault(name, []).append(str(head + 1))
                continue
            stroke = track(_shown(look, source)) + (head - 1.5) * 0.12
            axes.annotate("", stroke[1], stroke[0], zorder=3, arrowprops={
                "arrowstyle": "-|>", "color": HEADS[head], "lw": 0.5 + 2.5 * strength,
                "alpha": strength, "shrinkA": 0, "shrinkB": 0})
    read = "; ".join(f"head {', '.join(heads)}: “{name}”"
                     for name, heads in others.items())
    axes.set_title(f"{look.name(step)}\n{read}", size=7)


def _shown(look, step):
    """The ride shown at a step of the description."""
    return look.numbered.name(look.episode.shown[step:step + 1])[0]


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
        _dots(axes, trajectory, slots)
        axes.set_xlim(begin - 0.6, end - 0.6)
    panels[0, 0].set_yticks(range(len(slots)), [look.name(step) for step in sources],
                            size=7.5)
    panels[0, 0].set_title("description", size=9)
    panels[0, 1].set_title("query | answer", size=9)
    decoded = decoder(trajectory.memory[times, slots], look.numbered)
    panels[0, 1].yaxis.tick_right()
    panels[0, 1].set_yticks(range(len(slots)), [ride_text(ride) for ride in decoded],
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
    sources = np.array([look.holders[time][slot] for time, slot in zip(times, slots)])
    order = np.argsort(sources, kind="stable")
    return slots[order], sources[order], times[order]


def _dots(axes, trajectory, slots):
    """Squares as large as the write weighting, dots as large as the heads' reads."""
    heads = trajectory.read_weighting.shape[1]
    series = [("write", WRITE, "s", trajectory.write_weighting[:, 0], 0.0, 40)]
    series += [(f"read, head {head + 1}", HEADS[head], "o",
                trajectory.read_weighting[:, head],
                (head - (heads - 1) / 2) * 0.2, 26) for head in range(heads)]
    for label, colour, marker, weighting, aside, size in series:
        shares = weighting[:, slots]
        steps, rows = np.nonzero(shares > _LEAST)
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


def draw_learning(log, updates, title):
    """Accuracy over the updates, with the lessons as steps.

    Args:
      log: path of the file that the training's CSVLogger wrote.
      updates: in an epoch.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    with open(log, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    done = [updates * (1 + int(row["epoch"])) for row in rows]
    lessons = [int(float(row["lesson"])) for row in rows]
    figure = Figure((9, 3.6), dpi=80, layout="constrained")
    axes = figure.subplots()
    axes.plot(done, [100 * float(row["right"]) for row in rows], ".-", lw=1,
              color=HEADS[1])
    axes.axhline(90, color="#888888", lw=0.8, ls=":")
    axes.set_ylabel("new episodes right, %", size=9)
    axes.set_xlabel("updates", size=9)
    axes.set_ylim(0, 101)
    for number in sorted(set(lessons)):
        first = done[lessons.index(number)] - updates / 2
        axes.axvline(first, color="#bbbbbb", lw=0.7, zorder=0)
        axes.annotate(str(number), (first, 1.01), (2, 0), va="bottom", size=8,
                      xycoords=("data", "axes fraction"), textcoords="offset points")
    axes.set_title(f"{title} (numbers: where a lesson begins)\n", size=11)
    return figure
