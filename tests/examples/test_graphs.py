"""examples/graphs: graphs and walks against the paper's tables, rows and the map."""

import csv
from pathlib import Path

import numpy as np
import pytest

from examples.graphs import asking, london
from examples.graphs.encoding import (ANSWER_DUE, BLANK, DIGITS, END, FEATURES,
                                      NEW_PHASE, to_digits, to_features, to_labels)
from examples.graphs.random_graphs import edges_from, random_graph
from examples.graphs.rows import READ_WEIGHT, RowsEpoch, pack
from examples.graphs.training import Plan
from examples.graphs.traversal import (HOUR, PAPER, Lesson, random_walk,
                                       traversal_episode)
from examples.lessons.epochs import batches_of, stream

SHARED = Path(__file__).parents[3] / "shared" / "tasks"


def test_labels_are_three_digits_each_one_of_ten(rng):
    assert to_digits([7, 42, 999]).tolist() == [0, 0, 7, 0, 4, 2, 9, 9, 9]
    labels = rng.integers(BLANK, 1000, size=(50, 3))
    assert np.array_equal(to_labels(to_digits(labels)), labels)
    flags = rng.integers(0, 2, size=(2, 50)).astype(bool)
    features = to_features(labels, *flags)
    assert features.shape == (50, FEATURES) and FEATURES == 92
    one_hot = features[:, :90].reshape(50, 3, 3, 10)
    shown = labels != BLANK
    assert np.all(one_hot[shown].sum(axis=-1) == 1) and not one_hot[~shown].any()
    assert np.array_equal(one_hot.argmax(axis=-1)[shown] @ [100, 10, 1], labels[shown])
    assert np.array_equal(features[:, [NEW_PHASE, ANSWER_DUE]].T, flags)


# Nodes, out-degree: triples of a graph on average (shared specification, measured by
# an independent program), and the most there can be.
@pytest.mark.parametrize("nodes, out_degree, triples", [
    ((3, 10), (2, 4), 18), ((5, 10), (2, 4), 22), ((10, 15), (2, 4), 37),
    ((10, 20), (2, 4), 45), ((10, 30), (2, 4), 60), ((10, 40), (2, 6), 98)])
def test_graphs_are_as_large_as_the_papers(rng, nodes, out_degree, triples):
    sizes = [len(random_graph(rng.integers(nodes[0], nodes[1] + 1), out_degree, rng))
             for _ in range(600)]
    assert np.mean(sizes) == pytest.approx(triples, rel=0.07)
    assert max(sizes) <= nodes[1] * out_degree[1]


def test_graphs_have_distinct_labels_and_degrees_in_range(rng):
    degrees, repeats = set(), 0
    for nodes in [2, 3, 4, *rng.integers(5, 31, size=60)]:
        triples = random_graph(nodes, (2, 4), rng)
        assert len({tuple(triple) for triple in triples.tolist()}) == len(triples)
        assert END not in triples and triples.min() > 0 and triples.max() < 1000
        edges = edges_from(triples)
        # None is lost: an edge label is found once among those out of a node.
        assert sum(map(len, edges.values())) == len(triples) and len(edges) == nodes
        for source, ways in edges.items():
            assert len(set(ways.values())) == len(ways) and source not in ways.values()
            assert min(2, nodes - 1) <= len(ways) <= min(4, nodes - 1)
            degrees.add(len(ways))
        labels = triples[:, 1]
        repeats += len(labels) - len(set(labels.tolist()))
        assert len(set(labels.tolist())) <= nodes
    assert {2, 3, 4} <= degrees and repeats > 100


def test_graphs_join_near_points():
    """With all points on a line, the neighbours are those beside."""
    class OnALine:
        def __init__(self):
            self.rng = np.random.default_rng(1)

        def random(self, shape):
            if shape[1] == 2:
                return np.stack([np.arange(shape[0]) ** 1.1, np.zeros(shape[0])], 1)
            return self.rng.random(shape)

        def __getattr__(self, name):
            return getattr(self.rng, name)

    triples = random_graph(6, (1, 1), OnALine())
    next_of = dict(zip(triples[:, 0].tolist(), triples[:, 2].tolist()))
    # Each point's nearest is the one before it, the first's is the second.
    first = [node for node in next_of if next_of[next_of[node]] == node]
    assert len(first) == 2 and len(set(next_of.values())) == 5


