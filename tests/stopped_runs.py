"""Trainings of the examples that are stopped and go on, beside one that is not."""

import keras
import numpy as np

from examples.graphs import training


class _Until(keras.callbacks.Callback):
    """Ends a training after so many epochs in all."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 >= self.epochs:
            self.model.stop_training = True


def assert_goes_on_the_same(plan, folder, monkeypatch):
    """Three epochs through two lessons give the same weights with a stop after one.

    Args:
      plan: of two lessons; the first is made complete after one epoch.
      folder: for the files of both trainings.
      monkeypatch: pytest's.
    """
    monkeypatch.setattr(type(plan), "is_complete",
                        lambda plan, lesson, shares: lesson == 0)
    weights = []
    for name, epochs in (("whole", [3]), ("parts", [1, 3])):
        for count in epochs:
            model = training.train(plan, folder / name, 3, callbacks=[_Until(count)],
                                   verbose=0)
        assert int(model.lesson) == 1
        weights.append(list(map(np.asarray, model.trainable_variables)))
    start = list(map(np.asarray, plan.build(12).trainable_variables))
    assert any(not np.array_equal(a, b) for a, b in zip(start, weights[0]))
    for one, other in zip(*weights, strict=True):
        assert np.array_equal(one, other)
