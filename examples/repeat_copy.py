"""Copying a sequence as often as it is told, and then to say that this is the end.

    python3 examples/repeat_copy.py --show      # the networks that are shipped
    python3 examples/repeat_copy.py             # train one, in minutes

After the task that the paper's authors published with their code. A DNC sees a mark,
some random words, and how often they have to come out again. It has to keep the words,
to go back to the first at the end of each copy, and to count the copies.

This file is the task and its settings; `examples/recall/` is what it shares with
`associative_recall.py` and `key_value.py`.
"""

import os
import sys
from functools import partial
from typing import NamedTuple

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from examples.common import run  # noqa: E402
from examples.recall import training  # noqa: E402
from examples.recall.episodes import blank, both_lengths  # noqa: E402
from examples.recall.program import Experiment, main  # noqa: E402


class RepeatCopy(NamedTuple):
    """The task; a length is the number of words.

    Attributes:
      bits: of a word.
      shortest, longest: lengths in training.
      repeats: (fewest, most) copies.
    """

    bits: int = 6
    shortest: int = 1
    longest: int = 10
    repeats: tuple = (1, 4)

    unit = "words"
    title = "Words copied as often as told"

    @property
    def features(self):
        """The bits of a word, the mark of the start, and how many copies."""
        return self.bits + 2

    @property
    def outputs(self):
        """The bits of a word, and the mark of the end."""
        return self.bits + 1

    def steps(self, length):
        """Steps of the longest episode with so many words."""
        return length * (self.repeats[1] + 1) + 3

    def trials(self):
        """What it is asked in the end: longer sequences, and more copies."""
        most = self.repeats[1]
        more = self._replace(repeats=(most + 1, 2 * most))
        return {**both_lengths(self),
                f"{most + 1} to {2 * most} copies": (more, self.longest)}

    def draw(self, rng, length):
        """A random `examples.recall.episodes.Episode` with so many words."""
        repeats = rng.integers(*self.repeats, endpoint=True)
        words = rng.integers(2, size=(length, self.bits))
        episode = blank(self, length * (repeats + 1) + 3)
        told, answer = length + 1, length + 2
        episode.inputs[0, self.bits] = 1
        episode.inputs[1:told, :self.bits] = words
        episode.inputs[told, self.bits + 1] = repeats / 10
        episode.targets[answer:-1, :self.bits] = [*words] * repeats
        episode.targets[-1, self.bits] = 1
        episode.due[answer:] = 1
        episode.phases[:] = [(0, "words")] + [
            (answer + copy * length, f"copy {copy + 1}") for copy in range(repeats)]
        return episode


# A small LSTM, so that words have to go through the memory; short words there, which
# leave little room for a name of the place beside six bits; and all lengths from the
# start. So it learns to follow the links, and does so beyond the lengths of the
# training. What other settings do: docs/experiments-training.md.
SMALL = training.Plan(
    units=32, word_size=8, lstm_units=40, updates=8000, growing=0.0,
    optimizer=partial(training.adam, rate=5e-3),
    options={"layer_norm": True, "sharpened_links": True})
# github.com/google-deepmind/dnc, train.py.
PUBLISHED = training.Plan(
    heads=4, lstm_units=104, updates=100_000, growing=0.0,
    options={"clip_value": 20.0},
    optimizer=training.rmsprop(epsilon=1e-10, global_clipnorm=50.0))
EXPERIMENT = Experiment(
    "repeat_copy", RepeatCopy(), SMALL,
    paper=(RepeatCopy(bits=4, longest=2, repeats=(1, 2)), PUBLISHED))


if __name__ == "__main__":
    run(lambda: main(EXPERIMENT, __doc__.splitlines()[0]))
