"""A look into the memory on a walk: what was read where, its pictures, its page."""

import json
import re

import keras
import numpy as np
import pytest

from browser import chromium, needs_chromium
from dnc.trajectory import provenance
from drawn import assert_small_maps, assert_strip, marks, with_reads
from examples import underground
from examples.graphs import asking, london, london_page, london_picture, pictures
from examples.graphs import training
from examples.graphs.encoding import END, to_digits
from examples.graphs.traversal import HOUR
from examples.lessons.pictures import WRONG


@pytest.fixture(scope="module")
def asked():
    """A network without training, its look at a walk, and its decoder."""
    keras.utils.set_random_seed(2)
    model = training.Plan(HOUR, 16, 12, 2).build(london.SLOTS)
    rng = np.random.default_rng(2)
    walk = underground.parse_walk("Bank: Central W, Piccadilly E")
    episodes = [london.draw_episode(1, rng) for _ in range(4)]
    return model, london.look(model, walk, rng), asking.Decoder(model, episodes)


def test_a_look_says_what_was_read_where(asked):
    model, look, decoder = asked
    assert look.query.tolist() == [106, 107] and look.answering.tolist() == [
        108, 109, 110]
    empty = full = 0
    assert len(look.answer) == len(look.right) == 3 and not any(look.right)
    for step, strengths in look.strengths.items():
        reads, held = look.trajectory.read_weighting[step], look.holders[step]
        shares = np.stack([provenance(look.trajectory, step, slot)
                           for slot in range(london.SLOTS)])
        assert np.array_equal(held, np.where(shares.max(axis=1) >= 0.05,
                                             shares.argmax(axis=1), -1))
        for source in range(len(look.names)):
            assert strengths[:, source] == pytest.approx(
                reads[:, held == source].sum(axis=1), abs=1e-5)
        empty += (held == -1).sum()
        full += (held >= 0).sum()
    assert empty and full
    assert look.names[106] == "asked 1: Bank, Central W"
    assert look.names[107] == "asked 2: Piccadilly E"
    assert (look.names[109], look.names[110]) == ("answer 2", "the end")
    here, direction, there = look.names[0].split(", ")
    assert (here, direction, there) in london.RIDES
    rides = decoder(look.trajectory.memory[-1], look.numbered)
    assert len(rides) == london.SLOTS
    assert all(ride[0] in london.STATIONS and ride[1] in london.DIRECTIONS
               for ride in rides)


def test_the_decoder_finds_what_was_written(rng):
    """Write vectors that are a linear code of the digits are read without mistake."""
    code = rng.normal(size=(90, 64))

    class Layer:
        def trajectory(self, inputs):
            vectors = (inputs[:, :, :90] @ code)[:, :, np.newaxis]
            return type("T", (), {"interface": type("I", (), {
                "write_vectors": vectors})})

    model = type("M", (), {"layer": Layer()})
    decoder = asking.Decoder(
        model, [london.draw_episode(1, rng) for _ in range(10)])
    numbered = london.number(rng)
    one_hot = np.eye(10)[to_digits(numbered.triples)].reshape(-1, 90)
    rides = decoder(one_hot @ code, numbered)
    assert np.mean([ride == wanted for ride, wanted in zip(
        rides, numbered.name(numbered.triples))]) > 0.97


def test_heads_are_drawn_side_by_side_whichever_way_a_ride_leads():
    for ride in london.RIDES:
        start, end = london_picture.track(ride)
        aside = london_picture.across(ride)
        assert np.linalg.norm(aside) == pytest.approx(1)
        assert aside @ (end - start) == pytest.approx(0, abs=1e-9)
        back = next(other for other in london.RIDES if other[::-2] == ride[::2]
                    and london.line_of(other[1]) == london.line_of(ride[1]))
        assert np.array_equal(aside, london_picture.across(back))
        assert np.allclose(london_picture.track(back), [end, start])


