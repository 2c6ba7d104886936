"""What a DNC does at each step of a sequence: gates, weightings, usage, memory.

    >>> from dnc import DNC
    >>> layer = DNC(output_size=3, controller_units=8, memory_size=4, word_size=2,
    ...             num_read_heads=1)
    >>> trajectory = layer.trajectory(tf.random.normal([2, 5, 6]))
    >>> trajectory.write_weighting.shape                  # [B, T, H, N]
    TensorShape([2, 5, 1, 4])

Where a slot's word comes from, step by step, and what is in use before anything was
written:

    >>> provenance(trajectory.sample(0), step=2, slot=1).shape
    (3,)
    >>> float(tf.reduce_max(trajectory.usage[:, 0]))
    0.0

The plain cell is stepped through the sequence and everything that its equations
speak of is kept. Shapes: B batch, T steps, N memory slots, W word size, R read
heads, H write heads.
"""

import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dnc import addressing
from dnc import interface as interface_vector
from dnc import memory as external_memory
from dnc.arguments import check_states, flat_states
from dnc.cell import DNCState
from dnc.controllers import one_dropout
from dnc.interface import Interface
from dnc.variants import present


class Trajectory(NamedTuple):
    """A DNC's inner life over a sequence, step by step.

    At a masked step the state stays as it was, the output is repeated, and the
    interface, the read vectors and the parts of the weightings are 0 (retention 1):
    nothing was written or read. Without temporal links, what is of them is None.

    Attributes:
      outputs: `[B, T, output_size]`, y.
      interface: `dnc.interface.Interface`, each field `[B, T, ...]`.
      read_vectors: `[B, T, R, W]`, r.
      usage: `[B, T, N]`, u.
      precedence: `[B, T, H, N]`, p.
      write_weighting: `[B, T, H, N]`, w^w.
      read_weighting: `[B, T, R, N]`, w^r.
      allocation: `[B, T, H, N]`, a: where a head would write by allocation.
      write_content: `[B, T, H, N]`, c^w: where it would write by content.
      read_content: `[B, T, R, N]`, c^r: where a head would read by content.
      backward, forward: `[B, T, R, H, N]`, b and f: where it would read by the
        order of writing.
      retention: `[B, T, N]`, psi: what was left of each slot before it was written to;
        None without deallocation.
      resets: `[B, T]`, whether a step began from the zero state.
      memory: `[B, T, N, W]`, M after each step; None unless asked for.
      link: `[B, T, H, N, N]`, L after each step, `link[..., i, j]`: slot i written
        after slot j; None unless asked for.
      final_state: `dnc.cell.DNCState` after the last step; `final_state.memory.link`
        is the last link matrix.
    """

    outputs: tf.Tensor
    interface: Interface
    read_vectors: tf.Tensor
    usage: tf.Tensor
    precedence: tf.Tensor | None
    write_weighting: tf.Tensor
    read_weighting: tf.Tensor
    allocation: tf.Tensor
    write_content: tf.Tensor
    read_content: tf.Tensor
    backward: tf.Tensor | None
    forward: tf.Tensor | None
    retention: tf.Tensor | None
    resets: tf.Tensor
    memory: tf.Tensor | None
    link: tf.Tensor | None
    final_state: DNCState

    def sample(self, index, steps=None):
        """One row of the batch as NumPy arrays, without the batch dimension.

        Args:
          index: the row.
          steps: keep so many steps only, for a row that is padded at its end.

        Returns:
          A `Trajectory` of arrays `[T, ...]`; the final state has no dimension T.

        Raises:
          IndexError: there is no such row.
        """
        rows = len(self.outputs)
        if not -rows <= index < rows:
            raise IndexError(f"no row {index} in a trajectory of {rows}")

        def pick(tensor):
            return None if tensor is None else np.asarray(tensor[index])

        def cut(tensor):
            return None if tensor is None else pick(tensor)[:steps]

        fields = {name: keras.tree.map_structure(cut, field)
                  for name, field in self._asdict().items() if field is not None}
        return self._replace(**fields | {
            "final_state": keras.tree.map_structure(pick, self.final_state)})


