"""How a network does by lesson, by moves and constraints, and what it keeps in mind."""

import numpy as np

from examples.shrdlu import planning, puzzles
from examples.shrdlu.course import evaluate
from examples.shrdlu.puzzles import Lesson, shape_of

ROWS = 50  # of a batch
LESSONS = puzzles.PAPER
# Goals of so many constraints from so many moves away, ten of them, as in the paper.
GOALS, MOST_CONSTRAINTS, MOST_MOVES = 10, 4, 5
TOLD = 800  # episodes from whose memory is decoded
ACTIONS_DECODED = 5


def print_lessons(networks, count):
    """Asks each network `count` puzzles of each of the lessons, and prints it.

    Args:
      networks: {name: `BlockPlayer` or `Guess`}.
      count: see above.

    Returns:
      {name: list of `course.evaluate` of each lesson}.
    """
    print(f"Puzzles of each lesson, {count} new ones each, in %: perfect (least moves) "
          "/ success (more)\n/ incomplete, and the constraints that hold in the end:")
    print("lesson  goals  blocks  constraints  depth" + "".join(
        f"{name:>29}" for name in networks))
    shares = {name: [] for name in networks}
    for number, lesson in enumerate(LESSONS, 1):
        rng = np.random.default_rng([5, number])
        asked = [lesson.draw(rng) for _ in range(count)]
        print("{:6} {:>6} {:>7} {:>12} {:>6}".format(number, *(
            f"{low}-{high}" if low < high else str(low) for low, high in lesson[:4])),
            end="")
        for name, network in networks.items():
            share = evaluate(network, asked, ROWS, *shape_of(LESSONS))
            shares[name].append(share)
            print("{:8.1f} /{:5.1f} /{:5.1f}{:6.1f}".format(*(
                100 * share[each] for each in (
                    "perfect", "success", "incomplete", "satisfied"))), end="")
        print(flush=True)
    return shares


def draw_exactly(constraints, least, rng):
    """A `Puzzle` of six blocks whose goal is exactly so many moves away.

    Args:
      constraints: of each goal.
      least: moves.
      rng: `numpy.random.Generator`.
    """
    lesson = Lesson((GOALS,) * 2, (puzzles.BLOCKS,) * 2, (constraints,) * 2,
                    (least,) * 2)
    while True:  # with few constraints there is often a shorter way
        puzzle = lesson.draw(rng)
        if puzzle.least == least:
            return puzzle


def print_moves(network, count):
    """The share of goals reached with the least moves, by these and by constraints.

    Args:
      network: `BlockPlayer`.
      count: puzzles of each kind.

    Returns:
      `[MOST_MOVES, MOST_CONSTRAINTS]`; nan where there is no such puzzle: a move
      brings a block three neighbours at most.
    """
    shares = np.full((MOST_MOVES, MOST_CONSTRAINTS), np.nan)
    shape = shape_of([Lesson((GOALS,) * 2, (), (MOST_CONSTRAINTS,) * 2,
                             (MOST_MOVES,) * 2)])
    print(f"Perfect, in %, of {count} new puzzles of {GOALS} goals and six blocks each:"
          "\nleast moves" + "".join(f"{number:7} constraint{'s' * (number > 1)}"
                                    for number in range(1, MOST_CONSTRAINTS + 1)))
    for least, constraints in np.ndindex(shares.shape):
        if constraints < 3 * (least + 1):
            rng = np.random.default_rng([7, least, constraints])
            asked = [draw_exactly(constraints + 1, least + 1, rng)
                     for _ in range(count)]
            shares[least, constraints] = evaluate(
                network, asked, ROWS, *shape)["perfect"]
        if constraints + 1 == MOST_CONSTRAINTS:
            print(f"{least + 1:11}" + "".join(
                f"{'-':>18}" if np.isnan(share) else f"{100 * share:18.1f}"
                for share in shares[least]), flush=True)
    return shares


def look_into_memory(model, lesson):
    """What is in memory before the question, in TOLD puzzles of a lesson.

    Returns:
      (vectors, letters, actions) of `planning.record`.
    """
    rng = np.random.default_rng(6)
    told = [lesson.draw(rng) for _ in range(TOLD)]
    return planning.record(model, told, ROWS, *shape_of(LESSONS))


def print_decoded(vectors, letters, actions):
    """How often letter and actions are decoded from memory; see `planning.decode`.

    Args:
      vectors, letters, actions: of `look_into_memory`.

    Returns:
      List of (share right, share by frequency), action by action.
    """
    rng = np.random.default_rng(6)
    asked, *decoded = (planning.decode(vectors, labels, rng) for labels in (
        letters, *actions.T[:ACTIONS_DECODED]))
    print("Decoded from memory before the question, in % (by frequency): letter "
          "{:.0f} ({:.0f}), ".format(*100 * np.array(asked)) + ", ".join(
              f"action {number} {100 * right:.0f} ({100 * frequent:.0f})"
              for number, (right, frequent) in enumerate(decoded, 1)))
    return decoded
