"""The block puzzle: boards against the specification, moves, what is learnt."""

from collections import deque

import keras
import numpy as np
import pytest
import tensorflow as tf

from examples.graphs.rows import stream
from examples.shrdlu import course, player
from examples.shrdlu.boards import (ACTIONS, BLOCKS, CONSTRAINTS, FAR, MOVES, PASS,
                                    RELATIONS, SQUARES, boards, distances, number_of,
                                    numbers)
from examples.shrdlu.puzzles import (BETA, BOARD, FEATURES, FIRST, GO, HOUR, PAPER,
                                     RECITALS, RELATION, SECOND, SPARE, Lesson,
                                     draw_goal, drop, make_batch, make_puzzle,
                                     to_features)
from stopped_runs import assert_goes_on_the_same

SMALL = (Lesson((2, 2), (3, 3), (1, 1), (0, 0), 1.0, 8, 5, 7, True),
         Lesson((2, 2), (3, 4), (1, 2), (1, 1), 0.0, 8))
PLAN = course.BlockPlan(SMALL, (8,), 6, 2, rows=3, updates=2)


def columns_of(squares):
    """Squares as three tuples of blocks, the lowest first."""
    return tuple(tuple(block for block in squares[column::3] if block)
                 for column in range(3))


def after(columns, action):
    """The columns after an action; the same if it is impossible."""
    if action == PASS:
        return columns
    source, target = MOVES[action]
    stacks = [list(stack) for stack in columns]
    if stacks[source] and len(stacks[target]) < 3:
        stacks[target].append(stacks[source].pop())
    return tuple(map(tuple, stacks))


def is_so(columns, first, relation, second):
    """Whether a constraint holds, from where the blocks are."""
    places = {block: (column, row) for column, stack in enumerate(columns)
              for row, block in enumerate(stack)}
    if first not in places or second not in places:
        return False
    (x, y), (u, v) = places[first], places[second]
    return {"above": (x, y) == (u, v + 1), "below": (x, y) == (u, v - 1),
            "left of": (x, y) == (u - 1, v), "right of": (x, y) == (u + 1, v)}[relation]


def search(columns, is_goal):
    """The actions of a shortest way to a goal; None if no way leads there."""
    ways, waiting = {columns: []}, deque([columns])
    while waiting:
        here = waiting.popleft()
        if is_goal(here):
            return ways[here]
        for action in range(PASS):
            there = after(here, action)
            if there not in ways:
                ways[there] = [*ways[here], action]
                waiting.append(there)
    return None


def read(features):
    """Constraints by letter, the letter asked for, the columns now: from the inputs."""
    goals, asked = {}, None
    for row in features:
        letter = row[:FIRST].argmax()
        if row[FIRST:RELATION].any():
            goals.setdefault(letter, []).append(
                (1 + row[FIRST:RELATION].argmax(),
                 RELATIONS[row[RELATION:SECOND].argmax()], 1 + row[SECOND:GO].argmax()))
        elif row[:FIRST].any() and row[GO]:
            asked = letter
    squares = features[-1, BOARD:].reshape(SQUARES, BLOCKS)
    shown = np.where(squares.any(axis=1), 1 + squares.argmax(axis=1), 0)
    return goals, asked, columns_of(shown.tolist())


class Oracle:
    """Moves from nothing but its inputs, as a network would."""

    def predict_on_batch(self, inputs):
        def step(features, rows):
            rows = [np.vstack([row, now]) for row, now in zip(rows, features.numpy())]
            outputs = np.zeros((len(rows), player.OUTPUTS), np.float32)
            for output, row in zip(outputs, rows):
                goals, asked, columns = read(row)
                way = search(columns, lambda here: all(
                    is_so(here, *constraint) for constraint in goals[asked]))
                output[way[0] if way else PASS] = 1
            return tf.constant(outputs), rows

        rows = [steps[mask] for steps, mask in zip(inputs["steps"], inputs["mask"])]
        return {name: value.numpy()
                for name, value in player.play(step, rows, inputs).items()}


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


