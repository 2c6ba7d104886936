"""The compiled loops, which layers of one configuration share.

To compile them takes seconds and memory that TensorFlow never gives back. They take
the weights as arguments, so that a second layer of the same sizes, in another model or
another trial, finds them compiled. What they know of a cell is a `Recurrence`, and that
is all they keep: a layer that nobody else holds is free to go.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from dnc.cell import DNCCell
from dnc.fast_path import backward, controllers, forward, plain
from dnc.fast_path.past import Past
from dnc.fast_path.pays import Half, pays
from dnc.private import compiled_around
from dnc.variants import Variants

# Configurations kept at a time; a tuner may draw other sizes for each trial.
MOST = 64


class Recurrence(NamedTuple):
    """What the loops know of a `DNCCell`: all that is no weight, and can be compared.

    Attributes:
      controller: tuple of `controllers.Unit`, a layer each.
      dimensions: as the cell's: word size, read heads, write heads, variants.
      others: as the cell's arguments.
    """

    controller: tuple
    memory_size: int
    dimensions: tuple
    clip_value: float | None
    clip_controller_state: bool
    strength_activation: str
    usage_gradient: bool

    @classmethod
    def of(cls, cell):
        """That of a `DNCCell`."""
        others = {name: getattr(cell, name) for name in cls._fields[1:]}
        return cls(tuple(controllers.units_of(cell.controller)), **others)

    @property
    def num_write_heads(self):
        return self.dimensions[2]

    @property
    def variants(self) -> Variants:
        return self.dimensions[3]

    clip = DNCCell.clip
    interface = DNCCell.interface


@functools.lru_cache(maxsize=MOST)
def loops_of(recurrence):
    """The `Loops` of a `Recurrence`, the same for all that ask."""
    return Loops(recurrence)


class Loops:
    """The loop over a sequence and its gradients, each compiled for each shape.

    It is one function to whoever calls it. Called in the graph of a training step,
    it leaves there no gradient of its own: TensorFlow registers such for ever, and
    with them the graph and the model they stand in.
    """

    def __init__(self, recurrence):
        self.recurrence = recurrence
        self._forward = Half(self._run_forward)
        self._backward = Half(self._run_backward)
        self._second = tf.function(self._run_second, autograph=False)
        # Of a partial TensorFlow knows that it is another than that of other sizes, and
        # does not warn that one function is traced again and again.
        self._whole = tf.function(functools.partial(self._run), autograph=False)

    def __call__(self, number, segments, factors, projected, weights, carry):
        """Runs the loop, differentiable in what follows `factors`.

        Args:
          number: int64, by which the runs of a layer are counted until it pays to
            compile for their shape; None compiles the first time.
          segments: `segments.Segments`.
          factors: `state.StepFactors`.
          projected, weights, carry: as for `forward.run`.

        Returns:
          (hidden `[T, B, U]`, reads `[T, B, R * W]`, the final `Carry`).
        """
        if compiled_around():
            number = None
        return self._whole(number, segments, factors, projected, weights, carry)

    def _run(self, number, segments, factors, *arguments):
        def parts(*tensors):
            return tf.nest.pack_sequence_as(arguments, tensors)

        @tf.custom_gradient
        def recurrence(*flat):
            # Without this, an outer tape would differentiate the inner functions. The
            # records too: TensorFlow makes them results of the function around.
            projected, weights, carry = parts(*map(tf.stop_gradient, flat))
            compiled = number is None or pays(number, projected, carry.matrices())
            final, records = _still(self._forward(
                compiled, segments, factors, projected, weights, carry))

            def backward(*adjoints):
                return tf.nest.flatten(_still(self._backward(
                    compiled, segments, factors, weights, carry, records, adjoints)))

            def gradient(*adjoints):
                # In the graph of the gradient, for that of the gradient's gradient.
                here, own = tf.nest.map_structure(
                    lambda tensor: None if tensor is None else tf.identity(tensor),
                    (list(flat), factors))
                again = self._second_order(own, parts, backward, len(flat))
                return again(*here, *adjoints)

            return [records.hidden, records.reads, *tf.nest.flatten(final)], gradient

        hidden, reads, *final = recurrence(*tf.nest.flatten(arguments))
        return hidden, reads, tf.nest.pack_sequence_as(arguments[2], final)

    def _second_order(self, factors, parts, backward, count):
        """The loop back as a function of tensors, with its gradient.

        Args:
          parts: of the loop's `count` arguments, projected, `Weights` and `Carry`.
          backward: of the adjoints of the loop's results, those of its arguments.

        Returns:
          A function of the loop's `count` arguments and the adjoints of its results
          that returns the adjoints of the arguments.
        """
        @tf.custom_gradient
        def gradients(*tensors):
            adjoints = [tf.stop_gradient(tensor) for tensor in tensors[count:]]

            def gradient(*adjoints):
                return self._second(
                    factors, parts(*tensors[:count]), tensors[count:], adjoints)

            return backward(*adjoints), gradient

        return gradients

    def _run_forward(self, segments, factors, projected, weights, carry):
        return forward.run(forward.Step(self.recurrence, factors), segments, projected,
                           weights, carry)

    def _run_backward(self, segments, factors, weights, carry, records, adjoints):
        past = Past(forward.Step(self.recurrence, factors), weights, carry, records)
        return backward.run(past, segments, adjoints)

    def _run_second(self, factors, arguments, adjoints, seconds):
        return plain.second_order(
            plain.PlainStep(self.recurrence, factors), arguments, adjoints, seconds)


def _still(tensors):
    """The tensors of a structure, with no gradient through them."""
    return tf.nest.map_structure(tf.stop_gradient, tensors)
