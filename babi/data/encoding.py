"""Stories -> sequences of tokens, as the paper feeds them to the network.

A story with all its questions is one sequence. Words are in lower case, line
numbers are gone, `.` and `?` are tokens of their own, and after each question
mark stand as many `-` as the answer has words: at each `-` the network must give
the answer's word. Input at any other step has no target.
"""

import functools
from typing import NamedTuple

import numpy as np

from babi.data.vocabulary import ANSWER_MARK, Vocabulary
from babi.stories.story import DataError, Story, answer_words


class Example(NamedTuple):
    """One story as arrays; T is its number of tokens.

    Attributes:
      task: the story's task number.
      index: the story's number among the stories of its task, from 0.
      inputs: token ids, int32 `[T]`.
      targets: id of the answer's word at answer steps, 0 elsewhere, int32 `[T]`.
      answers: True at answer steps, bool `[T]`.
      questions: number of the question, from 0, at its answer steps and -1
        elsewhere, int32 `[T]`.
    """

    task: int
    index: int
    inputs: np.ndarray
    targets: np.ndarray
    answers: np.ndarray
    questions: np.ndarray

    @property
    def num_questions(self) -> int:
        """Number of questions in the story."""
        return int(self.questions.max(initial=-1)) + 1


def text_words(text: str) -> list[str]:
    """The words of a line's text and its final mark, in lower case."""
    return [*text[:-1].lower().split(), text[-1]]


def story_tokens(story: Story) -> list[tuple[str, str | None]]:
    """All (input token, target word or None) pairs of a story, in order."""
    tokens = []
    for line in story.lines:
        tokens.extend((word, None) for word in text_words(line.text))
        if line.answer is not None:
            tokens.extend((ANSWER_MARK, word) for word in answer_words(line.answer))
    return tokens


def story_length(story: Story) -> int:
    """Number of tokens of a story, without encoding it."""
    return sum(line.length for line in story.lines)


class Encoder:
    """Encodes stories with a vocabulary; remembers the lines it has seen."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self._answer_mark, = vocabulary.encode([ANSWER_MARK])
        self._text_ids = functools.cache(
            lambda text: vocabulary.encode(text_words(text)))
        self._answer_ids = functools.cache(
            lambda answer: vocabulary.encode(answer_words(answer)))

    def encode(self, story: Story, index: int = 0) -> Example:
        """Encodes one story.

        Args:
          story: what to encode.
          index: the story's number among the stories of its task.

        Raises:
          DataError: a word that the vocabulary lacks.
        """
        inputs, targets, questions = [], [], []
        question = -1
        for number, line in enumerate(story.lines, start=1):
            try:
                ids = self._text_ids(line.text)
                answer_ids = line.answer and self._answer_ids(line.answer)
            except DataError as error:
                raise DataError(f"task {story.task}, story {index + 1}, line {number}: "
                                f"{error}") from None
            inputs += ids
            targets += [0] * len(ids)
            questions += [-1] * len(ids)
            if answer_ids:
                question += 1
                inputs += [self._answer_mark] * len(answer_ids)
                targets += answer_ids
                questions += [question] * len(answer_ids)
        questions = np.array(questions, np.int32)
        return Example(story.task, index, np.array(inputs, np.int32),
                       np.array(targets, np.int32), questions >= 0, questions)
