"""The episodes of a training, in batches that are the same whenever they are made."""

import numpy as np


def stream(lessons, current, rng, earlier=0.1):
    """Random episodes without end.

    Args:
      lessons: list of lessons, whose `draw(rng)` gives an `Episode`.
      current: number of the lesson that most come from.
      rng: `numpy.random.Generator`.
      earlier: the share that comes from earlier lessons, uniformly.
    """
    while True:
        is_earlier = current and rng.random() < earlier
        number = rng.integers(current) if is_earlier else current
        yield lessons[number].draw(rng)


def batches_of(items, rows):
    """Items of which so many are asked together: always of one shape.

    Args:
      items: list, not empty.
      rows: of a batch.

    Yields:
      (items of a batch, the same filled up to `rows` with items that do not count).
    """
    for first in range(0, len(items), rows):
        batch = items[first:first + rows]
        yield batch, (batch + items * rows)[:rows]


class Epoch:
    """The training batches of an epoch, each the same whenever it is made: see `batch`.

    Args:
      lessons: see `stream`.
      updates: batches in an epoch.
      rows, length: B and T.
      seed: whole number.

    Attributes:
      lesson, number: of the lesson and of the epoch; a callback moves them on.
    """

    def __init__(self, lessons, updates, rows, length, seed):
        self.lessons, self.updates = lessons, updates
        self.shape, self.seed = (rows, length), seed
        self.lesson = self.number = 0

    def __len__(self):
        return self.updates

    def __getitem__(self, index):
        return self.batch(np.random.default_rng([self.seed, self.number, index]))

    def batch(self, rng):
        """A batch of the lesson: a tuple for Keras's `fit`."""
        raise NotImplementedError
