"""The training step: forward, backward, clipping and update in one function."""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from babi.batches import Batch
from babi.metrics import Metrics, count_questions
from babi.model import (answer_loss, build_model, named_weights,
                        path_below_root)
from babi.optimizer import build_optimizer


class Outcome(NamedTuple):
    """What one step says of itself.

    Attributes:
      finite: whether the loss and the gradient were finite, so that the update
        was made; a scalar boolean.
      loss: scalar.
      gradient_norm: global norm of the gradient before clipping, scalar.
    """

    finite: tf.Tensor
    loss: tf.Tensor
    gradient_norm: tf.Tensor


class Trainer:
    """A model, its optimizer and totals, and the step that moves them on.

    Args:
      config: `config.Config`.
      vocabulary_size: V.
      compiled: False runs the step eagerly, operation by operation.

    Attributes:
      model: `model.QuestionAnswerer`.
      optimizer: Keras optimizer.
      metrics: `metrics.Metrics`.
      iteration: steps made, skipped ones included; int64 variable.
    """

    def __init__(self, config, vocabulary_size, compiled=True):
        self.config = config
        self.model = build_model(
            dataclasses.replace(config, jit=config.jit and compiled), vocabulary_size)
        self.optimizer = build_optimizer(config, self.model.trainable_variables)
        self.metrics = Metrics()
        self.iteration = tf.Variable(0, dtype=tf.int64, trainable=False,
                                     name="iteration")
        self._run = self._step
        if compiled:
            self._run = tf.function(self._step, autograph=False,
                                    jit_compile=config.jit or None)

    def step(self, batch):
        """Trains on a batch; a step without finite numbers changes no weight.

        Args:
          batch: `batches.Batch` of arrays.

        Returns:
          An `Outcome`.
        """
        return self._run(Batch(*map(tf.constant, batch)))

    @property
    def compilations(self):
        """How many shapes of batches the step was compiled for."""
        return self._run.experimental_get_tracing_count()

    def learning_rate(self):
        """The learning rate of the next update."""
        return float(self.optimizer.learning_rate)

    def gradients(self, batch):
        """Loss, logits and gradients of a batch of tensors.

        Returns:
          (loss, logits `[B, T, V]`, list of gradients of the trainable variables).
        """
        with tf.GradientTape() as tape:
            logits = self.model(batch.inputs, mask=batch.mask, resets=batch.resets,
                                training=True)
            loss = answer_loss(logits, batch.targets, batch.answers)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        return loss, logits, gradients

    def _step(self, batch):
        loss, logits, gradients = self.gradients(batch)
        norm = tf.linalg.global_norm(gradients)
        finite = tf.logical_and(tf.math.is_finite(loss), tf.math.is_finite(norm))
        if self.config.max_grad_norm:
            gradients, _ = tf.clip_by_global_norm(
                gradients, self.config.max_grad_norm, use_norm=norm)
        outcome = Outcome(finite, loss, norm)

        def update():
            self.optimizer.apply(gradients, self.model.trainable_variables)
            self._count(batch, logits, outcome)
            return tf.constant(0)

        tf.cond(finite, update, lambda: tf.constant(0))
        self.iteration.assign_add(1)
        return outcome

    def _count(self, batch, logits, outcome):
        """Adds a batch's losses and answers to the totals."""
        predictions = tf.argmax(logits, axis=-1, output_type=tf.int32)
        right = tf.logical_and(predictions == batch.targets, batch.answers)
        questions, questions_wrong = count_questions(predictions, batch)
        self.metrics.add(
            steps=1,
            loss=outcome.loss,
            gradient_norm=outcome.gradient_norm,
            answers=tf.math.count_nonzero(batch.answers),
            answers_right=tf.math.count_nonzero(right),
            questions=questions,
            questions_wrong=questions_wrong)

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
        return {name: np.asarray(variable)
                for name, variable in self.variables().items()}

    def restore(self, arrays):
        """Takes over what `arrays` returned."""
        for name, variable in self.variables().items():
            variable.assign(arrays[name])