def solve(features):
    """The answer of a traversal, from nothing but what the network is given."""
    one_hot = features[:, :90].reshape(len(features), 3, 3, 10)
    labels = np.where(one_hot.any(axis=(2, 3)), one_hot.argmax(axis=-1) @ [100, 10, 1],
                      BLANK)
    phase = np.cumsum(features[:, NEW_PHASE])
    edges = {(source, edge): destination
             for source, edge, destination in labels[phase == 1].tolist()}
    query = labels[phase == 2]
    node, answer = query[0, 0], []
    for edge in query[:, 1].tolist():
        answer.append((node, edge, edges[node, edge]))
        node = answer[-1][2]
    return np.array([*answer, (END, END, END)])


@pytest.mark.parametrize("lesson", [*PAPER, *HOUR])
def test_answers_follow_from_what_is_shown(rng, lesson):
    lengths = set()
    for _ in range(40):
        episode = lesson.draw(rng)
        features = to_features(episode.shown, episode.begins, episode.answers)
        due = episode.due[episode.answers]
        assert np.array_equal(solve(features), due)
        assert not features[episode.answers, :90].any()
        assert features[:, NEW_PHASE].sum() == 3 and features[0, NEW_PHASE] == 1
        # The answer is due from the third phase on, to the end.
        assert np.array_equal(episode.answers, np.cumsum(episode.begins) == 3)
        query = episode.shown[np.cumsum(episode.begins) == 2]
        assert len(query) == len(due) - 1
        assert (query[0] == BLANK).tolist() == [False, False, True]
        assert np.all((query[1:] == BLANK) == [True, False, True])
        longest = lesson.nodes[1] * lesson.out_degree[1] + 2 * lesson.walk[1] + 1
        assert len(episode.shown) <= longest <= lesson.length
        lengths.add(len(query))
    assert min(lengths) >= lesson.walk[0] and max(lengths) <= lesson.walk[1]
    assert len(lengths) > lesson.walk[1] // 3


def test_walks_take_each_edge_equally_often(rng):
    triples = random_graph(8, (2, 4), rng)
    walks = np.vstack([random_walk(triples, 1, rng) for _ in range(4000)])
    counts = {tuple(triple): 0 for triple in triples.tolist()}
    for step in walks.tolist():
        counts[tuple(step)] += 1
    edges = edges_from(triples)
    for (source, _, _), count in counts.items():
        expected = 4000 / 8 / len(edges[source])
        assert abs(count - expected) < 5 * expected ** 0.5


def test_the_papers_lessons():
    assert len(PAPER) == 14
    assert [lesson.walk[1] for lesson in PAPER] == [
        1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 20]
    assert PAPER[9][:3] == ((10, 30), (2, 4), (1, 7))


def test_a_lesson_is_complete_by_its_longest_walks(rng):
    lesson, last = PAPER[4].hardest, PAPER[4]
    assert lesson == last._replace(walk=(4, 4)) and last.hardest.hardest == lesson
    assert {int(lesson.draw(rng).answers.sum()) for _ in range(20)} == {5}


def test_rows_hold_episodes_whole(rng):
    episodes = [HOUR[3].draw(rng) for _ in range(40)]
    rows = pack(iter(episodes), 5, 96)
    assert len(rows.places) > 10
    taken = np.zeros((5, 96), bool)
    for (row, start, episode), given in zip(rows.places, episodes):
        assert episode is given  # none is passed over
        steps = slice(start, start + len(episode.shown))
        assert not taken[row, steps].any()
        taken[row, steps] = True
        features = rows.inputs["steps"][row, steps]
        assert np.array_equal(solve(features), episode.due[episode.answers])
        assert rows.inputs["resets"][row, steps].tolist() == [1] + [0] * (
            len(features) - 1)
        digits = rows.targets[row, steps]
        assert np.array_equal(to_labels(digits)[episode.answers],
                              episode.due[episode.answers])
        read = (to_digits(episode.shown) != BLANK) & ~episode.answers[:, None]
        assert np.array_equal(digits[read], to_digits(episode.shown)[read])
        weights = rows.weights[row, steps]
        assert np.all(weights[episode.answers] > 0)
        assert np.array_equal(weights[~episode.answers] > 0, read[~episode.answers])
    assert not rows.inputs["steps"][~taken].any() and not rows.weights[~taken].any()
    answers = rows.inputs["steps"][:, :, ANSWER_DUE] > 0
    assert rows.weights[answers].sum() == pytest.approx(1, rel=1e-5)
    assert rows.weights[~answers].sum() == pytest.approx(READ_WEIGHT, rel=1e-5)
    assert answers.sum() * DIGITS == (rows.weights > rows.weights.max() * 0.99).sum()
    with pytest.raises(ValueError, match="fits into a row of 5 steps"):
        pack(iter(episodes), 2, 5)


