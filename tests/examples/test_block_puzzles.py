"""The block puzzle's puzzles and recitals, and how an episode is judged."""

import numpy as np
import pytest

from blocks_oracle import Oracle, columns_of, is_so, read, search
from examples.lessons.epochs import stream
from examples.shrdlu import course, player
from examples.shrdlu.boards import (CONSTRAINTS, FAR, boards, distances, number_of,
                                    numbers)
from examples.shrdlu.puzzles import (BETA, FEATURES, FIRST, GO, HOUR, PAPER,
                                     RECITALS, REWARDED, SPARE, draw_goal, drop,
                                     make_batch, make_puzzle, to_features)


@pytest.mark.parametrize("lesson", [*HOUR[2:10], PAPER[12], PAPER[21], PAPER[25]])
def test_puzzles_are_what_the_lesson_says(rng, lesson):
    sizes, mirrored, asked = set(), set(), set()
    for _ in range(25):
        puzzle = lesson.draw(rng)
        blocks = boards().blocks[puzzle.start]
        first = numbers(blocks).start
        assert lesson.blocks[0] <= blocks <= lesson.blocks[1]
        assert lesson.goals[0] <= len(puzzle.goals) <= lesson.goals[1]
        assert lesson.depth[1] >= puzzle.least > 0
        away = distances(blocks)[puzzle.start - first]
        for goal in puzzle.goals.values():
            assert lesson.constraints[0] <= len(goal) <= lesson.constraints[1]
            assert len(set(goal)) == len(goal)
            assert not boards().holds[puzzle.start][list(goal)].any()
            there = boards().holds[numbers(blocks)][:, goal].all(axis=1)
            depths = range(lesson.depth[0], lesson.depth[1] + 1)
            assert np.isin(away[there], depths).any()
        goals, letter, columns = read(to_features(puzzle))
        assert letter == puzzle.asked and list(goals) == list(puzzle.goals)
        assert columns == columns_of(boards().squares[puzzle.start].tolist())
        for told, meant in zip(goals.values(), puzzle.goals.values()):
            for (one, relation, other), number in zip(told, meant):
                plain = {"below": "above", "right of": "left of"}.get(relation)
                mirrored.add(plain is not None)
                assert CONSTRAINTS[number] == (
                    (other, plain, one) if plain else (one, relation, other))
        way = search(columns, lambda here: all(
            is_so(here, *constraint) for constraint in goals[letter]))
        assert len(way) == puzzle.least
        sizes.add((len(goals), blocks, len(puzzle.goal)))
        asked.add(list(goals).index(letter))
        assert len(puzzle.told) < lesson.length and not puzzle.rehearsed
        assert puzzle.least + SPARE <= lesson.most
    assert mirrored == {True, False} and len(asked) > 1
    varied = any(low < high for low, high in lesson[:3])
    assert (len(sizes) > 1) == varied


@pytest.mark.parametrize("lesson", HOUR[:2])
def test_a_recital_shows_every_letter_and_the_board_says_nothing(rng, lesson):
    held, count = 0, 0
    for _ in range(60):
        puzzle = lesson.draw(rng)
        features = to_features(puzzle)
        assert len(puzzle.told) + len(puzzle.goals) <= lesson.length
        assert lesson.goals[0] <= len(puzzle.goals) <= lesson.goals[1]
        shown = features[len(puzzle.told):, :FIRST].argmax(axis=1).tolist()
        assert sorted(shown) == sorted(puzzle.goals) and shown[-1] == puzzle.asked
        told, _, columns = read(features)
        assert {letter: len(goal) for letter, goal in told.items()} == {
            letter: len(goal) for letter, goal in puzzle.goals.items()}
        for goal in puzzle.goals.values():
            assert lesson.constraints[0] <= len(goal) <= lesson.constraints[1]
            assert len(set(goal)) == len(goal)
            held += boards().holds[puzzle.start][list(goal)].sum()
            count += len(goal)
    # As many hold on the board as of constraints drawn without a look at it.
    chance = boards().holds[[drop(rng.integers(3, 7), rng) for _ in range(200)]]
    assert held / count == pytest.approx(chance.mean(), abs=0.05)


def test_the_papers_lessons():
    assert len(PAPER) == 26
    assert [lesson.goals for lesson in PAPER[:10]] == [
        (2, 2), (2, 3), (3, 3), (3, 4), (4, 4), (4, 5), (5, 5), (5, 6), (6, 6), (6, 7)]
    assert PAPER[-1][:4] == ((10, 10), (6, 6), (1, 6), (1, 7))
    for one, next_ in zip(PAPER[:-1], PAPER[1:-1]):
        assert all(low[1] <= high[1] and low[0] <= high[0]
                   for low, high in zip(one[:4], next_[:4]))
    assert not any(lesson.taught for lesson in PAPER)
    assert FEATURES == 97


def test_the_papers_lessons_fit_into_the_batches():
    assert [lesson[:4] for lesson in HOUR[2:]] == [lesson[:4] for lesson in PAPER]
    longest = 0
    for lesson in HOUR:  # a batch has some episodes of earlier lessons
        longest = max(longest, 1 + lesson.goals[1] * (
            lesson.constraints[1] + lesson.recital))
        assert longest <= lesson.length <= lesson.slots + 1
        assert lesson.recital or lesson.depth[1] + SPARE <= lesson.most
    assert [lesson.taught for lesson in HOUR] == [1] * 28
    assert [lesson.taught for lesson in REWARDED] == [1] * 3 + [0] * 25
    assert [lesson.tries for lesson in REWARDED] == [1] * 3 + [4] * 25
    assert HOUR == tuple(
        lesson._replace(taught=1.0, tries=1) for lesson in REWARDED)


