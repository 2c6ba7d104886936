"""Readings, their pictures and pages: what is shown is what the memory did."""

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import colormaps
from PIL import Image

from babi.data.batches import assemble
from babi.data.encoding import Encoder
from babi.data.typed import check_words
from babi.inspection import page, pictures
from babi.inspection.confusion import Confusion, draw as draw_confusion
from babi.inspection.reading import Reader, example_tokens
from babi.stories.story import DataError, Line, Story
from dnc.trajectory import Trajectory
from helpers import assert_close
from small_readings import N, R, SHORT, UNANSWERED, VOCABULARY, make_model, question


@pytest.fixture(scope="module")
def model():
    return make_model(np.random.default_rng(3))


@pytest.fixture(scope="module")
def readings(model):
    """A short story, one without known answers, and one of over 300 words."""
    return Reader(model, VOCABULARY).read(
        {"short": SHORT, "unanswered": UNANSWERED, "long": SHORT[:16] * 19 + SHORT})


@pytest.fixture(scope="module")
def two_heads():
    reader = Reader(make_model(np.random.default_rng(4), H=2), VOCABULARY)
    return reader.read({"two write heads": SHORT})[0]


# -------------------------------------------------------------------- readings

def test_a_reading_has_the_models_own_answers(model, readings):
    short = readings[0]
    ids = VOCABULARY.encode(word for word, _ in SHORT)
    probabilities = tf.nn.softmax(model(tf.constant([ids])))[0].numpy()
    assert sorted(short.top) == [10, 21, 22]
    for step, words in short.top.items():
        best = np.argsort(-probabilities[step])[:len(words)]
        assert [word for word, _ in words] == VOCABULARY.decode(best)
        assert_close([share for _, share in words], probabilities[step][best], 1e-5)
    assert short.trajectory.usage.shape == (23, N)
    assert readings[1].trajectory.usage.shape == (11, N)
    # The first steps of both stories are the same: padding changes nothing.
    assert_close(readings[1].trajectory.read_weighting,
                 short.trajectory.read_weighting[:11], 1e-6)


def test_sentences_questions_and_verdicts(readings):
    short = readings[0]
    spans = {short.sentence(step) for step in range(23)}
    assert sorted(spans) == [(0, 5), (6, 10), (11, 16), (17, 22)]
    first, second = short.answers()
    assert (first.question, first.steps, first.right) == (
        "where is mary ?", (10,), "kitchen")
    assert (second.question, second.steps, second.right) == (
        "where is john ?", (21, 22), "the garden")
    assert second.answer == f"{short.given(21)} {short.given(22)}"
    assert second.likely == (short.top[21], short.top[22])
    told = short._replace(top={10: (("kitchen", 1.0),), 21: (("the", 1.0),),
                               22: (("kitchen", 1.0),)})
    assert [answer.is_right for answer in told.answers()] == [True, False]
    assert [told.verdict(step) for step in (10, 21, 22)] == [True, True, False]
    unanswered, = readings[1].answers()
    assert unanswered.right is None and unanswered.is_right is None
    assert readings[1].verdict(10) is None


def test_examples_become_tokens():
    story = Story(1, (Line("Mary went to the kitchen."),
                      Line("Where is Mary?", "kitchen,garden", (1,))))
    example = Encoder(VOCABULARY).encode(story)
    assert example_tokens(example, VOCABULARY) == [
        *SHORT[:6], *question("mary", "kitchen", "garden")]


def test_unknown_words_are_all_named():
    check_words(SHORT, VOCABULARY, "here")
    with pytest.raises(DataError, match="line 3.*'sofa', 'attic'; .* 12 words"):
        check_words([("sofa", None), ("-", "attic"), ("sofa", None), ("mary", None)],
                    VOCABULARY, "line 3")


def test_a_model_without_finite_numbers_is_told(rng):
    model = make_model(rng)
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    with pytest.raises(DataError, match="my story: .*not finite"):
        Reader(model, VOCABULARY).read({"my story": UNANSWERED})


# -------------------------------------------------------------------- pictures

