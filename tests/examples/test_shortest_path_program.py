"""Shortest paths: the program, its pictures, its page and the shipped network."""

import json
import re

import keras
import numpy as np
import pytest

from dnc.controllers import layers_of
from examples import shortest_path
from examples.graphs import (asking, finder, london, london_page, london_paths,
                             london_picture, pictures)
from examples.graphs.encoding import BLANK
from examples.graphs.shortest import HOUR, PAPER, SPARE, planned_by_triples
from examples.lessons import program
from drawn import assert_small_maps, assert_strip, marks, with_reads


@pytest.fixture(scope="module")
def asked():
    """A network without training, its look at a path, and its decoder."""
    keras.utils.set_random_seed(2)
    plan = finder.PathPlan(HOUR, 16, 12, 8, voices=4)
    rng = np.random.default_rng(2)
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


def test_pictures_and_page(asked, tmp_path, rng):
    look, decoder = asked
    look = with_reads(look, rng)
    figure = london_picture.draw_path(look, "a path")
    figure.savefig(tmp_path / "path.png")
    assert marks(figure.axes[0]) == list(look.right)
    assert_small_maps(figure, look)
    assert_strip(pictures.draw_strip(look, decoder, "a path"), look, decoder)
    text = london_page.render(look, decoder, "a path", "a shortest path")
    assert '"grey": "a shortest path"' in text
    data = json.loads(re.search(r'id="data">(.*)</script>\n<script>', text).group(1))
    assert [step["phase"] for step in data["steps"][105:118]] == [
        "description", "query", *["planning"] * 10, "answer"]


def test_the_papers_sizes():
    cell = shortest_path.PAPERS.build(16).layer.cell
    assert (cell.word_size, cell.num_read_heads) == (50, 5)
    assert [unit.units for unit in layers_of(cell.controller)] == [256, 256]
    assert shortest_path.PAPERS.rows == 1
    assert cell.output_kernel.shape[1] == 90  # one voice


def test_planning_by_triples_has_room(rng):
    lesson, = planned_by_triples((PAPER[14],))
    assert lesson.length == 2 * 150 + 1 and lesson.slots == 128 + 150 - 10
    route = lesson.draw(rng)
    assert len(route.episode.shown) == 2 * len(route.survey.triples) + 1
    assert london_paths.slots(10) == 160
    assert london_paths.slots(None) >= 2 * len(london.RIDES) + 1 + london_paths.MOST
    args = shortest_path.parse_arguments(["--planning=triples", "--folder=here"])
    assert args.steps is None and args.folder.as_posix() == "here/triples"
    assert shortest_path.planned(shortest_path.DNC, args).lessons[0].planning is None
    args = shortest_path.parse_arguments(["--folder=here"])
    assert args.steps == 10 and args.folder.as_posix() == "here"
    assert shortest_path.planned(shortest_path.DNC, args) is shortest_path.DNC


def test_pictures_go_where_the_network_that_is_asked_has_its_own(tmp_path):
    def output(*more):
        return shortest_path.parse_arguments(
            ["--path=Victoria: Bank", f"--folder={tmp_path}", *more]).output.as_posix()

    own, shipped = "runs/shortest_path", "runs/shortest_path/shipped"
    (tmp_path / "dnc").mkdir()
    (tmp_path / "dnc" / program.WEIGHTS).touch()
    assert (output(), output("--planning=triples")) == (own, shipped)
    (tmp_path / "triples").mkdir()
    (tmp_path / "dnc").rename(tmp_path / "triples" / "dnc")
    assert (output(), output("--planning=triples")) == (shipped, own)


@pytest.mark.parametrize("arguments, said", [
    (["--path=Victoria"], "give it as"), (["--path=Victoria:"], "give one goal"),
    (["--path=Vitoria: Bank"], "no station 'Vitoria'; there are Paddington"),
    (["--path=Bank: Vitoria"], "no station 'Vitoria'"),
    (["--path=Bank: Bank"], "the same"), (["--planning=9"], "--planning"),
    (["--minutes=nan"], "--minutes"), (["--paths=-1"], "--paths"),
    (["--paper", "--show"], "--paper"), (["on"], "on"),
    (["--lessons", "--paths=0"], "--lessons"),
    (["--lessons", "--path=Victoria: Bank"], "--lessons"),
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


@pytest.mark.slow
def test_the_shipped_network_does_better_than_look_ahead():
    lesson, rng = HOUR[-1], np.random.default_rng(8)
    model = program.load_network(shortest_path.SHIPPED / program.WEIGHTS,
                                 shortest_path.SHIPPED_DNC, lesson.slots)
    routes = [lesson.draw(rng) for _ in range(200)]
    right = [finder.evaluate(each, routes, 10, lesson.length, lesson.most)["right"]
             for each in (model, finder.Guess(rng, True))]
    assert right[0] > right[1] + 0.1