def test_no_goal_where_no_board_has_as_many_constraints(rng):
    start = drop(3, rng)
    assert draw_goal(start, 6, 1, rng) is None


def test_rows_end_where_the_moves_begin(rng):
    drawn = stream((RECITALS[0]._replace(goals=(2, 4)), PAPER[2]), 1, rng, 0.5)
    puzzles = [next(drawn) for _ in range(50)]
    assert {bool(puzzle.rehearsed) for puzzle in puzzles} == {False, True}
    inputs = make_batch(puzzles, 10, 8, rng, 0.5)
    assert inputs["taught"].tolist() == [1] * 25 + [0] * 25
    assert inputs["planner"][:25].mean() == pytest.approx(BETA, abs=0.08)
    assert not inputs["planner"][25:].any()
    # Gumbel noise: mean 0.577, variance pi^2 / 6.
    assert inputs["noise"].mean() == pytest.approx(0.577, abs=0.1)
    assert inputs["noise"].var() == pytest.approx(np.pi ** 2 / 6, abs=0.25)
    for row, puzzle in enumerate(puzzles):
        told = len(puzzle.told)
        count = told + len(puzzle.rehearsed) + 1
        assert np.array_equal(inputs["steps"][row, -count:], to_features(puzzle))
        assert not inputs["steps"][row, :-count].any()
        assert inputs["mask"][row].tolist() == [False] * (10 - count) + [True] * count
        assert inputs["goal"][row].nonzero()[0].tolist() == sorted(puzzle.goal)
        assert inputs["limit"][row] == (
            0 if puzzle.rehearsed else puzzle.least + SPARE)
        assert inputs["asked"][row].nonzero()[0].tolist() == [
            *range(10 - count + told, 10)]
        for step in range(10 - count + told, 10):
            letter = inputs["steps"][row, step, :FIRST].argmax()
            assert inputs["named"][row, step].nonzero()[0].tolist() == sorted(
                puzzle.goals[letter])
            assert inputs["steps"][row, step, GO] == (step == 9)
        blocks = numbers(boards().blocks[puzzle.start])
        outside = np.delete(inputs["away"][row], np.arange(blocks.start, blocks.stop))
        assert (outside == FAR).all()
    inputs = make_batch(puzzles, 10, 8)
    assert not inputs["noise"].any() and not inputs["planner"].any()


def test_an_oracle_solves_every_puzzle_with_least_moves(rng):
    for lesson in (HOUR[2], HOUR[9], PAPER[8]):
        puzzles = [lesson.draw(rng) for _ in range(6)]
        shares = course.evaluate(Oracle(), puzzles, 4, lesson.length, lesson.most)
        assert shares == {"perfect": 1.0, "success": 0.0, "incomplete": 0.0,
                          "satisfied": 1.0, "named": 0.0}


def test_random_actions_seldom_solve(rng):
    perfect = []
    for lesson in (PAPER[0], PAPER[7]):
        puzzles = [lesson.draw(rng) for _ in range(320)]
        shares = course.evaluate(player.Guess(rng), puzzles, 64, lesson.length,
                                 lesson.most)
        assert shares["perfect"] + shares["success"] + shares[
            "incomplete"] == pytest.approx(1)
        perfect.append(shares["perfect"])
    assert perfect[0] < 0.08 and perfect[1] < 0.01


def test_an_episode_is_judged_by_its_end_and_its_way():
    start = number_of([1, 2, 3, 0, 0, 0, 0, 0, 0])
    there = number_of([1, 2, 0, 3, 0, 0, 0, 0, 0])  # 3 above 1
    puzzle = make_puzzle(start, {4: (CONSTRAINTS.index((3, "above", 1)),)}, 4,
                         np.random.default_rng(1))
    assert puzzle.least == 1
    for passed, result in (([start, *[there] * 7], "perfect"),
                           ([start, start, *[there] * 6], "success"),
                           ([start, there, start, *[there] * 5], "success"),
                           ([start] * 8, "incomplete"),
                           ([start, *[there] * 6, start], "incomplete")):
        judged = course.judge(puzzle, np.array(passed))
        assert [name for name in ("perfect", "success", "incomplete")
                if judged[name]] == [result]
        assert judged["satisfied"] == (result != "incomplete")


def test_a_recital_is_judged_by_the_goals_that_are_named(rng):
    lesson = HOUR[1]._replace(goals=(4, 4))
    puzzle = lesson.draw(rng)
    letters = (*puzzle.rehearsed, puzzle.asked)
    scores = np.full((9, len(CONSTRAINTS)), -1.0)
    for step, letter in zip(range(9 - 4, 9), letters):
        scores[step, list(puzzle.goals[letter])] = 1
    passed = np.array([puzzle.start] * 2)
    assert course.judge(puzzle, passed, scores)["named"] == 1
    scores[5, puzzle.goals[letters[0]][0]] = -1  # one not named
    wrong = next(number for number in range(len(CONSTRAINTS))
                 if number not in puzzle.goals[puzzle.asked])
    scores[8, wrong] = 1  # one named that isn't there
    judged = course.judge(puzzle, passed, scores)
    assert judged["named"] == 0.5
    assert judged["perfect"] + judged["success"] + judged["incomplete"] == 1
    plan = course.BlockPlan(HOUR)
    shares = {"named": 0.9, "satisfied": 0.1}
    assert plan.is_complete(1, shares) and not plan.is_complete(2, shares)
    for held, wanted in ((0.86, [True, False]), (0.99, [True, True])):
        assert [plan.is_complete(lesson, {"named": 0, "satisfied": held})
                for lesson in (26, 27)] == wanted
