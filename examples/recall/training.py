"""The networks of the recall tasks, their training with `fit`, and their score."""

import time
from typing import Callable, NamedTuple

import keras
import numpy as np

from dnc import DNC
from dnc.controllers import NormalisedLSTMCell
from examples.common import VERBOSE, Log, Saving, claim, dataset, load, locked, save
from examples.recall.episodes import Batches, pad

EPOCH = 200  # updates


def adam(updates, rate=3e-3):
    """Adam with a warm-up, then a rate that falls by a cosine to a thirtieth."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, updates), 1 / 30, warmup_target=rate, warmup_steps=100)
    return keras.optimizers.Adam(schedule, global_clipnorm=1.0)


def rmsprop(**options):
    """A function of the number of updates: Keras's RMSprop at 1e-4."""
    return lambda updates: keras.optimizers.RMSprop(1e-4, **options)


class Plan(NamedTuple):
    """A network and how it is trained.

    Attributes:
      units: of the DNC's LSTM.
      slots, word_size, heads: of its memory; heads that read.
      lstm_units: of the LSTM beside it, which has no fewer weights.
      batch: episodes in an update.
      updates: of the whole training, by EPOCH.
      growing: share of them in which the lengths grow to the longest.
      optimizer: function of the number of updates.
      options: further arguments of `dnc.DNC`.
    """

    units: int = 64
    slots: int = 16
    word_size: int = 16
    heads: int = 1
    lstm_units: int = 80
    batch: int = 16
    updates: int = 4000
    growing: float = 0.5
    optimizer: Callable = adam
    options: dict = {"layer_norm": True}


def build(task, plan, slots):
    """A DNC with so many slots in a Keras model, or with 0 slots an LSTM.

    No weight depends on the number of slots. The model gives logits
    `[B, T, outputs]`; its layer with a memory is named "memory". Either LSTM has layer
    norm if the plan says so.
    """
    inputs = keras.Input((None, task.features))
    if slots:
        outputs = DNC(task.outputs, controller_units=plan.units, memory_size=slots,
                      word_size=plan.word_size, num_read_heads=plan.heads,
                      return_sequences=True, name="memory", **plan.options)(inputs)
    else:
        cell = (NormalisedLSTMCell if plan.options.get("layer_norm")
                else keras.layers.LSTMCell)
        hidden = keras.layers.RNN(cell(plan.lstm_units), return_sequences=True)(inputs)
        outputs = keras.layers.Dense(task.outputs)(hidden)
    return keras.Model(inputs, outputs)


class Course(keras.callbacks.Callback):
    """Moves the batches on with the epochs, and logs what an epoch has reached.

    Args:
      task: asked at its longest length after each epoch.
      batches: `Batches`.
    """

    def __init__(self, task, batches):
        super().__init__()
        self.task, self.batches = task, batches
        self._started = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch
        self._started = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        logs.update(longest=self.batches.longest(EPOCH - 1),
                    processor_seconds=time.process_time() - self._started)
        logs["bits_right"], logs["episodes_right"] = score(
            self.model, self.task, self.task.longest, np.random.default_rng(epoch), 100)


def train(name, task, plan, slots, path, seed):
    """Trains, and writes weights and a log; goes on with a training that was stopped.

    Args:
      name: of the experiment.
      task, plan, slots: see `build`.
      path: of the weights; the rest is named after it.
      seed: whole number, of weights and episodes.

    Raises:
      ValueError: another process trains this network there, or a file is damaged, or
        the folder is another experiment's.
    """
    kind = path.name.split(".")[0]
    board = path.with_name("tensorboard") / kind
    # An earlier training, of other updates or another seed, keeps its own.
    stem = f"{kind}-unfinished-{plan.updates}-{seed}"
    unfinished, log = (path.with_name(f"{stem}.{end}") for end in ("weights.h5", "csv"))
    with locked(board):
        claim(path.parent, experiment=name)
        model = _train(task, plan, slots, unfinished, log, seed, board)
        bare = build(task, plan, slots)
        bare.set_weights(model.get_weights())
        save(bare, path)
        if log.exists():  # else it was stopped after this
            log.replace(path.with_name(f"{kind}.csv"))
        unfinished.unlink()


def _train(task, plan, slots, unfinished, log, seed, board):
    keras.utils.set_random_seed(seed)
    model = build(task, plan, slots)
    model.compile(plan.optimizer(plan.updates),
                  keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=True)
    model.optimizer.build(model.trainable_variables)
    batches = Batches(task, plan.batch, EPOCH, int(plan.growing * plan.updates), seed)
    if unfinished.exists():
        load(model, unfinished)
    log = Log(log, unfinished.exists())
    done = int(model.optimizer.iterations) // EPOCH
    if done < plan.updates // EPOCH:
        model.fit(dataset(batches), initial_epoch=done, epochs=plan.updates // EPOCH,
                  shuffle=False, verbose=VERBOSE, callbacks=[
                      Course(task, batches),
                      log,
                      keras.callbacks.TensorBoard(board, write_graph=False),
                      Saving(unfinished)])
    return model


def score(model, task, length, rng, count=500, steps=None):
    """How much of new episodes of a length is right.

    Args:
      model: function of inputs to logits; a bit is 1 where its logit is above 0.
      task, length: see `episodes`.
      rng: `numpy.random.Generator`.
      count: of episodes.
      steps: that they are padded to; None: to what such a length may need.

    Returns:
      (share of the bits, share of the episodes without a wrong bit).
    """
    inputs, targets, due = pad([task.draw(rng, length) for _ in range(count)],
                               steps or task.steps(length))
    wrong = (np.asarray(model(inputs)) > 0) != (targets > 0.5)
    wrong &= due[:, :, np.newaxis] > 0
    return (1 - wrong.sum() / (due.sum() * task.outputs),
            1 - wrong.any(axis=(1, 2)).mean())
