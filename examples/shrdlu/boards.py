"""All boards of the block puzzle, what a move makes of each, what holds on each.

A board has three columns, of three blocks at most, and three to six blocks, numbered
from 1, none of them in the air: 8,988 boards in all, so that tables answer everything.
A board is known by its number, its row in the tables.
"""

import functools
from itertools import permutations, product
from typing import NamedTuple

import numpy as np

COLUMNS = HEIGHT = 3
BLOCKS = 6
SQUARES = COLUMNS * HEIGHT
MOVES = tuple(permutations(range(COLUMNS), 2))  # (from, to) of the actions
PASS = len(MOVES)  # the last action
ACTIONS = PASS + 1
RELATIONS = ("above", "below", "left of", "right of")
# A constraint without its mirror image: first block, relation, second block.
CONSTRAINTS = tuple((first, relation, second) for relation in ("above", "left of")
                    for first, second in permutations(range(1, BLOCKS + 1), 2))
FAR = 99  # the distance to where no way leads


class Boards(NamedTuple):
    """The tables; those of few blocks come first.

    Attributes:
      squares: `[S, SQUARES]` block on each square, 0 if there is none; the lowest row
        first, from the left.
      blocks: `[S]` how many there are.
      moved: `[S, ACTIONS]` the board after an action; the same if it is impossible.
      holds: `[S, CONSTRAINTS]` booleans.
    """

    squares: np.ndarray
    blocks: np.ndarray
    moved: np.ndarray
    holds: np.ndarray


@functools.cache
def boards():
    """The `Boards`."""
    columns = np.concatenate([_stacked(blocks) for blocks in range(3, BLOCKS + 1)])
    squares = columns.transpose(0, 2, 1).reshape(-1, SQUARES)
    return Boards(squares, (squares > 0).sum(axis=1), _moved(columns), _holds(columns))


def _stacked(blocks):
    """All boards of so many blocks: `[K, COLUMNS, HEIGHT]`, the lowest first."""
    heights = [each for each in product(range(HEIGHT + 1), repeat=COLUMNS)
               if sum(each) == blocks]
    orders = np.array(list(permutations(range(1, blocks + 1))))
    result = np.zeros((len(heights), len(orders), COLUMNS, HEIGHT), int)
    for boards_, filled in zip(result, heights):
        columns = np.split(orders, np.cumsum(filled)[:-1], axis=1)
        for column, stack in enumerate(columns):
            boards_[:, column, :stack.shape[1]] = stack
    return result.reshape(-1, COLUMNS, HEIGHT)


def _moved(columns):
    """See `Boards.moved`."""
    result = np.tile(np.arange(len(columns))[:, np.newaxis], ACTIONS)
    codes = _codes(columns)
    order = np.argsort(codes)
    heights = (columns > 0).sum(axis=2)
    for action, (source, target) in enumerate(MOVES):
        rows, = np.nonzero((heights[:, source] > 0) & (heights[:, target] < HEIGHT))
        after = columns[rows]
        each = np.arange(len(rows))
        top, room = heights[rows, source] - 1, heights[rows, target]
        after[each, target, room] = after[each, source, top]
        after[each, source, top] = 0
        result[rows, action] = order[np.searchsorted(codes, _codes(after),
                                                     sorter=order)]
    return result


def _codes(columns):
    """A number for each of boards `[K, COLUMNS, HEIGHT]`."""
    return columns.reshape(-1, SQUARES) @ (BLOCKS + 1) ** np.arange(SQUARES)


def _holds(columns):
    """See `Boards.holds`."""
    above = (columns[:, :, 1:], columns[:, :, :-1])
    left = (columns[:, :-1], columns[:, 1:])
    result = np.zeros((len(columns), len(CONSTRAINTS)), bool)
    for number, (first, relation, second) in enumerate(CONSTRAINTS):
        ones, others = above if relation == "above" else left
        result[:, number] = ((ones == first) & (others == second)).any(axis=(1, 2))
    return result


def number_of(squares):
    """The number of the board with these squares `[SQUARES]`.

    Raises:
      ValueError: there is no such board.
    """
    number = _numbered().get(tuple(map(int, squares)))
    if number is None:
        raise ValueError("no board: a block twice, left out, or in the air")
    return number


@functools.cache
def _numbered():
    """{squares: number of the board}."""
    return {tuple(squares): number
            for number, squares in enumerate(boards().squares.tolist())}


@functools.cache
def numbers(blocks):
    """The slice of the boards of so many blocks."""
    first, last = np.flatnonzero(boards().blocks == blocks)[[0, -1]]
    return slice(int(first), int(last) + 1)


@functools.cache
def distances(blocks):
    """`[K, K]` moves from one board of so many blocks to another: breadth first.

    From all boards at once, a bit for each pair; moves can be taken back, so that the
    table is symmetric.
    """
    part = numbers(blocks)
    moved = boards().moved[part, :PASS] - part.start
    reached = np.packbits(np.eye(len(moved), dtype=bool), axis=1)
    result = np.full((len(moved),) * 2, FAR, np.uint8)
    away, fresh = 0, reached
    while fresh.any():
        result[np.unpackbits(fresh, axis=1, count=len(moved)) > 0] = away
        grown = reached.copy()
        for action in range(PASS):
            grown |= reached[moved[:, action]]
        reached, fresh, away = grown, grown & ~reached, away + 1
    return result


@functools.lru_cache(maxsize=2048)
def away_from(constraints, blocks):
    """Moves from each board of so many blocks to the nearest where all of these hold.

    Args:
      constraints: tuple of numbers in CONSTRAINTS.
      blocks: how many.

    Returns:
      `[K]`, FAR where there is no such board.
    """
    part = numbers(blocks)
    there = boards().holds[part][:, constraints].all(axis=1)
    return distances(blocks)[there].min(axis=0, initial=FAR)
