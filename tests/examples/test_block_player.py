"""The block puzzle's network: what it sees, its loss, its training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from blocks_oracle import after, columns_of, is_so, scores_of, situation_of
from examples.lessons import curriculum
from examples.lessons.epochs import stream
from examples.shrdlu import course, player
from examples.shrdlu.boards import (ACTIONS, BLOCKS, CONSTRAINTS, PASS, boards,
                                    number_of)
from examples.shrdlu.puzzles import (BETA, BOARD, FEATURES, GO, PAPER, SPARE, Lesson,
                                     board_features, drop, make_batch, to_features)
from stopped_runs import assert_goes_on_the_same

SMALL = (Lesson((2, 2), (3, 3), (1, 1), (0, 0), 1.0, 8, 5, 7, True),
         Lesson((2, 2), (3, 4), (1, 2), (1, 1), 0.0, 8))
PLAN = course.BlockPlan(SMALL, 8, 6, 2, rows=3, updates=2, mover=(10, 7))


@pytest.fixture(scope="module", params=[(2, (10, 7)), (2, ()), (0, (10, 7))])
def network(request):
    keras.utils.set_random_seed(3)
    heads, mover = request.param
    return PLAN._replace(read_heads=heads, mover=mover).build(8)


def test_a_board_is_the_next_input(network, rng):
    """The layer over each episode whole, its boards shown, gives the same outputs."""
    puzzles = [SMALL[1].draw(rng) for _ in range(6)]
    inputs = make_batch(puzzles, 5, 7, rng, 0.5)
    result = network(inputs)
    assert result["recalled"].shape[1] == 7
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
            scores_of(network, shown, outputs)[asked + 1:], abs=1e-4)
        assert result["value"].numpy()[row] == pytest.approx(
            outputs[asked + 1:, ACTIONS], abs=1e-4)
        recalled = np.vstack([result[name].numpy()[row] for name in (
            "named", "recalled")])
        assert recalled[5 - asked - 1:] == pytest.approx(
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


def surprise(scores, there):
    """The cross-entropy of what is there with the scores of all constraints."""
    probability = 1 / (1 + np.exp(-scores))
    named = np.isin(np.arange(len(scores)), there)
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
        for scores, letter in zip(result["named"][row, 7 - len(letters):], letters):
            rehearsed += surprise(scores, puzzle.goals[letter])
        for scores in result["recalled"][row, :last]:
            recalled += surprise(scores, puzzle.goal)
    expected = (taught + actor + player.VALUE * critic) / count
    expected += network.recall * (rehearsed / asked + recalled / count) / 2
    played = network(inputs)
    assert float(network.compute_loss(inputs, None, played)) == pytest.approx(
        expected, rel=1e-4)


@pytest.mark.parametrize("compiled", [  # as in training, and as a plain graph
    True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_is_recalled_learns_from_the_moves(rng, compiled):
    """Gradients of the planner's moves alone go through the mover, to what it sees."""
    keras.utils.set_random_seed(3)
    network = PLAN._replace(recall=0.0).build(8)
    lesson = PAPER[0]._replace(blocks=(BLOCKS, BLOCKS))
    inputs = make_batch([lesson.draw(rng) for _ in range(4)], 5, 7, rng, 1.0)

    @tf.function(jit_compile=compiled)
    def gradients():
        with tf.GradientTape() as tape:
            loss = network.compute_loss(inputs, None, network(inputs))
        return tape.gradient(loss, network.trainable_variables)

    found = {weight.path: gradient.numpy() for weight, gradient in zip(
        network.trainable_variables, gradients())}
    output = next(found[path] for path in found if "output_kernel" in path)
    assert np.any(output[:, ACTIONS + 1:], axis=0).all()
    assert sum(np.any(found[path]) for path in found if "/mover/" in path) == 6


def test_the_mover_knows_no_block_by_its_name(rng):
    """Blocks that change names, on the board and in what is recalled, do not count."""
    board = drop(6, rng)
    squares, recalled = boards().squares[board], rng.random(len(CONSTRAINTS))
    names = np.array([0, *1 + rng.permutation(BLOCKS)])
    other = np.zeros_like(recalled)
    for sure, (first, relation, second) in zip(recalled, CONSTRAINTS):
        other[CONSTRAINTS.index((names[first], relation, names[second]))] = sure
    seen, same, none = (player.between_squares(*map(tf.constant, (
        board_features([number_of(list(where))]), np.float32([what]))))[0].numpy()
        for where, what in ((squares, recalled), (names[squares], other),
                            (names[squares], recalled)))
    assert seen == pytest.approx(situation_of(board_features(board), recalled))
    assert seen == pytest.approx(same) and seen != pytest.approx(none, abs=0.1)


