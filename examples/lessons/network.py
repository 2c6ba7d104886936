"""Models that are trained lesson by lesson: what is among their weights at first."""

import keras
import tensorflow as tf

from dnc import interface
from dnc.controllers import layers_of


class Standing(keras.Model):
    """A model that knows where its training stands.

    It is among the weights: whatever saves and loads them, as Keras's own callbacks
    do, keeps both together.

    Attributes:
      lesson: number of the lesson; int32 variable.
      seconds, processor: of training so far, by the clock and of the processors;
        float32 variables.
    """

    def add_standing(self):
        """Makes these weights; to be called when the layers are there."""
        for name, dtype in (("lesson", "int32"), ("seconds", "float32"),
                            ("processor", "float32")):
            setattr(self, name, self.add_weight(
                shape=(), dtype=dtype, trainable=False, initializer="zeros",
                name=name))


def widen(cell, inputs):
    """Larger first weights for what is seen and what is read.

    With these the memory comes into use sooner; `docs/reproduction.md` has the trials.

    Args:
      cell: a built `DNCCell`.
      inputs: {(first feature, end): standard deviation of its weights}.
    """
    kernel = layers_of(cell.controller)[0].kernel
    for (first, end), stddev in inputs.items():
        _redraw(kernel, first, end, stddev)
    reads = kernel.shape[0] - cell.num_read_heads * cell.word_size
    _redraw(kernel, reads, kernel.shape[0], 0.5)
    _redraw(cell.output_kernel, cell.controller_output_size,
            cell.output_kernel.shape[0], 0.5)


def set_free_gates(cell, bias):
    """First biases of the free gates; where they are low, what is read is not freed.

    Args:
      cell: a built `DNCCell` with biases.
      bias: number.
    """
    places = tf.range(cell.interface_bias.shape[0])[tf.newaxis]
    free_gates = interface.split(places, *cell.dimensions).free_gates
    cell.interface_bias.assign(tf.tensor_scatter_nd_update(
        cell.interface_bias, free_gates[0, :, tf.newaxis],
        tf.fill([cell.num_read_heads], tf.cast(bias, cell.interface_bias.dtype))))


def _redraw(kernel, first, end, stddev):
    """Draws the rows from `first` to `end` anew, from N(0, stddev)."""
    values = keras.ops.convert_to_numpy(kernel).copy()
    values[first:end] = keras.random.normal(values[first:end].shape, stddev=stddev)
    kernel.assign(values)


def adam(rate, updates, lowest=0.1):
    """Adam with a warm-up, then a rate that falls by a cosine to a share of it.

    Args:
      rate: the highest.
      updates: in which it falls.
      lowest: that share.
    """
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=updates, alpha=lowest, warmup_target=rate,
        warmup_steps=300), global_clipnorm=1.0)