@pytest.mark.parametrize("lesson", [*HOUR[2:], PAPER[12], PAPER[21], PAPER[25]])
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
    assert [lesson[:4] for lesson in HOUR[2:]] == [lesson[:4] for lesson in PAPER[:8]]
    assert FEATURES == 97


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
    assert course.judge(puzzle, passed, scores)["named"] == 0.5
    plan = course.BlockPlan(HOUR)
    shares = {"named": 0.9, "satisfied": 0.1}
    assert plan.is_complete(1, shares) and not plan.is_complete(2, shares)


@pytest.fixture(scope="module", params=[2, 0])
def network(request):
    keras.utils.set_random_seed(3)
    return PLAN._replace(read_heads=request.param).build(8)


def test_a_board_is_the_next_input(network, rng):
    """The layer over each episode whole, its boards shown, gives the same outputs."""
    puzzles = [SMALL[1].draw(rng) for _ in range(6)]
    inputs = make_batch(puzzles, 5, 7, rng, 0.5)
    result = network(inputs)
    acted = 0
    for row, puzzle in enumerate(puzzles):
        passed = result["boards"].numpy()[row]
        moves = np.zeros((7, FEATURES), np.float32)
        moves[:, GO] = 1
        for features, number in zip(moves, passed):
            squares = boards().squares[number]
            for square in np.flatnonzero(squares):
                features[BOARD + BLOCKS * square + squares[square] - 1] = 1
        shown = np.vstack([to_features(puzzle), moves])
        outputs = network.layer(shown[np.newaxis])[0]
        outputs = (outputs if network.slots else network.head(outputs)).numpy()[0]
        asked = len(puzzle.told)
        assert result["logits"].numpy()[row] == pytest.approx(
            outputs[asked + 1:, :ACTIONS], abs=1e-4)
        assert result["value"].numpy()[row] == pytest.approx(
            outputs[asked + 1:, ACTIONS], abs=1e-4)
        assert result["recalled"].numpy()[row, 5 - asked - 1:] == pytest.approx(
            outputs[:, ACTIONS + 1:], abs=1e-4)
        for step, action in enumerate(result["actions"].numpy()[row]):
            here = columns_of(boards().squares[passed[step]].tolist())
            there = columns_of(boards().squares[passed[step + 1]].tolist())
            if action < 0:
                assert step >= puzzle.least + SPARE and here == there
                continue
            assert there == after(here, action)
            scores = result["logits"].numpy()[row, step] + inputs["noise"][row, step]
            if inputs["planner"][row, step]:
                assert result["good"].numpy()[row, step, action]
            else:
                assert action == scores.argmax()
                acted += 1
            if not all(is_so(here, *CONSTRAINTS[number]) for number in puzzle.goal):
                away = puzzle.away()
                assert result["good"].numpy()[row, step].tolist() == [
                    away[number_after] < away[passed[step]]
                    for number_after in boards().moved[passed[step]]]
            else:
                assert result["good"].numpy()[row, step].nonzero()[0].tolist() == [PASS]
    assert acted > 10


def earned_by(puzzle, passed, actions):
    """The rewards of an episode, from where the blocks are."""
    result = []
    for here, there, action in zip(passed, passed[1:], actions):
        before, then = ([is_so(columns_of(boards().squares[board].tolist()),
                               *CONSTRAINTS[number]) for number in puzzle.goal]
                        for board in (here, there))
        reward = np.mean(then)
        reward -= 0.1 * (action != PASS and here == there)
        reward -= all(before) and not all(then)
        result.append(reward if action >= 0 else 0)
    return result


def log_softmax(scores):
    scores = scores - scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def surprise(probability, there):
    """The cross-entropy of what is there with the probabilities of all constraints."""
    named = np.isin(np.arange(len(probability)), there)
    return -np.log(np.where(named, probability, 1 - probability)).sum()


