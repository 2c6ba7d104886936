"""Which item came after this one?

    python3 examples/associative_recall.py --show      # the networks that are shipped
    python3 examples/associative_recall.py             # train one, in minutes

After the Neural Turing Machine's task. A DNC sees a list of items, each a mark and some
random words, then one of them again, and has to give the item that followed it. It has
to find what is shown by its content, and then to go on in the order of writing.

This file is the task and its settings; `examples/recall/` is what it shares with
`repeat_copy.py` and `key_value.py`.
"""

import os
import sys
from typing import NamedTuple

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from examples.common import run  # noqa: E402
from examples.recall import training  # noqa: E402
from examples.recall.episodes import blank, both_lengths  # noqa: E402
from examples.recall.program import Experiment, main  # noqa: E402


class AssociativeRecall(NamedTuple):
    """The task; a length is the number of items.

    Attributes:
      bits: of a word.
      words: of an item.
      shortest, longest: lengths in training.
    """

    bits: int = 6
    words: int = 3
    shortest: int = 2
    longest: int = 6

    unit = "items"
    title = "Which item came after this one"

    @property
    def features(self):
        """The bits of a word, the mark of an item, and the mark of the question."""
        return self.bits + 2

    @property
    def outputs(self):
        """The bits of a word."""
        return self.bits

    def steps(self, length):
        """Steps of an episode with so many items."""
        return (length + 1) * (self.words + 1) + 1 + self.words

    def trials(self):
        """What it is asked in the end."""
        return both_lengths(self)

    def draw(self, rng, length):
        """A random `examples.recall.episodes.Episode` with so many items.

        They differ, and any but the last is asked for.
        """
        items = {}
        while len(items) < length:
            item = rng.integers(2, size=(self.words, self.bits))
            items[item.tobytes()] = item
        items = [*items.values()]
        asked = rng.integers(length - 1)
        episode = blank(self, self.steps(length))
        wide = self.words + 1
        query, answer = length * wide, (length + 1) * wide + 1
        for number, item in enumerate([*items, items[asked]]):
            start = number * wide
            episode.inputs[start, self.bits + (start == query)] = 1
            episode.inputs[start + 1:start + wide, :self.bits] = item
        episode.inputs[answer - 1, self.bits + 1] = 1
        episode.targets[answer:] = items[asked + 1]
        episode.due[answer:] = 1
        episode.phases[:] = [(number * wide, f"item {number + 1}")
                             for number in range(length)]
        episode.phases.extend([(query, f"item {asked + 1}?"), (answer, "answer")])
        return episode


# R. Csordas and J. Schmidhuber's sizes, rate and momentum; their weight decay and
# clipping are left out.
PUBLISHED = training.Plan(
    128, slots=64, word_size=32, lstm_units=160, updates=100_000, growing=0.0,
    options={}, optimizer=training.rmsprop(momentum=0.9))
EXPERIMENT = Experiment(
    "associative_recall", AssociativeRecall(), training.Plan(slots=32, updates=6000),
    paper=(AssociativeRecall(bits=8, longest=16), PUBLISHED))


if __name__ == "__main__":
    run(lambda: main(EXPERIMENT, __doc__.splitlines()[0]))
