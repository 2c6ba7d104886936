"""The block puzzle's boards, and goals to draw, against the specification."""

import numpy as np
import pytest

from blocks_oracle import after, columns_of, is_so, search
from examples.shrdlu.boards import (ACTIONS, CONSTRAINTS, FAR, boards, distances,
                                    number_of, numbers)
from examples.shrdlu.puzzles import drop


# Boards, and how far apart they are at most (shared specification, measured by an
# independent program).
@pytest.mark.parametrize("blocks, count, farthest", [
    (3, 60, None), (4, 288, None), (5, 1440, None), (6, 7200, {17, 18, 19})])
def test_boards_are_those_of_the_specification(blocks, count, farthest):
    away = distances(blocks)
    assert away.shape == (count, count) and np.array_equal(away, away.T)
    assert not away.diagonal().any() and away.max() < FAR
    assert farthest in (None, set(away.max(axis=1).tolist()))
    squares = boards().squares[numbers(blocks)]
    assert len(np.unique(squares, axis=0)) == count
    assert (np.sort(squares, axis=1)[:, -blocks:] == 1 + np.arange(blocks)).all()
    assert not ((squares[:, 3:] > 0) & (squares[:, :-3] == 0)).any()  # none in the air


def test_tables_agree_with_stacks_of_blocks(rng):
    table = boards()
    for number in rng.integers(len(table.blocks), size=150):
        columns = columns_of(table.squares[number].tolist())
        assert number_of(table.squares[number]) == number
        for action in range(ACTIONS):
            there = table.squares[table.moved[number, action]].tolist()
            assert columns_of(there) == after(columns, action)
        assert table.holds[number].tolist() == [
            is_so(columns, *constraint) for constraint in CONSTRAINTS]
    six = numbers(6)
    # The specification's 6 or 7, but for boards whose middle column leaves a gap.
    low = table.squares[six].reshape(-1, 3, 3)
    gap = ((low[:, :, 1] == 0) & (low[:, :, 0] > 0) & (low[:, :, 2] > 0)).any(axis=1)
    held = table.holds[six].sum(axis=1)
    assert set(held[~gap].tolist()) == {6, 7} and set(held[gap].tolist()) == {4, 5}
    with pytest.raises(ValueError, match="in the air"):
        number_of([1, 2, 0, 0, 0, 3, 0, 0, 0])


def test_distances_agree_with_another_search(rng):
    for blocks in (3, 4, 5):
        part = numbers(blocks)
        for one, other in rng.integers(part.start, part.stop, size=(10, 2)):
            start, goal = (columns_of(boards().squares[each].tolist())
                           for each in (one, other))
            assert len(search(start, goal.__eq__)) == distances(blocks)[
                one - part.start, other - part.start]


# At 1 to 7 moves from a start: how many boards, how many of their constraints do not
# hold at the start, percent of boards with six such (shared specification).
def test_goals_to_draw_from_are_those_of_the_specification(rng):
    found = np.zeros((300, 7, 3))
    first = numbers(6).start
    for each in found:
        start = drop(6, rng)
        for depth in range(1, 8):
            there = first + np.flatnonzero(distances(6)[start - first] == depth)
            free = (boards().holds[there] & ~boards().holds[start]).sum(axis=1)
            each[depth - 1] = len(there), free.mean(), 100 * (free >= 6).mean()
    count, free, many = found.mean(axis=0).T
    assert count == pytest.approx([4, 10, 20, 37, 61, 106, 190], rel=0.07)
    assert free == pytest.approx([1.6, 2.9, 3.7, 4.4, 4.8, 5.0, 5.2], abs=0.25)
    # The specification, which does not say how it counts, has 3 and 22, 32 at three to
    # five moves.
    assert many == pytest.approx([0, 0, 1, 14, 23, 32, 36], abs=3)


def test_blocks_are_dropped_where_there_is_room(rng):
    """Three columns are equally likely; the first block's is a third of the time."""
    seen = [columns_of(boards().squares[drop(3, rng)].tolist()) for _ in range(900)]
    heights = np.array([[len(stack) for stack in columns] for columns in seen])
    assert heights.mean(axis=0) == pytest.approx([1, 1, 1], abs=0.12)
    assert (heights.max(axis=1) == 3).mean() == pytest.approx(1 / 9, abs=0.04)
    bottoms = [stack[0] for columns in seen for stack in columns if stack]
    assert np.bincount(bottoms)[1:] / len(bottoms) == pytest.approx(1 / 3, abs=0.05)