def test_the_loss_is_that_of_pupil_actor_and_critic(network, rng):
    recital = SMALL[1]._replace(recital=True)
    puzzles = [lesson.draw(rng) for lesson in 4 * (recital, SMALL[1])]
    inputs = make_batch(puzzles, 7, 9, rng, 0.5)  # two steps more than there may be
    result = {name: np.asarray(value) for name, value in network(inputs).items()}
    taught, actor, critic, count, asked = 0.0, 0.0, 0.0, 0, 0
    recalled, rehearsed = 0.0, 0.0
    for row, puzzle in enumerate(puzzles):
        actions = result["actions"][row]
        earned = earned_by(puzzle, result["boards"][row], actions)
        assert result["earned"][row] == pytest.approx(earned, abs=1e-5)
        last = (actions >= 0).sum()
        value = [*result["value"][row, :last], 0.0]
        likelihood = log_softmax(result["logits"][row])
        delta = [earned[step] + value[step + 1] - value[step] for step in range(last)]
        for step in range(last):
            critic += (value[step] - sum(earned[step:])) ** 2 / 2
            gain = sum(network.decay ** (k - step) * delta[k]
                       for k in range(step, last))
            if row < 4:
                taught -= np.log(np.exp(likelihood[step])[
                    result["good"][row, step]].sum())
            else:
                actor -= likelihood[step, actions[step]] * gain
                actor += network.entropy * (
                    np.exp(likelihood[step]) * likelihood[step]).sum()
        count += last
        letters = [*puzzle.rehearsed, puzzle.asked]
        asked += len(letters)
        if row < 4:
            probability = 1 / (1 + np.exp(-result["recalled"][row]))
            for step, letter in zip(range(7 - len(letters), 7), letters):
                rehearsed += surprise(probability[step], puzzle.goals[letter])
            for step in range(last):
                recalled += surprise(probability[7 + step], puzzle.goal)
    expected = (taught + actor + player.VALUE * critic) / count
    expected += network.recall * (rehearsed / asked + recalled / count) / 2
    played = network(inputs)
    assert float(network.compute_loss(inputs, None, played)) == pytest.approx(
        expected, rel=1e-4)


def test_advantages_of_a_known_episode():
    """Rewards 1, 0, 2 and V = 3, 1, 1: delta = -1, 0, 1."""
    gain = player.advantages(tf.constant([[1.0, 0, 2, 0]]),
                             tf.constant([[3.0, 1, 1, 0]]), 0.5)
    assert gain.numpy()[0].tolist() == [-0.75, 0.5, 1, 0]


def test_a_critic_is_not_moved_by_its_actors_gain(network, rng):
    """The gain counts as a number: no gradient goes through V in the actor's part."""
    inputs = make_batch([SMALL[1].draw(rng) for _ in range(3)], 5, 7, rng)
    played = network(inputs)
    value = tf.Variable(played["value"])
    with tf.GradientTape() as tape:
        loss = network.compute_loss(inputs, None, {**played, "value": value})
    allowed = played["actions"].numpy() >= 0
    returns = np.cumsum(played["earned"].numpy()[:, ::-1], axis=1)[:, ::-1]
    expected = player.VALUE * (value.numpy() - returns) * allowed / allowed.sum()
    assert tape.gradient(loss, value).numpy() == pytest.approx(expected, abs=1e-6)


def test_an_epoch_has_earlier_lessons_and_is_always_the_same():
    epoch = PLAN.epoch(1, 5)
    epoch.lesson, epoch.number = 1, 3
    one, other = epoch[0][0], epoch[0][0]
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert not np.array_equal(one["steps"], epoch[1][0]["steps"])
    assert not one["taught"].any()
    rng = np.random.default_rng(2)
    fresh = stream((PAPER[0], PAPER[7]), 1, rng)
    earlier = np.mean([boards().blocks[next(fresh).start] == 3 for _ in range(600)])
    assert earlier == pytest.approx(0.1, abs=0.04)


def test_plans_learn_at_the_rate_of_their_teacher():
    for lesson, rate in ((0, PLAN.rate), (1, PLAN.acting_rate)):
        model = PLAN.build(8)
        PLAN.compile(model, lesson)
        schedule = model.optimizer._learning_rate  # the schedule, not its value now
        assert float(schedule(300)) == pytest.approx(rate)
    assert PLAN.shape(0) != PLAN.shape(1)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(course.BlockPlan, "is_complete", lambda *_: True)
    assert_goes_on_the_same(PLAN, tmp_path)
