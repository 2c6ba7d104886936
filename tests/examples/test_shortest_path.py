"""Shortest paths: graphs against the specification, the answer as it is played."""

import hashlib
import json
import re
from collections import deque

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dnc.controllers import layers_of
from examples import shortest_path
from examples.graphs import (asking, finder, london, london_page, london_paths,
                             london_picture, pictures, program, shortest)
from examples.graphs.encoding import (ANSWER_DUE, BLANK, NEW_PHASE, to_digits,
                                      to_features)
from examples.graphs.network import compile_reader
from examples.graphs.random_graphs import random_graph
from examples.graphs.rows import pack
from examples.graphs.shortest import (BETA, FAR, HOUR, PAPER, SPARE, Lesson, make_batch,
                                      make_route, planned_by_triples, played, survey)
from stopped_runs import assert_goes_on_the_same

SMALL = (Lesson((3, 5), (1, 2), (1, 2), (1, 2), 12, 14, True),
         Lesson((4, 5), (1, 2), (1, 2), (2, 2), 12, 14))
PLAN = finder.PathPlan(SMALL, (8,), 6, 2, rows=3, updates=2)


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
    (start, _, goal), = labels[phase == 2].tolist()
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
    *HOUR, PAPER[0], PAPER[6], PAPER[14], *planned_by_triples((HOUR[1], PAPER[3]))])
def test_routes_are_what_the_lesson_says(rng, lesson):
    distances, hinted = set(), 0
    for _ in range(25):
        route = lesson.draw(rng)
        episode, surveyed = route.episode, route.survey
        features = to_features(episode.shown, episode.begins, episode.answers)
        phase = np.cumsum(episode.begins)
        assert np.array_equal(episode.shown[phase == 1], surveyed.triples)
        assert lesson.nodes[0] <= len(surveyed.nodes) <= lesson.nodes[1]
        start, goal = surveyed.nodes[[route.start, route.goal]]
        assert episode.shown[phase == 2].tolist() == [[start, BLANK, goal]]
        planning = lesson.planning or (len(surveyed.triples),) * 2
        assert planning[0] <= (phase == 3).sum() <= planning[1]
        assert not features[phase == 3, :90].any()
        assert not features[:, ANSWER_DUE].any() and phase[-1] == 3
        assert len(episode.shown) <= lesson.length
        away = steps_to(goal, surveyed.triples.tolist())
        assert lesson.distance[0] <= away[start] == route.distance <= lesson.distance[1]
        for step, (here, edge, there) in enumerate(episode.hints[phase == 3].tolist()):
            if here == BLANK:
                assert not lesson.hints or step + 1 not in away.values()
            else:
                hinted += 1
                assert [here, edge, there] in surveyed.triples.tolist()
                assert (away[here], away[there]) == (step + 1, step)
        distances.add(route.distance)
    assert len(distances) > (lesson.distance[1] > lesson.distance[0])
    assert (hinted > 0) == lesson.hints


def test_the_papers_lessons():
    assert len(PAPER) == len(shortest.PAPERS_FINAL) == 15
    assert len(shortest.PAPERS_UNDERGROUND) == 15
    assert [lesson.distance for lesson in PAPER] == [
        *[(2, 2)] * 3, *[(2, 3)] * 3, *[(2, 4)] * 3, *[(2, 5)] * 6]
    assert PAPER[-1][:4] == ((20, 25), (2, 6), (2, 5), (10, 10))
    assert all(lesson.complete == ("near", 0.8) and not lesson.hints
               and lesson.length == 25 * 6 + 1 + 10 for lesson in PAPER)
    cell = shortest_path.PAPERS.build(16).layer.cell
    assert (cell.word_size, cell.num_read_heads) == (50, 5)
    assert shortest_path.PAPERS.rows == 1
    assert [unit.units for unit in layers_of(cell.controller)] == [256, 256]


def test_rows_end_where_the_answer_begins(rng):
    routes = [HOUR[1].draw(rng) for _ in range(5)]
    inputs, targets, weights = make_batch(routes, 40, 5)
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
        assert not inputs["planner"][row].any()
    lesson = HOUR[1]._replace(hints=False)
    inputs, _, weights = make_batch([lesson.draw(rng) for _ in range(99)], 40, 5, rng)
    assert weights.sum() == pytest.approx(0.1)  # that of what is read alone
    assert inputs["planner"].mean() == pytest.approx(BETA, abs=0.06)


def test_an_oracle_finds_every_path(rng):
    for lesson in (HOUR[1], PAPER[9], HOUR[0]._replace(planning=None, length=40)):
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
    lesson = SMALL[0]
    routes = [lesson.draw(rng) for _ in range(6)]
    inputs, targets, weights = make_batch(routes, lesson.length, lesson.most)
    inputs["planner"] = rng.random(inputs["planner"].shape) < 0.5
    result = network(inputs)
    total, steps, own = 0.0, 0, 0
    for row, route in enumerate(routes):
        taken = result["taken"].numpy()[row]
        taken = taken[taken >= 0]
        episode = played(route, taken)
        assert episode.answers.sum() == len(taken) <= route.distance + SPARE
        features = pack([episode], 1, 20).inputs["steps"]
        scores = network.layer(features)[0].numpy()[0, :len(episode.answers)]
        parts = log_softmax(scores[episode.answers].reshape(-1, 9, 10))
        here = route.start
        for step, edge in enumerate(taken):
            legal = np.flatnonzero(route.survey.source == here)
            likelihood = log_softmax(parts[step][np.arange(9), to_digits(
                route.survey.triples[legal])].sum(axis=1))
            best = route.best[here]
            if inputs["planner"][row, step]:
                assert edge == best
            else:
                own += 1
                assert edge == legal[likelihood.argmax()]
            wanted = likelihood[legal.tolist().index(best)]
            assert result["likelihood"][row, step].numpy() == pytest.approx(
                wanted, abs=1e-4)
            total, steps = total - wanted, steps + 1
            here = route.survey.destination[edge]
        assert not result["likelihood"][row, len(taken):].numpy().any()
        assert result["arrived"][row].numpy() == (here == route.goal)
    assert own > 0
    read = log_softmax(result["read"].numpy())
    read = np.take_along_axis(read, targets[..., np.newaxis], 3)[..., 0]
    compile_reader(network)
    loss = network.compute_loss(inputs, targets, result, weights)
    expected = total / steps - (read * weights).sum()
    assert float(loss) == pytest.approx(expected, rel=1e-4)


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


