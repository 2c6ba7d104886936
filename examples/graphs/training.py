"""The networks that read graphs, how they are trained and judged."""

from typing import NamedTuple

import keras
import numpy as np

from examples.graphs.encoding import END, to_labels
from examples.graphs.network import GraphReader
from examples.graphs.rows import RowsEpoch, pack
from examples.lessons.epochs import stream
from examples.lessons.network import adam

COMPLETE = 0.9  # a lesson is complete when so many of its episodes are right


class Plan(NamedTuple):
    """A network and how it is trained.

    Attributes:
      lessons: of a task; each can `draw(rng)` an `Episode`, and has `slots`, those of
        the memory, `length`, of a row, and `hardest`, the lesson that is asked.
      units: of each layer of the LSTM.
      word_size, read_heads: of the memory; 0 heads for an LSTM alone, of one layer.
      rows: of a batch.
      updates: between two evaluations.
      rate, falling, lowest: the learning rate, the updates in which it falls, and to
        which share of it.
      layer_norm: of the gates of the DNC's LSTM: see `docs/variants.md`.
      free_gates: their first bias; 0: there are no biases at all.
      enough: the last lesson is complete when such a share is right.
      voices: so many that the network has besides the first: see `graphs.voices`.
      layers: of the LSTM.
    """

    lessons: tuple
    units: int = 128
    word_size: int = 64
    read_heads: int = 4
    rows: int = 8
    updates: int = 250
    rate: float = 1e-3
    falling: int = 60_000
    lowest: float = 0.1
    layer_norm: bool = False
    free_gates: float = 0.0
    enough: float = 1.0
    voices: int = 0
    layers: int = 1

    def build(self, slots):
        """A `GraphReader` with weights; none of them depends on `slots`."""
        model = GraphReader(self, slots)
        model.build()
        return model

    def compile(self, model, lesson):
        """Compiles a model of `build` to be trained in a lesson."""
        del lesson  # all are learnt alike
        model.compile(
            adam(self.rate, self.falling, self.lowest),
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="sum"), jit_compile=True)
        model.optimizer.build(model.trainable_variables)

    def shape(self, lesson):
        """(slots, steps of a row): with another, another model is compiled."""
        return self.lessons[lesson].slots, self.lessons[lesson].length

    def epoch(self, lesson, seed):
        """The training batches of an epoch, in the lesson's shape."""
        return RowsEpoch(self.lessons, self.updates, self.rows,
                         self.lessons[lesson].length, seed)

    def examine(self, model, lesson, rng, count):
        """Shares of new episodes of a lesson, `count` or more: see `evaluate`."""
        hardest = self.lessons[lesson].hardest
        return evaluate(model, stream([hardest], 0, rng),
                        (self.rows, hardest.length), count)

    def is_complete(self, lesson, shares):
        """Whether a lesson is, with these shares of `examine`."""
        last = lesson + 1 == len(self.lessons)
        return shares["right"] >= (self.enough if last else COMPLETE)


def evaluate(model, episodes, shape, count):
    """How many questions are answered right, and how many parts of the answers.

    Args:
      model: `GraphReader`.
      episodes: iterator of `Episode`.
      shape: (rows, steps of a row) of the batches.
      count: ask at least so many.

    Returns:
      {"right": share of the questions whose whole answer is right, "source", "edge":
      share of the answer's steps at which these are right, "destination": share of
      the steps with both right at which it is right too}.
    """
    right, fields = [], []
    while len(right) < count:
        rows = pack(episodes, *shape)
        answers = to_labels(predict(model, rows).argmax(axis=-1))
        for row, start, episode in rows.places:
            steps = start + np.flatnonzero(episode.answers)
            same = answers[row, steps] == episode.due[episode.answers]
            question = np.cumsum(episode.begins)[episode.answers]
            right += [same[question == number].all() for number in np.unique(question)]
            fields.append(same[episode.due[episode.answers][:, 0] != END])
    fields = np.concatenate(fields)
    found = fields[:, 0] & fields[:, 1]
    return {"right": float(np.mean(right)), "source": float(fields[:, 0].mean()),
            "edge": float(fields[:, 1].mean()),
            "destination": float(fields[found, 2].mean()) if found.any() else 0.0}


def predict(model, rows):
    """Logits `[B, T, DIGITS, 10]` of `rows.Rows`."""
    return model.predict_on_batch(rows.inputs)
