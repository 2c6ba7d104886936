"""A Differentiable Neural Computer over a whole sequence, as a Keras layer."""

import keras
import tensorflow as tf

from dnc.cell import DNCCell, check_states


@keras.saving.register_keras_serializable("dnc")
class DNC(keras.layers.RNN):
    """The DNC over a sequence: what LSTM is to LSTMCell, this is to `DNCCell`.

    It gives the same numbers as `keras.layers.RNN(DNCCell(...))` with the same
    weights.

    Args:
      output_size, controller_units, memory_size, word_size, num_read_heads,
        num_write_heads, clip_value, classic_dnc_output and the other arguments of
        the model: as in `DNCCell`.
      return_sequences: True returns the output of every step, False the last.
      return_state: True also returns the final state.
      jit: False runs the plain loop around the cell.
      go_backwards, stateful, unroll, zero_output_for_mask: as in
        `keras.layers.RNN`.
      **kwargs: arguments of `DNCCell`, and `name`, `dtype` and the like.

    Raises:
      ValueError: as `DNCCell`.
    """

    def __init__(self, output_size, *cell_args, return_sequences=False,
                 return_state=False, jit=True, **kwargs):
        layer_kwargs = {name: kwargs.pop(name) for name in _LAYER_ARGUMENTS
                        if name in kwargs}
        dtype = kwargs.pop("dtype", None)
        cell = DNCCell(output_size, *cell_args, dtype=dtype, name="cell", **kwargs)
        super().__init__(
            cell, return_sequences=return_sequences, return_state=return_state,
            dtype=dtype, **layer_kwargs)
        self.jit = bool(jit)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, sequences, mask=None, initial_state=None, training=None,
             resets=None):
        """The DNC over each row of a batch.

        Args:
          sequences: `[B, T, D]` floats.
          mask: `[B, T]` booleans; a masked step leaves that row's state untouched
            and repeats its last output.
          initial_state: list of `[B, size]` as `return_state=True` returns them;
            zeros without.
          training: passed to a controller that takes it.
          resets: `[B, T]` booleans; an unmasked step where it is True starts from
            the zero state, so that several stories can share a row.

        Returns:
          `[B, T, output_size]` with `return_sequences`, else `[B, output_size]`;
          with `return_state`, a tuple of that and each state, `[B, size]`: see
          `unpack_state`.

        Raises:
          ValueError: wrong rank of `sequences`, a mask or resets of another shape
            than `[B, T]`, or a state of the wrong structure.
        """
        _check_steps("mask", mask, sequences)
        _check_steps("resets", resets, sequences)
        if initial_state is not None:
            initial_state = keras.tree.flatten(initial_state)
            check_states(initial_state, self.cell.state_size)
        if resets is not None:
            # The reset of a step travels as a last feature: see `inner_loop`.
            started = tf.cast(resets, sequences.dtype)[:, :, tf.newaxis]
            sequences = tf.concat([sequences, started], axis=2)
        self._has_resets = resets is not None
        return super().call(
            sequences, initial_state=initial_state, mask=mask, training=training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not self._has_resets:
            return super().inner_loop(sequences, initial_state, mask, training)

        def step(inputs, states):
            kept = 1 - tf.cast(inputs[:, -1:], states[0].dtype)
            return self.cell(
                inputs[:, :-1], [state * kept for state in states],
                training=training)

        return keras.src.backend.rnn(
            step, sequences, initial_state, go_backwards=self.go_backwards,
            mask=mask, unroll=self.unroll, input_length=sequences.shape[1],
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences)

    def unpack_state(self, states):
        """The returned or initial state as a `dnc.cell.DNCState` with names."""
        return self.cell.unpack_state(keras.tree.flatten(states))

    def get_config(self):
        config = {**super().get_config(), **self.cell.get_config()}
        config.pop("cell")
        config.update(name=self.name, trainable=self.trainable, jit=self.jit)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        del custom_objects
        return DNCCell.from_config.__func__(cls, config)


_LAYER_ARGUMENTS = ("name", "trainable", "go_backwards", "stateful", "unroll",
                    "zero_output_for_mask", "activity_regularizer")


def _check_steps(name, steps, sequences):
    """ValueError unless `steps` is None or has the `[B, T]` of `sequences`."""
    if len(sequences.shape) != 3:
        raise ValueError(
            "DNC takes sequences [batch, time, features]; got shape "
            f"{tuple(sequences.shape)}")
    if steps is None:
        return
    expected, received = tuple(sequences.shape[:2]), tuple(steps.shape)
    fits = len(received) == 2 and all(
        None in pair or pair[0] == pair[1] for pair in zip(expected, received))
    if not fits:
        raise ValueError(
            f"{name} must have shape [batch, time] = {expected}, got {received}")
