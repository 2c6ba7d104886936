"""The page: what it shows is what the memory did, in a real browser too."""

import json
import re

import numpy as np
import pytest

from babi.inspection import page
from babi.inspection.reading import Reader
from babi.model.answerer import QuestionAnswerer
from babi.model.answers import Reading
from browser import chromium, needs_chromium
from dnc.interface import Interface
from dnc.trajectory import Trajectory, provenance
from helpers import assert_close
from small_readings import N, SHORT, UNANSWERED, VOCABULARY, W, make_model


@pytest.fixture(scope="module")
def readings():
    """A short story, one without known answers, and one of over 300 words."""
    return Reader(make_model(np.random.default_rng(3)), VOCABULARY).read(
        {"short": SHORT, "unanswered": UNANSWERED, "long": SHORT[:16] * 19 + SHORT})


def content(html):
    """The data inside a page."""
    return json.loads(re.search(
        r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1]
    )["readings"][0]


def test_a_page_holds_the_reading_and_nothing_from_elsewhere(readings):
    reading = readings[0]
    html = page.render(reading)
    data = content(html)
    assert data["words"] == list(reading.words) and data["title"] == "short"
    assert data["sentences"] == [[0, 5], [6, 10], [11, 16], [17, 22]]
    assert not re.search(r"(?i)https?:|src=|@import|url\(", html)


def test_words_cannot_break_out_of_a_page(readings):
    evil = "</script><b>&\"'\u2028"
    reading = readings[0]._replace(
        title=evil, words=(evil, *readings[0].words[1:]))
    data = content(page.render(reading))
    assert data["title"] == evil and data["words"][0] == evil


@pytest.fixture(scope="module")
def told():
    """A reading made by hand: step 5 writes slot 3, step 10 reads it, and so on."""
    count, words = len(SHORT), tuple(word for word, _ in SHORT)
    write, read = np.zeros((count, 1, N)), np.zeros((count, 1, N))
    write[4, 0, 3], write[5, 0, 2], write[15, 0, 3] = 0.5, 0.9, 1.0
    write[17] = 0.04  # a little everywhere
    read[10, 0, 3], read[10, 0, 2] = 0.75, 0.25
    read[1, 0, 0] = 0.5
    read[22, 0, 3] = 1.0
    gates = np.zeros((count, 1))
    gates[10] = 0.2051
    interface = Interface(*[None] * 10)._replace(
        erase_vectors=np.ones((count, 1, W)), free_gates=gates + 0.6,
        allocation_gates=gates, write_gates=gates * 2 + write.sum(axis=2),
        read_modes=np.tile([0.1, 0.7, 0.2], (count, 1, 1)))
    fields = dict.fromkeys(Trajectory._fields) | {
        "interface": interface, "usage": np.zeros((count, N)),
        "resets": np.zeros(count, bool),
        "write_weighting": write, "read_weighting": read}
    top = {10: (("kitchen", 0.9), ("garden", 0.1)), 21: (("john", 0.5),),
           22: (("garden", 1.0),)}
    return Reading("A story", words, tuple(word for _, word in SHORT), top,
                   Trajectory(**fields))


def test_a_page_knows_where_content_comes_from(told):
    data = content(page.render(told))
    assert data["reads"][10] == [[[3, 0.75, [[4, 0.5]]], [2, 0.25, [[5, 0.9]]]]]
    assert data["reads"][22] == [[[3, 1.0, [[15, 0.96]]]]]  # overwritten since
    assert data["reads"][0] == [[]] and data["writes"][15] == [[[3, 1.0]]]
    assert data["answers"]["21"] == "john ✗ (the)" and data["verdicts"]["10"] is True


def test_sources_are_those_of_the_whole_search(readings):
    """Against `provenance`, asked for every step and slot that is read."""
    for reading in readings[::2]:
        sample, data = reading.trajectory, page.content(reading)
        listed = 0
        for step, heads in enumerate(data["reads"]):
            for slot, _, sources in (read for head in heads for read in head):
                shares = provenance(sample, step, slot)
                order = np.argsort(-shares, kind="stable")[:3]
                expected = [origin for origin in order if shares[origin] >= 0.05]
                assert [origin for origin, _ in sources] == expected
                assert_close([share for _, share in sources], shares[expected], 6e-5)
                listed += len(sources)
        assert listed > len(reading.words) / 4


def assert_plots_fill(tab, share):
    """The plots end where the window ends, and have such a share of what is shown."""
    whole = tab.box("main")
    _, top, _, height = tab.box(".plots")
    assert top + height == pytest.approx(whole[1] + whole[3], abs=1)
    assert height > share * whole[3]


