"""The linear maps around the memory, and the weights of them."""

from typing import NamedTuple

import tensorflow as tf


class Weights(NamedTuple):
    """The tensors of the maps around the memory, read once for many steps.

    Attributes:
      interface_kernel: `[controller output, interface size]`, W_xi.
      interface_bias: `[interface size]` or None.
      interface_norm: gain and shift of the interface vector's normalisation, each
        `[interface size]`; () without.
      output_kernel: `[controller output + R * W, output_size]`, W_y above W_r; None
        with `classic_dnc_output`.
      output_bias: `[output_size]` or None.
    """

    interface_kernel: tf.Tensor
    interface_bias: tf.Tensor | None
    interface_norm: tuple
    output_kernel: tf.Tensor | None
    output_bias: tf.Tensor | None


def linear(tensor, kernel):
    """tensor @ kernel, `[..., I]` and `[I, J]` to `[..., J]`, as one matrix product.

    The gradient of `tf.matmul` with a tensor of rank 3 would make a kernel's gradient
    of every step or row, `[B, I, J]`, and add them up.
    """
    if len(tensor.shape) == 2:
        return tf.matmul(tensor, kernel)
    rows = tf.matmul(tf.reshape(tensor, (-1, kernel.shape[0])), kernel)
    leading = [size if size is not None else tf.shape(tensor)[axis]
               for axis, size in enumerate(tensor.shape[:-1])]
    return tf.reshape(rows, [*leading, kernel.shape[1]])


def dropped(tensor, share, seed):
    """`tensor` with each number 0 in the measure of `share`, and the others raised.

    Keras's own dropout takes 50 times as long where XLA compiles it for a CPU.

    Args:
      share: from 0 up to but not 1.
      seed: `[2]`, as `keras.random.SeedGenerator` gives it.
    """
    draws = tf.random.stateless_uniform(
        tf.shape(tensor), tf.cast(seed, tf.int32), dtype=tensor.dtype, alg="philox")
    kept = tensor / (1 - share)
    return tf.where(draws >= share, kept, tf.zeros_like(kept))


def fresh(initializer):
    """A fresh copy, so that no two weights share one seeded initializer."""
    if hasattr(initializer, "clone"):
        return initializer.clone()
    return initializer
