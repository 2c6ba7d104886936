"""Layer normalisation: each vector to mean 0 and variance 1 over its entries.

The mean of W x over its entries is x times the mean of W over its columns, so that
`centred` may be applied to the kernel, once, as well as to each product. The plain path
does the latter and the fast path the former, which leaves `standardised` in the loop.
Several vectors of one size may stand side by side, as an LSTM's four do.
"""

import tensorflow as tf

from dnc.sums import sum_last

# What the variance is raised by before its root is taken.
EPSILON = 1e-5


def normalised(tensor, gain, shift, blocks=1):
    """gain * (x - mean(x)) / sqrt(var(x) + EPSILON) + shift, for each block.

    Args:
      tensor: `[..., blocks * U]`.
      gain, shift: `[blocks * U]`.
      blocks: vectors side by side, each normalised over its own U entries.

    Returns:
      `[..., blocks * U]`.
    """
    return standardised(centred(tensor, blocks), blocks) * gain + shift


def centred(tensor, blocks=1):
    """`[..., blocks * U]` less the mean of each block."""
    parts = _parted(tensor, blocks)
    parts -= tf.reduce_mean(parts, axis=-1, keepdims=True)
    return tf.reshape(parts, tf.shape(tensor))


def standardised(tensor, blocks=1):
    """`[..., blocks * U]` of mean 0 with each block scaled to variance 1.

    With r = 1 / sqrt(mean(x^2) + EPSILON), y = r x and g the adjoint of y,
    dx = r (g - y mean(g y)).
    """
    @tf.custom_gradient
    def scale(parts):
        size = parts.shape[-1]
        inverse = tf.math.rsqrt(sum_last(tf.square(parts)) / size + EPSILON)
        inverse = inverse[..., tf.newaxis]
        scaled = parts * inverse

        def gradient(upstream):
            mean = sum_last(upstream * scaled)[..., tf.newaxis] / size
            return inverse * (upstream - scaled * mean)

        return scaled, gradient

    return tf.reshape(scale(_parted(tensor, blocks)), tf.shape(tensor))


def _parted(tensor, blocks):
    """`[..., blocks * U]` as `[..., blocks, U]`."""
    return tf.reshape(tensor, tf.concat(
        [tf.shape(tensor)[:-1], [blocks, tensor.shape[-1] // blocks]], axis=0))
