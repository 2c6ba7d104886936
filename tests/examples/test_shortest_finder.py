"""Shortest paths: the answer as it is played, against the layer over whole episodes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from examples.graphs import finder
from examples.graphs.encoding import to_digits
from examples.graphs.rows import pack
from examples.graphs.shortest import SPARE, Lesson, make_batch, played
from examples.graphs.voices import digits_of, voices_of
from stopped_runs import assert_goes_on_the_same

SMALL = (Lesson((3, 5), (1, 2), (1, 2), (1, 2), 12, 14, True),
         Lesson((4, 5), (1, 2), (1, 2), (2, 2), 12, 14, True),
         Lesson((3, 5), (1, 2), (1, 2), (1, 2), 12, 14, True, answers=False, rows=4))
PLAN = finder.PathPlan(SMALL, 8, 6, 3, rows=3, updates=2, voices=2)


def log_softmax(scores):
    scores = scores - scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def likely(scores, digits):
    """Logarithms of how likely edges are, digits `[E, 9]`, to all voices together."""
    count = (len(scores) + 1) // 91
    shares = log_softmax(np.append(0, scores[90 * count:]))
    parts = log_softmax(scores[:90 * count].reshape(count, 9, 10))
    said = [shares[voice] + parts[voice, np.arange(9), digits].sum(axis=1)
            for voice in range(count)]
    return np.log(np.exp(said).sum(axis=0))


@pytest.mark.parametrize("voices", [1, 3])
def test_choices_are_renormalised_over_the_legal_edges(voices, rng):
    scores = rng.normal(size=(4, 91 * voices - 1)).astype(np.float32)
    digits = rng.integers(0, 10, size=(4, 7, 9))
    legal = rng.random((4, 7)) < 0.5
    legal[:, 2] = True
    edges = np.eye(10, dtype=np.float32)[digits].reshape(4, 7, 90)
    likelihood = finder.renormalised(scores, edges, legal).numpy()
    for row in range(4):
        products = np.exp(likely(scores[row], digits[row])) * legal[row]
        assert np.exp(likelihood[row]) == pytest.approx(
            products / products.sum(), abs=1e-5)


def test_a_voice_that_counts_alone_is_all_that_is_heard(rng):
    scores = rng.normal(size=(2, 4 * 91 - 1)).astype(np.float32)
    scores[:, 360:] = [-99, 99, -99]
    said, shares = voices_of(tf.constant(scores))
    assert np.exp(shares) == pytest.approx(np.eye(4)[[2, 2]], abs=1e-6)
    assert said[:, 2].numpy() == pytest.approx(
        log_softmax(scores[:, 180:270].reshape(2, 9, 10)).reshape(2, 90), abs=1e-5)


@pytest.fixture
def network():
    keras.utils.set_random_seed(3)
    return PLAN.build(12)


def test_what_is_chosen_is_the_next_input(network, rng):
    """The layer over each episode whole, its answer shown, gives the same choices."""
    lesson = Lesson((5, 8), (2, 3), (2, 3), (1, 3), 30, 36, True)
    routes = [lesson.draw(rng) for _ in range(6)]
    inputs, targets, weights = make_batch(
        routes, lesson.length, lesson.most, rng, lesson.levels)
    inputs["planner"] = rng.random(inputs["planner"].shape) < 0.5
    result = network(inputs)
    total, steps, own, ties = 0.0, 0, 0, 0
    for row, route in enumerate(routes):
        taken = result["taken"].numpy()[row]
        taken = taken[taken >= 0]
        episode = played(route, taken)
        assert episode.answers.sum() == len(taken) <= route.distance + SPARE
        features = pack([episode], 1, 40).inputs["steps"]
        scores = network.layer(features)[0].numpy()[0, :len(episode.answers)]
        answers = scores[episode.answers]
        here = route.start
        for step, edge in enumerate(taken):
            legal = np.flatnonzero(route.survey.source == here)
            likelihood = log_softmax(likely(
                answers[step], to_digits(route.survey.triples[legal])))
            best, good = route.best[here], route.levels[legal] > 0
            if inputs["planner"][row, step]:
                assert edge == best
            else:
                own += 1
                assert edge == legal[likelihood.argmax()]
            wanted = np.log(np.exp(likelihood[good]).sum())
            ties += good.sum() > 1
            assert result["likelihood"][row, step].numpy() == pytest.approx(
                wanted, abs=1e-4)
            total, steps = total - wanted, steps + 1
            here = route.survey.destination[edge]
        assert not result["likelihood"][row, len(taken):].numpy().any()
        assert result["arrived"][row].numpy() == (here == route.goal)
    assert own > 0 and ties > 0
    hints = result["frontiers"].numpy()
    assert (hints < 0).sum(axis=1).tolist() == [
        len({level for level in route.levels if 0 < level <= min(3, route.planned + 1)})
        for route in routes]
    elsewhere = result["elsewhere"].numpy()
    read = log_softmax(result["read"].numpy())
    read = np.take_along_axis(read, targets[..., np.newaxis], 3)[..., 0]
    PLAN.compile(network, 0)
    loss = network.compute_loss(inputs, targets, result, weights)
    expected = total / steps - (read * weights).sum() - sum(
        each.sum() / (each < 0).sum() for each in (hints, elsewhere))
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_other_positions_are_answered_too(network, rng):
    """As if the first step of the answer had led there."""
    lesson = Lesson((5, 8), (2, 3), (2, 3), (1, 3), 30, 36, True)
    routes = [lesson.draw(rng) for _ in range(6)]
    inputs, _, _ = make_batch(
        routes, lesson.length, lesson.most, rng, lesson.levels)
    result, asked = network(inputs)["elsewhere"].numpy(), 0
    for row, route in enumerate(routes):
        survey = route.survey
        for place, edge in enumerate(inputs["elsewhere"][row]):
            here = survey.destination[edge]
            assert 0 < survey.distances[here, route.goal] <= 3
            legal = np.flatnonzero(survey.source == here)
            good = route.levels[legal] > 0
            features = pack([played(route, [edge, edge])], 1, 40).inputs["steps"]
            count = len(route.episode.shown) + 2
            scores = network.layer(features)[0].numpy()[0, count - 1]
            likelihood = log_softmax(likely(scores, to_digits(survey.triples[legal])))
            if good.all():
                assert result[row, place] == 0
                continue
            assert result[row, place] == pytest.approx(
                np.log(np.exp(likelihood[good]).sum()), abs=1e-4)
            asked += 1
    assert asked > 10


def test_hints_are_the_frontiers_of_a_search_from_the_goal(rng):
    lesson = Lesson((6, 9), (2, 3), (2, 4), (1, 5), 48, 48, True)
    routes = [lesson.draw(rng) for _ in range(16)]
    inputs, _, _ = make_batch(routes, lesson.length, lesson.most, levels=4)
    scores = rng.normal(size=(16, lesson.length, 181)).astype(np.float32)
    told = finder.frontiers(scores, inputs)
    named, best = told["frontiers"].numpy(), told["named"].numpy()
    hinted, none, hits = 0, 0, 0
    for row, route in enumerate(routes):
        digits = to_digits(route.survey.triples)
        away = route.survey.distances[:, route.goal]
        planned = len(route.episode.shown) - 1 - len(digits)
        for level in range(1, 5):
            frontier = (away[route.survey.source] == level) & (
                away[route.survey.destination] == level - 1)
            if level > planned + 1 or not frontier.any():
                none += level <= planned + 1
                assert named[row, level - 1] == 0
                continue
            place = lesson.length - 1 - planned + level - 1
            likelihood = log_softmax(likely(scores[row, place], digits))
            assert named[row, level - 1] == pytest.approx(
                likelihood[frontier].mean(), abs=1e-4)
            assert best[row, level - 1] == frontier[likelihood.argmax()]
            hits += best[row, level - 1]
            hinted += 1
    assert hinted > 40 and none > 0 and 0 < hits < hinted


def test_a_search_is_right_if_every_level_is_named(rng):
    lesson = SMALL[2]
    routes = [lesson.draw(rng) for _ in range(10)]
    there = np.array([[level in route.levels for level in (1, 2)] for route in routes])

    class Named:
        """Names level 1 everywhere, and level 2 in the first four routes."""

        def predict_on_batch(self, inputs):
            assert inputs["planner"].shape == (4, 0) and "elsewhere" not in inputs
            self.batch = getattr(self, "batch", -1) + 1
            found = np.ones((4, 2), bool)
            found[:, 1] = self.batch == 0
            shown = (inputs["levels"][:, np.newaxis] == [[1], [2]]).any(axis=2)
            return {"named": found, "frontiers": np.where(shown, -0.5, 0.0)}

    shares = finder.evaluate_searches(Named(), routes, 4, lesson.length, 2)
    missed = there[4:, 1].sum()
    assert missed > 0 and shares == {
        "right": pytest.approx(1 - missed / 10), "near": 1.0,
        "nearer": pytest.approx(1 - missed / there.sum())}


def test_a_search_alone_has_no_answer_and_is_learnt_from_its_hints(network, rng):
    lesson = SMALL[2]
    routes = [lesson.draw(rng) for _ in range(4)]
    inputs, targets, weights = make_batch(
        routes, lesson.length, lesson.most, rng, lesson.levels)
    result = network(inputs)
    assert set(result) == {"read", "frontiers", "named"}
    PLAN.compile(network, 2)
    loss = float(network.compute_loss(inputs, targets, result, weights))
    read = np.take_along_axis(log_softmax(result["read"].numpy()),
                              targets[..., np.newaxis], 3)[..., 0]
    hints = result["frontiers"].numpy()
    assert loss == pytest.approx(
        -(read * weights).sum() - hints.sum() / (hints < 0).sum(), rel=1e-4)


def test_an_answer_ends_at_the_goal_or_its_limit(rng):
    """A network that prefers what the planner does not is given up in time."""
    lesson = Lesson((8, 10), (2, 3), (2, 3), (1, 1), 32, 40)
    routes = [lesson.draw(rng) for _ in range(30)]
    inputs, _, _ = make_batch(routes, lesson.length, lesson.most)
    astray = finder.Guess(rng).predict_on_batch(inputs)
    followed = finder.Guess(rng).predict_on_batch(
        {**inputs, "planner": np.ones_like(inputs["planner"])})
    given_up = 0
    for row, route in enumerate(routes):
        assert (followed["taken"][row] >= 0).sum() == route.distance
        taken = astray["taken"][row]
        count = (taken >= 0).sum()
        assert (taken[count:] == -1).all() and count <= route.distance + SPARE
        passed = route.survey.destination[taken[:count]]
        assert route.goal not in passed[:-1]
        assert astray["arrived"][row] == (passed[-1] == route.goal)
        given_up += not astray["arrived"][row]
    assert followed["arrived"].all() and given_up > 3


def test_lessons_that_learn_from_something_else_want_models_of_their_own():
    plan = PLAN._replace(lessons=(
        SMALL[0], SMALL[0]._replace(hints=False), SMALL[0]._replace(answers=False),
        SMALL[0]._replace(rows=7)))
    assert len({plan.shape(number) for number in range(4)}) == 4


def test_the_digits_of_all_voices_together(rng):
    scores = rng.normal(size=(2, 3, 272)).astype(np.float32)
    parts = np.exp(log_softmax(scores[..., :270].reshape(2, 3, 3, 9, 10)))
    zeros = np.zeros((2, 3, 1))
    shares = np.exp(log_softmax(np.concatenate([zeros, scores[..., 270:]], axis=2)))
    expected = (parts * shares[..., np.newaxis, np.newaxis]).sum(axis=2)
    assert tf.nn.softmax(digits_of(tf.constant(scores))).numpy() == pytest.approx(
        expected, abs=1e-6)
    alone = rng.normal(size=(2, 90)).astype(np.float32)
    assert np.array_equal(digits_of(tf.constant(alone)), alone.reshape(2, 9, 10))


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_the_same(tmp_path, monkeypatch):
    assert_goes_on_the_same(PLAN, tmp_path, monkeypatch)
