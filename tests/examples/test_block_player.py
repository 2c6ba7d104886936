"""The block puzzle's network: what it sees, its loss, its training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from blocks_oracle import after, columns_of, is_so, scores_of
from examples.lessons import curriculum
from examples.lessons.epochs import stream
from examples.shrdlu import course, player
from examples.shrdlu.boards import ACTIONS, BLOCKS, CONSTRAINTS, PASS, boards
from examples.shrdlu.puzzles import (BOARD, FEATURES, GO, PAPER, SPARE, Lesson,
                                     make_batch, to_features)
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


def test_what_is_recalled_learns_from_the_moves(rng):
    """Gradients of the planner's moves alone go through the mover, to what it sees."""
    keras.utils.set_random_seed(3)
    network = PLAN._replace(recall=0.0).build(8)
    inputs = make_batch([PAPER[0].draw(rng) for _ in range(4)], 5, 7, rng, 1.0)
    for compiled in (False, True):
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


def test_a_training_begins(tmp_path):
    assert int(curriculum.train(PLAN, tmp_path, minutes=0, verbose=0).lesson) == 0


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_the_same(tmp_path, monkeypatch):
    assert_goes_on_the_same(PLAN, tmp_path, monkeypatch)
