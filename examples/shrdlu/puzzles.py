"""Puzzles of the lessons, and what the network is shown of them.

After the paper's Methods, "Mini-SHRDLU". First all constraints of all goals are told,
one a step, each with its goal's letter; then the letter of one of the goals is shown
with the go cue, and moves begin, least + SPARE of them. The board is always shown.
"""

from typing import NamedTuple

import numpy as np

from examples.shrdlu.boards import (ACTIONS, BLOCKS, COLUMNS, CONSTRAINTS, FAR, HEIGHT,
                                    RELATIONS, SQUARES, away_from, boards, distances,
                                    number_of, numbers)

LETTERS = 26
SPARE = 6  # moves more than the least that are allowed
# Where the parts of the input begin: letter, first block, relation, second block, go
# cue, board.
FIRST = LETTERS
RELATION = FIRST + BLOCKS
SECOND = RELATION + len(RELATIONS)
GO = SECOND + BLOCKS
BOARD = GO + 1
FEATURES = BOARD + SQUARES * BLOCKS
BETA = 0.8  # DAgger: how often a taught move is the planner's
UNDONE, INVALID = 1.0, 0.1  # what it costs to leave the goal, to try what can't be done


class Puzzle(NamedTuple):
    """A board, goals, and the one of them that is asked for.

    Attributes:
      start: number of the board.
      goals: {letter, 0 to 25: tuple of constraints, numbers in CONSTRAINTS}.
      told: `[K, 4]` letter, first block, relation, second block: the constraints as
        they are told, goal by goal.
      asked: letter.
      rehearsed: letters that are shown before it, without the go cue; if there are any,
        no move is allowed: what counts is to name their constraints.
    """

    start: int
    goals: dict
    told: np.ndarray
    asked: int
    rehearsed: tuple = ()

    @property
    def goal(self):
        """The constraints that are asked for."""
        return self.goals[self.asked]

    @property
    def least(self):
        """Moves to the nearest board where they hold."""
        return int(self.away()[self.start])

    def away(self):
        """`[S]` moves from each board to the nearest where they hold; FAR if none."""
        result = np.full(len(boards().blocks), FAR, np.uint8)
        blocks = int(boards().blocks[self.start])
        result[numbers(blocks)] = away_from(self.goal, blocks)
        return result


def make_puzzle(start, goals, asked, rng):
    """The `Puzzle` of these; each constraint is told as it is or mirrored."""
    told = [(letter, *told_as(constraint, rng.random() < 0.5))
            for letter, goal in goals.items() for constraint in goal]
    return Puzzle(start, goals, np.array(told), asked)


def told_as(constraint, mirrored):
    """(first block, relation, second block) of a constraint, as numbers from 0."""
    first, relation, second = CONSTRAINTS[constraint]
    number = RELATIONS.index(relation)
    if mirrored:
        return second - 1, number + 1, first - 1
    return first - 1, number, second - 1


def drop(blocks, rng):
    """A board: blocks dropped one after the other on random columns with room."""
    squares, heights = [0] * SQUARES, [0] * COLUMNS
    for block in rng.permutation(blocks).tolist():
        roomy = [column for column in range(COLUMNS) if heights[column] < HEIGHT]
        column = roomy[rng.integers(len(roomy))]
        squares[heights[column] * COLUMNS + column] = block + 1
        heights[column] += 1
    return number_of(squares)


def draw_goal(start, constraints, depth, rng):
    """Constraints that hold together on some board so many moves away from a start.

    Args:
      start: number of the board.
      constraints: how many; none of them holds at the start.
      depth: D, the moves at least to that board.
      rng: `numpy.random.Generator`.

    Returns:
      Tuple of numbers in CONSTRAINTS; None if no such board has as many.
    """
    blocks = int(boards().blocks[start])
    first = numbers(blocks).start
    there = first + np.flatnonzero(distances(blocks)[start - first] == depth)
    free = boards().holds[there] & ~boards().holds[start]
    free = free[free.sum(axis=1) >= constraints]
    if not len(free):
        return None
    chosen = np.flatnonzero(free[rng.integers(len(free))])
    return tuple(rng.permutation(chosen)[:constraints].tolist())


