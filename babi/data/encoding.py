"""Stories -> sequences of tokens, as the paper feeds them to the network.

A story with all its questions is one sequence. Words are in lower case, line
numbers are gone, `.` and `?` are tokens of their own, and after each question
mark stand as many `-` as the answer has words: at each `-` the network must give
the answer's word. Input at any other step has no target.
"""

from typing import NamedTuple

import numpy as np

from babi.data.vocabulary import ANSWER_MARK, Vocabulary
from babi.stories.story import DataError, Line, Story, answer_words


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


def line_words(line: Line) -> list[str]:
    """The words of a line and its final mark, in lower case, without the answer."""
    return [*line.text[:-1].lower().split(), line.text[-1]]


def story_tokens(story: Story) -> list[tuple[str, str | None]]:
    """All (input token, target word or None) pairs of a story, in order."""
    tokens = []
    for line in story.lines:
        tokens.extend((word, None) for word in line_words(line))
        if line.answer is not None:
            tokens.extend((ANSWER_MARK, word) for word in answer_words(line.answer))
    return tokens


def story_length(story: Story) -> int:
    """Number of tokens of a story, without encoding it."""
    total = 0
    for line in story.lines:
        total += len(line.text[:-1].split()) + 1
        if line.answer is not None:
            total += line.answer.count(",") + 1
    return total


class Encoder:
    """Encodes stories with a vocabulary; remembers the lines it has seen."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self._texts: dict[str, list[int]] = {}
        self._answers: dict[str, list[int]] = {}
        self._answer_mark = vocabulary.encode([ANSWER_MARK])[0]

    def encode(self, story: Story, index: int = 0) -> Example:
        """Encodes one story.

        Args:
          story: what to encode.
          index: the story's number among the stories of its task.

        Returns:
          An `Example`.

        Raises:
          DataError: a word that the vocabulary lacks.
        """
        inputs, targets, questions = [], [], []
        question = -1
        for number, line in enumerate(story.lines, start=1):
            ids, answer_ids = self._line_ids(line, story.task, index, number)
            inputs += ids
            targets += [0] * len(ids)
            questions += [-1] * len(ids)
            if line.answer is not None:
                question += 1
                inputs += [self._answer_mark] * len(answer_ids)
                targets += answer_ids
                questions += [question] * len(answer_ids)
        questions = np.array(questions, np.int32)
        return Example(story.task, index, np.array(inputs, np.int32),
                       np.array(targets, np.int32), questions >= 0, questions)

    def _line_ids(self, line, task, index, number):
        """(ids of the text, ids of the answer) of a line."""
        ids = self._texts.get(line.text)
        if ids is None:
            words = line_words(line)
            ids = self._texts[line.text] = self._encode(words, task, index, number)
        if line.answer is None:
            return ids, ()
        answer_ids = self._answers.get(line.answer)
        if answer_ids is None:
            words = answer_words(line.answer)
            answer_ids = self._encode(words, task, index, number)
            self._answers[line.answer] = answer_ids
        return ids, answer_ids

    def _encode(self, words, task, index, number):
        """Encodes the words of one line, or says where a word is unknown."""
        try:
            return self.vocabulary.encode(words)
        except DataError as error:
            raise DataError(
                f"task {task}, story {index + 1}, line {number}: {error}") from None
