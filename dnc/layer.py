"""A Differentiable Neural Computer over a whole sequence, as a Keras layer."""

import contextlib
import functools
import logging
import threading

import keras
import tensorflow as tf

from dnc import addressing, controllers, fast_path
from dnc.arguments import (check_arguments, check_features, check_known,
                           check_states, dense, flat_states, floats)
from dnc.cell import DNCCell
from dnc.private import loop, observed
from dnc.trajectory import Recorder


@keras.saving.register_keras_serializable("dnc")
class DNC(keras.layers.RNN):
    """The DNC over a sequence: what LSTM is to LSTMCell, this is to `DNCCell`.

    It gives the same numbers as `keras.layers.RNN(DNCCell(...))` with the same
    weights, several times faster and in less memory: see `dnc.fast_path`, which is
    compiled by XLA for each shape of input, once, when the shape was used so often that
    it pays. What that path cannot run (a controller of one's own that is not made of
    Keras's LSTMCell and GRUCell, mixed precision) takes the plain loop, and the log
    says so once.

        >>> layer = DNC(output_size=3, controller_units=8, memory_size=4, word_size=2,
        ...             num_read_heads=1, return_sequences=True)
        >>> story = tf.random.normal([2, 3, 6])     # [batch, time, features]
        >>> twice = tf.concat([story, story], axis=1)
        >>> resets = tf.constant([[False, False, False, True, False, False]] * 2)
        >>> outputs = layer(twice, resets=resets)   # two stories in a row
        >>> outputs.shape
        TensorShape([2, 6, 3])
        >>> bool(tf.reduce_all(abs(outputs[:, :3] - outputs[:, 3:]) < 1e-5))
        True

    Args:
      output_size, controller_units, memory_size, word_size, num_read_heads,
        num_write_heads, clip_value, classic_dnc_output and the other arguments of
        the model: as in `DNCCell`.
      return_sequences: True returns the output of every step, False the last.
      return_state: True also returns the final state.
      jit: "auto" takes the fast path, and compiles it for a shape once that pays: see
        `dnc.fast_path.pays`. True compiles it for each shape at once, in seconds; so
        the same run gives the same bits, whatever was run before it. False takes the
        plain loop, to step through or to draw as a graph; so does a graph of a single
        step.
      go_backwards, stateful, unroll, zero_output_for_mask: as in
        `keras.layers.RNN`.
      **kwargs: arguments of `DNCCell`, and `name`, `dtype` and the like.

    Raises:
      ValueError: as `DNCCell`; or another `jit`.
    """

    def __init__(self, output_size, *cell_args, return_sequences=False,
                 return_state=False, jit="auto", **kwargs):
        layer_kwargs = {name: kwargs.pop(name) for name in _LAYER_ARGUMENTS
                        if name in kwargs}
        check_arguments("DNC", kwargs, DNCCell, DNC, keras.layers.Layer)
        cell = DNCCell(output_size, *cell_args, name="cell", **kwargs)
        # In mixed precision too the state stays in the precision of the variables.
        # It casts for itself, as Keras 3.6 loses the mask of what it casts.
        super().__init__(
            cell, return_sequences=return_sequences, return_state=return_state,
            dtype=cell.compute_dtype, autocast=False, **layer_kwargs)
        if not self.trainable:
            cell.trainable = False
        self.jit = _checked_jit(jit)
        self._fast_path = None
        self._features = None  # of the input, once built
        self._recorders = {}  # of `trajectory`, by what they keep
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, sequences, initial_state=None, mask=None, training=None,
             resets=None):
        """The DNC over each row of a batch.

        Args:
          sequences: `[B, T, D]` numbers, which become floats of the layer's precision,
            as do the states. B may be 0, T not.
          initial_state: list of `[B, size]` as `return_state=True` returns them, or
            a `DNCState`; zeros without, or where a stateful layer stands. Of a link
            matrix the diagonal counts as 0, as it is after each step.
          mask: `[B, T]` booleans; a masked step leaves that row's state untouched,
            whatever the sequences hold there, and repeats its last output (dropped out
            anew in training, with `bypass_dropout`, on the fast path).
          training: whether h_t is dropped out; passed to a controller that takes it.
          resets: `[B, T]` booleans; an unmasked step where it is True starts from
            the zero state, so that several stories can share a row.

        Returns:
          `[B, T, output_size]` with `return_sequences`, else `[B, output_size]`;
          with `return_state`, a tuple of that and each state, `[B, size]`: see
          `unpack_state`.

        Raises:
          ValueError: `sequences` of a wrong rank, without steps, with other features
            than the layer was built for, ragged or sparse, or of no numbers; a mask
            or resets of another shape than `[B, T]`; or a state of the wrong
            structure.
          InvalidArgumentError: no steps, where that shows only when it is run.
        """
        sequences, mask, resets = self._checked(sequences, mask, resets)
        if initial_state is not None:
            initial_state = flat_states(initial_state, self.compute_dtype)
            check_states(
                initial_state, self.cell.state_size, sequences.shape[0])
            if mask is not None:
                initial_state = self._without_diagonal(initial_state)
        if resets is not None:
            # The reset of a step travels as a last feature: see `_has_resets`.
            started = tf.cast(resets, sequences.dtype)[:, :, tf.newaxis]
            sequences = tf.concat([sequences, started], axis=2)
        return super().call(
            sequences, initial_state=initial_state, mask=mask, training=training)

    def _without_diagonal(self, states):
        """States whose link matrix has its zeros, also where no step is taken."""
        state = self.cell.unpack_state(states)
        if state.memory.link is None:
            return states
        link = addressing.off_diagonal(state.memory.link)
        return self.cell.pack_state(
            state._replace(memory=state.memory._replace(link=link)))

    def _checked(self, sequences, mask, resets):
        """`sequences` as floats, their mask and resets; see `call` for what is refused.

        Mask and resets are booleans or None.
        """
        if mask is None:  # Keras leaves out that of a layer before if more is given
            mask = getattr(sequences, "_keras_mask", None)
        for name, tensor in (("sequences", sequences), ("mask", mask),
                             ("resets", resets)):
            dense(name, tensor)
        mask, resets = (None if steps is None else tf.cast(steps, tf.bool)
                        for steps in (mask, resets))
        _check_steps("mask", mask, sequences)
        _check_steps("resets", resets, sequences)
        check_features(self.name, sequences.shape, self._features)
        sequences = _with_steps(floats(sequences, self.cell.compute_dtype))
        if self._features is not None and sequences.shape[-1] is None:
            sequences = tf.ensure_shape(sequences, [None, None, self._features])
        if mask is not None:  # nan times zero would be nan
            sequences = tf.where(mask[:, :, tf.newaxis], sequences, 0)
        return sequences, mask, resets

    def build(self, sequences_shape, initial_state_shape=None):
        with _BUILDING:  # Keras lets several threads build one layer
            if self._features is None:
                check_known(self.name, sequences_shape)
                self._choose_path()
                super().build(sequences_shape, initial_state_shape)
                self._features = sequences_shape[-1]

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        if self._features is None and sequences_shape[-1] is not None:
            # A controller's output may hang on them.
            self.cell.features = sequences_shape[-1]
        return super().compute_output_shape(sequences_shape, initial_state_shape)

    def _choose_path(self):
        """Takes the fast path, or says why not."""
        reason = fast_path.supports(self.cell) if self.jit else None
        if self.jit and not self.unroll and reason is None:
            self._fast_path = fast_path.FastPath(self.cell, always=self.jit is True)
        elif self.jit:
            _say_plain(self.name, reason or "it is unrolled")

    def _has_resets(self, sequences):
        """Whether the last of the features says where a story begins.

        A call keeps nothing on the layer: other threads may be in it.
        """
        return sequences.shape[-1] != self._features

    def inner_loop(self, sequences, initial_state, mask, training=False):
        sequences, mask, *initial_state = _of_one_batch(
            [sequences, mask, *initial_state])
        # XLA takes a loop of one step apart, and then computes N x N things anew.
        one_step = sequences.shape[1] == 1 and not tf.executing_eagerly()
        if (self._fast_path is None or one_step
                or self._is_observed([sequences, *initial_state])):
            return self._run_plain(sequences, initial_state, mask, training)
        return self._run_fast(sequences, initial_state, mask, training)

    def _is_observed(self, tensors):
        """Whether somebody must see each operation, so that none may be compiled.

        Args:
          tensors: what the layer is given.
        """
        observer = observed([*tensors, *map(
            tf.convert_to_tensor, self.trainable_variables)])
        if observer:
            _say_plain(self.name, f"{observer} looks at each operation")
        return observer is not None

    def _run_plain(self, sequences, initial_state, mask, training):
        """Keras's loop around the cell."""
        with controllers.one_dropout(self.cell.controller, sequences):
            return self._loop(sequences, initial_state, mask, training)

    def _loop(self, sequences, initial_state, mask, training):
        if not self._has_resets(sequences):
            return super().inner_loop(sequences, initial_state, mask, training)

        def step(inputs, states):
            goes_on = inputs[:, -1:] <= 0  # a product with 0 would keep infinity
            return self.cell(
                inputs[:, :-1], [tf.where(goes_on, state, 0) for state in states],
                training=training)

        return loop(self, step, sequences, initial_state, mask)

    def _run_fast(self, sequences, initial_state, mask, training):
        """What `_run_plain` returns, by the fast path."""
        resets = None
        if mask is not None:
            mask = tf.cast(mask, tf.bool)
        if self.go_backwards:
            sequences = tf.reverse(sequences, [1])
            mask = None if mask is None else tf.reverse(mask, [1])
        if self._has_resets(sequences):
            sequences, resets = sequences[:, :, :-1], sequences[:, :, -1] > 0
        hidden, reads, state = self._fast_path(
            sequences, self.cell.unpack_state(initial_state), mask, resets)
        if not self.return_sequences:
            hidden, reads = hidden[:, -1:], reads[:, -1:]
        outputs = self.cell.output(
            self.cell.bypass(hidden, training), reads, self.cell.weights_as_tensors())
        if mask is not None:
            # As Keras has it: zeros until the first step that is not masked.
            begun = mask if self.zero_output_for_mask else tf.cumsum(
                tf.cast(mask, tf.int32), axis=1) > 0
            begun = begun[:, -outputs.shape[1]:] if outputs.shape[1] else begun
            outputs = tf.where(begun[:, :, tf.newaxis], outputs, 0)
        return outputs[:, -1], outputs, self.cell.pack_state(state)

    def unpack_state(self, states):
        """The returned or initial state as a `dnc.cell.DNCState` with names.

        Raises:
          ValueError: they are not as `return_state` gives them, without the output.
        """
        states = keras.tree.flatten(states)
        check_states(states, self.cell.state_size, states[0].shape[0])
        return self.cell.unpack_state(states)

    def trajectory(self, sequences, initial_state=None, mask=None, resets=None,
                   memory=False, link=False):
        """What the memory does at each step, to look at.

        It takes the plain loop, by a `dnc.trajectory.Recorder`.

        Args:
          sequences, initial_state, mask, resets: as for `call`; with
            `go_backwards`, the steps below are in the order they were made.
          memory: True keeps the memory of every step, `[B, T, N, W]`.
          link: True keeps the link matrix of every step, `[B, T, H, N, N]`.

        Returns:
          A `dnc.trajectory.Trajectory`: gates, keys and modes, usage, weightings and
          their parts, outputs, final state; each field `[B, T, ...]`.

        Raises:
          ValueError: as `call`.
        """
        if not hasattr(sequences, "shape"):
            sequences = tf.convert_to_tensor(sequences)
        sequences, mask, resets = self._checked(sequences, mask, resets)
        sequences = tf.convert_to_tensor(sequences)
        if not self.built:
            self.build(sequences.shape)
        if initial_state is None and self.stateful and self.states is not None:
            initial_state = [tf.convert_to_tensor(state) for state in self.states]
            rows = initial_state[0].shape[0]
            if sequences.shape[0] != rows:
                raise ValueError(
                    f"{self.name} is stateful and stands in {rows} rows, got "
                    f"{sequences.shape[0]}: give an initial_state, or reset_state()")
        if self.go_backwards:
            sequences, mask, resets = (
                None if steps is None else tf.reverse(steps, [1])
                for steps in (sequences, mask, resets))
        kept = bool(memory), bool(link)
        if kept not in self._recorders:
            self._recorders[kept] = Recorder(self.cell, *kept)
        return self._recorders[kept](sequences, initial_state, mask, resets)

    def get_config(self):
        config = {**super().get_config(), **self.cell.get_config()}
        config.pop("cell")
        config.update(name=self.name, trainable=self.trainable, jit=self.jit)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # A scope hides those around it.
        with (keras.saving.custom_object_scope(custom_objects) if custom_objects
              else contextlib.nullcontext()):
            return DNCCell.from_config.__func__(cls, config)


