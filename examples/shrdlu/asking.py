"""A puzzle asked of a network, a goal that a person types, and a look inside."""

import re
from typing import NamedTuple

import numpy as np

from examples.shrdlu.boards import (BLOCKS, CONSTRAINTS, FAR, RELATIONS, away_from,
                                    boards)
from examples.shrdlu.course import judge
from examples.shrdlu.puzzles import (BOARD, FEATURES, GO, SPARE, board_features,
                                     make_batch, make_puzzle, to_features)

EXAMPLE = "3 above 1, 2 left of 4"


def parse_goal(text):
    """The constraints of "block relation block, ...", numbers in CONSTRAINTS.

    Raises:
      ValueError: not of that form, or no board has them all.
    """
    goal = []
    for part in text.split(","):
        words = re.fullmatch(rf"\s*(\d+)\s+({'|'.join(RELATIONS)})\s+(\d+)\s*",
                             part.lower())
        if not words:
            raise ValueError(f"give it as \"{EXAMPLE}\"; relations are "
                             f"{', '.join(RELATIONS)}")
        one, relation, other = int(words[1]), words[2], int(words[3])
        if not {one, other} <= set(range(1, BLOCKS + 1)):
            raise ValueError(f"{part.strip()}: blocks are 1 to {BLOCKS}")
        if relation in RELATIONS[1::2]:  # the mirror image
            one, relation, other = other, RELATIONS[
                RELATIONS.index(relation) - 1], one
        if one == other:
            raise ValueError(f"{part.strip()}: give two blocks")
        goal.append(CONSTRAINTS.index((one, relation, other)))
    if away_from(tuple(goal), BLOCKS).min() == FAR:
        raise ValueError("no board has all of this")
    return tuple(dict.fromkeys(goal))


def puzzle_with(goal, lesson, rng, trials=500):
    """A puzzle of a lesson whose asked goal is this one.

    Args:
      goal: tuple of constraints; none of them holds at the start.
      lesson: `puzzles.Lesson` of six blocks; the board and the other goals are drawn
        from it. A start from which the goal is no farther than the lesson's are is
        taken where there is one among so many trials, else the nearest.
      rng: `numpy.random.Generator`.
      trials: see above.
    """
    nearest = None
    for _ in range(trials):
        drawn = lesson.draw(rng)
        if boards().blocks[drawn.start] < BLOCKS or boards().holds[
                drawn.start][list(goal)].any():
            continue
        puzzle = make_puzzle(drawn.start, {**drawn.goals, drawn.asked: goal},
                             drawn.asked, rng)
        if nearest is None or puzzle.least < nearest.least:
            nearest = puzzle
        if nearest.least <= lesson.depth[1]:
            break
    return nearest


def in_words(first, relation, second):
    """A constraint in words, from numbers as in `Puzzle.told`."""
    return f"{first + 1} {RELATIONS[relation]} {second + 1}"


def letter(number):
    """The letter of a goal."""
    return chr(ord("A") + number)


class Look(NamedTuple):
    """An episode, and what the memory did meanwhile.

    Attributes:
      puzzle: `Puzzle`.
      passed: `[A + 1]` the board before each action and after the last.
      actions: `[A]`.
      trajectory: `dnc.trajectory.Trajectory` of arrays `[K + 1 + A, ...]`: of what is
        told, the question, the moves.
    """

    puzzle: object
    passed: np.ndarray
    actions: np.ndarray
    trajectory: object

    @property
    def held(self):
        """`[A + 1, constraints]` which of the goal's hold on each board."""
        return boards().holds[self.passed][:, self.puzzle.goal]

    @property
    def names(self):
        """What each step of the trajectory is, in words."""
        told = [f"{letter(row[0])}: {in_words(*row[1:])}"
                for row in self.puzzle.told.tolist()]
        rehearsed = [f"{letter(each)}?" for each in self.puzzle.rehearsed]
        return [*told, *rehearsed, f"{letter(self.puzzle.asked)}, go!", *(
            f"move {step + 1}" for step in range(len(self.actions)))]


def look(model, puzzle):
    """A `Look` at a DNC's most likely moves."""
    most = puzzle.least + SPARE
    played = model(make_batch([puzzle], len(puzzle.told) + 1, most))
    passed = played["boards"].numpy()[0]
    moves = np.zeros((most, FEATURES), np.float32)
    moves[:, GO] = 1
    moves[:, BOARD:] = board_features(passed[:-1])
    steps = np.vstack([to_features(puzzle), moves])
    return Look(puzzle, passed, played["actions"].numpy()[0],
                model.layer.trajectory(steps[np.newaxis]).sample(0))


def outcome(look):
    """Whether a `Look` is "perfect", a "success" or "incomplete"."""
    judged = judge(look.puzzle, look.passed)
    return next(name for name in ("perfect", "success", "incomplete") if judged[name])