def test_each_try_is_an_episode_of_its_own(network, rng):
    """Told once and tried twice is the same as told twice."""
    puzzles = [SMALL[1].draw(rng) for _ in range(3)]
    inputs = make_batch(puzzles, 5, 7, rng, tries=2)
    assert inputs["noise"].shape == (6, 7, ACTIONS) and len(inputs["steps"]) == 3
    apart = {name: value if len(value) == 6 else np.repeat(value, 2, axis=0)
             for name, value in inputs.items()}
    assert len(apart["steps"]) == 6
    result, expected = network(inputs), network(apart)
    for name in set(expected) - {"named"}:
        assert result[name].numpy() == pytest.approx(expected[name].numpy(), abs=1e-5)
    assert result["named"].numpy() == pytest.approx(
        expected["named"].numpy()[::2], abs=1e-5)
    assert not np.array_equal(result["actions"][::2], result["actions"][1::2])
    asked = make_batch(puzzles, 5, 7, rng, 0.4, tries=50)
    taught = asked["planner"].reshape(3, -1).mean(axis=1)
    assert taught == pytest.approx([BETA, 0, 0], abs=0.1)


def test_a_try_gains_what_it_earns_beyond_the_others(network, rng):
    """Two rows of three tries: returns 6, 3, 0 and 2, 2, 5 at first, then less."""
    earned = tf.constant([[2.0, 4], [1, 2], [0, 0], [1, 1], [1, 1], [4, 1]])
    expected = np.array([[4.5, 3], [0, 0], [-4.5, -3], [-1.5, 0], [-1.5, 0], [3, 0]])
    expected /= np.sqrt(np.mean(expected ** 2))
    assert player.gains(earned, 3).numpy() == pytest.approx(expected, abs=1e-6)
    inputs = make_batch([SMALL[1].draw(rng) for _ in range(3)], 5, 7, rng, tries=2)
    played = network(inputs)
    loss = [float(network.compute_loss(inputs, None, {
        **played, "logits": logits, "value": 0 * played["value"]}))
        for logits in (played["logits"], 0 * played["logits"])]
    gain = player.gains(played["earned"], 2).numpy()
    allowed = played["actions"].numpy() >= 0
    likelihood = log_softmax(played["logits"].numpy())
    chosen = np.take_along_axis(
        likelihood, np.maximum(played["actions"], 0)[..., np.newaxis], 2)[..., 0]
    entropy = -(np.exp(likelihood) * likelihood).sum(axis=2)
    acted = [(allowed * (chance * gain + network.entropy * spread)).sum()
             for chance, spread in ((chosen, entropy),
                                    (-np.log(ACTIONS), np.log(ACTIONS)))]
    assert loss[0] - loss[1] == pytest.approx(
        (acted[1] - acted[0]) / allowed.sum(), abs=1e-4)


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


@pytest.mark.parametrize("other, same", [
    (SMALL[0]._replace(taught=0.0), False), (SMALL[0]._replace(tries=4), False),
    (SMALL[0]._replace(slots=9), False), (SMALL[0]._replace(goals=(1, 2)), True)])
def test_another_teacher_or_shape_wants_another_compiled_model(other, same):
    plan = PLAN._replace(lessons=(SMALL[0], other))
    assert (plan.shape(0) == plan.shape(1)) == same


def test_a_plan_that_is_not_trained_stands_at_its_first_lesson(tmp_path):
    assert int(curriculum.train(PLAN, tmp_path, minutes=0, verbose=0).lesson) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("taught, tries", [(1.0, 1), (0.0, 1), (0.0, 2)])
def test_a_training_changes_each_weight(tmp_path, taught, tries):
    plan = PLAN._replace(lessons=(SMALL[0]._replace(taught=taught, tries=tries),) * 2)
    keras.utils.set_random_seed(1)  # of the training
    before = plan.build(8).get_weights()
    model = curriculum.train(plan, tmp_path, minutes=1e-9, verbose=0)
    assert int(model.optimizer.iterations) == 2
    for weight, old in zip(model.trainable_variables, before):
        assert not np.array_equal(weight, old), weight.path


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_the_same(tmp_path, monkeypatch):
    assert_goes_on_the_same(PLAN, tmp_path, monkeypatch)
