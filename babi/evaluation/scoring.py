"""How right the answers are: question error per task, its mean, failed tasks."""

import numpy as np

from babi.data.batches import Batch
from babi.evaluation.published import FAILURE_THRESHOLD
from babi.stories.tasks import TASK_NAMES

_SIZE = len(TASK_NAMES) + 1  # counts are indexed by task number; more if need be


class Scores:
    """Counts right answers, batch after batch.

    A question is right only if every word of its answer is. A task's question
    error is the share of its questions answered wrongly.

    Attributes:
      questions, wrong_questions: counts per task, int64 `[21]` or more, indexed by
        task number.
    """

    def __init__(self):
        self.questions = np.zeros(_SIZE, np.int64)
        self.wrong_questions = np.zeros(_SIZE, np.int64)

    def update(self, batch: Batch, predictions: np.ndarray) -> np.ndarray:
        """Counts the answers of a batch.

        Args:
          batch: the `Batch`.
          predictions: token ids `[B, T]`; only those at answer steps count.

        Returns:
          Whether each question of the batch is right, bool `[questions]`, by its
          number in the batch.

        Raises:
          ValueError: predictions of another shape than the batch's.
        """
        predictions = np.asarray(predictions)
        if predictions.shape != batch.inputs.shape:
            raise ValueError(f"predictions: expected token ids of shape "
                             f"{batch.inputs.shape}, got {predictions.shape}")
        answers = np.asarray(batch.answers)
        wrong = (predictions != batch.targets)[answers]
        tasks = np.asarray(batch.tasks)[answers]
        numbers = np.asarray(batch.questions)[answers]
        count = int(numbers.max(initial=-1)) + 1
        question_wrong = np.bincount(numbers, wrong, minlength=count) > 0
        question_tasks = np.zeros(count, np.int64)
        question_tasks[numbers] = tasks
        size = max(self.questions.size, int(tasks.max(initial=0)) + 1)

        def added(counts, tasks):
            return (np.pad(counts, (0, size - counts.size))
                    + np.bincount(tasks, minlength=size))

        self.questions = added(self.questions, question_tasks)
        self.wrong_questions = added(self.wrong_questions,
                                     question_tasks[question_wrong])
        return ~question_wrong

    @property
    def tasks(self) -> tuple[int, ...]:
        """Tasks of which questions have been counted."""
        return tuple(int(task) for task in np.flatnonzero(self.questions))

    def question_errors(self) -> dict[int, float]:
        """Question error in % of each task."""
        return {task: 100.0 * float(self.wrong_questions[task])
                / float(self.questions[task]) for task in self.tasks}

    def mean_question_error(self) -> float:
        """Mean of the tasks' question errors in %; NaN without questions."""
        return mean_error(self.question_errors())


def mean_error(errors: dict[int, float]) -> float:
    """Mean over tasks of `{task: error}`; NaN without tasks."""
    return sum(errors.values()) / len(errors) if errors else float("nan")


def failed_tasks(errors: dict[int, float]) -> tuple[int, ...]:
    """Tasks of `{task: question error in %}` that are over the threshold."""
    return tuple(task for task, error in errors.items() if error > FAILURE_THRESHOLD)