@needs_chromium
def test_hovering_shows_the_details(told, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page.render(told), encoding="utf-8")
    with chromium() as tab:
        tab.open(path.as_uri())
        assert tab.evaluate("document.title") == "A story"

        def point_at_word(step):
            left, top, width, height = tab.box(f'[data-step="{step}"]')
            tab.mouse(left + width / 2, top + height / 2)
            return left + width / 2, top + height / 2

        point_at_word(10)
        text = tab.text(".details")
        assert "“-”, step 11 of 23" in text and "Answer: kitchen ✓" in text
        for name, value in (("write gate", "0.41"), ("allocation gate", "0.21"),
                            ("free gate", "0.81")):
            assert re.search(rf"{name}\s+{value}", text), text
        assert "backward 0.10, content 0.70, forward 0.20" in text
        assert re.search(
            r"read slot 3 \(0\.75\), written at\s+"
            r"step 5, “mary went to the \[kitchen\]” \(0\.50\)", text), text
        shades = "document.querySelector('[data-step=\"%d\"]').style.background"
        assert tab.evaluate(shades % 4) and tab.evaluate(shades % 5)
        assert not tab.evaluate(shades % 3)

        left, top, width, height = tab.box(".plot")  # a column of the plots
        tab.mouse(left + width * 15.5 / 23, top + height / 2)
        text = tab.text(".details")
        assert "“garden”, step 16 of 23" in text and "wrote to slot 3 (1.00)" in text
        assert not tab.evaluate(shades % 4)

        for step, sentence in (
                (0, "wrote next to nothing"),
                (17, "wrote to all slots a little, none above 0.05"),
                (1, "read slot 0 (0.50), where no step has left 0.05 or more")):
            point_at_word(step)
            assert sentence in tab.text(".details")

        place = point_at_word(21)
        assert "Answer: john ✗ (the)" in tab.text(".details")
        tab.click(*place)  # holds the step
        point_at_word(2)
        assert "step 22 of 23" in tab.text(".details")
        tab.press("ArrowRight")
        assert "step 23 of 23" in tab.text(".details")
        assert "written at" in tab.text(".details")
        tab.press("Escape")  # lets it go
        point_at_word(10)
        assert "step 11 of 23" in tab.text(".details")
        assert tab.evaluate("(() => { const source = document.querySelector('.source');"
                            " source.click(); return source.tabIndex; })()") == 0
        point_at_word(2)
        assert "step 5 of 23" in tab.text(".details")  # held again
        assert tab.faults == []
        assert tab.requests == [path.as_uri()]


@needs_chromium
def test_a_long_page_opens_without_a_fault(readings, tmp_path):
    path = tmp_path / "long.html"
    path.write_text(page.render(readings[2]), encoding="utf-8")
    with chromium() as tab:
        tab.open(path.as_uri(), width=900, height=700)
        assert_plots_fill(tab, 0.5)
        count = len(readings[2].words)
        assert tab.evaluate("document.querySelectorAll('.word').length") == count
        tab.press("ArrowRight")
        for _ in range(5):
            tab.press("ArrowLeft")
        tab.evaluate(f"document.querySelector('[data-step=\"{count - 1}\"]').click()")
        assert f"step {count} of {count}" in tab.text(".details")
        assert tab.faults == []


@needs_chromium
def test_a_plot_made_of_several_pictures_is_the_same(readings, tmp_path):
    text, found = page.render(readings[2]), []
    assert len(readings[2].words) > 60
    with chromium() as tab:
        for steps in (8192, 20):
            path = tmp_path / f"{steps}.html"
            path.write_text(text.replace(
                "pictureSteps = 8192", f"pictureSteps = {steps}"), encoding="utf-8")
            tab.open(path.as_uri(), width=900, height=700)
            for left in (0, 2000):
                tab.evaluate(f"document.querySelector('.plots').scrollLeft = {left}; "
                             "views[0].draw(); 0")
                found.append(tab.evaluate(
                    "document.querySelector('.plot').toDataURL()"))
            parts = tab.evaluate("views[0].panels[0].pictures.filter(Boolean).length")
            assert (parts > 1) == (steps == 20)
        assert found[:2] == found[2:] and found[0] != found[1]


@needs_chromium
def test_two_minds_show_the_same_step(told, tmp_path):
    path = tmp_path / "two.html"
    other = told._replace(top=told.top | {10: (("garden", 0.6), ("kitchen", 0.4))})
    path.write_text(page.render(told, other), encoding="utf-8")
    with chromium() as tab:
        tab.open(path.as_uri())
        assert_plots_fill(tab, 0.4)
        for of_mind, answer in enumerate(("kitchen ✓", "garden ✗ (kitchen)"), start=1):
            text = tab.text(f".mind:nth-child({of_mind}) .details")
            assert "step 11 of 23" in text and f"Answer: {answer}" in text
        tab.press("ArrowLeft")
        assert tab.evaluate("document.querySelectorAll('.word.here').length") == 2
        assert all("step 10 of 23" in tab.text(f".mind:nth-child({of_mind}) .details")
                   for of_mind in (1, 2))
        # The longer box goes to its end, though the other has no such place.
        tab.evaluate("views.forEach(({story}, n) => { story.style.height = '50px'; "
                     "element('p', '', '', story).style.height = n ? '90px' : '500px'; "
                     "})")
        tab.evaluate("views[0].story.scrollTop = 9999")
        tab.wait_for("views[1].story.scrollTop > 0")
        tab.evaluate("new Promise(done => setTimeout(done, 100))")
        first, second = tab.evaluate("views.map(({story}) => story.scrollTop)")
        assert first > second + 300
        assert tab.faults == []


@needs_chromium
def test_two_minds_of_other_sizes_have_the_same_panels_side_by_side(readings, tmp_path):
    model = QuestionAnswerer(
        len(VOCABULARY), controller_units=5, memory_size=4 * N, word_size=W,
        num_read_heads=3, jit=False)
    model.build()
    larger, = Reader(model, VOCABULARY).read({"short": SHORT})
    path = tmp_path / "sizes.html"
    path.write_text(page.render(readings[0], larger), encoding="utf-8")
    with chromium() as tab:
        tab.open(path.as_uri())
        tops, others = tab.evaluate("views.map(view => [...view.tops])")
        assert tops == others and [title for title, _ in tops] == [
            panel["title"] for panel in page.content(larger)["panels"]]
        # As high as the larger one: 8 pixels for each of its slots.
        tops = dict(tops)
        assert tops["usage"] - tops["write weighting"] > 8 * 4 * N
        assert tab.box(".mind:nth-child(1) .labels")[1::2] == tab.box(
            ".mind:nth-child(2) .labels")[1::2]
        assert tab.faults == []
