"""The controllers that have names, and those of them that Keras has not.

  lstm         `keras.layers.LSTMCell`; with layer norm `NormalisedLSTMCell`
  gru          `keras.layers.GRUCell`
  feedforward  `FeedforwardCell`: tanh of one map, without a state

A list of names is a stack: each layer takes the output of the one below, the first
[x_t; reads]; the last one's output is h_t.

A controller of one's own starts from zeros, whatever its `get_initial_state` says; one
with dropout drops out anew in each call of `DNC`, which `keras.layers.RNN` around a
`DNCCell` does not see to.
"""

import contextlib
import inspect

import keras
import tensorflow as tf

from dnc.maps import fresh
from dnc.normalisation import normalised

# What `names` gives for a controller of one's own.
OWN = object()


@keras.saving.register_keras_serializable("dnc")
class NormalisedLSTMCell(keras.layers.LSTMCell):
    """An LSTM with layer normalisation of its gates (Ba et al. 2016).

    Each of the four pre-activation vectors, a = W [x_t; h_{t-1}] without bias, is
    normalised over its units; then i_t = sigmoid(gamma * norm(a) + b), and so on as in
    Keras's LSTM. The gain gamma starts at 1, and the bias as Keras's, at 1 for the
    forget gate.

    Args:
      units and the others: as of `keras.layers.LSTMCell`; no dropout.

    Raises:
      ValueError: dropout is asked for.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.dropout or self.recurrent_dropout:
            raise ValueError("NormalisedLSTMCell has no dropout; leave it out, or drop "
                             "out h_t with bypass_dropout of the DNC")

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(
            name="gain", shape=(4 * self.units,), initializer="ones")

    def call(self, inputs, states, training=False):
        """One step: `[B, I]`, [h, c] to (h, [h, c]), each `[B, units]`."""
        hidden, cell = states
        gates = (tf.matmul(inputs, tf.cast(self.kernel, inputs.dtype))
                 + tf.matmul(hidden, tf.cast(self.recurrent_kernel, hidden.dtype)))
        # Means and variances are taken in the precision of the variables.
        with tf.name_scope("layer_norm"):
            gates = normalised(
                tf.cast(gates, self.variable_dtype), *self.normalisation(), 4)
        write, forget, candidate, expose = tf.split(
            tf.cast(gates, hidden.dtype), 4, axis=1)
        gate = self.recurrent_activation
        cell = gate(forget) * cell + gate(write) * self.activation(candidate)
        hidden = gate(expose) * self.activation(cell)
        return hidden, [hidden, cell]

    def normalisation(self):
        """Gain and shift (the bias, or zeros) of the gates, each `[4 * units]`."""
        # Keras hands them out in the policy's compute type.
        gain, bias = (
            None if variable is None
            else tf.cast(tf.convert_to_tensor(variable), self.variable_dtype)
            for variable in (self.gain, self.bias))
        return gain, tf.zeros_like(gain) if bias is None else bias


@keras.saving.register_keras_serializable("dnc")
class FeedforwardCell(keras.layers.Dense):
    """A controller without a memory of its own, as a cell: h_t = tanh(W x_t + b)."""

    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(units, activation=activation, **kwargs)
        self.state_size = []
        self.output_size = units

    def call(self, inputs, states=(), training=None):
        """`[B, I]` to (h `[B, units]`, []); there are no states."""
        return super().call(inputs), []

    def get_initial_state(self, batch_size=None):
        """[]."""
        return []


_KINDS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell,
          "feedforward": FeedforwardCell}


def names(controller, layer_norm=False):
    """None, a name or a list of names as they were given; `OWN` for anything else.

    Raises:
      ValueError: a name that is not known, an empty list, a layer over sequences, or
        layer norm of another controller than the named LSTM.
    """
    if isinstance(controller, keras.layers.RNN):
        raise ValueError(
            f"the controller {controller.name!r} goes over whole sequences, and a DNC "
            f"takes what makes one step: give its cell")
    if isinstance(controller, keras.layers.Layer):
        if layer_norm:
            raise ValueError(
                "layer_norm is of the LSTM that the cell makes itself; leave it out, "
                "and give a controller that normalises, such as "
                "dnc.controllers.NormalisedLSTMCell")
        return OWN
    layers = _layers(controller)
    if not layers or not all(
            isinstance(name, str) and name in _KINDS for name in layers):
        raise ValueError(
            f"controller must be one of {sorted(_KINDS)}, a list of them, a Keras RNN "
            f"cell or a Keras layer, got {controller!r}")
    if layer_norm and set(layers) != {"lstm"}:
        raise ValueError(
            f"layer_norm normalises the four gates of an LSTM, which the controller "
            f"{controller!r} has not; leave out one of the two")
    return controller if controller is None or isinstance(
        controller, str) else list(controller)


def build(names, units, layer_norm, kernel_initializer, recurrent_initializer, dtype):
    """The Keras cell of a name, or of None, the LSTM; `StackedRNNCells` of a list.

    Args:
      names: as `names` gives them.
      units: of each layer.
      layer_norm: whether LSTMs are `NormalisedLSTMCell`s.
      kernel_initializer, recurrent_initializer: of each layer's kernels.
      dtype: a policy of Keras.
    """
    def layer(kind, name):
        make = NormalisedLSTMCell if layer_norm else _KINDS[kind]
        initializers = {"kernel_initializer": fresh(kernel_initializer)}
        if kind != "feedforward":
            initializers["recurrent_initializer"] = fresh(recurrent_initializer)
        return make(units, dtype=dtype, name=name, **initializers)

    if isinstance(names, list):
        return keras.layers.StackedRNNCells(
            [layer(kind, f"{kind}_{number}") for number, kind in enumerate(names, 1)],
            dtype=dtype, name="controller")
    return layer(names or "lstm", "controller")


def output_size(controller, inputs):
    """Length of a controller's output h_t.

    Args:
      controller: see above.
      inputs: length of what it is given.

    Raises:
      ValueError: it is a layer that does not say before it is built.
    """
    if getattr(controller, "output_size", None) is not None:
        return controller.output_size
    sizes = keras.tree.flatten(getattr(controller, "state_size", []))
    if sizes:  # as `keras.layers.RNN` has it
        return sizes[0]
    states = {"states": []} if hasattr(controller, "state_size") else {}
    try:
        output = controller.compute_output_spec(
            keras.KerasTensor((None, inputs), controller.compute_dtype), **states)
    except AttributeError as error:  # Keras would take it for an output without a size
        raise ValueError(
            f"the controller {controller.name} does not say how long its output is "
            f"({error}); build the layer first, or give it an `output_size`") from None
    return keras.tree.flatten(output)[0].shape[-1]


def step(controller, inputs, states, training=None):
    """One step of a Keras RNN cell, or of a layer, which has no states.

    Args:
      inputs: `[B, D + R * W]`.
      states: list of `[B, size]`.
      training: passed to a controller that takes it.

    Returns:
      (h_t `[B, units]`, list of the next states).
    """
    if inputs.shape[0] == 0:
        # Keras's own cells fail without a row: one of zeros, which is taken away again.
        padded = keras.tree.map_structure(
            lambda tensor: tf.pad(tensor, [[0, 1], [0, 0]]), (inputs, states))
        return keras.tree.map_structure(
            lambda tensor: tensor[:0], step(controller, *padded, training))
    takes_training = "training" in inspect.signature(controller.call).parameters
    kwargs = {"training": training} if takes_training else {}
    if not hasattr(controller, "state_size"):
        return controller(inputs, **kwargs), []
    structure = controller.state_size
    if isinstance(structure, int):
        structure = [structure]
    hidden, states = controller(
        inputs, keras.tree.pack_sequence_as(structure, states), **kwargs)
    return hidden, keras.tree.flatten(states)


@contextlib.contextmanager
def one_dropout(controller, batch):
    """Lets the cells of a controller that drop out choose what, once for all steps.

    As `keras.layers.RNN` does with the cells that it knows.

    Args:
      controller: built.
      batch: `[B, ...]`, with as many rows as are gone through.
    """
    cells = [cell for cell in layers_of(controller)
             if hasattr(cell, "reset_recurrent_dropout_mask")]

    def forget():
        for cell in cells:
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()

    forget()
    rows = tf.shape(batch)[0]
    for cell in cells:
        cell.get_dropout_mask(
            tf.ones([rows, cell.kernel.shape[0]], cell.compute_dtype))
        cell.get_recurrent_dropout_mask(
            tf.ones([rows, cell.units], cell.compute_dtype))
    yield
    forget()


def layers_of(controller):
    """The cells of a controller, from the first to the last."""
    return getattr(controller, "cells", [controller])


def _layers(controller):
    """The names of the layers, as a list."""
    if controller is None:
        return ["lstm"]
    if isinstance(controller, (list, tuple)):
        return list(controller)
    return [controller]
