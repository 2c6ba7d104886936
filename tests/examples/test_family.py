"""Relations in random graphs and in the family tree, and the command that asks them."""

import csv
import hashlib
from pathlib import Path

import keras
import numpy as np
import pytest

from dnc import interface
from dnc.controllers import layers_of
from examples import family_tree
from examples.graphs import (asking, family, family_picture, kinship, pictures,
                             training)
from examples.graphs.encoding import (ANSWER_DUE, BLANK, END, NEW_PHASE, to_digits,
                                      to_features, to_labels)
from examples.graphs.inference import (HOUR, PAPER, QUESTIONS, RELATIONS,
                                       SEQUENCE_OF, Lesson, chains)
from examples.graphs.random_graphs import random_graph
from examples.graphs.rows import pack
from examples.lessons import program
from examples.lessons.epochs import stream
from drawn import assert_small_maps, assert_strip, marks, with_reads

SHARED = Path(__file__).parents[3] / "shared" / "tasks"


def solve(features, rng=None):
    """The answers, `[A, 3]`, from nothing but the inputs and the table of relations.

    With an `rng` the relations are not known: the end is any node of the graph.
    """
    one_hot = features[:, :90].reshape(len(features), 3, 3, 10)
    labels = np.where(one_hot.any(axis=(2, 3)), one_hot.argmax(axis=-1) @ [100, 10, 1],
                      BLANK)
    phase = np.cumsum(features[:, NEW_PHASE])
    edges = {(source, edge): destination
             for source, edge, destination in labels[phase == 1].tolist()}
    answers = []
    for step in np.flatnonzero(features[:, ANSWER_DUE]):
        asked = labels[:step][(labels[:step] != BLANK).any(axis=1)][-1]
        start, relation, _ = asked.tolist()
        node = start
        if rng is None:
            for edge in SEQUENCE_OF[relation]:
                node = edges[node, edge]
        else:
            nodes = sorted({source for source, _ in edges})
            node = nodes[rng.integers(len(nodes))]
        answers.append((start, relation, node))
    return np.array(answers)


class Policy:
    """Answers by `solve`, as a network would."""

    def __init__(self, rng=None):
        self.rng = rng

    def predict_on_batch(self, inputs):
        logits = np.zeros((*inputs["resets"].shape, 9, 10))
        for row, (steps, resets) in enumerate(zip(inputs["steps"], inputs["resets"])):
            starts = [*np.flatnonzero(resets), len(steps)]
            for start, end in zip(starts, starts[1:]):
                due = start + np.flatnonzero(steps[start:end, ANSWER_DUE])
                digits = to_digits(solve(steps[start:end], self.rng))
                logits[row, due[:, None], np.arange(9), digits] = 1.0
        return logits


