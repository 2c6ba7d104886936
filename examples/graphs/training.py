"""Training through the lessons, with Keras's `fit`, resumable at any moment."""

import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from examples.common import VERBOSE, Saving, dataset, load
from examples.graphs.encoding import END, to_labels
from examples.graphs.network import GraphReader, compile_reader
from examples.graphs.rows import Epoch, pack, stream
from examples.graphs.voices import take_over

COMPLETE = 0.9  # a lesson is complete when so many of its episodes are right
SAVED = "training.weights.h5"


class Plan(NamedTuple):
    """A network and how it is trained.

    Attributes:
      lessons: of a task; each can `draw(rng)` an `Episode`, and has `slots`, those of
        the memory, `length`, of a row, and `hardest`, the lesson that is asked.
      units: of each layer of the LSTM.
      word_size, read_heads: of the memory; 0 heads for an LSTM alone, of one layer.
      rows: of a batch.
      updates: between two evaluations.
      rate, falling, lowest: the learning rate, the updates in which it falls, and to
        which share of it.
      layer_norm: of the gates of the DNC's LSTM: see `docs/variants.md`.
      enough: the last lesson is complete when such a share is right.
      start: file of weights to begin with, of a network of the same sizes but without
        the heads that have voices: see `voices.take_over`.
      voices: so many of the heads have one: see `graphs.voices`.
      layers: of the LSTM.
    """

    lessons: tuple
    units: int = 128
    word_size: int = 64
    read_heads: int = 4
    rows: int = 8
    updates: int = 250
    rate: float = 1e-3
    falling: int = 60_000
    lowest: float = 0.1
    layer_norm: bool = False
    enough: float = 1.0
    start: Path | None = None
    voices: int = 0
    layers: int = 1

    def build(self, slots):
        """A `GraphReader` with weights; none of them depends on `slots`."""
        model = GraphReader(self, slots)
        model.build()
        return model

    def compile(self, model, lesson):
        """Compiles a model of `build` to be trained in a lesson."""
        del lesson  # all are learnt alike
        compile_reader(model, self.rate, self.falling, self.lowest)

    def shape(self, lesson):
        """(slots, steps of a row): with another, another model is compiled."""
        return self.lessons[lesson].slots, self.lessons[lesson].length

    def epoch(self, lesson, seed):
        """The training batches of an epoch, in the lesson's shape: an `Epoch`."""
        return Epoch(self.lessons, self.updates, self.rows,
                     self.lessons[lesson].length, seed)

    def examine(self, model, lesson, rng, count):
        """Shares of new episodes of a lesson, `count` or more: see `evaluate`."""
        hardest = self.lessons[lesson].hardest
        return evaluate(model, stream([hardest], 0, rng),
                        (self.rows, hardest.length), count)

    def is_complete(self, lesson, shares):
        """Whether a lesson is, with these shares of `examine`."""
        last = lesson + 1 == len(self.lessons)
        return shares["right"] >= (self.enough if last else COMPLETE)


class Curriculum(keras.callbacks.Callback):
    """Moves the training on to the next lesson when the present one is complete.

    At the end of an epoch it asks new episodes of the lesson. It ends the training
    when all lessons are complete, when the time is up, and when the next lesson wants
    another memory or rows: then `train` goes on with a model that has them.

    Args:
      plan: `Plan`.
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


def evaluate(model, episodes, shape, count):
    """How many questions are answered right, and how many parts of the answers.

    Args:
      model: `GraphReader`.
      episodes: iterator of `Episode`.
      shape: (rows, steps of a row) of the batches.
      count: ask at least so many.

    Returns:
      {"right": share of the questions whose whole answer is right, "source", "edge":
      share of the answer's steps at which these are right, "destination": share of
      the steps with both right at which it is right too}.
    """
    right, fields = [], []
    while len(right) < count:
        rows = pack(episodes, *shape)
        answers = to_labels(predict(model, rows).argmax(axis=-1))
        for row, start, episode in rows.places:
            steps = start + np.flatnonzero(episode.answers)
            same = answers[row, steps] == episode.due[episode.answers]
            question = np.cumsum(episode.begins)[episode.answers]
            right += [same[question == number].all() for number in np.unique(question)]
            fields.append(same[episode.due[episode.answers][:, 0] != END])
    fields = np.concatenate(fields)
    found = fields[:, 0] & fields[:, 1]
    return {"right": float(np.mean(right)), "source": float(fields[:, 0].mean()),
            "edge": float(fields[:, 1].mean()),
            "destination": float(fields[found, 2].mean()) if found.any() else 0.0}


def predict(model, rows):
    """Logits `[B, T, DIGITS, 10]` of `rows.Rows`."""
    return model.predict_on_batch(rows.inputs)


def train(plan, folder, seed=1, minutes=60.0, callbacks=(), verbose=VERBOSE):
    """Trains for a time, from where the folder's file stands.

    Args:
      plan: `Plan`.
      folder: where SAVED is, or will be; also what TensorBoard reads.
      seed: whole number, of weights and episodes.
      minutes: of training, besides earlier runs.
      callbacks: further ones of Keras.
      verbose: as in `keras.Model.fit`.

    Returns:
      The trained `GraphReader`.

    Raises:
      ValueError: what is in the folder is damaged, or of another plan or seed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
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
        elif plan.start:
            learnt = plan._replace(
                voices=0, read_heads=plan.read_heads - plan.voices).build(model.slots)
            load(learnt, plan.start)
            take_over(model, learnt, np.random.default_rng(seed))
        trained = float(model.seconds) / 60
        until = trained + minutes if until is None else until
        if complete or trained >= until:
            return model
        _keep_seed(folder / "seed", seed)
        curriculum = Curriculum(plan, seed, until)
        done = int(model.optimizer.iterations) // plan.updates
        model.fit(curriculum.batches(lesson), initial_epoch=done, epochs=1_000_000,
                  shuffle=False, verbose=verbose,
                  callbacks=[curriculum, Saving(folder / SAVED), *callbacks])
        if not curriculum.wants_other_model:
            return model


def _keep_seed(path, seed):
    """Writes a training's seed down; ValueError if it was begun with another."""
    if not path.exists():
        path.write_text(f"{seed}\n")
    begun = path.read_text().strip()
    if begun != str(seed):
        raise ValueError(f"{path.parent}: a training with --seed={begun}; choose "
                         f"another --folder")


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