def test_an_end_that_comes_too_early_is_called_one(asked):
    _, look, _ = asked
    end, nothing = look.numbered.name([[END] * 3, [END, END, 7]])
    assert asking.edge_text(end) == "the end"
    assert asking.edge_text(nothing) == "?, ?, ?"


def test_pictures_and_page(asked, tmp_path, rng):
    _, look, decoder = asked
    look = with_reads(look, rng)
    figure = london_picture.draw_walk(look, "a walk")
    figure.savefig(tmp_path / "walk.png")
    assert marks(figure.axes[0]) == list(look.right[:2])
    for right in (False, True):  # a walk whose end alone is wrong has a cross too
        drawn = london_picture.draw_walk(look._replace(right=[True, True, right]), "w")
        words = "".join(text.get_text() for axes in drawn.axes for text in axes.texts)
        assert (f"{WRONG} the end" in words) != right
    assert [text.get_text() for text in figure.axes[0].texts
            if text.get_text() in london.STATIONS] == list(london.STATIONS)
    assert_small_maps(figure, look)
    assert_strip(pictures.draw_strip(look, decoder, "a walk"), look, decoder)
    text = london_page.render(look, decoder, "a </script> walk")
    data = json.loads(re.search(r'id="data">(.*)</script>\n<script>', text).group(1))
    assert data["title"] == "a </script> walk" and len(data["steps"]) == 111
    assert len(data["rides"]) == 106 and len(data["asked"]) == 2
    assert [step["phase"] for step in data["steps"][105:109]] == [
        "description", "query", "query", "answer"]
    assert data["grey"] == "what is asked for"
    for step, entry in enumerate(data["steps"]):
        for head, told in enumerate(entry.get("reads", [])):
            reads = look.trajectory.read_weighting[step, head]
            assert told["slot"] == [reads.argmax(), round(float(reads.max()), 3)]
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.fixture
def path(asked, tmp_path):
    """The file of a walk's page."""
    _, look, decoder = asked
    path = tmp_path / "walk.html"
    path.write_text(london_page.render(look, decoder, "a walk"), encoding="utf-8")
    return path


@needs_chromium
def test_a_phone_shows_the_map_above_the_details(path):
    with chromium() as tab:
        tab.open(path.as_uri(), 390, 844)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        _, top, width, height = tab.box("#map")
        assert (width, height) == (860, 500)  # in a frame of its own, to be scrolled
        assert tab.box("#details")[1:3] == [top + height, 390]
        tab.open(path.as_uri(), 1300, 850)
        left, top, width, height = tab.box("#map")
        assert width == pytest.approx(780, abs=2) and height > 600
        assert tab.box("#details")[:2] == [left + width, top]


@needs_chromium
def test_each_head_that_reads_an_edge_has_an_arrow_of_its_own(asked, tmp_path, rng):
    _, look, decoder = asked
    page = tmp_path / "reads.html"
    page.write_text(london_page.render(with_reads(look, rng), decoder, "a walk"),
                    encoding="utf-8")
    with chromium() as tab:
        tab.open(page.as_uri())
        ends = json.loads(tab.evaluate(
            "JSON.stringify([...document.querySelectorAll('line[marker-end]')].map("
            "line => ['x1', 'y1', 'x2', 'y2', 'marker-end'].map("
            "name => line.getAttribute(name))))"))
        assert {end[-1] for end in ends} == {"url(#head0)", "url(#head1)"}
        assert len({tuple(end[:-1]) for end in ends}) == len(ends)
        assert not tab.faults


@needs_chromium
def test_the_slider_moves_through_the_steps(asked, path):
    _, look, _ = asked
    with chromium() as tab:
        tab.open(path.as_uri())
        assert "Step 107 of 111, query" in tab.text("#details")
        tab.evaluate("slider.value = 110; slider.oninput(); 0")
        assert "Step 111 of 111, answer" in tab.text("#details")
        assert "Read head 2" in tab.text("#details")
        tab.evaluate("slider.value = 3; slider.oninput(); 0")
        assert look.names[3] in tab.text("#details")
        assert not tab.faults
        assert all(address.startswith("file:") for address in tab.requests)
