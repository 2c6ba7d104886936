"""Shortest paths: planner, lessons and rows against the specification; an oracle."""

from collections import deque

import numpy as np
import pytest
import tensorflow as tf

from examples.graphs import finder, london, london_paths, shortest
from examples.graphs.encoding import (ANSWER_DUE, BLANK, NEW_PHASE, to_digits,
                                      to_features)
from examples.graphs.random_graphs import random_graph
from examples.graphs.shortest import (BETA, FAR, HOUR, PAPER, SPARE, make_batch,
                                      make_route, planned_by_triples, survey)


def labels_of(features):
    """Labels `[T, 3]` that features `[T, FEATURES]` show."""
    one_hot = features[:, :90].reshape(len(features), 3, 3, 10)
    return np.where(one_hot.any(axis=(2, 3)), one_hot.argmax(axis=-1) @ [100, 10, 1],
                    BLANK)


def steps_to(goal, triples):
    """{node: edges of a shortest path to the goal}, by a search back from it."""
    into = {}
    for here, _, there in triples:
        into.setdefault(there, []).append(here)
    away, waiting = {goal: 0}, deque([goal])
    while waiting:
        there = waiting.popleft()
        for here in into.get(there, []):
            if here not in away:
                away[here] = away[there] + 1
                waiting.append(here)
    return away


def solve(features):
    """The edge that is due at the last step, from nothing but the inputs so far."""
    labels, phase = labels_of(features), np.cumsum(features[:, NEW_PHASE])
    triples = labels[phase == 1].tolist()
    (start, _, goal), = labels[(labels[:, 0] != BLANK) & (labels[:, 1] == BLANK)]
    here = start if features[-1, NEW_PHASE] else labels[-1, 2]
    away = steps_to(goal, triples)
    return min((edge for edge in triples if edge[0] == here),
               key=lambda edge: away.get(edge[2], FAR))


class Oracle:
    """Answers from nothing but its inputs, as a network would."""

    def predict_on_batch(self, inputs):
        def step(features, rows):
            rows = [np.vstack([row, now]) for row, now in zip(rows, features.numpy())]
            digits = to_digits([solve(row) for row in rows])
            return tf.reshape(10.0 * tf.one_hot(digits, 10), (len(rows), -1)), rows

        begun = inputs["resets"].argmax(axis=1)
        rows = [row[first:] for row, first in zip(inputs["steps"], begun)]
        return {name: value.numpy()
                for name, value in finder.play(step, rows, inputs).items()}


# Share of ordered pairs that no path joins, and at distances 1 to 5, in percent (shared
# specification, measured by an independent program).
def test_distances_are_those_of_the_specification(rng):
    counts = np.zeros(FAR + 1)
    for _ in range(150):
        surveyed = survey(random_graph(rng.integers(20, 26), (2, 6), rng))
        counts += np.bincount(surveyed.distances.ravel(), minlength=FAR + 1)
    shares = 100 * counts / (counts.sum() - counts[0])
    assert shares[FAR] == pytest.approx(13, abs=3)
    assert shares[1:6] == pytest.approx([18, 20, 18, 14, 9], abs=2)
    for nodes in ((5, 10), (5, 20), (10, 20)):
        apart = []
        for _ in range(150):
            surveyed = survey(random_graph(rng.integers(nodes[0], nodes[1] + 1), (1, 2),
                                           rng))
            count = len(surveyed.nodes)
            apart.append((surveyed.distances == FAR).sum() / count / (count - 1))
        assert 52 < 100 * np.mean(apart) < 83


def test_the_planner_finds_what_another_search_finds(rng):
    ties = 0
    for _ in range(40):
        triples = random_graph(rng.integers(3, 15), (1, 3), rng)
        surveyed = survey(triples)
        nodes = surveyed.nodes.tolist()
        for goal, label in enumerate(nodes):
            away = steps_to(label, triples.tolist())
            assert [away.get(node, FAR) for node in nodes] == surveyed.distances[
                :, goal].tolist()
            best = make_route(surveyed, 0, goal).best
            for node, edge in enumerate(best):
                if away.get(nodes[node], 0) == 0:
                    assert edge == -1
                    continue
                here, _, there = triples[edge].tolist()
                assert here == nodes[node] and away[there] == away[here] - 1
                ties += sum(away.get(end) == away[here] - 1 for begin, _, end in
                            triples.tolist() if begin == here) > 1
    assert ties > 20


@pytest.mark.parametrize("lesson", [
    *HOUR, PAPER[0], PAPER[6], PAPER[14], *planned_by_triples((HOUR[5], PAPER[3]))])
