"""A trained model reads stories, and all that its memory does is kept.

The pictures, the page and `babi/ask.py` show what is collected here.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from babi.data.vocabulary import ANSWER_MARK, QUESTION_MARK, STATEMENT_MARK
from babi.stories.story import DataError
from dnc.trajectory import Recorder, Trajectory

TOP_WORDS = 5  # answers that are listed with their probability


class Question(NamedTuple):
    """A question in a story and the model's answer.

    Attributes:
      text: the question's words.
      steps: the answer steps, one for each word of the answer.
      given: the model's word at each of them.
      right: the right word at each of them; None where it is not known.
    """

    text: str
    steps: tuple[int, ...]
    given: tuple[str, ...]
    right: tuple[str, ...] | None

    @property
    def is_right(self):
        """Whether all words are right; None if that is not known."""
        return None if self.right is None else self.given == self.right


class Reading(NamedTuple):
    """A story as a model has read it; T steps.

    Attributes:
      title: what story it is.
      words: the T words that were read, `-` at answer steps.
      right: for each step the right word, or None: no answer step, or not known.
      top: {answer step: ((word, probability), ...)}, most probable first.
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`.
    """

    title: str
    words: tuple[str, ...]
    right: tuple[str | None, ...]
    top: dict[int, tuple[tuple[str, float], ...]]
    trajectory: Trajectory

    def given(self, step):
        """The model's word at an answer step."""
        return self.top[step][0][0]

    def verdict(self, step):
        """At an answer step: whether the word is right, None if not known."""
        right = self.right[step]
        return None if right is None else self.given(step) == right

    def sentence(self, step):
        """(first, last) step of the sentence that a step belongs to.

        Answer steps belong to the question before them.
        """
        marks = (STATEMENT_MARK, QUESTION_MARK, ANSWER_MARK)
        first = step
        while first and (self.words[first] == ANSWER_MARK
                         or self.words[first - 1] not in marks):
            first -= 1
        last = step
        while last + 1 < len(self.words) and (
                self.words[last] not in marks or self.words[last + 1] == ANSWER_MARK):
            last += 1
        return first, last

    def questions(self):
        """All questions of the story as `Question`s, in order."""
        found, steps = [], sorted(self.top)
        for index, step in enumerate(steps):
            if index and steps[index - 1] == step - 1:
                continue  # another word of the same answer
            first, last = self.sentence(step)
            answer = tuple(range(step, last + 1))
            right = tuple(self.right[other] for other in answer)
            found.append(Question(
                " ".join(self.words[first:step]), answer,
                tuple(map(self.given, answer)), None if None in right else right))
        return found


class Reader:
    """Lets a model read stories and records what its memory does.

    Args:
      model: `model.QuestionAnswerer`.
      vocabulary: its `vocabulary.Vocabulary`.
    """

    def __init__(self, model, vocabulary):
        self._vocabulary = vocabulary
        self._recorder = Recorder(model.dnc.cell)

    def read(self, stories):
        """Reads stories, all in one batch.

        Args:
          stories: {title: [(input word, right word or None), ...]}, as
            `encoding.story_tokens` gives them; at a `-` an answer is due.

        Returns:
          A list of `Reading`s.

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
        return [self._reading(title, tokens, trajectory.sample(row, len(tokens)))
                for row, (title, tokens) in enumerate(stories.items())]

    def _reading(self, title, tokens, trajectory):
        if not np.isfinite(trajectory.outputs).all():
            raise DataError(f"{title}: the model's answers are not finite numbers; "
                            f"use a checkpoint from before its training failed")
        words, right = zip(*tokens)
        top = {}
        for step in np.flatnonzero(np.array(words) == ANSWER_MARK):
            probabilities = tf.nn.softmax(trajectory.outputs[step]).numpy()
            order = np.argsort(-probabilities, kind="stable")[:TOP_WORDS]
            top[int(step)] = tuple(
                (self._vocabulary.words[word], float(probabilities[word]))
                for word in order)
        return Reading(title, words, right, top, trajectory)


def example_tokens(example, vocabulary):
    """An `encoding.Example` as (input word, right word or None) pairs."""
    words = vocabulary.decode(example.inputs)
    right = vocabulary.decode(example.targets)
    return [(word, target if answer else None)
            for word, target, answer in zip(words, right, example.answers)]


def check_words(tokens, vocabulary, place):
    """Raises DataError naming all words that the vocabulary lacks.

    Args:
      tokens: (input word, right word or None) pairs.
      vocabulary: `vocabulary.Vocabulary`.
      place: what the words belong to, for the message.
    """
    unknown = dict.fromkeys(
        word for pair in tokens for word in pair
        if word is not None and word not in vocabulary)
    if unknown:
        named = ", ".join(repr(word) for word in unknown)
        raise DataError(f"{place}: the model does not know {named}; it knows the "
                        f"{len(vocabulary)} words in its run's vocabulary.json")