class Recorder:
    """Records trajectories of a cell, as one graph that is traced once.

    Args:
      cell: a `dnc.DNCCell` or `dnc.DNC`, built.
      memory: keep the memory of every step, T * N * W numbers a row.
      link: keep the link matrix of every step, T * H * N * N numbers a row.
      jit: compile with XLA, once for each shape: for many sequences of one shape.
    """

    def __init__(self, cell, memory=False, link=False, jit=False):
        self._cell = getattr(cell, "cell", cell)
        if not self._cell.built:
            raise ValueError(f"{self._cell.name} has no weights yet: call it first")
        self._keep = {"memory": memory, "link": link}
        # A partial: see `dnc.fast_path.loops.Loops`.
        self._run = tf.function(
            functools.partial(self._loop), autograph=False, reduce_retracing=True,
            jit_compile=jit or None)

    def __call__(self, sequences, initial_state=None, mask=None, resets=None,
                 training=False):
        """Steps the cell through sequences.

        Args:
          sequences: `[B, T, D]`.
          initial_state: list of `[B, size]`, as `DNC` returns it, or a `DNCState`,
            such as another trajectory's last; zeros without.
          mask: `[B, T]` booleans; a masked step leaves that row's state untouched.
          resets: `[B, T]` booleans; an unmasked step where it is True starts from
            the zero state.
          training: passed to a controller that takes it.

        Returns:
          A `Trajectory`.

        Raises:
          ValueError: the states are not those of the cell.
        """
        sequences = tf.convert_to_tensor(sequences)
        steps = tf.shape(sequences)[:2]
        mask = tf.fill(steps, True) if mask is None else tf.cast(mask, tf.bool)
        resets = tf.fill(steps, False) if resets is None else tf.cast(resets, tf.bool)
        if initial_state is None:
            initial_state = self._cell.get_initial_state(tf.shape(sequences)[0])
        initial_state = flat_states(initial_state, self._cell.compute_dtype)
        check_states(initial_state, self._cell.state_size, sequences.shape[0])
        return self._run(sequences, mask, initial_state, resets, training)

    def _loop(self, sequences, mask, states, resets, training):
        """The trajectory, by a loop over time that keeps each step's record."""
        cell, count = self._cell, tf.shape(sequences)[1]
        resets &= mask
        begun = resets
        sequences, mask, resets = (
            tf.transpose(tensor, order) for tensor, order in (
                (sequences, [1, 0, 2]), (mask, [1, 0]), (resets, [1, 0])))
        specs = self._record_specs()
        stores = [tf.TensorArray(cell.compute_dtype, count, element_shape=shape)
                  for shape in keras.tree.flatten(specs)]
        output = tf.zeros((tf.shape(sequences)[1], cell.output_size),
                          cell.compute_dtype)

        def body(t, states, output, stores):
            states, output, record = self._step(
                sequences[t], mask[t], resets[t], states, output, training)
            stores = [store.write(t, tensor) for store, tensor
                      in zip(stores, keras.tree.flatten(record), strict=True)]
            return t + 1, states, output, stores

        with one_dropout(cell.controller, output):
            _, states, _, stores = tf.while_loop(
                lambda t, *_: t < count, body, (0, states, output, stores),
                maximum_iterations=count)
        batch_major = [_swap_batch_and_time(store.stack()) for store in stores]
        fields = keras.tree.pack_sequence_as(specs, batch_major)
        absent = dict.fromkeys(Trajectory._fields)
        return Trajectory(**absent | fields | {
            "interface": Interface(**fields["interface"]), "resets": begun,
            "final_state": cell.unpack_state(states)})

    def _step(self, inputs, real, reset, states, output, training):
        """(next states, output, record) of one step, {field of Trajectory: value}."""
        cell, real, goes_on = self._cell, real[:, tf.newaxis], ~reset[:, tf.newaxis]
        state = cell.unpack_state([tf.where(goes_on, state, 0) for state in states])
        hidden, controller = cell.control(inputs, state, training)
        weights = cell.weights_as_tensors()
        interface = cell.interface(cell.interface_vector(hidden, weights))
        read_vectors, memory = external_memory.step(
            state.memory, interface, cell.usage_gradient, cell.variants)
        flat_reads = tf.reshape(read_vectors, (-1, cell.state_size[-1]))
        next_states = cell.pack_state(DNCState(controller, memory, read_vectors))
        next_states = [tf.where(real, after, before)
                       for after, before in zip(next_states, states)]
        output = tf.where(real, cell.output(hidden, flat_reads, weights), output)
        done = {"interface": present(interface), "read_vectors": read_vectors,
                **_parts(state.memory, memory, interface, cell.variants)}
        done = keras.tree.map_structure(
            lambda tensor: tf.where(_like(real, tensor), tensor, 0), done)
        if cell.variants.deallocation:
            done["retention"] = tf.where(real, done["retention"], 1)
        after = self._kept(cell.unpack_state(next_states).memory)
        return next_states, output, {"outputs": output, **done, **after}

    def _kept(self, memory):
        """{name: field} of what is kept of a `MemoryState`."""
        return {name: field for name, field in present(memory).items()
                if self._keep.get(name, True)}

    def _record_specs(self):
        """The shape of each field of a step's record, as `_step` returns it."""
        cell = self._cell
        R, H, N = cell.num_read_heads, cell.num_write_heads, cell.memory_size
        specs = {
            "outputs": (cell.output_size,),
            "interface": present(interface_vector.shapes(*cell.dimensions)),
            "read_vectors": (R, cell.word_size),
            "allocation": (H, N), "write_content": (H, N), "read_content": (R, N),
            **self._kept(cell.memory_shapes)}
        if cell.variants.temporal_links:
            specs.update(backward=(R, H, N), forward=(R, H, N))
        if cell.variants.deallocation:
            specs["retention"] = (N,)
        return keras.tree.map_shape_structure(
            lambda shape: tf.TensorShape((None, *shape)), specs)


