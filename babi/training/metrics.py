"""Totals of training, kept on the device and fetched when they are reported."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from babi.stories.tasks import TASK_NAMES


def task_slots(tasks):
    """Slots to count a run's tasks: a task's number is its slot, and 0 stays empty."""
    return max(*TASK_NAMES, *tasks) + 1


class Totals(NamedTuple):
    """Sums over the steps since the last report, as NumPy values.

    Attributes:
      steps: steps whose update was made; no others are counted here.
      loss: sum of the steps' losses.
      gradient_norm: sum of the gradients' global norms, before clipping.
      answers, answers_right: answer words, and how many of them were right.
      questions, questions_wrong: `[slots]`, questions by task number; a question is
        wrong if any of its answer's words is.
    """

    steps: int
    loss: float
    gradient_norm: float
    answers: int
    answers_right: int
    questions: np.ndarray
    questions_wrong: np.ndarray

    def means(self):
        """{tag of TensorBoard: mean}; empty if no update was made."""
        if not self.steps:
            return {}
        return {
            "training/loss": self.loss / self.steps,
            "training/gradient norm": self.gradient_norm / self.steps,
            "training/answer words right": (
                100.0 * self.answers_right / max(self.answers, 1)),
            "training/question error": 100.0 * (
                self.questions_wrong.sum() / max(self.questions.sum(), 1))}

    def task_errors(self):
        """{task: question error in %} of the tasks that were asked about."""
        return {task: 100.0 * self.questions_wrong[task] / count
                for task, count in enumerate(self.questions) if count}


class Metrics:
    """`Totals` as variables of the device, with `task_slots` for the tasks."""

    def __init__(self, slots):
        self.variables = {}
        for name, kind in Totals.__annotations__.items():
            shape = (slots,) if kind is np.ndarray else ()
            dtype = tf.float32 if kind is float else tf.int32
            self.variables[name] = tf.Variable(
                tf.zeros(shape, dtype), trainable=False, name=name)

    def add(self, **amounts):
        """Adds a step's amounts, {name in `Totals`: tensor}; others stay."""
        for name, amount in amounts.items():
            variable = self.variables[name]
            variable.assign_add(tf.cast(amount, variable.dtype))

    def read(self):
        """The `Totals` so far."""
        return Totals(**{name: variable.numpy()
                         for name, variable in self.variables.items()})

    def reset(self):
        """Starts again from zero."""
        for variable in self.variables.values():
            variable.assign(tf.zeros_like(variable))


def count_questions(predictions, batch, slots):
    """Counts a batch's questions, and those answered wrongly, by task.

    Args:
      predictions: `[B, T]` whole numbers, the word given at each step.
      batch: a `batches.Batch` of tensors.
      slots: `task_slots` of the run's tasks.

    Returns:
      (questions, questions wrong), each `[slots]` by task number, int32.
    """
    bound = predictions.shape.num_elements()  # on the questions in the batch
    wrong = tf.cast(predictions != batch.targets, tf.int32)
    # Steps that answer nothing have question -1 and are dropped.
    wrong, task = (
        tf.math.unsorted_segment_max(values, batch.questions, bound)
        for values in (wrong, batch.tasks))
    by_task = tf.one_hot(task, slots, dtype=tf.int32)  # 0s where no question is
    return (tf.reduce_sum(by_task, axis=0),
            tf.reduce_sum(by_task * wrong[:, tf.newaxis], axis=0))
