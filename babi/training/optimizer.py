"""The optimizer of the experiment and its learning rate."""

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("babi")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from 0, then stays or falls.

    Args:
      peak: the learning rate after warm-up.
      schedule: "constant", "cosine" or "exponential".
      warmup_steps: updates over which it rises from 0 to `peak`.
      decay_steps: updates after warm-up until it has fallen to `decay_rate * peak`;
        from there cosine stays, exponential falls on at the same pace.
      decay_rate: see `decay_steps`.
      start: updates made before the first one that counts.
    """

    def __init__(self, peak, schedule="constant", warmup_steps=0, decay_steps=0,
                 decay_rate=1.0, start=0):
        super().__init__()
        self.start = start
        self.peak = peak
        self.schedule = schedule
        self.warmup_steps = warmup_steps
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate

    def __call__(self, step):
        # Steps that were skipped are no updates: there may be fewer than at the start.
        step = tf.maximum(tf.cast(step - self.start, tf.float32), 0.0)
        rate = tf.constant(self.peak, tf.float32)
        if self.schedule != "constant":
            progress = tf.maximum(step - self.warmup_steps, 0.0) / self.decay_steps
        if self.schedule == "cosine":
            wave = 0.5 * (1.0 + tf.cos(math.pi * tf.minimum(progress, 1.0)))
            rate *= self.decay_rate + (1.0 - self.decay_rate) * wave
        elif self.schedule == "exponential":
            rate *= tf.pow(self.decay_rate, progress)
        if self.warmup_steps:
            rate *= tf.minimum((step + 1.0) / self.warmup_steps, 1.0)
        return rate

    def get_config(self):
        return {"peak": self.peak, "schedule": self.schedule,
                "warmup_steps": self.warmup_steps, "decay_steps": self.decay_steps,
                "decay_rate": self.decay_rate, "start": self.start}


def build_optimizer(config, variables, start=0):
    """The optimizer of a `config.Config`, with its slots for the variables.

    Args:
      start: the update from which the learning rate's schedule is counted.
    """
    rate = LearningRate(config.learning_rate, config.learning_rate_schedule,
                        config.warmup_steps, config.decay_steps, config.decay_rate,
                        start)
    shared = {"epsilon": config.epsilon, "name": config.optimizer,
              "weight_decay": config.weight_decay or None,
              "use_ema": config.ema_momentum > 0,
              "ema_momentum": config.ema_momentum}
    if config.optimizer == "adam":
        optimizer = keras.optimizers.Adam(
            rate, beta_1=config.momentum, beta_2=config.rho, **shared)
    else:
        optimizer = keras.optimizers.RMSprop(
            rate, rho=config.rho, momentum=config.momentum, **shared)
    optimizer.build(variables)
    return optimizer
