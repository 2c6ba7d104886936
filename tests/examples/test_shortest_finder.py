"""Shortest paths: the answer as it is played, against the layer over whole episodes."""

import keras
import numpy as np
import pytest

from examples.graphs import finder
from examples.graphs.encoding import BLANK, to_digits
from examples.graphs.network import compile_reader
from examples.graphs.rows import pack
from examples.graphs.shortest import SPARE, Lesson, make_batch, played
from stopped_runs import assert_goes_on_the_same

SMALL = (Lesson((3, 5), (1, 2), (1, 2), (1, 2), 12, 14, True),
         Lesson((4, 5), (1, 2), (1, 2), (2, 2), 12, 14))
PLAN = finder.PathPlan(SMALL, (8,), 6, 2, rows=3, updates=2)


def log_softmax(scores):
    scores = scores - scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def test_choices_are_renormalised_over_the_legal_edges(rng):
    scores = rng.normal(size=(4, 90)).astype(np.float32)
    digits = rng.integers(0, 10, size=(4, 7, 9))
    legal = rng.random((4, 7)) < 0.5
    legal[:, 2] = True
    edges = np.eye(10, dtype=np.float32)[digits].reshape(4, 7, 90)
    likelihood = finder.renormalised(scores, edges, legal).numpy()
    parts = np.exp(log_softmax(scores.reshape(4, 9, 10)))
    for row in range(4):
        products = np.array([
            np.prod(parts[row, np.arange(9), digits[row, edge]]) for edge in range(7)])
        products *= legal[row]
        assert np.exp(likelihood[row]) == pytest.approx(
            products / products.sum(), abs=1e-5)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return PLAN.build(12)


def test_what_is_chosen_is_the_next_input(network, rng):
    """The layer over each episode whole, its answer shown, gives the same choices."""
    lesson = Lesson((5, 8), (2, 3), (2, 3), (1, 3), 30, 36, True, 2)
    routes = [lesson.draw(rng) for _ in range(6)]
    inputs, targets, weights = make_batch(routes, lesson.length, lesson.most)
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
        parts = log_softmax(scores[episode.answers].reshape(-1, 9, 10))
        here = route.start
        for step, edge in enumerate(taken):
            legal = np.flatnonzero(route.survey.source == here)
            likelihood = log_softmax(parts[step][np.arange(9), to_digits(
                route.survey.triples[legal])].sum(axis=1))
            best, good = route.best[here], route.levels[legal, -1] > 0
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
    assert (hints < 0).sum(axis=1).tolist() == [sum(route.hints) for route in routes]
    read = log_softmax(result["read"].numpy())
    read = np.take_along_axis(read, targets[..., np.newaxis], 3)[..., 0]
    compile_reader(network)
    loss = network.compute_loss(inputs, targets, result, weights)
    expected = total / steps - hints.sum() / (hints < 0).sum() - (read * weights).sum()
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_hints_are_the_frontiers_of_a_search_from_the_goal(rng):
    lesson = Lesson((6, 9), (2, 3), (2, 4), (1, 5), 48, 48, True, 2)
    routes = [lesson.draw(rng) for _ in range(8)]
    inputs, _, _ = make_batch(routes, lesson.length, lesson.most)
    scores = rng.normal(size=(8, lesson.length, 90)).astype(np.float32)
    named = finder.frontiers(scores, inputs, 4).numpy().reshape(8, 3, 4)
    parts = log_softmax(scores.reshape(8, -1, 9, 10))
    hinted = 0
    for row, route in enumerate(routes):
        digits = to_digits(route.survey.triples)
        shown, nodes = route.episode.shown, route.survey.nodes.tolist()
        asked = np.flatnonzero((shown[:, 0] >= 0) & (shown[:, 1] == BLANK))
        planning = len(shown) - 1 - asked[-1]
        assert not named[row, :3 - len(asked)].any()
        for query, step in enumerate(asked, 3 - len(asked)):
            away = route.survey.distances[:, nodes.index(shown[step, 2])]
            distance = away[nodes.index(shown[step, 0])]
            for level in range(1, 5):
                if level > min(planning + 1, distance):
                    assert named[row, query, level - 1] == 0
                    continue
                place = lesson.length - len(shown) + step + level - 1
                likelihood = log_softmax(
                    parts[row, place][np.arange(9), digits].sum(axis=1))
                frontier = (away[route.survey.source] == level) & (
                    away[route.survey.destination] == level - 1)
                assert named[row, query, level - 1] == pytest.approx(
                    likelihood[frontier].mean(), abs=1e-4)
                hinted += 1
    assert hinted > 40


def test_an_answer_ends_at_the_goal_or_its_limit(rng):
    """A network that prefers what the planner does not is given up in time."""
    lesson = Lesson((8, 10), (2, 3), (2, 3), (1, 1), 32, 40)
    routes = [lesson.draw(rng) for _ in range(30)]
    inputs, _, _ = make_batch(routes, 40, lesson.most)
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


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_the_same(tmp_path, monkeypatch):
    assert_goes_on_the_same(PLAN, tmp_path, monkeypatch)
