"""The training step: forward, backward, clipping and update in one function."""

import contextlib
import dataclasses
import math
from typing import NamedTuple

import tensorflow as tf

from babi.checks import NONE
from babi.data.batches import Batch
from babi.model.answerer import (AVERAGE, build_model, named_weights, path_below_root,
                                 set_random_numbers)
from babi.model.loss import mean_cross_entropy
from babi.program.allocator import sparing
from babi.training.metrics import Metrics, count_questions, task_slots
from babi.training.optimizer import build_optimizer
from babi.training.replicas import Replicas


_SEED_STEP = 1 << 20  # between the seeds of the replicas' random numbers
# What `Sums` counts of `metrics.Totals`.
COUNTED = ("answers", "answers_right", "questions", "questions_wrong")


class Outcome(NamedTuple):
    """What one step says of itself.

    Attributes:
      finite: whether the loss and the gradient were finite, so that the update
        was made; a scalar boolean.
      loss: scalar.
      gradient_norm: global norm of the gradient before clipping, scalar.
      stops: how many replicas were asked to stop, scalar.
    """

    finite: tf.Tensor
    loss: tf.Tensor
    gradient_norm: tf.Tensor
    stops: tf.Tensor


class Sums(NamedTuple):
    """What a step adds up over its replicas.

    Attributes:
      gradients: list of the gradients of the trainable variables.
      loss: scalar.
      counts: {name in `metrics.Totals`: tensor} of answers and questions.
      stops: 1.0 where the run was asked to stop, scalar.
    """

    gradients: list
    loss: tf.Tensor
    counts: dict
    stops: tf.Tensor


