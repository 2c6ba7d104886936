"""What a model answers to a story's questions, and how sure it is."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from babi.data.vocabulary import ANSWER_MARK, QUESTION_MARK, STATEMENT_MARK
from babi.stories.story import DataError
from dnc.trajectory import Trajectory

TOP_WORDS = 5  # answers that are listed with their probability


class Answer(NamedTuple):
    """What a model answers to a question.

    Attributes:
      question: the question's words.
      answer: the answer's words.
      probability: of the whole answer, the product of its words' probabilities.
      likely: for each word of the answer the likely ones, ((word, probability), ...),
        most probable first.
      right: the right answer; None where it is not known.
      steps: the answer steps in the story, one for each word of the answer, from 0.
    """

    question: str
    answer: str
    probability: float
    likely: tuple[tuple[tuple[str, float], ...], ...]
    right: str | None = None
    steps: tuple[int, ...] = ()

    @property
    def is_right(self):
        """Whether all words are right; None if that is not known."""
        return None if self.right is None else self.answer == self.right


class Reading(NamedTuple):
    """A story as a model has read it; T steps.

    Attributes:
      title: what story it is.
      words: the T words that were read, `-` at answer steps.
      right: for each step the right word, or None: no answer step, or not known.
      top: {answer step: ((word, probability), ...)}, most probable first.
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`; None where it was
        not recorded.
    """

    title: str
    words: tuple[str, ...]
    right: tuple[str | None, ...]
    top: dict[int, tuple[tuple[str, float], ...]]
    trajectory: Trajectory | None = None

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

    def answers(self):
        """The `Answer`s to all questions of the story, in order."""
        found, steps = [], sorted(self.top)
        for index, step in enumerate(steps):
            if index and steps[index - 1] == step - 1:
                continue  # another word of the same answer
            first, last = self.sentence(step)
            words = tuple(range(step, last + 1))
            right = [self.right[other] for other in words]
            likely = tuple(self.top[other] for other in words)
            found.append(Answer(
                " ".join(self.words[first:step]), " ".join(map(self.given, words)),
                math.prod(shares[0][1] for shares in likely), likely,
                None if None in right else " ".join(right), words))
        return found


def of_scores(title, tokens, scores, vocabulary, trajectory=None):
    """The `Reading` of a story that a model has given scores for.

    Args:
      title: what story it is.
      tokens: [(input word, right word or None), ...].
      scores: `[T, V]`, the model's logits.
      vocabulary: `vocabulary.Vocabulary`.
      trajectory: as in `Reading`.

    Raises:
      DataError: scores that are not finite.
    """
    if not np.isfinite(scores).all():
        raise DataError(f"{title}: the model's answers are not finite numbers; "
                        f"use a checkpoint from before its training failed")
    words, right = zip(*tokens)
    top = {}
    for step in np.flatnonzero(np.array(words) == ANSWER_MARK):
        probabilities = tf.nn.softmax(scores[step]).numpy()
        order = np.argsort(-probabilities, kind="stable")[:TOP_WORDS]
        top[int(step)] = tuple(
            (vocabulary.words[word], float(probabilities[word])) for word in order)
    return Reading(title, words, right, top, trajectory)