def test_the_busiest_slots_are_shown_in_order():
    write, read = np.zeros((3, 1, 8)), np.zeros((3, 2, 8))
    write[0, 0, 6], read[1, 1, 2], write[2, 0, 7], read[2, 0, 0] = 0.9, 0.8, 0.3, 0.2
    fields = dict.fromkeys(Trajectory._fields) | {
        "write_weighting": write, "read_weighting": read}
    trajectory = Trajectory(**fields)
    assert pictures.busiest_slots(trajectory, 3).tolist() == [2, 6, 7]
    assert pictures.busiest_slots(trajectory, 4).tolist() == [0, 2, 6, 7]
    assert pictures.busiest_slots(trajectory).tolist() == list(range(8))


def test_panels_hold_the_trajectory(two_heads):
    trajectory, slots = two_heads.trajectory, [1, 4, 5]
    panels = {panel.title: panel
              for panel in pictures.memory_panels(trajectory, slots)}
    assert list(panels) == [
        "gates", "write weighting 1", "write weighting 2", "usage",
        "read weighting 1", "read weighting 2", "read modes"]
    assert panels["gates"].labels == (
        "write gate 1", "write gate 2", "allocation gate 1", "allocation gate 2",
        "free gate 1", "free gate 2")
    interface = trajectory.interface
    assert_close(panels["gates"].rows[3], interface.allocation_gates[:, 1], 0)
    assert_close(panels["gates"].rows[4], interface.free_gates[:, 0], 0)
    assert_close(panels["write weighting 2"].rows,
                 trajectory.write_weighting[:, 1, slots].T, 0)
    assert_close(panels["usage"].rows[2], trajectory.usage[:, 5], 0)
    assert panels["usage"].labels == ("1", "4", "5")
    modes = panels["read modes"]
    assert modes.labels[5:] == (
        "backward 1, head 2", "backward 2, head 2", "content, head 2",
        "forward 1, head 2", "forward 2, head 2")
    assert_close(modes.rows[7], interface.read_modes[:, 1, 2], 0)


def shown(figure, title):
    """The numbers of all panels with a title, side by side."""
    return np.concatenate([np.asarray(axes.images[0].get_array())
                           for axes in figure.axes
                           if axes.get_title(loc="left") == title], axis=1)


def test_a_long_story_is_drawn_whole_in_bands(readings):
    reading = readings[2]
    count = len(reading.words)
    assert count > 300
    figure = pictures.draw(reading)
    for index in range(R):
        assert_close(shown(figure, f"read weighting {index + 1}"),
                     reading.trajectory.read_weighting[:, index].T, 0)
    assert_close(shown(figure, "usage"), reading.trajectory.usage.T, 0)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert sorted(texts) == sorted(
        [*reading.words, *(pictures.answer_text(reading, step)
                           for step in reading.top)])
    width, height = figure.get_size_inches()
    assert width < 17  # bands, not one long strip
    assert len(figure.axes) % 3 == 1  # three bands, and the link matrix
    assert_inside(figure)


def test_of_a_very_long_story_the_end_is_drawn(readings, monkeypatch):
    monkeypatch.setattr(pictures, "_MOST_BANDS", 1)
    monkeypatch.setattr(pictures, "_MOST_LINES", 3)
    reading = readings[2]
    begin = len(reading.words) - pictures.STEPS_PER_BAND
    figure = pictures.draw(reading)
    assert_close(shown(figure, "usage"), reading.trajectory.usage[begin:].T, 0)
    texts = [text.get_text() for text in figure.texts]
    assert texts[0] == f"{reading.title}, from step {begin + 1} on"
    assert f"words read, steps {begin + 1} to {len(reading.words)}" in texts
    assert reading.answers()[-1].question in texts
    assert reading.answers()[0].question not in texts
    assert_inside(figure)


def assert_inside(figure):
    """No text goes beyond the edges, and no words of one axis overlap."""
    figure.canvas.draw()
    renderer, edges = figure.canvas.get_renderer(), figure.bbox
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, *axes.get_xticklabels(),
                  *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]
        boxes = sorted((text.get_window_extent(renderer) for text in axes.texts
                        if text.get_position()[1] < 0), key=lambda box: box.x0)
        for one, next_one in zip(boxes, boxes[1:]):
            assert one.x1 <= next_one.x0 + 2, "words overlap"
    for text in texts:
        box = text.get_window_extent(renderer)
        if text.get_text() and text.get_visible():
            assert edges.x0 <= box.x0 and box.x1 <= edges.x1 + 1, text
            assert edges.y0 <= box.y0 and box.y1 <= edges.y1 + 1, text


