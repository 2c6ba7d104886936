"""Training through lessons, with Keras's `fit`, resumable at any moment."""

import contextlib
import time
from pathlib import Path

import keras
import numpy as np

from examples.common import (VERBOSE, Saving, check_claim, claim, dataset, load,
                             locked)

SAVED = "training.weights.h5"


class Curriculum(keras.callbacks.Callback):
    """Moves the training on to the next lesson when the present one is complete.

    At the end of an epoch it asks new episodes of the lesson. It ends the training
    when all lessons are complete, when the time is up, and when the next lesson wants
    another memory or rows: then `train` goes on with a model that has them.

    Args:
      plan: see `examples.lessons`.
      seed: whole number, of the episodes.
      minutes: of training after which it ends.
      questions: new episodes that decide, at least so many.
    """

    def __init__(self, plan, seed, minutes, questions=200):
        super().__init__()
        self.plan, self.seed, self.minutes = plan, seed, minutes
        self.questions = questions
        self.wants_other_model = False
        self._started = (0.0, 0.0)

    def batches(self, lesson):
        """The training batches, as the lesson's `Lesson` wants them: for `fit`."""
        self.epoch = self.plan.epoch(lesson, self.seed)
        self.epoch.lesson = lesson
        return dataset(self.epoch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch.number = epoch
        self.epoch.lesson = int(self.model.lesson)
        self._started = _clocks()

    def on_epoch_end(self, epoch, logs=None):
        lesson = int(self.model.lesson)
        rng = np.random.default_rng([self.seed, epoch, self.plan.updates])
        shares = self.plan.examine(self.model, lesson, rng, self.questions)
        for spent, then, now in zip((self.model.seconds, self.model.processor),
                                    self._started, _clocks()):
            spent.assign_add(now - then)
        minutes = float(self.model.seconds) / 60
        if logs is not None:
            logs.update(
                lesson=lesson, minutes=minutes,
                processor_minutes=float(self.model.processor) / 60, **shares)
        finished = False
        if self.plan.is_complete(lesson, shares):
            self.model.lesson.assign(lesson + 1)
            finished = lesson + 1 == len(self.plan.lessons)
            self.wants_other_model = not finished and (
                self.plan.shape(lesson) != self.plan.shape(lesson + 1))
        if finished or self.wants_other_model or minutes >= self.minutes:
            self.model.stop_training = True


def _clocks():
    """Seconds by the clock, and those that the processors worked for us."""
    return time.monotonic(), time.process_time()


def train(plan, folder, seed=1, minutes=60.0, callbacks=(), verbose=VERBOSE):
    """Trains for a time, from where the folder's file stands.

    Args:
      plan: see `examples.lessons`.
      folder: where SAVED is, or will be; also what TensorBoard reads.
      seed: whole number, of weights and episodes.
      minutes: of training, besides earlier runs.
      callbacks: further ones of Keras.
      verbose: as in `keras.Model.fit`.

    Returns:
      The trained network.

    Raises:
      ValueError: what is in the folder is damaged, or of another plan or seed; or
        another process trains there.
    """
    folder = Path(folder)
    with locked(folder) if minutes else contextlib.nullcontext():
        return _train(plan, folder, seed, minutes, callbacks, verbose)


def _train(plan, folder, seed, minutes, callbacks, verbose):
    until = None
    while True:
        keras.utils.set_random_seed(seed)
        lesson = saved_lesson(plan, folder)
        complete = lesson == len(plan.lessons)
        lesson = min(lesson, len(plan.lessons) - 1)
        model = plan.build(plan.lessons[lesson].slots)
        plan.compile(model, lesson)
        if (folder / SAVED).exists():
            load(model, folder / SAVED)
        trained = float(model.seconds) / 60
        until = trained + minutes if until is None else until
        if minutes:
            claim(folder, seed=str(seed), experiment=experiment(plan))
        else:
            check_claim(folder, experiment=experiment(plan))
        if complete or trained >= until:
            return model
        curriculum = Curriculum(plan, seed, until)
        done = int(model.optimizer.iterations) // plan.updates
        model.fit(curriculum.batches(lesson), initial_epoch=done, epochs=1_000_000,
                  shuffle=False, verbose=verbose,
                  callbacks=[curriculum, Saving(folder / SAVED), *callbacks])
        if not curriculum.wants_other_model:
            return model


def experiment(plan):
    """The name of a plan's experiment: of the module of its lessons."""
    return type(plan.lessons[0]).__module__.rpartition(".")[2]


def saved_lesson(plan, folder):
    """The number of the lesson that a folder's training stands at; 0 without one.

    As many as there are lessons: all are complete.
    """
    if not (folder / SAVED).exists():
        return 0
    model = plan.build(plan.lessons[0].slots)
    plan.compile(model, 0)
    load(model, folder / SAVED)
    lesson = int(model.lesson)
    if lesson > len(plan.lessons):
        raise ValueError(f"{folder}: trained with other lessons; choose another folder")
    return lesson