_LAYER_ARGUMENTS = ("name", "trainable", "go_backwards", "stateful", "unroll",
                    "zero_output_for_mask", "activity_regularizer", "input_shape")


# While a layer is built; of all layers, as a lock of its own could not be copied.
_BUILDING = threading.RLock()


@functools.lru_cache(maxsize=1024)
def _say_plain(name, reason):
    """Logs, once for each layer, why it takes the plain loop."""
    logging.getLogger("dnc").warning(
        "%s takes the plain loop, not the compiled one: %s", name, reason)


def _checked_jit(jit):
    """`jit` as True, False or "auto"."""
    if isinstance(jit, str) and jit != "auto":
        raise ValueError(f"jit must be True, False or 'auto', got {jit!r}")
    return jit if jit == "auto" else bool(jit)


def _with_steps(sequences):
    """`sequences` `[B, T, D]`; an error if it has no steps, T = 0."""
    text = ("DNC needs at least one step in [batch, time, features]; leave such "
            "batches out, or pad and mask them")
    if sequences.shape[1] == 0:
        raise ValueError(f"{text}; got shape {tuple(sequences.shape)}")
    if sequences.shape[1] is None:
        check = tf.debugging.assert_positive(tf.shape(sequences)[1], text)
        # In a graph: before what would fail darkly.
        with tf.control_dependencies([check] if check is not None else []):
            return tf.identity(sequences)
    return sequences


def _of_one_batch(tensors):
    """`tensors` `[B, ...]`, or None, all with the batch size that one of them knows."""
    batch = next((tensor.shape[0] for tensor in tensors
                  if tensor is not None and tensor.shape[0] is not None), None)
    if batch is None:
        return tensors
    return [None if tensor is None else tf.ensure_shape(
        tensor, [batch, *tensor.shape[1:]]) for tensor in tensors]


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