class Lesson(NamedTuple):
    """What the puzzles of a lesson are like; ranges with both ends.

    Attributes:
      goals: (least, most) of a puzzle.
      blocks: (least, most) on the board.
      constraints: (least, most) of a goal.
      depth: (least, most) moves to a board from which a goal is taken.
      taught: the share of the episodes that are learnt from the planner; the others
        are learnt from reward.
      slots: of the memory that it is trained with.
      told: steps of a batch before the question; None: as many as there may be.
      moves: steps of a batch in which moves are possible; None likewise.
      recital: whether all the other letters are shown before the question, in random
        order, and what counts is that the constraints of each are named.
      tries: how often the moves of an episode are made in training; if more than once,
        what one try earns more than the others is its gain.
    """

    goals: tuple
    blocks: tuple
    constraints: tuple
    depth: tuple
    taught: float = 0.0
    slots: int = 32
    told: int | None = None
    moves: int | None = None
    recital: bool = False
    tries: int = 1

    @property
    def length(self):
        """Steps before the moves: what is told, rehearsed, and the question."""
        return 1 + (self.told or self.goals[1] * (
            self.constraints[1] + self.recital))

    @property
    def most(self):
        """Steps in which moves are possible."""
        return self.moves or self.depth[1] + SPARE

    def draw(self, rng):
        """A random `Puzzle`."""
        if self.recital:
            return self._recital(rng)
        while True:  # until every goal is found
            start = drop(_between(self.blocks, rng), rng)
            letters = rng.permutation(LETTERS)[:_between(self.goals, rng)].tolist()
            goals = {letter: draw_goal(start, _between(self.constraints, rng),
                                       _between(self.depth, rng), rng)
                     for letter in letters}
            if None not in goals.values():
                asked = letters[rng.integers(len(letters))]
                return make_puzzle(start, goals, asked, rng)

    def _recital(self, rng):
        """Goals of any constraints, so that the board says nothing about them."""
        letters = rng.permutation(LETTERS)[:_between(self.goals, rng)].tolist()
        goals = {letter: tuple(rng.permutation(len(CONSTRAINTS))[
            :_between(self.constraints, rng)].tolist()) for letter in letters}
        *others, asked = rng.permutation(letters).tolist()
        puzzle = make_puzzle(drop(_between(self.blocks, rng), rng), goals, asked, rng)
        return puzzle._replace(rehearsed=tuple(others))


def _between(ends, rng):
    """A whole number of a range, both ends included."""
    return int(rng.integers(ends[0], ends[1] + 1))


# Extended Data Table 6, lessons 1 to 26.
PAPER = tuple(Lesson(*ranges) for ranges in (
    ((2, 2), (3, 3), (1, 1), (1, 1)), ((2, 3), (3, 4), (1, 2), (1, 1)),
    ((3, 3), (4, 4), (1, 2), (1, 2)), ((3, 4), (4, 5), (2, 2), (1, 2)),
    ((4, 4), (5, 5), (2, 2), (2, 2)), ((4, 5), (5, 6), (2, 3), (2, 2)),
    ((5, 5), (6, 6), (2, 3), (2, 3)), ((5, 6), (6, 6), (3, 3), (2, 3)),
    ((6, 6), (6, 6), (3, 3), (3, 3)), ((6, 7), (6, 6), (3, 4), (3, 3)),
    ((7, 7), (6, 6), (3, 4), (3, 4)), ((7, 8), (6, 6), (4, 4), (3, 4)),
    ((8, 8), (6, 6), (4, 4), (4, 4)), ((8, 9), (6, 6), (4, 5), (4, 4)),
    ((9, 9), (6, 6), (4, 5), (4, 5)), ((9, 10), (6, 6), (5, 5), (4, 5)),
    ((10, 10), (6, 6), (5, 5), (5, 5)), ((10, 10), (6, 6), (5, 6), (5, 5)),
    ((10, 10), (6, 6), (5, 6), (5, 6)), ((10, 10), (6, 6), (6, 6), (5, 6)),
    ((10, 10), (6, 6), (6, 6), (6, 6)), ((10, 10), (6, 6), (6, 6), (6, 6)),
    ((10, 10), (6, 6), (6, 6), (6, 7)), ((10, 10), (6, 6), (6, 6), (6, 7)),
    ((10, 10), (6, 6), (6, 6), (7, 7)), ((10, 10), (6, 6), (1, 6), (1, 7))))


# Goals are only named, more of them than an LSTM keeps in mind, so that the memory
# comes into use.
RECITALS = (
    Lesson((2, 8), (3, 6), (1, 1), (0, 0), 1.0, 16, told=16, moves=1, recital=True),
    Lesson((2, 6), (3, 6), (1, 3), (0, 0), 1.0, told=24, moves=1, recital=True))
# Then the paper's lessons, learnt from the planner, in batches of few lengths: with
# each another model is compiled.
HOUR = (*RECITALS, *(
    lesson._replace(taught=1.0, slots=slots, told=told, moves=moves)
    for first, end, slots, told, moves in (
        (0, 6, 32, 24, 8), (6, 9, 32, 24, 9), (9, 13, 48, 32, 10), (13, 17, 64, 50, 11),
        (17, 26, 80, 60, 13))
    for lesson in PAPER[first:end]))