@pytest.fixture(scope="module")
def asked():
    """A network without training, its look at a path, and its decoder."""
    keras.utils.set_random_seed(2)
    plan, rng = finder.PathPlan(HOUR, (16,), 12, 2), np.random.default_rng(2)
    model = plan.build(london_paths.SLOTS)
    look = london_paths.look(model, "Victoria", "Moorgate", 10, rng)
    return look, asking.Decoder(model, [look.episode])


def test_a_look_follows_the_path_that_was_taken(asked):
    look, _ = asked
    assert look.query.tolist() == [106] and look.names[106] == (
        "asked: Victoria to Moorgate")
    assert (look.names[107], look.names[116], look.names[117]) == (
        "planning 1", "planning 10", "answer 1")
    count = len(look.answering)
    assert look.answering.tolist() == list(range(117, 117 + count))
    assert len(look.answer) == len(look.right) == count <= 4 + SPARE
    assert look.asked[0][0] == look.answer[0][0] == "Victoria"
    assert look.asked[-1][2] == "Moorgate" and len(look.asked) == 4
    for before, after in zip(look.answer, look.answer[1:]):
        assert before[2] == after[0] and before in london.RIDES
    fed = look.numbered.name(look.episode.shown[118:])
    assert fed == look.answer[:-1]  # what was chosen is shown at the next step
    assert not (look.episode.shown[107:118] != BLANK).any()


def test_pictures_and_page(asked, tmp_path):
    look, decoder = asked
    for number, figure in enumerate((london_picture.draw_path(look, "a path"),
                                     pictures.draw_strip(look, decoder, "a path"))):
        path = tmp_path / f"{number}.png"
        figure.savefig(path)
        assert min(Image.open(path).size) > 300
    text = london_page.render(look, decoder, "a path")
    data = json.loads(re.search(r'id="data">(.*)</script>\n<script>', text).group(1))
    assert [step["phase"] for step in data["steps"][105:118]] == [
        "description", "query", *["planning"] * 10, "answer"]


def test_planning_by_triples_has_room(rng):
    lesson, = planned_by_triples((PAPER[14],))
    assert lesson.length == 2 * 150 + 1
    route = lesson.draw(rng)
    assert len(route.episode.shown) == 2 * len(route.survey.triples) + 1
    args = shortest_path.parse_arguments(["--planning=triples", "--folder=here"])
    assert args.steps is None and args.folder.as_posix() == "here/triples"
    assert shortest_path.planned(shortest_path.DNC, args).lessons[0].planning is None
    args = shortest_path.parse_arguments(["--folder=here"])
    assert args.steps == 10 and args.folder.as_posix() == "here"
    assert shortest_path.planned(shortest_path.DNC, args) is shortest_path.DNC


@pytest.mark.parametrize("arguments, said", [
    (["--path=Victoria"], "give it as"), (["--path=Victoria:"], "give one goal"),
    (["--path=Vitoria: Bank"], "no station 'Vitoria'; there are Paddington"),
    (["--path=Bank: Vitoria"], "no station 'Vitoria'"),
    (["--path=Bank: Bank"], "the same"), (["--planning=9"], "--planning"),
    (["--minutes=nan"], "--minutes"), (["--paths=-1"], "--paths"),
    (["--paper", "--show"], "--paper"), (["on"], "on"),
    (["--folder=setup.py"], "--folder=setup.py: not a folder")])
def test_bad_options_are_told_in_a_line(arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(shortest_path.ROOT)
    with pytest.raises(SystemExit) as left:
        shortest_path.parse_arguments(arguments)
    assert left.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_another_length_of_answer_wants_another_model():
    """Keras would relax the shape, and there is no loop over unknown steps."""
    plan = shortest_path.PAPERS
    assert plan.shape(2) != plan.shape(3) == plan.shape(4)


def test_the_shipped_network_is_whole_and_small():
    sums = (shortest_path.SHIPPED / "SHA256SUMS").read_text().split()
    assert {program.WEIGHTS, program.LOG} <= set(sums)
    for digest, name in zip(sums[::2], sums[1::2]):
        data = (shortest_path.SHIPPED / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
        assert len(data) < 4e6


@pytest.mark.slow
def test_the_shipped_network_does_better_than_look_ahead():
    model = program.load_network(
        shortest_path.SHIPPED / program.WEIGHTS, shortest_path.DNC, 64)
    lesson, rng = HOUR[2], np.random.default_rng(8)
    routes = [lesson.draw(rng) for _ in range(200)]
    right = [finder.evaluate(each, routes, 10, lesson.length, lesson.most)["right"]
             for each in (model, finder.Guess(rng, True))]
    assert right[0] > right[1] + 0.1
