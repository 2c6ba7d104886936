"""How right the answers are: question error per task, its mean, failed tasks."""

from collections import Counter

import numpy as np

from babi.data.batches import Batch
from babi.evaluation.published import FAILURE_THRESHOLD


class Scores:
    """Counts right answers, batch after batch.

    A question is right only if every word of its answer is. A task's question
    error is the share of its questions answered wrongly.

    Attributes:
      questions, wrong_questions: `{task: number of questions}`.
    """

    def __init__(self):
        self.questions = Counter()
        self.wrong_questions = Counter()

    def update(self, batch: Batch, predictions: np.ndarray) -> np.ndarray:
        """Counts the answers of a batch.

        Args:
          batch: the `Batch`.
          predictions: token ids `[B, T]`; only those at answer steps count.

        Returns:
          Whether each question of the batch is right, bool `[questions]`, by its
          number in the batch.
        """
        steps = batch.answers
        numbers = batch.questions[steps]
        wrong = np.bincount(numbers, (predictions != batch.targets)[steps]) > 0
        tasks = np.zeros(wrong.size, np.int64)
        tasks[numbers] = batch.tasks[steps]
        self.questions.update(tasks.tolist())
        self.wrong_questions.update(tasks[wrong].tolist())
        return ~wrong

    @property
    def tasks(self) -> tuple[int, ...]:
        """Tasks of which questions have been counted."""
        return tuple(sorted(self.questions))

    def question_errors(self) -> dict[int, float]:
        """Question error in % of each task."""
        return {task: 100.0 * self.wrong_questions[task] / self.questions[task]
                for task in self.tasks}

    def mean_question_error(self) -> float:
        """Mean of the tasks' question errors in %; NaN without questions."""
        return mean_error(self.question_errors())


def mean_error(errors: dict[int, float]) -> float:
    """Mean over tasks of `{task: error}`; NaN without tasks."""
    return sum(errors.values()) / len(errors) if errors else float("nan")


def failed_tasks(errors: dict[int, float]) -> tuple[int, ...]:
    """Tasks of `{task: question error in %}` that are over the threshold."""
    return tuple(task for task, error in errors.items() if error > FAILURE_THRESHOLD)
