"""The event files of a run: what they hold, and that nothing is disturbed."""

import random

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from babi.config import Config
from babi.data.batches import assemble
from babi.data.encoding import Encoder
from babi.data.streams import StoryStream
from babi.data.vocabulary import Vocabulary
from babi.inspection import pictures
from babi.inspection.events import Events
from babi.inspection.reading import Reader, example_tokens
from babi.inspection.visualise import Visualiser, as_table, choose_examples
from babi.training.trainer import Trainer
from babi_data import make_stories, make_story
from helpers import assert_close

VOCABULARY = Vocabulary.english()
ENCODER = Encoder(VOCABULARY)
CONFIG = Config(controller_units=6, memory_size=5, word_size=4, num_read_heads=2,
                jit=False, learning_rate=1e-2)


def stream(counts, seed=0, stories=None):
    return StoryStream(stories or make_stories(counts, seed), ENCODER, seed, epochs=1)


class Summaries:
    """What an event folder holds: {tag: {step: tensor proto as NumPy array}}."""

    def __init__(self, folder):
        self.found, self.plugins = {}, {}
        for path in sorted(folder.glob("*")):
            for event in EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    self.found.setdefault(value.tag, {})[event.step] = (
                        tf.make_ndarray(value.tensor))
                    name = value.metadata.plugin_data.plugin_name
                    self.plugins.setdefault(value.tag, name)

    def tags(self, plugin):
        return {tag for tag, name in self.plugins.items() if name == plugin}


def image(array):
    """The pixels of an image summary."""
    return tf.image.decode_png(array[2], 3).numpy()


def test_everything_is_written(tmp_path):
    examples = choose_examples(stream({1: 3, 8: 3}))
    trainer = Trainer(CONFIG, len(VOCABULARY))
    events = Events(tmp_path, 0, pytest.fail)
    visualiser = Visualiser(trainer, VOCABULARY, examples, events)
    before = trainer.arrays()
    length = max(example.inputs.size for example in examples)
    batch = assemble([[example] for example in examples], length).arrays
    visualiser.observer()(batch, np.zeros_like(batch.inputs))
    visualiser.write(10)
    for name, array in trainer.arrays().items():  # looking changes nothing
        assert np.array_equal(array, before[name]), name
    weight, = [variable for variable in trainer.model.weights
               if variable.path.endswith("interface_kernel")]
    weight.assign(weight * 3.0)
    visualiser.write(20)
    events.close()

    summaries = Summaries(tmp_path / "events")
    stories = {f"task {example.task:02d} "
               f"{'single supporting fact' if example.task == 1 else 'lists/sets'}, "
               f"story {example.index}": example_tokens(example, VOCABULARY)
               for example in examples}
    assert summaries.tags("images") == {
        "confusion", *(f"memory/{title}" for title in stories)}
    assert set(summaries.found["confusion"]) == {10}  # of a validation, once
    readings = Reader(trainer.model, VOCABULARY).read(stories)
    for reading in readings:
        written = summaries.found[f"memory/{reading.title}"]
        assert set(written) == {10, 20}
        assert np.array_equal(image(written[20]),
                              pictures.pixels(pictures.draw(reading)))
        assert not np.array_equal(image(written[10]), image(written[20]))
    assert summaries.tags("text") == {"questions and answers"}
    assert summaries.found["questions and answers"][20].item().decode() == (
        as_table(readings))

    names = {variable.path.split("/", 1)[1]
             for variable in trainer.model.trainable_variables}
    assert summaries.tags("histograms") == {
        f"{kind}/{name}" for kind in ("weights", "gradients") for name in names}
    name = weight.path.split("/", 1)[1]
    buckets = summaries.found[f"weights/{name}"][20]
    assert_close(buckets[0, 0], weight.numpy().min(), 1e-6)
    assert_close(buckets[-1, 1], weight.numpy().max(), 1e-6)
    _, _, gradients = trainer.gradients(type(batch)(*map(tf.constant, batch)))
    for variable, gradient in zip(trainer.model.trainable_variables, gradients):
        buckets = summaries.found[f"gradients/{variable.path.split('/', 1)[1]}"][20]
        assert_close(buckets[0, 0], gradient.numpy().min(), 1e-5)
        assert_close(buckets[-1, 1], gradient.numpy().max(), 1e-5)


def test_a_validation_is_shown_alone(monkeypatch, tmp_path):
    """What an earlier validation saw is not mixed in."""
    trainer = Trainer(CONFIG, len(VOCABULARY))
    examples = choose_examples(stream({1: 1}))
    batch = assemble([[examples[0]]], examples[0].inputs.size).arrays
    drawn = []
    monkeypatch.setattr("babi.inspection.visualise.confusion.draw", lambda counts, *_: (
        drawn.append(counts.word_errors()), pictures.Figure())[1])
    monkeypatch.setattr(pictures, "pixels", lambda _: np.zeros((2, 2, 3), np.uint8))
    events = Events(tmp_path, 0, pytest.fail)
    visualiser = Visualiser(trainer, VOCABULARY, examples, events)
    visualiser._gradients = lambda _: trainer.model.trainable_variables  # not asked
    visualiser.observer()(batch, np.zeros_like(batch.inputs))
    visualiser.observer()(batch, batch.targets)
    visualiser.write(1)
    visualiser.write(2)
    events.close()
    assert drawn == [{1: 0.0}]


def test_a_model_that_has_failed_does_not_stop_training(tmp_path):
    trainer = Trainer(CONFIG, len(VOCABULARY))
    weight = trainer.model.weights[0]
    events = Events(tmp_path, 0, pytest.fail)
    visualiser = Visualiser(trainer, VOCABULARY, choose_examples(stream({1: 1})),
                            events)
    weight.assign(np.full(weight.shape, np.nan))
    visualiser.write(5)
    events.close()
    assert Summaries(tmp_path / "events").tags("images") == set()


def test_examples_are_spread_over_tasks_short_and_always_the_same():
    chosen = choose_examples(stream({1: 4, 2: 2, 5: 3, 8: 2, 19: 1}), count=3)
    assert [example.task for example in chosen] == [1, 5, 19]
    again = choose_examples(stream({1: 4, 2: 2, 5: 3, 8: 2, 19: 1}), count=3)
    assert [(one.task, one.index) for one in again] == [
        (one.task, one.index) for one in chosen]
    rng = random.Random(1)
    long = [make_story(3, rng, questions=40) for _ in range(4)]
    mixed = {3: [*long, make_story(3, rng, questions=2)]}
    assert choose_examples(stream(None, stories=mixed))[0].index == 4
    lengths = {index: stream(None, stories={3: [story]}).longest
               for index, story in enumerate(long)}
    assert choose_examples(stream(None, stories={3: long}))[0].index == min(
        lengths, key=lengths.get)


def test_table_of_answers(tmp_path):
    trainer = Trainer(CONFIG, len(VOCABULARY))
    example = choose_examples(stream({8: 1}))[0]
    reading, = Reader(trainer.model, VOCABULARY).read(
        {"a story": example_tokens(example, VOCABULARY)})
    rows = as_table([reading]).splitlines()[2:]
    assert len(rows) == example.num_questions
    for row, answer in zip(rows, reading.answers()):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        mark = "✓" if answer.answer == answer.right else "✗"
        assert cells[:4] == ["a story", answer.question, answer.right,
                             f"{answer.answer} {mark}"]
        shares = [reading.top[step][0][1] for step in answer.steps]
        assert float(cells[4]) == pytest.approx(np.prod(shares), abs=6e-4)