def test_there_are_a_hundred_relations_of_each_length():
    lengths = [len(sequence) for sequence in RELATIONS]
    assert [lengths.count(length) for length in range(1, 6)] == [10, 100, 100, 100, 100]
    assert sorted(RELATIONS.values()) == list(range(410))
    for sequence, label in RELATIONS.items():
        assert len(sequence) == (1 if label < 10 else 2 + (label - 10) // 100)
        assert len(sequence) > 1 or sequence == (label,)
        assert set(sequence) <= set(range(10))
    # All that there are of two labels; of more, both the tree's and others.
    known = {length: {family.numbers_of(chain) for chain in family.chains(length)}
             for length in (3, 4, 5)}
    for length, sequences in known.items():
        shared = {sequence for sequence in RELATIONS if len(sequence) == length}
        assert 50 <= len(shared & sequences) < 60


def test_the_relations_never_change():
    """The networks that are shipped know these by heart."""
    table = ",".join(f"{label}:{sequence}" for sequence, label in RELATIONS.items())
    assert hashlib.sha256(table.encode()).hexdigest()[:12] == "36035553357e"


# Nodes, out-degree: (start, relation) pairs of a graph, by number of labels (shared
# specification, measured by an independent program).
@pytest.mark.parametrize("nodes, out_degree, counts", [
    ((3, 3), (2, 2), (12, 2.4, 0.3, 0.1)), ((4, 6), (2, 4), (42, 13, 4.6, 1.1)),
    ((6, 12), (2, 4), (75, 24, 7.6, 2.2)), ((12, 18), (2, 4), (133, 37, 13, 4.0)),
    ((20, 25), (2, 4), (201, 61, 19, 6.6))])
def test_graphs_have_as_many_chains_as_specified(rng, nodes, out_degree, counts):
    found = []
    for _ in range(150):
        triples = random_graph(rng.integers(nodes[0], nodes[1] + 1), out_degree, rng,
                               np.arange(10))
        by_length = chains(triples, 5)
        found.append([len(by_length[length]) for length in (2, 3, 4, 5)])
    mean = np.mean(found, axis=0)
    assert mean[0] == pytest.approx(counts[0], rel=0.12)
    # Which hundred of a thousand or more are relations was drawn in another way.
    assert np.all(np.abs(mean[1:] - counts[1:]) < 0.4 * np.array(counts[1:]) + 0.7)


def test_chains_lead_from_node_to_node(rng):
    triples = random_graph(8, (2, 4), rng, np.arange(10))
    edges = {tuple(triple) for triple in triples.tolist()}
    by_length = chains(triples, 3)
    for length, found in by_length.items():
        assert len({tuple(chain) for chain in found}) == len(found)
        for chain in found:
            assert len(chain) == length and set(chain) <= edges
            assert all(a[2] == b[0] for a, b in zip(chain, chain[1:]))
            assert tuple(label for _, label, _ in chain) in RELATIONS
    paths = [(a, b) for a in edges for b in edges if a[2] == b[0]]
    assert len(by_length[1]) == len(edges) and len(by_length[2]) == len(paths)


@pytest.mark.parametrize("lesson", [*PAPER, *HOUR])
def test_answers_follow_from_what_is_shown(rng, lesson):
    lengths, asked = set(), set()
    for _ in range(20):
        episode = lesson.draw(rng)
        features = to_features(episode.shown, episode.begins, episode.answers)
        due = episode.due[episode.answers]
        assert np.array_equal(solve(features), due) and len(due) == 3
        phases = np.split(np.arange(len(episode.shown)),
                          np.flatnonzero(episode.begins)[1:])
        assert len(phases) == 1 + 3 * 3  # description, then query, planning, answer
        triples = episode.shown[phases[0]]
        assert triples[:, 1].min() >= 0 and triples[:, 1].max() < 10
        nodes = len(set(triples[:, 0].tolist()))
        assert lesson.nodes[0] <= nodes <= lesson.nodes[1]
        for query, planning, answer in zip(phases[1::3], phases[2::3], phases[3::3]):
            assert len(query) == len(answer) == 1
            assert lesson.planning[0] <= len(planning) <= lesson.planning[1]
            assert (episode.shown[query[0]] == BLANK).tolist() == [False, False, True]
            assert not features[planning, :90].any() and not features[answer, :90].any()
            assert not episode.answers[planning].any() and episode.answers[answer].all()
            hints = episode.hints[planning]
            if lesson.hints:
                check_chain(hints, triples, *episode.due[answer[0]].tolist())
            else:
                assert (hints == BLANK).all()
        lengths |= {len(SEQUENCE_OF[label]) for label in due[:, 1].tolist()}
        longest = (lesson.nodes[1] * lesson.out_degree[1]
                   + QUESTIONS * (lesson.planning[1] + 2))
        assert len(episode.shown) <= longest <= lesson.length
        asked |= set(due[:, 1].tolist())
    assert lengths == set(range(lesson.steps[0], lesson.steps[1] + 1))
    assert {edge for label in asked for edge in SEQUENCE_OF[label]} == set(range(10))


def test_graphs_have_as_many_labels_as_the_lesson_says(rng):
    lesson = Lesson((10, 10), (4, 4), (2, 2), labels=(5, 7))  # 40 edges
    counts = {len({label for label in episode.shown[:40, 1].tolist()})
              for episode in (lesson.draw(rng) for _ in range(30))}
    assert counts == {5, 6, 7}


def test_free_gates_begin_closed_and_nothing_else_has_a_bias():
    cell = family_tree.DNC.build(16).layer.cell
    bias = cell.interface_bias.numpy()[np.newaxis]
    fields = interface.split(bias, *cell.dimensions)
    np.testing.assert_array_equal(fields.free_gates, np.full((1, 3), -4, np.float32))
    assert np.count_nonzero(bias) == 3 and not cell.output_bias.numpy().any()
    assert family_tree.PAPERS.build(16).layer.cell.interface_bias is None


def check_chain(hints, triples, start, relation, end):
    """The hints name edge after edge of the relation, from its start to its end."""
    chain = [hint for hint in hints.tolist() if hint[0] != BLANK]
    assert (hints[len(chain):] == BLANK).all()
    assert tuple(label for _, label, _ in chain) == SEQUENCE_OF[relation]
    assert chain[0][0] == start and chain[-1][2] == end
    assert all(a[2] == b[0] for a, b in zip(chain, chain[1:]))
    assert all(edge in triples.tolist() for edge in chain)


def test_hints_count_as_answers_do(rng):
    rows = pack(stream([HOUR[1]], 0, rng), 4, 64)
    answers = rows.inputs["steps"][:, :, ANSWER_DUE] > 0
    hinted = np.zeros_like(answers)
    for row, start, episode in rows.places:
        steps = start + np.flatnonzero(episode.hints[:, 0] != BLANK)
        hinted[row, steps] = True
        assert np.array_equal(to_labels(rows.targets[row, steps]),
                              episode.hints[steps - start])
    assert hinted.sum() == 2 * answers.sum() > 0 and not (hinted & answers).any()
    counted = rows.weights[hinted | answers]
    assert np.ptp(counted) == 0 and counted.sum() == pytest.approx(1, rel=1e-5)


def test_the_papers_lessons():
    assert len(PAPER) == 17 and all(lesson.planning == (10, 10) and not lesson.hints
                                    for lesson in PAPER)
    assert [lesson.steps[1] for lesson in PAPER] == [
        *[2] * 6, *[3] * 3, *[4] * 4, *[5] * 4]
    assert [lesson.nodes for lesson in PAPER[:3]] == [(3, 3), (3, 5), (4, 6)]
    assert PAPER[-1][:3] == ((20, 25), (2, 4), (2, 5))
    cell = family_tree.PAPERS.build(16).layer.cell
    assert [layer.units for layer in layers_of(cell.controller)] == [256] * 3
    assert (cell.word_size, cell.num_read_heads) == (50, 5)


def test_the_tree_is_a_family():
    edges = set(family.EDGES)
    assert len(edges) == len(family.EDGES) == 58 and len(family.PERSONS) == 20
    assert len({(person, label) for person, label, _ in edges}) == 58
    back = {"mother": ("daughter", "son"), "father": ("daughter", "son"),
            "daughter": ("mother", "father"), "son": ("mother", "father"),
            "sister": ("sister", "brother"), "brother": ("sister", "brother")}
    for person, label, other in edges:
        kind = label.split()[0]
        assert (other in family.WOMEN) == (kind in ("mother", "daughter", "sister"))
        assert any((other, way, person) in edges for way in family.LABELS
                   if way.split()[0] in back[kind])
    assert len(family.chains(2)) == 202 and len(family.chains(4)) == 2478
    assert len({family.numbers_of(chain) for chain in family.chains(4)}) == 594


@pytest.mark.skipif(not SHARED.exists(), reason="the tree to compare with is not here")
def test_the_tree_is_that_of_the_specification():
    with open(SHARED / "family_tree_invented.csv", encoding="utf-8") as file:
        edges = {tuple(row.values()) for row in csv.DictReader(file)}
    assert edges == set(family.EDGES)


def test_relations_of_the_tree_are_asked_with_new_numbers(rng):
    numbers = set()
    for length in kinship.LENGTHS:
        episode = kinship.draw_episode(length, rng)
        due = episode.due[episode.answers]
        features = to_features(episode.shown, episode.begins, episode.answers)
        assert np.array_equal(solve(features), due) and len(episode.shown) == 58 + 36
        assert all(len(SEQUENCE_OF[label]) == length for label in due[:, 1].tolist())
        numbers.add(tuple(sorted(set(episode.shown[:58, 0].tolist()))))
    assert len(numbers) == len(kinship.LENGTHS)


def test_an_oracle_scores_everything_and_chance_one_in_so_many_nodes(rng):
    lessons = [Lesson((4, 4), (2, 3), (1, 3), (1, 4), 48, 96)]
    shares = training.evaluate(Policy(), stream(lessons, 0, rng), (4, 96), 50)
    assert shares == {"right": 1.0, "source": 1.0, "edge": 1.0, "destination": 1.0}
    right = training.evaluate(Policy(rng), stream(lessons, 0, rng), (4, 96), 900)
    assert right["right"] == pytest.approx(1 / 4, abs=0.06) and right["edge"] == 1.0
    tree = asking.right_by_length(Policy(), kinship.draw_episode, kinship.LENGTHS, rng,
                                  30)
    assert tree == dict.fromkeys(range(1, 6), 1.0)
    chance = asking.right_by_length(Policy(rng), kinship.draw_episode, (2, 3), rng, 600)
    assert all(share == pytest.approx(1 / 20, abs=0.035) for share in chance.values())


def test_a_question_is_right_or_wrong_alone(rng):
    class Erring(Policy):
        """Wrong in the first question of three."""

        def predict_on_batch(self, inputs):
            logits = super().predict_on_batch(inputs)
            for row, resets in enumerate(inputs["resets"]):
                for start in np.flatnonzero(resets):
                    due = np.flatnonzero(inputs["steps"][row, start:, ANSWER_DUE])[0]
                    logits[row, start + due] = np.roll(logits[row, start + due], 1, -1)
            return logits

    shares = training.evaluate(Erring(), stream([HOUR[1]], 0, rng), (4, 64), 60)
    assert shares["right"] == pytest.approx(2 / 3)


@pytest.fixture(scope="module")
def asked():
    """A network without training, its look at a relation, and its decoder."""
    keras.utils.set_random_seed(2)
    plan = training.Plan(HOUR, 16, 12, 2, layer_norm=True)
    model, rng = plan.build(kinship.SLOTS), np.random.default_rng(2)
    chain = family_tree.parse_relation("Rosa: mother, mother")
    episodes = [kinship.draw_episode(2, rng) for _ in range(4)]
    return kinship.look(model, chain, rng), asking.Decoder(model, episodes)


def test_a_look_names_what_is_asked_and_read(asked):
    look, _ = asked
    assert look.query.tolist() == [58] and look.answering.tolist() == [69]
    assert look.names[58] == "asked: Rosa, mother, mother"
    assert (look.names[59], look.names[68], look.names[69]) == (
        "planning 1", "planning 10", "answer")
    assert look.shown(0) in family.EDGES
    assert look.names[0] == ", ".join(look.shown(0))
    assert len(look.answer) == len(look.right) == 1
    due = look.numbered.name(look.episode.due[69:])
    assert due == [("Rosa", "mother, mother", "Edda")]


def test_pictures_of_the_tree(asked, tmp_path, rng):
    look, decoder = asked
    look = with_reads(look, rng)
    for answer in ("Edda", "Kira", None, "the end"):
        edge = ("Rosa", "mother, mother", answer)
        if answer == "the end":
            edge, answer = look.numbered.name([[END] * 3])[0], None
        look = look._replace(answer=[edge], right=[answer == "Edda"])
        figure = family_picture.draw_relation(look, "relation")
        assert marks(figure.axes[0]) == ([answer == "Edda"] if answer else [])
        assert_small_maps(figure, look)
    figure.savefig(tmp_path / "relation.png")
    assert_strip(pictures.draw_strip(look, decoder, "relation"), look, decoder)


def test_relations_are_read_from_the_command_line():
    chain = family_tree.parse_relation("Rosa:mother,  brother 1")
    assert chain == [("Rosa", "mother", "Kira"), ("Kira", "brother 1", "Leon")]
    assert len(family_tree.parse_relation(family_tree.RELATION.default)) > 1
    assert family_tree.parse_relation("rosa: Mother, brother 1") == chain


@pytest.mark.parametrize("arguments, said", [
    (["--relation=Rosa"], "give it as"),
    (["--relation=Rosi: mother"], "no person 'Rosi'; there are Ada"),
    (["--relation=Rosa: uncle"], "Rosa has no 'uncle', but mother, father, brother 1"),
    (["--relation=Rosa:"], "give one to five labels"),
    (["--minutes=nan"], "--minutes"), (["--relations=-1"], "--relations"),
    (["--paper", "--show"], "--paper"), (["on"], "on"),
    (["--folder=setup.py"], "--folder=setup.py: not a folder")])
def test_bad_options_are_told_in_a_line(arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(family_tree.ROOT)
    with pytest.raises(SystemExit) as left:
        family_tree.parse_arguments(arguments)
    assert left.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_a_sequence_that_is_no_relation_is_told_with_some_that_are(length):
    """All of which the person has who was asked about."""
    offered = 0
    for unknown in list(family.chains(length))[::97]:
        if family.numbers_of(unknown) in RELATIONS:
            continue
        labels = [label for _, label, _ in unknown]
        with pytest.raises(ValueError, match=f"no relation .*; {unknown[0][0]} has "
                           ) as told:
            kinship.follow(unknown[0][0], labels)
        known = str(told.value).partition(" has ")[2]
        if not known.startswith("none of"):
            for other in known.split("; "):
                chain = family_tree.parse_relation(f"{unknown[0][0]}: {other}")
                assert len(chain) == length and chain[0] == unknown[0]
                offered += 1
    assert offered or length == 2  # of two labels nearly all are relations


@pytest.mark.slow
def test_the_shipped_network_knows_the_family(rng):
    model = program.load_network(
        family_tree.SHIPPED / program.WEIGHTS, family_tree.DNC, kinship.SLOTS)
    right = asking.right_by_length(model, kinship.draw_episode, (2, 3, 4, 5), rng)
    for length, least in ((2, 0.9), (3, 0.88), (4, 0.72), (5, 0.58)):
        assert right[length] > least
