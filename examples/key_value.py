"""Values looked up by their keys.

    python3 examples/key_value.py --show      # the networks that are shipped
    python3 examples/key_value.py             # train one, in minutes

A DNC sees keys, each with a value, then a mark, then the keys alone in another order,
and has to give the value of each at the step at which it sees the key: look-up by
content and nothing else.

This file is the task and its settings; `examples/recall/` is what it shares with
`repeat_copy.py` and `associative_recall.py`.
"""

import os
import sys
from typing import NamedTuple

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from examples.common import run  # noqa: E402
from examples.recall import training  # noqa: E402
from examples.recall.episodes import blank, both_lengths  # noqa: E402
from examples.recall.program import Experiment, main  # noqa: E402


class KeyValue(NamedTuple):
    """The task; a length is the number of keys.

    Attributes:
      bits: of a key, and of a value.
      shortest, longest: lengths in training.
    """

    bits: int = 6
    shortest: int = 2
    longest: int = 8

    unit = "keys"
    title = "Values looked up by their keys"

    @property
    def features(self):
        """The bits of a key, those of a value, and the mark."""
        return 2 * self.bits + 1

    @property
    def outputs(self):
        """The bits of a value."""
        return self.bits

    def steps(self, length):
        """Steps of an episode with so many keys."""
        return 2 * length + 1

    def trials(self):
        """What it is asked in the end."""
        return both_lengths(self)

    def draw(self, rng, length):
        """A random `examples.recall.episodes.Episode` with so many keys, distinct."""
        numbers = rng.permutation(2 ** self.bits)[:length]
        keys = numbers[:, np.newaxis] >> np.arange(self.bits) & 1
        values = rng.integers(2, size=(length, self.bits))
        order = rng.permutation(length)
        episode = blank(self, self.steps(length))
        episode.inputs[:length, :-1] = np.hstack([keys, values])
        episode.inputs[length, -1] = 1
        asked = slice(length + 1, None)
        episode.inputs[asked, :self.bits] = keys[order]
        episode.targets[asked] = values[order]
        episode.due[asked] = 1
        episode.phases[:] = [(0, "keys with values"), (length + 1, "keys alone")]
        return episode


# R. Csordas and J. Schmidhuber's sizes, rate and momentum; how many updates they do not
# say. Their weight decay and clipping are left out.
PUBLISHED = training.Plan(
    32, word_size=32, lstm_units=56, updates=100_000, growing=0.0, options={},
    optimizer=training.rmsprop(momentum=0.9))
EXPERIMENT = Experiment(
    "key_value", KeyValue(), training.Plan(updates=5000),
    paper=(KeyValue(longest=16), PUBLISHED))


if __name__ == "__main__":
    run(lambda: main(EXPERIMENT, __doc__.splitlines()[0]))