def provenance(sample, step, slot):
    """Which earlier steps' writings a memory slot holds after a step.

    The slot's content is a sum over the steps that wrote to it: step s added its
    write vector in the measure of its write weighting, and each later step left the
    share (1 - w e) of that, word component by word component; with deallocation the
    share psi (1 - w e). A masked step neither writes nor erases, and nothing outlives
    a reset.

    Args:
      sample: `Trajectory` of arrays without the batch dimension: see
        `Trajectory.sample`.
      step: the step after which one looks; a read of that step sees its write.
      slot: the slot's number.

    Returns:
      `[step + 1]`, for each step up to `step` its write weighting on the slot, of
      all write heads together, times the share that is still there, averaged over
      the word's components.
    """
    weighting = _written(sample, [slot])[:step + 1, :, 0]
    erased = weighting[:, :, np.newaxis] * sample.interface.erase_vectors[:step + 1]
    # [step + 1, W], of what was there before.
    left = np.prod(1.0 - erased, axis=1) * _kept(sample, [slot])[:step + 1]
    later = np.ones_like(left)
    later[:-1] = np.cumprod(left[:0:-1], axis=0)[::-1]
    return weighting.sum(axis=1) * later.mean(axis=1)


def origins(sample, least):
    """What `provenance` says of all steps and slots, but for shares that are small.

    A share can only fall, so what is below `least` is dropped for good: the time goes
    with the steps and with what the memory holds, not with the square of the steps.

    Args:
      sample: as for `provenance`.
      least: shares below it are left out; above 0.

    Yields:
      For each step (slots, steps, shares), arrays `[K]` of one length: slot
      `slots[k]` holds what was written at `steps[k]` in the measure `shares[k]`.
    """
    slots, steps = np.zeros((2, 0), np.int64)
    shares = np.zeros((0, sample.interface.erase_vectors.shape[-1]))  # [K, W]
    for step, (weighting, kept, erase) in enumerate(zip(
            _written(sample), _kept(sample),
            sample.interface.erase_vectors.astype(np.float64))):
        left = kept[slots, np.newaxis] * np.prod(
            1 - weighting[:, slots, np.newaxis] * erase[:, np.newaxis], axis=0)
        written = weighting.sum(axis=0)
        new = np.flatnonzero(written >= least)
        slots = np.concatenate([slots, new])
        steps = np.concatenate([steps, np.full(len(new), step)])
        shares = np.concatenate([shares * left, np.tile(
            written[new, np.newaxis], shares.shape[1])])
        large = shares.mean(axis=1) >= least
        slots, steps, shares = slots[large], steps[large], shares[large]
        yield slots, steps, shares.mean(axis=1)


def _written(sample, slots=slice(None)):
    """`[T, H, slots]`: write weightings; 0 at masked steps, which repeat the last."""
    real = sample.interface.write_gates > 0  # where it is 0, so is the weighting
    weighting = sample.write_weighting[..., slots].astype(np.float64)
    return np.where(real[..., np.newaxis], weighting, 0)


def _kept(sample, slots=slice(None)):
    """`[T, slots]`: the share of a slot that is there when a step begins to write."""
    kept = (np.ones_like(sample.write_weighting[:, 0, slots])
            if sample.retention is None else sample.retention[:, slots])
    return kept * ~sample.resets[:, np.newaxis]


def _parts(before, after, interface, variants):
    """What the write and read weightings are blended from, by field name.

    Args:
      before, after: `MemoryState` around a step.
      interface: the step's `Interface`.
      variants: `dnc.variants.Variants`.
    """
    parts = {
        "allocation": external_memory.allocate(after.usage, interface),
        "write_content": addressing.content_weighting(
            before.memory, interface.write_keys, interface.write_strengths,
            interface.write_masks),
        "read_content": addressing.content_weighting(
            after.memory, interface.read_keys, interface.read_strengths,
            interface.read_masks)}
    if variants.deallocation:
        parts["retention"] = external_memory.retention(before, interface)
    if after.link is not None:
        parts["backward"], parts["forward"] = external_memory.directions(
            after.link, before.read_weighting, interface)
    return parts


def _like(flags, tensor):
    """Flags `[B, 1]` with as many dimensions as a tensor `[B, ...]` has."""
    return tf.reshape(flags, [-1] + [1] * (len(tensor.shape) - 1))


def _swap_batch_and_time(tensor):
    """`[T, B, ...]` -> `[B, T, ...]`."""
    return tf.transpose(tensor, [1, 0, *range(2, len(tensor.shape))])
