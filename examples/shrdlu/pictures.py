"""Pictures: an episode's boards and memory, results by lesson, what is decoded."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from examples.common import HEADS
from examples.lessons.pictures import RIGHT, WRONG, draw_dots
from examples.shrdlu.asking import in_words, letter
from examples.shrdlu.boards import COLUMNS, MOVES, PASS, boards
from examples.shrdlu.planning import principal
from examples.shrdlu.puzzles import LETTERS, told_as

BLOCK_COLOURS = ("#56b4e9", "#e69f00", "#f0e442", "#009e73", "#d98cb3", "#bbbbbb")
OUTCOMES = {"perfect": "#2e8b2e", "success": "#a8d5a2", "incomplete": "#e5e5e5"}


def draw_episode(look, title):
    """What is told, written and read; below it the boards, with what holds ticked.

    Args:
      look: `asking.Look`.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    columns = len(look.passed)
    figure = Figure((13, 8.2), dpi=80, layout="constrained")
    figure.suptitle(title, size=12)
    grid = figure.add_gridspec(2, columns, height_ratios=[1.7, 1])
    _draw_memory(figure.add_subplot(grid[0, :]), look)
    for step in range(columns):
        _draw_board(figure.add_subplot(grid[1, step]), look, step)
    return figure


def _draw_memory(axes, look):
    """Squares as large as the writes, dots as large as the reads, slot by slot."""
    trajectory, names = look.trajectory, look.names
    heads = trajectory.read_weighting.shape[1]
    strongest = np.maximum(trajectory.write_weighting[:, 0],
                           trajectory.read_weighting.max(axis=1))
    slots = np.flatnonzero(strongest.max(axis=0) > 0.2)
    slots = slots[np.argsort(trajectory.write_weighting[:, 0, slots].argmax(axis=0),
                             kind="stable")]
    draw_dots(axes, trajectory, slots)
    count = len(look.puzzle.told)
    for step in (count - 0.5, count + 0.5):
        axes.axvline(step, color="black", lw=1)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", size=8,
                    rotation_mode="anchor")
    for label, row in zip(axes.get_xticklabels(), look.puzzle.told[:, 0].tolist()):
        if row == look.puzzle.asked:
            label.set_weight("bold")
    axes.set_yticks(range(len(slots)), slots, size=7)
    axes.set_ylabel("slot, in the order of writing", size=9)
    axes.legend(fontsize=8, ncols=1 + heads, loc="lower left",
                bbox_to_anchor=(0, 1), frameon=False)


def _draw_board(axes, look, step):
    """A board, the action that led to it, and the goal's constraints on it."""
    squares = boards().squares[look.passed[step]]
    for square in np.flatnonzero(squares):
        row, column = divmod(int(square), COLUMNS)
        block = int(squares[square])
        axes.add_patch(Rectangle((column + 0.04, row + 0.04), 0.92, 0.92,
                                 facecolor=BLOCK_COLOURS[block - 1],
                                 edgecolor="black", lw=0.7))
        axes.text(column + 0.5, row + 0.5, str(block), ha="center", va="center",
                  size=10)
    axes.plot([0, 3], [0, 0], color="black", lw=1.5)
    axes.set_xlim(-0.1, 3.1)
    axes.set_ylim(-0.1, 3.1)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(_action_text(look, step), size=8)
    for number, constraint in enumerate(look.puzzle.goal):
        held = look.held[step, number]
        axes.annotate(
            f"{RIGHT if held else WRONG} {in_words(*told_as(constraint, False))}",
            (0, 0), (0, -14 - 11 * number), xycoords="axes fraction", size=7.5,
            textcoords="offset points",
            color=OUTCOMES["perfect"] if held else "#aa3333")


def _action_text(look, step):
    """What led to a board, in words."""
    if not step:
        return f"goal {letter(look.puzzle.asked)}, least {look.puzzle.least}"
    action = int(look.actions[step - 1])
    if action == PASS:
        return "pass"
    source, target = MOVES[action]
    failed = look.passed[step] == look.passed[step - 1]
    return f"{source + 1} to {target + 1}{' (impossible)' if failed else ''}"


def draw_lessons(shares, title):
    """Stacked bars by lesson, one group for each network (paper, Figure 5b).

    Args:
      shares: {name of a network: list of `course.evaluate` of each lesson}.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((10, 3.4), dpi=80, layout="constrained")
    figure.suptitle(title, size=11)
    panels = np.atleast_1d(figure.subplots(1, len(shares), sharey=True))
    for axes, (name, lessons) in zip(panels, shares.items()):
        places, below = 1 + np.arange(len(lessons)), np.zeros(len(lessons))
        for outcome, colour in OUTCOMES.items():
            values = 100 * np.array([lesson[outcome] for lesson in lessons])
            axes.bar(places, values, 0.85, below, color=colour, label=outcome)
            below += values
        axes.set_title(name, size=10)
        axes.set_xticks(places, places, size=7)
        axes.set_xlabel("lesson", size=9)
        axes.set_ylim(0, 100)
    panels[0].set_ylabel("episodes, %", size=9)
    panels[-1].legend(fontsize=8, loc="upper right")
    return figure


def draw_plan(decoded, title):
    """How well each coming action is decoded from memory before the question.

    Args:
      decoded: list of (share right, share by frequency), action by action.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((6, 3.2), dpi=80, layout="constrained")
    axes = figure.subplots()
    places = 1 + np.arange(len(decoded))
    right, frequent = 100 * np.array(decoded).T
    axes.bar(places - 0.2, right, 0.4, color=HEADS[1], label="decoded from memory")
    axes.bar(places + 0.2, frequent, 0.4, color="#bbbbbb", label="by frequency")
    axes.set_xticks(places, [f"action {place}" for place in places])
    axes.set_ylabel("right, %", size=9)
    axes.set_ylim(0, 100)
    figure.legend(fontsize=8, ncols=2, frameon=False, loc="outside lower center")
    axes.set_title(title, size=11)
    return figure


def draw_shares(shares, title):
    """A share for each number of least moves and of constraints, as a map of cells.

    Args:
      shares: `[moves, constraints]`, both from 1 on; nan: there is none.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((5, 4.2), dpi=80, layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    for place, share in np.ndenumerate(shares):
        axes.text(*place[::-1], "" if np.isnan(share) else f"{100 * share:.0f}",
                  ha="center", va="center", size=10,
                  color="white" if share > 0.6 else "black")
    for axis, name, count in zip((axes.yaxis, axes.xaxis),
                                 ("least moves", "constraints"), shares.shape):
        axis.set_ticks(range(count), range(1, count + 1))
        axis.set_label_text(name, size=9)
    axes.set_title(title, size=11)
    return figure


def draw_letters(vectors, letters, title):
    """Vectors by their two principal components, each drawn as a letter (Figure 4e).

    Args:
      vectors: `[K, F]`.
      letters: `[K]` numbers of letters.
      title: what stands above.

    Returns:
      A matplotlib Figure.
    """
    figure = Figure((7, 5.6), dpi=80, layout="constrained")
    axes = figure.subplots()
    places = principal(vectors)
    axes.scatter(*places.T, s=0)  # for the limits
    for place, number in zip(places, letters.tolist()):
        axes.text(*place, letter(number), size=8, ha="center", va="center",
                  color=colormaps["hsv"](number / (LETTERS + 1)))
    for axis, name in zip((axes.xaxis, axes.yaxis), ("first", "second")):
        axis.set_ticks([])
        axis.set_label_text(f"{name} principal component", size=9)
    axes.set_title(title, size=11)
    return figure
