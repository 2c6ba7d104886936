"""Pictures of a relation in the family tree."""

import numpy as np
from matplotlib.figure import Figure

from examples.common import HEADS
from examples.graphs import family
from examples.graphs.pictures import name_heads, reads_of
from examples.lessons.pictures import RIGHT, WRONG

COLUMNS = 4
_POSITIONS = {name: np.array(place) for name, place in family.PERSONS.items()}


def draw_relation(look, title):
    """The tree with the relation asked, and the edges read at each step.

    Args:
      look: `asking.Look`.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    steps = range(look.query[0], len(look.names))
    rows = -(-len(steps) // COLUMNS)
    figure = Figure((13, 4.4 + 2.2 * rows), dpi=80, layout="constrained")
    figure.suptitle(title, size=12)
    upper, lower = figure.subfigures(2, 1, height_ratios=[4.2, 2.2 * rows])
    large = upper.subplots()
    _base(large)
    _asked_and_answered(large, look)
    lower.suptitle("What each head reads, as strong as it reads it: "
                   "the query, the planning, the answer", size=10)
    name_heads(lower, look)
    panels = lower.subplots(rows, COLUMNS, squeeze=False).flat
    for axes in panels[len(steps):]:
        axes.axis("off")
    for axes, step in zip(panels, steps):
        _reads(axes, look, step)
    return figure


def _base(axes, faint=False):
    """The tree without anything on it."""
    colour = "#dddddd" if faint else "#999999"
    for parents, children in family.COUPLES.items():
        (x1, y), (x2, _) = sorted(map(family.PERSONS.get, parents))
        axes.plot([x1, x2], [y, y], color=colour, lw=2, zorder=1)
        for child in children:
            x, top = family.PERSONS[child]
            middle = (x1 + x2) / 2
            axes.plot([middle, middle, x, x], [y, y - 0.45, y - 0.45, top],
                      color=colour, lw=1, zorder=1)
    for name, (x, y) in family.PERSONS.items():
        axes.text(x, y, name, ha="center", va="center", size=6 if faint else 10,
                  color="#777777" if faint else "black", zorder=2,
                  bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": colour})
    axes.axis("off")
    axes.set_xlim(-0.6, 9.1)
    axes.set_ylim(-0.4, 3.4)


def _arrow(axes, edge, colour, width, alpha, bend=0.2):
    """An arrow along an edge, bent, so that there and back lie apart."""
    axes.annotate("", _POSITIONS[edge[2]], _POSITIONS[edge[0]], zorder=3, arrowprops={
        "arrowstyle": "-|>", "connectionstyle": f"arc3,rad={bend}", "color": colour,
        "lw": width, "alpha": alpha, "shrinkA": 7, "shrinkB": 7})


def _asked_and_answered(axes, look):
    """The chain of the relation, step by step, and a mark at the person answered."""
    for number, edge in enumerate(look.asked, 1):
        _arrow(axes, edge, "black", 2.5, 0.8)
        start, end = _POSITIONS[edge[0]], _POSITIONS[edge[2]]
        aside = 0.12 * np.array([1, -1]) * (end - start)[::-1]
        axes.text(*((start + end) / 2 - aside), f"{number} {edge[1]}", size=9,
                  ha="center", va="center", weight="bold", zorder=5,
                  bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none",
                        "alpha": 0.85})
    answered, right = look.answer[0][2], look.right[0]
    if answered:
        axes.annotate(RIGHT if right else WRONG, _POSITIONS[answered], (22, 0),
                      textcoords="offset points", size=15, weight="bold", va="center",
                      color="#0b6b0b" if right else "#b00000", zorder=6)


def _reads(axes, look, step):
    """A small tree: the edges that each head reads at a step."""
    _base(axes, faint=True)
    for edge in look.asked:
        _arrow(axes, edge, "black", 5, 0.15)
    edges, title = reads_of(look, step)
    for head, edge, strength in edges:
        _arrow(axes, edge, HEADS[head], 0.5 + 2.5 * strength, strength,
               0.1 + 0.1 * head)
    axes.set_title(title, size=8)
