"""Episodes packed into rows: several one after the other, so that little is padding."""

from typing import NamedTuple

import numpy as np

from examples.graphs.encoding import BLANK, DIGITS, to_digits, to_features
from examples.lessons.epochs import Epoch, stream

READ_WEIGHT = 0.1  # of naming the digits that are read, beside the answer's


class Rows(NamedTuple):
    """A batch of rows.

    Attributes:
      inputs: {"steps": `[B, T, FEATURES]`, "resets": `[B, T]`: 1 where an episode
        begins}.
      targets: `[B, T, DIGITS]` digits: at the steps of an answer those that are due,
        at those of a hint its own, elsewhere those that are shown, 0 where none is.
      weights: `[B, T, DIGITS]`: how much a digit counts; those of answers and hints
        sum to 1, those of what is read to READ_WEIGHT.
      places: list of (row, first step, `Episode`).
    """

    inputs: dict
    targets: np.ndarray
    weights: np.ndarray
    places: list


def pack(episodes, rows, length):
    """Puts episodes into rows, each into the first that has room.

    Args:
      episodes: iterable of `Episode`; it is read until one finds no room (which is
        left out: the longest come a little less often than they are drawn).
      rows: B.
      length: T, of a row.

    Returns:
      `Rows`, of which `places` says what they hold.

    Raises:
      ValueError: the first episode is longer than a row.
    """
    used, places = np.zeros(rows, int), []
    for episode in episodes:
        roomy = np.flatnonzero(used + len(episode.shown) <= length)
        if not len(roomy):
            break
        places.append((roomy[0], used[roomy[0]], episode))
        used[roomy[0]] += len(episode.shown)
    if not places:
        raise ValueError(f"no episode fits into a row of {length} steps")
    return fill(places, rows, length)


def fill(places, rows, length):
    """`Rows` of so many rows and steps that hold what `places` says."""
    shown = np.full((rows, length, 3), BLANK)
    named, begins = shown.copy(), np.zeros((rows, length), bool)
    answers, resets = begins.copy(), begins.copy()
    for row, start, episode in places:
        steps = slice(start, start + len(episode.shown))
        shown[row, steps], begins[row, steps] = episode.shown, episode.begins
        answers[row, steps] = episode.answers
        named[row, steps] = np.maximum(episode.due, episode.hints)  # BLANK is -1
        resets[row, start] = True
    count = named[:, :, 0] != BLANK
    digits = to_digits(np.where(count[:, :, np.newaxis], named, shown))
    return Rows({"steps": to_features(shown, begins, answers),
                 "resets": resets.astype(np.float32)},
                np.maximum(digits, 0).astype(np.int32), _weights(digits, count),
                places)


def _weights(digits, count):
    """How much each digit counts: see `Rows`."""
    weights = np.zeros(digits.shape, np.float32)
    weights[count] = 1 / (DIGITS * max(1, count.sum()))
    read = (digits != BLANK) & ~count[:, :, np.newaxis]
    weights[read] = READ_WEIGHT / read.sum()
    return weights


class RowsEpoch(Epoch):
    """The training batches of an epoch, of packed rows."""

    def batch(self, rng):
        rows = pack(stream(self.lessons, self.lesson, rng), *self.shape)
        return rows.inputs, rows.targets, rows.weights
