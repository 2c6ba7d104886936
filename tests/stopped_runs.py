"""Trainings of the examples that are stopped and go on, beside one that is not."""

import contextlib

import keras
import numpy as np

from examples.common import load
from examples.lessons import curriculum


class _Stopped(Exception):
    pass


class _Until(keras.callbacks.Callback):
    """Breaks a training off after so many epochs in all."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 >= self.epochs:
            raise _Stopped


def run(plan, folder, epochs):
    """Trains until so many epochs are done, then breaks off.

    Args:
      plan: see `examples.lessons`.
      folder: of the training.
      epochs: in all.

    Returns:
      Arrays of the weights and of the optimizer that were saved, and the lesson.
    """
    with contextlib.suppress(_Stopped):
        curriculum.train(plan, folder, seed=3, callbacks=[_Until(epochs)], verbose=0)
    model = plan.build(plan.lessons[0].slots)
    plan.compile(model, 0)
    load(model, folder / curriculum.SAVED)
    return (numbers(model.trainable_variables), numbers(model.optimizer.variables),
            int(model.lesson))


def numbers(variables):
    """Variables as arrays."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_goes_on_the_same(plan, folder, monkeypatch):
    """Three epochs through two lessons give the same weights with a stop after one.

    Args:
      plan: of two lessons; the first is made complete after one epoch.
      folder: for the files of both trainings.
      monkeypatch: pytest's.
    """
    monkeypatch.setattr(type(plan), "is_complete",
                        lambda plan, lesson, shares: lesson == 0)
    whole = run(plan, folder / "whole", 3)
    first = run(plan, folder / "parts", 1)
    assert int(first[1][0]) == plan.updates and first[2] == 1
    parts = run(plan, folder / "parts", 3)
    assert int(parts[1][0]) == 3 * plan.updates and whole[2] == parts[2] == 1
    assert any(not np.array_equal(*each) for each in zip(first[0], parts[0]))
    for one, other in zip([*whole[0], *whole[1]], [*parts[0], *parts[1]], strict=True):
        assert np.array_equal(one, other)