# The same, but after the paper's first lesson the moves are learnt from reward alone.
REWARDED = (*HOUR[:3], *(lesson._replace(taught=0.0, tries=4) for lesson in HOUR[3:]))


def shape_of(lessons):
    """(steps before the moves, steps of moves) in which all of these lessons fit."""
    return (max(lesson.length for lesson in lessons),
            max(lesson.most for lesson in lessons))


def board_features(numbers_):
    """Each square as one of the blocks, zeros if it is empty.

    Args:
      numbers_: `[...]` boards.

    Returns:
      `[..., SQUARES * BLOCKS]`, float32.
    """
    one_hot = np.eye(BLOCKS + 1, dtype=np.float32)[:, 1:]
    shown = one_hot[boards().squares[numbers_]]
    return shown.reshape(*shown.shape[:-2], SQUARES * BLOCKS)


def to_features(puzzle):
    """`[K + 1, FEATURES]`: the constraints, one a step, what is rehearsed, the
    question."""
    count, last = len(puzzle.told), len(puzzle.told) + len(puzzle.rehearsed)
    result = np.zeros((last + 1, FEATURES), np.float32)
    for begin, values in zip((0, FIRST, RELATION, SECOND), puzzle.told.T):
        result[np.arange(count), begin + values] = 1
    result[range(count, last), puzzle.rehearsed] = 1
    result[last, [puzzle.asked, GO]] = 1
    result[:, BOARD:] = board_features(puzzle.start)
    return result


def make_batch(puzzles, length, most, rng=None, taught=0.0, tries=1):
    """A batch to be played: see `player.play`.

    Args:
      puzzles: list of B `Puzzle`, one in each row, so that all moves begin together.
      length: T, steps before the moves.
      most: M, steps in which moves are possible.
      rng: `numpy.random.Generator` of what is tried in training; without it the most
        likely action is taken.
      taught: the share of the rows that learn from the planner, the first ones.
      tries: K, how often the moves of each row are made, one try beside the other.

    Returns:
      {"steps": `[B, T, FEATURES]`; "mask": `[B, T]` booleans; "start": `[B]`; "away":
      `[B, S]` as `Puzzle.away`; "limit": `[B]` moves allowed; "goal":
      `[B, CONSTRAINTS]` 0 or 1; "asked": `[B, T]` 1 where a goal is asked for or
      rehearsed, "named": `[B, T, CONSTRAINTS]` the constraints it has; "taught": `[B]`
      0 or 1; "planner": `[B * K, M]` booleans, those of a row together: where the
      planner chooses; "noise": `[B * K, M, ACTIONS]`, added to the scores of the
      actions}.
    """
    rows = len(puzzles)
    steps = np.zeros((rows, length, FEATURES), np.float32)
    mask = np.zeros((rows, length), bool)
    goal = np.zeros((rows, len(CONSTRAINTS)), np.float32)
    asked = np.zeros((rows, length), np.float32)
    named = np.zeros((rows, length, len(CONSTRAINTS)), np.float32)
    for row, puzzle in enumerate(puzzles):
        shown = to_features(puzzle)
        steps[row, length - len(shown):] = shown
        mask[row, length - len(shown):] = True
        goal[row, puzzle.goal] = 1
        letters = (*puzzle.rehearsed, puzzle.asked)
        asked[row, length - len(letters):] = 1
        for place, letter in enumerate(reversed(letters), 1):
            named[row, length - place, puzzle.goals[letter]] = 1
    away = np.stack([puzzle.away() for puzzle in puzzles])
    start = np.array([puzzle.start for puzzle in puzzles], np.int32)
    is_taught = np.arange(rows) < round(taught * rows)
    planner = np.zeros((rows * tries, most), bool)
    noise = np.zeros((rows * tries, most, ACTIONS), np.float32)
    if rng is not None:
        planner = (rng.random(planner.shape) < BETA) & np.repeat(
            is_taught, tries)[:, np.newaxis]
        noise = rng.gumbel(size=noise.shape).astype(np.float32)
    limit = away[np.arange(rows), start].astype(np.int32) + SPARE
    limit[[len(puzzle.rehearsed) > 0 for puzzle in puzzles]] = 0
    return {"steps": steps, "mask": mask, "start": start, "away": away,
            "limit": np.minimum(limit, most), "goal": goal, "asked": asked,
            "named": named, "planner": planner,
            "taught": is_taught.astype(np.float32), "noise": noise}
