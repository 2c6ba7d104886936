"""A trained model reads stories, and all that its memory does is kept.

The pictures, the page and `babi/ask.py` show what is collected here.
"""

import keras
import tensorflow as tf

from babi.model import answers
from dnc.trajectory import Recorder


class Reader:
    """Lets a `QuestionAnswerer` read stories and records what its memory does."""

    def __init__(self, model, vocabulary):
        self._vocabulary = vocabulary
        self._recorder = Recorder(model.dnc.cell)

    def read(self, stories):
        """The `answers.Reading`s of stories, all read in one batch.

        Args:
          stories: {title: [(input word, right word or None), ...]}, as
            `encoding.story_tokens` gives them; at a `-` an answer is due.

        Raises:
          DataError: words that the vocabulary lacks, or a model that gives no
            finite numbers.
        """
        ids = [self._vocabulary.encode(word for word, _ in tokens)
               for tokens in stories.values()]
        lengths = [len(row) for row in ids]
        tokens = keras.utils.pad_sequences(ids, padding="post")
        trajectory = self._recorder(
            tf.one_hot(tokens, len(self._vocabulary)),
            mask=tf.sequence_mask(lengths))
        samples = [trajectory.sample(row, length)
                   for row, length in enumerate(lengths)]
        return [answers.of_scores(title, tokens, sample.outputs, self._vocabulary,
                                  sample)
                for (title, tokens), sample in zip(stories.items(), samples)]


def example_tokens(example, vocabulary):
    """An `encoding.Example` as (input word, right word or None) pairs."""
    words = vocabulary.decode(example.inputs)
    right = vocabulary.decode(example.targets)
    return [(word, target if answer else None)
            for word, target, answer in zip(words, right, example.answers)]