def test_link_matrices_marks_and_file(two_heads, tmp_path):
    figure = pictures.draw(two_heads)
    links = two_heads.trajectory.final_state.memory.link
    for head in range(2):
        title = f"link matrix {head + 1} at the end"
        assert_close(shown(figure, title), links[head], 0)
    assert_inside(figure)
    path = tmp_path / "look.png"
    pictures.save(figure, path)
    pixels = pictures.pixels(figure)
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
    assert np.array_equal(np.asarray(Image.open(path).convert("RGB")), pixels)


def test_variants_show_what_they_have_and_no_more():
    model = make_model(np.random.default_rng(3), masked_content=True, deallocation=True,
                       temporal_links=False)
    reading = Reader(model, VOCABULARY).read({"a story": SHORT})[0]
    figure = pictures.draw(reading)
    assert_close(shown(figure, "retention: what is not freed"),
                 reading.trajectory.retention.T, 0)
    masks = reading.trajectory.interface.read_masks[:, 1].mean(axis=-1)
    assert_close(shown(figure, "share of the word looked at")[2], masks, 1e-12)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert not any("modes" in title or "link" in title for title in titles)
    assert_inside(figure)
    assert "share of the word looked at" in page.render(reading)


def test_the_sharpness_of_links_is_shown():
    model = make_model(np.random.default_rng(4), sharpened_links=True)
    reading = Reader(model, VOCABULARY).read({"a story": SHORT})[0]
    rows = shown(pictures.draw(reading), "blur of the links, 1 / s")
    sharpness = reading.trajectory.interface.link_sharpness  # [T, R, 2 H]
    count, heads, ways = sharpness.shape
    assert_close(rows, (1 / sharpness).reshape(count, heads * ways).T, 1e-6)
    assert "blur of the links" in page.render(reading)


def test_answers_are_marked_right_wrong_or_not_known(readings):
    told = readings[0]._replace(top={10: (("kitchen", 1.0),), 21: (("john", 1.0),),
                                     22: (("garden", 1.0),)})
    assert [pictures.answer_text(told, step) for step in (10, 21, 22)] == [
        "kitchen ✓", "john ✗ (the)", "garden ✓"]
    unknown = readings[1]
    assert pictures.answer_text(unknown, 10) == unknown.given(10)


def test_shades_darken_steadily_in_black_and_white():
    colors = colormaps[pictures.COLORS](pictures.SHADES(np.linspace(0, 1, 101)))
    luminance = colors[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(luminance) < 0.002)  # 8-bit colours, so not strictly
    assert luminance[0] > 0.95 and luminance[-1] < 0.25


# ------------------------------------------------------------------- confusion

def test_confusion_counts_words_and_finds_the_worst_tasks():
    encoder = Encoder(VOCABULARY)

    def example(task, *answers):
        return encoder.encode(Story(task, tuple(
            Line("Where is Mary?", answer) for answer in answers)))

    batch = assemble([[example(1, "kitchen", "garden", "kitchen", "kitchen")],
                      [example(2, "kitchen"), example(3, "garden", "garden")]],
                     24).arrays
    given = np.full(batch.inputs.shape, VOCABULARY.encode(["kitchen"])[0])
    confusion = Confusion()
    assert not confusion
    confusion.update(batch, given)
    confusion.update(batch, batch.targets)
    assert confusion and confusion.word_errors() == {1: 12.5, 2: 0.0, 3: 50.0}
    assert confusion.worst_tasks() == [3, 1]
    words, counts = confusion.matrix(1)
    assert VOCABULARY.decode(words) == ["garden", "kitchen"]
    assert counts.tolist() == [[1, 1, 0], [0, 6, 0], [0, 0, 0]]
    words, counts = confusion.matrix(1, limit=1)  # the others are counted together
    assert VOCABULARY.decode(words) == ["kitchen"]
    assert counts.tolist() == [[6, 0], [1, 1]]
    figure = draw_confusion(confusion, VOCABULARY)
    assert [axes.get_title() for axes in figure.axes] == [
        "error by task", "3 three supporting facts", "1 single supporting fact"]
    assert_close(figure.axes[2].images[0].get_array(), [[0.5, 0.5], [0, 1]], 0)
