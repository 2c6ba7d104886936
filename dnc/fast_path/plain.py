"""The loop of the fast path without its tricks, for derivatives of its gradient.

The gradient of the fast path is written by hand and stops there. What asks for a
derivative of it, a tape around a tape, gets it by automatic differentiation of the same
steps, which takes the time and the memory of the plain loop.
"""

import tensorflow as tf

from dnc.fast_path.arrays import write
from dnc.fast_path.forward import Step


class PlainStep(Step):
    """`Step` without loops inside, which automatic differentiation would unfold."""

    @staticmethod
    def overwrite(t, function, matrix, lefts, rights):
        """`xla.in_place`, in a place of its own."""
        del t
        return function(matrix, lefts, rights)


def run(step, projected, weights, carry):
    """The loop forward, one step after the other.

    Args:
      step: `PlainStep`.
      projected, weights, carry: as for `forward.run`.

    Returns:
      [hidden `[T, B, U]`, reads `[T, B, R * W]`, *the final `Carry`, flat].
    """
    steps = projected.shape[0] or tf.shape(projected)[0]
    kept = [tf.TensorArray(projected.dtype, steps, element_shape=tensor.shape)
            for tensor in (carry.hidden, carry.reads)]

    def run_step(t, carry, kept):
        carry, *_ = step(t, projected[t], weights, carry)
        return t + 1, carry, write(t, kept, (carry.hidden, carry.reads))

    _, carry, kept = tf.while_loop(
        lambda t, *_: t < steps, run_step, (0, carry, kept), maximum_iterations=steps)
    return [*(array.stack() for array in kept), *tf.nest.flatten(carry)]


def second_order(step, arguments, adjoints, seconds):
    """The gradient of the loop's gradient.

    Args:
      step: `PlainStep`.
      arguments: those of the loop: (projected, `Weights`, `Carry`).
      adjoints: of what `run` returns.
      seconds: adjoints of the gradient, which is like the flat arguments.

    Returns:
      The adjoints of the flat arguments and of `adjoints`.
    """
    zero = tf.UnconnectedGradients.ZERO
    with tf.GradientTape() as outer:
        outer.watch((arguments, adjoints))
        with tf.GradientTape() as inner:
            inner.watch(arguments)
            results = run(step, *arguments)
        flat = tf.nest.flatten(arguments)
        gradients = inner.gradient(
            results, flat, adjoints, unconnected_gradients=zero)
    return outer.gradient(gradients, (*flat, *adjoints), seconds,
                          unconnected_gradients=zero)
