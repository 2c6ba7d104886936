"""The controllers that the fast path runs, as pure functions of tensors.

Each layer of a controller makes its pre-activations by one product of what is below it
and of its own output, and everything after that element by element.
"""

from typing import Callable, NamedTuple

import keras
import tensorflow as tf

from dnc.controllers import FeedforwardCell, NormalisedLSTMCell, layers_of
from dnc.normalisation import centred


class Unit(NamedTuple):
    """A layer of a controller in the loop.

    Attributes:
      step: of its pre-activations `[..., blocks * U]` and its states, tuples of
        `[..., U]`, the states after; the first of them is its output.
      blocks: vectors of pre-activations.
      states: number of states that Keras's cell has; a layer without any carries its
        output all the same.
      recurrent: whether the product takes its own output too.
      units: U.
      size: blocks * U.
    """

    step: Callable
    blocks: int
    states: int
    recurrent: bool
    units: int

    @property
    def size(self):
        return self.blocks * self.units


class UnitWeights(NamedTuple):
    """The weights of a layer, as the loop takes them.

    Attributes:
      kernel: `[I + U, blocks * U]` for what is below and its own output; `[I,
        blocks * U]` where it is not recurrent. Centred before a normalisation.
      bias: `[blocks * U]`, before a normalisation zeros.
      norm: gain and shift, each `[blocks * U]`; () without normalisation.
    """

    kernel: tf.Tensor
    bias: tf.Tensor
    norm: tuple


def _lstm(gates, states):
    """Gates: input, forget, candidate, output; states: hidden, cell."""
    # The sigmoid of all in one pass: that of the candidate is not used.
    write, forget, _, expose = tf.split(tf.sigmoid(gates), 4, axis=-1)
    candidate = tf.tanh(tf.split(gates, 4, axis=-1)[2])
    cell = forget * states[1] + write * candidate
    return expose * tf.tanh(cell), cell


def _gru(gates, states):
    """Update gate, reset gate, candidate of what is below, and of its own output."""
    update, reset, candidate, own = tf.split(gates, 4, axis=-1)
    update = tf.sigmoid(update)
    candidate = tf.tanh(candidate + tf.sigmoid(reset) * own)
    return (update * states[0] + (1 - update) * candidate,)


def _feedforward(gates, states):
    del states
    return (tf.tanh(gates),)


_UNITS = {keras.layers.LSTMCell: (_lstm, 4, 2, True),
          NormalisedLSTMCell: (_lstm, 4, 2, True),
          keras.layers.GRUCell: (_gru, 4, 1, True),
          FeedforwardCell: (_feedforward, 1, 0, False)}


def unsupported(controller):
    """None if the fast path can run a Keras controller, else the reason why not."""
    stacked = isinstance(controller, keras.layers.StackedRNNCells)
    if stacked and type(controller) is not keras.layers.StackedRNNCells:
        return f"its controller is a {type(controller).__name__}"
    for layer in layers_of(controller) if stacked else [controller]:
        kind = type(layer).__name__
        if type(layer) not in _UNITS:
            return (f"its controller is a {kind}, not an LSTMCell, a GRUCell or what "
                    f"has a name")
        activations = [layer.activation]
        if hasattr(layer, "recurrent_activation"):
            activations.append(layer.recurrent_activation)
        if activations != [keras.activations.tanh, keras.activations.sigmoid][
                :len(activations)]:
            return f"its {kind} has other activations than tanh and sigmoid"
        if getattr(layer, "dropout", 0) or getattr(layer, "recurrent_dropout", 0):
            return f"its {kind} has dropout"
        if not getattr(layer, "reset_after", True):
            return f"its {kind} resets before the product (reset_after=False)"
    return None


def units_of(controller):
    """The `Unit`s of a controller, from the first to the last."""
    return [Unit(*_UNITS[type(layer)], layer.units) for layer in layers_of(controller)]


def weights_of(controller):
    """The `UnitWeights` of a controller's layers, from the first to the last."""
    return [_weights(layer, unit) for layer, unit in zip(
        layers_of(controller), units_of(controller))]


def _weights(layer, unit):
    def read(variable):
        # A layer around this one, in mixed precision, has it cast.
        return tf.cast(tf.convert_to_tensor(variable), layer.variable_dtype)

    kernel = read(layer.kernel)
    bias = read(layer.bias) if layer.use_bias else tf.zeros(
        (2, 3 * unit.units) if unit.step is _gru else (unit.size,), kernel.dtype)
    if not unit.recurrent:
        return UnitWeights(kernel, bias, ())
    own = read(layer.recurrent_kernel)
    if unit.step is _gru:
        kernel, own, bias = _gru_weights(kernel, own, bias)
    kernel = tf.concat([kernel, own], axis=0)
    if not isinstance(layer, NormalisedLSTMCell):
        return UnitWeights(kernel, bias, ())
    return UnitWeights(centred(kernel, unit.blocks), tf.zeros_like(bias),
                       layer.normalisation())


def _gru_weights(kernel, own, bias):
    """A GRU's weights with a block of zeros where a candidate takes nothing.

    Args:
      kernel, own: `[I, 3U]`, `[U, 3U]`: update, reset, candidate.
      bias: `[2, 3U]`, of either.

    Returns:
      (`[I, 4U]`, `[U, 4U]`, `[4U]`).
    """
    gates, candidate = (tf.split(part, [2 * own.shape[0], own.shape[0]], axis=-1)
                        for part in (kernel, own))
    of_gates, of_candidates = tf.split(bias, [2 * own.shape[0], own.shape[0]], axis=-1)
    (below, candidate_below), (of_own, candidate_own) = gates, candidate
    return (tf.concat([below, candidate_below, tf.zeros_like(candidate_below)], 1),
            tf.concat([of_own, tf.zeros_like(candidate_own), candidate_own], 1),
            tf.concat([of_gates[0] + of_gates[1], *tf.unstack(of_candidates)], 0))