class Trainer:
    """A model, its optimizer and totals, and the step that moves them on.

    Args:
      config: `config.Config`.
      vocabulary_size: V.
      compiled: False runs the step eagerly, operation by operation.
      replicas: `replicas.Replicas` to share the work of a step; default: one.
      rate_start: the update from which the learning rate's schedule is counted.

    Attributes:
      model: `answerer.QuestionAnswerer`.
      optimizer: Keras optimizer.
      metrics: `metrics.Metrics`.
      iteration: steps made, skipped ones included; int64 variable.
    """

    def __init__(self, config, vocabulary_size, compiled=True, replicas=None,
                 rate_start=0):
        self.config = config
        self.replicas = replicas or Replicas()
        with self.replicas.strategy.scope():
            self.model = build_model(
                dataclasses.replace(config, jit=config.jit and compiled),
                vocabulary_size)
            self.optimizer = build_optimizer(
                config, self.model.trainable_variables, rate_start)
            self.metrics = Metrics(task_slots(config.tasks))
            self.iteration = tf.Variable(0, dtype=tf.int64, trainable=False,
                                         name="iteration")
        self._compile(compiled)

    def _compile(self, compiled):
        """Makes `_run`, the step, and with a strategy `_sum`, a replica's part."""
        def function(body, **arguments):
            if not compiled:
                return body
            return tf.function(body, autograph=False, **arguments)

        jit = {"jit_compile": self.config.jit or None}
        if self.replicas.name == NONE:
            self._run = function(self._step, **jit)
        else:
            # A collective can't be compiled: only the replicas' parts are.
            self._sum = function(self._sums_as_vector, **jit)
            self._run = function(self._step_of_all)
        self._call = sparing(self._run)

    def step(self, batch, stop=False):
        """Trains on a batch; the step's `Outcome`.

        A step without finite numbers changes no weight.

        Args:
          batch: `batches.Batch` of arrays; the same in every worker.
          stop: whether this worker was asked to stop.
        """
        stops = tf.constant(float(stop))
        if self.replicas.name == NONE:
            return self._call(Batch(*map(tf.constant, batch)), stops)
        counts = [tf.constant(max(float(steps.sum()), 1.0))
                  for steps in (batch.answers, batch.mask & ~batch.answers)]
        return self._call(self.replicas.split(batch), stops, counts)

    def _step(self, batch, stops):
        return self._update(self._sums(batch, stops))

    def _sums(self, batch, stops, counts=(None, None), replica=0):
        """A replica's `Sums`.

        Args:
          batch: `Batch` of tensors, the replica's rows.
          stops: scalar.
          counts, replica: as for `gradients`.
        """
        loss, logits, gradients = self.gradients(batch, counts, replica)
        predictions = tf.argmax(logits, axis=-1, output_type=tf.int32)
        right = tf.logical_and(predictions == batch.targets, batch.answers)
        questions, questions_wrong = count_questions(
            predictions, batch, task_slots(self.config.tasks))
        counted = (tf.math.count_nonzero(batch.answers), tf.math.count_nonzero(right),
                   questions, questions_wrong)
        return Sums(gradients, loss, dict(zip(COUNTED, counted)), stops)

    def gradients(self, batch, counts=(None, None), replica=0):
        """Loss, logits and gradients of a batch of tensors.

        The gradients are those of the loss and, with `word_loss`, of the words read.

        Args:
          batch: `Batch` of tensors.
          counts: (answer steps, steps that read a word) of the whole batch, where
            this is a part of it.
          replica: number of the replica, for its random numbers; scalar.

        Returns:
          (loss of the answers, logits `[B, T, V]`, list of gradients of the trainable
          variables).
        """
        answers, words = counts
        set_random_numbers(
            self.model, self.config.seed + _SEED_STEP * replica, self.iteration)
        with tf.GradientTape() as tape:
            logits = self.model(batch.inputs, mask=batch.mask, resets=batch.resets,
                                training=True)
            loss = total = mean_cross_entropy(
                logits, batch.targets, batch.answers, answers)
            if self.config.word_loss:
                total += self.config.word_loss * mean_cross_entropy(
                    logits, batch.inputs, batch.mask & ~batch.answers, words)
        gradients = tape.gradient(total, self.model.trainable_variables)
        return loss, logits, gradients

    def _update(self, sums):
        """Clips, and moves the weights if all numbers are finite; an `Outcome`."""
        gradients, loss, counts, stops = sums
        norm = tf.linalg.global_norm(gradients)
        finite = tf.logical_and(tf.math.is_finite(loss), tf.math.is_finite(norm))
        if self.config.max_grad_norm:
            gradients, _ = tf.clip_by_global_norm(
                gradients, self.config.max_grad_norm, use_norm=norm)

        def update():
            self.optimizer.apply(gradients, self.model.trainable_variables)
            self.metrics.add(steps=1, loss=loss, gradient_norm=norm, **counts)
            return tf.constant(0)

        tf.cond(finite, update, lambda: tf.constant(0))
        self.iteration.assign_add(1)
        return Outcome(finite, loss, norm, stops)

    def _step_of_all(self, batch, stops, counts):
        strategy = self.replicas.strategy

        # A function of its own keeps the compiled one on its replica's device.
        def part(*arguments):
            context = tf.distribute.get_replica_context()
            return self._sum(
                *arguments, tf.convert_to_tensor(context.replica_id_in_sync_group))

        vectors = strategy.run(part, args=(batch, stops, counts))
        return self._update(self._from_vector(
            strategy.reduce(tf.distribute.ReduceOp.SUM, vectors, axis=None)))

    def _sums_as_vector(self, *arguments):
        """A replica's `Sums` as one vector: one message between replicas."""
        sums = self._sums(*arguments)
        parts = [*sums.gradients, sums.loss, *(sums.counts[name] for name in COUNTED),
                 sums.stops]
        return tf.concat([tf.reshape(tf.cast(part, tf.float32), [-1])
                          for part in parts], axis=0)

    def _from_vector(self, vector):
        """The inverse of `_sums_as_vector`."""
        shapes = [variable.shape for variable in self.model.trainable_variables]
        weights = len(shapes)
        shapes += [(), *(self.metrics.variables[name].shape for name in COUNTED), ()]
        parts = tf.split(vector, [math.prod(shape) for shape in shapes])
        parts = [tf.reshape(part, shape) for part, shape in zip(parts, shapes)]
        return Sums(parts[:weights], parts[weights],
                    dict(zip(COUNTED, parts[weights + 1:-1])), parts[-1])

    def learning_rate(self):
        """The learning rate of the next update."""
        return float(self.optimizer.learning_rate)

    def variables(self):
        """{name in a checkpoint: variable} of all that a step reads or writes."""
        named = named_weights(self.model)
        named |= {f"optimizer/{path_below_root(variable)}": variable
                  for variable in self.optimizer.variables}
        named |= {f"metrics/{name}": variable
                  for name, variable in self.metrics.variables.items()}
        return named | {"iteration": self.iteration}

    def arrays(self):
        """{name: array} of `variables`."""
        return {name: variable.numpy()
                for name, variable in self.variables().items()}

    @contextlib.contextmanager
    def averaged(self):
        """The model with its weights' averages in their place, if there are any."""
        if not (self.config.ema_momentum and self.optimizer.iterations.numpy()):
            yield
            return
        weights = self.model.trainable_variables
        kept = [weight.numpy() for weight in weights]
        self.optimizer.finalize_variable_values(weights)
        try:
            yield
        finally:
            for weight, array in zip(weights, kept):
                weight.assign(array)

    def checkpoint(self):
        """{name: array} of a checkpoint: `arrays`, and the weights' averages."""
        arrays = self.arrays()
        if self.config.ema_momentum:
            with self.averaged():
                arrays |= {f"{AVERAGE}{name}": weight.numpy()
                           for name, weight in named_weights(self.model).items()}
        return arrays

    def restore(self, arrays):
        """Takes over what `arrays` returned."""
        for name, variable in self.variables().items():
            variable.assign(arrays[name])