def test_a_tenth_comes_from_earlier_lessons(rng):
    lessons = [Lesson((3, 3), (1, 1), (1, 1)), Lesson((5, 5), (1, 1), (1, 1)),
               Lesson((9, 9), (1, 1), (1, 1))]
    episodes = stream(lessons, 2, rng)
    sizes = np.array([len(next(episodes).shown) - 3 for _ in range(2000)])
    assert abs(np.mean(sizes != 9) - 0.1) < 0.03
    assert abs(np.mean(sizes == 3) - np.mean(sizes == 5)) < 0.03
    alone = stream(lessons, 0, rng)
    assert all(len(next(alone).shown) == 6 for _ in range(20))


def test_batches_follow_from_seed_and_epoch():
    def batch(seed, number, lesson, index):
        epoch = RowsEpoch(HOUR, 3, 4, 64, seed)
        epoch.number, epoch.lesson = number, lesson
        return epoch[index][0]["steps"]

    first = batch(1, 2, 0, 1)
    assert np.array_equal(first, batch(1, 2, 0, 1))
    for other in (batch(2, 2, 0, 1), batch(1, 3, 0, 1), batch(1, 2, 1, 1),
                  batch(1, 2, 0, 2)):
        assert not np.array_equal(first, other)


def test_the_underground_is_a_graph_of_106_rides(rng):
    assert len(london.STATIONS) == 26 and len(london.RIDES) == 106
    assert len(london.DIRECTIONS) == 18
    ways = {(here, way) for here, way, _ in london.RIDES}
    assert len(ways) == 106  # station and direction name one ride
    out = [sum(here == station for here, _, _ in london.RIDES)
           for station in london.STATIONS]
    assert (min(out), max(out)) == (1, 6)
    back = {frozenset((here, there)) for here, _, there in london.RIDES}
    for here, way, there in london.RIDES:
        line = london.line_of(way)
        assert line in london.COLOURS
        assert any(a == there and b == here and london.line_of(w) == line
                   for a, w, b in london.RIDES)
    assert all(station in {name for pair in back for name in pair}
               for station in london.STATIONS)
    numbered = london.number(rng)
    assert numbered.triples.shape == (106, 3)
    assert set(numbered.name(numbered.triples)) == set(london.RIDES)
    assert len(set(numbered.triples[:, 0].tolist())) == 26
    walk = london.follow("Victoria", ["Victoria N", "Piccadilly E"])
    assert walk == [("Victoria", "Victoria N", "Green Park"),
                    ("Green Park", "Piccadilly E", "Piccadilly Circus")]
    labels = numbered.number(walk)
    episode = traversal_episode(numbered.triples, labels)
    features = to_features(episode.shown, episode.begins, episode.answers)
    assert numbered.name(solve(features)[:-1]) == walk
    assert numbered.name([[0, 0, 0]]) == [asking.THE_END]


@pytest.mark.skipif(not SHARED.exists(), reason="the list to compare with is not here")
def test_the_underground_is_that_of_the_specification():
    short = {"south": "S", "north": "N", "east": "E", "west": "W"}
    with open(SHARED / "underground_zone1_interchanges.csv", encoding="utf-8") as file:
        rides = {(row["source"], " ".join(short.get(word, word)
                                          for word in row["edge"].split()),
                  row["destination"]) for row in csv.DictReader(file)}
    assert rides == set(london.RIDES)


def test_a_walk_that_cannot_be_is_told():
    for start, ways, said in (("Victoria", ["Central E"], "no 'Central E' from Vict"),
                              ("Nowhere", ["Central E"], "no station 'Nowhere'"),
                              ("Victoria", [], "no direction")):
        with pytest.raises(ValueError, match=said):
            london.follow(start, ways)


@pytest.mark.parametrize("count", [1, 3, 4, 8, 9])
def test_batches_are_filled_up_with_what_does_not_count(count):
    items = list(range(count))
    batches = list(batches_of(items, 4))
    assert [item for batch, _ in batches for item in batch] == items
    for batch, filled in batches:
        assert len(filled) == 4 and filled[:len(batch)] == batch
        assert set(filled) <= set(items)


def test_the_rate_of_a_plan_falls_to_its_lowest():
    plan = Plan(HOUR, 8, 6, 1, rate=2e-3, falling=1000, lowest=0.03)
    model = plan.build(4)
    plan.compile(model, 0)
    schedule = model.optimizer._learning_rate  # the schedule, not its value now
    assert [float(schedule(update)) for update in (0, 300, 1300, 9000)] == (
        pytest.approx([0, 2e-3, 6e-5, 6e-5]))