def test_routes_are_what_the_lesson_says(rng, lesson):
    distances = set()
    for _ in range(25):
        route = lesson.draw(rng)
        episode, surveyed = route.episode, route.survey
        features = to_features(episode.shown, episode.begins, episode.answers)
        phase = np.cumsum(episode.begins)
        assert phase[-1] == 3
        triples = surveyed.triples.tolist()
        assert episode.shown[phase == 1].tolist() == triples
        assert lesson.nodes[0] <= len(surveyed.nodes) <= lesson.nodes[1]
        start, goal = surveyed.nodes[[route.start, route.goal]]
        assert episode.shown[phase == 2].tolist() == [[start, BLANK, goal]]
        planning = lesson.planning or (len(triples),) * 2
        planned = (phase == 3).sum()
        assert planning[0] <= planned <= planning[1]
        assert not features[phase == 3, :90].any()
        assert not features[:, ANSWER_DUE].any()
        assert len(episode.shown) <= lesson.length
        away = steps_to(goal, triples)
        assert lesson.distance[0] <= away[start] == route.distance <= lesson.distance[1]
        assert route.planned == planned
        for (here, _, there), level in zip(triples, route.levels):
            nearer = here in away and away.get(there) == away[here] - 1
            assert level == (away[here] if nearer else 0)
        assert not (episode.hints != BLANK).any()
        distances.add(route.distance)
    assert len(distances) > (lesson.distance[1] > lesson.distance[0])


def test_all_distances_are_as_likely(rng):
    drawn = [HOUR[4].draw(rng).distance for _ in range(800)]
    assert np.bincount(drawn)[1:] == pytest.approx([200] * 4, abs=50)  # 4 deviations


def test_the_papers_lessons():
    assert len(PAPER) == len(shortest.PAPERS_FINAL) == 15
    assert len(shortest.PAPERS_UNDERGROUND) == 15
    assert [lesson.distance for lesson in PAPER] == [
        *[(2, 2)] * 3, *[(2, 3)] * 3, *[(2, 4)] * 3, *[(2, 5)] * 6]
    assert PAPER[-1][:4] == ((20, 25), (2, 6), (2, 5), (10, 10))
    assert all(lesson.complete == ("near", 0.8) and not lesson.levels and lesson.answers
               and lesson.length == 25 * 6 + 1 + 10 for lesson in PAPER)


FITS = HOUR[4]._replace(planning=(4, 6), length=40)
SMALL = HOUR[4]._replace(planning=None, length=41)


def test_rows_end_where_the_answer_begins(rng):
    routes = [FITS.draw(rng) for _ in range(5)]
    inputs, targets, weights = make_batch(routes, 40, FITS.most, levels=7)
    for row, route in enumerate(routes):
        count = len(route.episode.shown)
        features = inputs["steps"][row]
        assert not features[:-count].any() and not weights[row, :-count].any()
        assert np.array_equal(features[-count:], to_features(
            route.episode.shown, route.episode.begins, route.episode.answers))
        assert inputs["resets"][row].nonzero()[0].tolist() == [40 - count]
        shown = to_digits(route.episode.shown)
        read = np.flatnonzero(shown[:, 0] != BLANK)
        assert np.array_equal(targets[row, 40 - count + read, :3], shown[read, :3])
        edges = len(route.survey.triples)
        assert (inputs["source"][row, edges:] == -1).all()
        assert inputs["limit"][row] == route.distance + SPARE
        planned = route.planned
        assert features[-planned, NEW_PHASE] and not features[-planned:, :90].any()
        named = 40 - 1 - planned + np.arange(7)  # from the query on, and some too many
        assert inputs["hinted"][row].tolist() == [
            step if step < 40 else -1 for step in named]
        assert np.array_equal(inputs["levels"][row], np.pad(
            route.levels, (0, 40 - edges), constant_values=-1))
        assert not inputs["planner"][row].any()
    inputs, _, weights = make_batch([FITS.draw(rng) for _ in range(99)], 40, FITS.most,
                                    rng, FITS.levels)
    assert weights.sum() == pytest.approx(0.1)  # that of what is read alone
    assert inputs["elsewhere"].shape == (99, 8)
    for lesson in PAPER:  # nothing that the paper does not have
        papers, _, _ = make_batch([lesson.draw(rng)], lesson.length, lesson.most, rng,
                                  lesson.levels)
        assert "elsewhere" not in papers and papers["hinted"].shape == (1, 0)
    assert inputs["planner"].mean() == pytest.approx(BETA, abs=0.06)


def test_an_oracle_finds_every_path(rng):
    for lesson in (HOUR[5], PAPER[9], SMALL):
        routes = [lesson.draw(rng) for _ in range(20)]
        shares = finder.evaluate(Oracle(), routes, 8, lesson.length, lesson.most)
        assert shares == {"right": 1.0, "near": 1.0, "nearer": 1.0}
    right = london_paths.right_by_distance(Oracle(), 10, rng, 1)
    assert right == dict.fromkeys(london_paths.DISTANCES, 1.0)


# The figures of the shared specification, percent of the pairs at distance four.
@pytest.mark.parametrize("looks_ahead, share", [(False, 0.011), (True, 0.044)])
def test_random_paths_are_seldom_the_shortest(looks_ahead, share, rng):
    pairs = london_paths.pairs(4)
    assert len(pairs) == 124
    guess, right = finder.Guess(rng, looks_ahead), []
    for _ in range(30):
        routes = [london_paths.route(london.number(rng), *pair) for pair in pairs]
        length = len(routes[0].episode.shown)
        right.append(finder.evaluate(guess, routes, 124, length, 6)["right"])
    # About four standard deviations of 3720 episodes.
    assert np.mean(right) == pytest.approx(share, abs=0.013 if looks_ahead else 0.007)
    chances = london_paths.chance_by_distance(looks_ahead)
    assert chances[4] == pytest.approx(share, abs=0.0005)
    assert (chances[1] == 1) == looks_ahead
