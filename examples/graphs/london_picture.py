"""Pictures of walks and paths on the Underground."""

import numpy as np
from matplotlib.figure import Figure

from examples.common import HEADS
from examples.graphs import london
from examples.graphs.asking import edge_text
from examples.graphs.pictures import name_heads, reads_of
from examples.lessons.pictures import RIGHT, WRONG

_APART = 0.16  # between lines that run side by side

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
    "Holborn": (3, 7, "left"), "Bank": (7, -3, "left"), "Euston": (-4, 6, "right"),
}
_POSITIONS = {name: np.array(place) for name, place in london.STATIONS.items()}


def across(ride):
    """`[2]` of length 1, at right angles to a ride, the same for the ride back."""
    start, end = (_POSITIONS[name] for name in sorted(ride[::2]))
    along = (end - start) / np.linalg.norm(end - start)
    return np.array([-along[1], along[0]])


def track(ride):
    """`[2, 2]`: both ends of a ride's stroke; lines between the same stations lie
    side by side."""
    here, direction, there = ride
    lines = sorted({london.line_of(way) for a, way, b in london.RIDES
                    if {a, b} == {here, there}})
    place = lines.index(london.line_of(direction)) - (len(lines) - 1) / 2
    return (np.stack([_POSITIONS[here], _POSITIONS[there]])
            + place * _APART * across(ride))


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
    marked = list(zip(look.asked, look.right))
    words = []
    for number, (ride, answered, right) in enumerate(
            zip(look.asked, look.answer, look.right)):
        words += _in_words(number, ride, right)
        if not right:
            words.append(f"      answered: {edge_text(answered)}")
    if not look.right[-1]:
        words += [f"{WRONG} the end", f"      answered: {edge_text(look.answer[-1])}"]
    return _draw(look, title, marked, words)


def draw_path(look, title):
    """The map with a shortest path and the one found, and each step's reads.

    Args:
      look: `asking.Look` of `london_paths.look`.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    marked = list(zip(look.answer, look.right))
    words = [line for number, (ride, nearer) in enumerate(marked)
             for line in _in_words(number, ride, nearer)]
    shortest = [ride[2] for ride in look.asked[:-1]]
    words += ["", f"One shortest path, {len(look.asked)} rides, is by way of",
              *(f"      {station}" for station in shortest)]
    return _draw(look, title, marked, words)


def _draw(look, title, marked, words):
    """A large map, words beside it, and a small map for each step from the query on.

    Args:
      look, title: see `draw_walk`.
      marked: list of (ride, whether it is right).
      words: lines of text.
    """
    phase = np.cumsum(look.episode.begins)
    phases = [np.flatnonzero(phase == number) for number in range(2, phase[-1] + 1)]
    columns = min(max(map(len, phases)), 5)
    rows = [steps[first:first + columns] for steps in phases
            for first in range(0, len(steps), columns)]
    figure = Figure((11, 5.3 + 1.8 * len(rows)), dpi=80, layout="constrained")
    figure.suptitle(title, size=12)
    upper, lower = figure.subfigures(2, 1, height_ratios=[5.1, 1.8 * len(rows)])
    large, beside = upper.subplots(1, 2, width_ratios=[2.6, 1])
    _asked_and_answered(large, look, marked)
    beside.axis("off")
    beside.annotate("\n".join(words), (0, 0.95), xycoords="axes fraction", va="top",
                    size=8.5)
    planning = "planning, " if len(phases) > 2 else ""
    lower.suptitle("What each head reads, as strong as it reads it: "
                   f"while asked, then while {planning}answering", size=10)
    name_heads(lower, look)
    for row, steps in zip(lower.subplots(len(rows), columns, squeeze=False), rows):
        for axes in row[len(steps):]:
            axes.axis("off")
        for axes, step in zip(row, steps):
            _reads(axes, look, step)
    return figure


def _asked_and_answered(axes, look, marked):
    """The large map: what is asked for, and marks at the rides answered."""
    _base(axes)
    for ride in look.asked:
        axes.plot(*track(ride).T, color="black", lw=6.5, alpha=0.3, zorder=2,
                  solid_capstyle="round")
    for number, (ride, right) in enumerate(marked):
        start, end = track(ride)
        side = 0.3 if sum({*ride[::2]} == {*other[::2]}
                          for other, _ in marked[:number]) % 2 else 0.6
        axes.annotate(
            f"{number + 1} {RIGHT if right else WRONG}", start + side * (end - start),
            ha="center", va="center", size=9, weight="bold", zorder=5,
            color="#0b6b0b" if right else "#b00000",
            bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none",
                  "alpha": 0.9})
    walked = {look.asked[0][0], *(ride[2] for ride in look.asked)}
    for name, (x, y) in london.STATIONS.items():
        on = name in walked
        axes.plot(x, y, "o", ms=8 if on else 6, mfc="white", mec="black",
                  mew=1.8 if on else 1, zorder=4)
        aside, up, align = LABELS.get(name, (5, 5, "left"))
        axes.annotate(name, (x, y), (aside, up), textcoords="offset points", ha=align,
                      size=8.5 if on else 7.5, weight="bold" if on else "normal",
                      zorder=6)


def _in_words(number, ride, right):
    """Two lines about a ride: ticked or crossed, and where it leads."""
    here, direction, there = ride
    return [f"{RIGHT if right else WRONG} {number + 1}. {here}",
            f"      {direction} to {there}"]


def _reads(axes, look, step):
    """A small map: the rides that each head reads at a step."""
    _base(axes, faint=True)
    edges, title = reads_of(look, step)
    heads = look.trajectory.read_weighting.shape[1]
    for head, ride, strength in edges:
        stroke = track(ride) + (head - (heads - 1) / 2) * 0.68 / heads * across(ride)
        axes.annotate("", stroke[1], stroke[0], zorder=3, arrowprops={
            "arrowstyle": "-|>", "color": HEADS[head], "lw": 0.5 + 2.5 * strength,
            "alpha": strength, "shrinkA": 0, "shrinkB": 0})
    axes.set_title(title, size=7)
