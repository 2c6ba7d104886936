"""The fast path: a whole sequence as one compiled loop with its own gradient.

Training a DNC by plain automatic differentiation keeps a link matrix of N x N
numbers for every step and row, and spends its time moving them. Here the whole
recurrence is one function with a gradient of its own:

1. Forward, in segments of `SEGMENT` steps, keeps for each step only vectors: the
   controller's pre-activations, the interface vector, usage, weightings, dot
   products. The memory M and the link matrix L are kept once a segment.
2. Backward walks the segments from the last to the first. It rebuilds the M and L
   of a segment from the kept write weightings (the controller is not run again),
   then steps back through it. What is of size O(N) is differentiated by a
   GradientTape over the same functions that the plain path uses; the adjoints of L
   and M are derived by hand, in `_link_adjoint` and `_memory_adjoint`.
3. Weights are constants inside the loop; the gradient of each is one matrix product
   over all steps after it. The input projection is one product before it.

Memory use is O(T (N + W R) + (T / SEGMENT + SEGMENT) N^2), not O(T N^2). All is
compiled by XLA, for each shape once. Arrays are time-major; memory is held
transposed, `[B, W, N]`, which suits both look-ups. Dimensions: T steps, B batch, N
slots, W word size, R read heads, H write heads, U controller units, X interface
size.
"""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from dnc import addressing
from dnc import memory as external_memory
from dnc.cell import DNCState
from dnc.interface import Interface
from dnc.memory import MemoryState

# Steps between two kept link matrices.
SEGMENT = 20


class Weights(NamedTuple):
    """What the loop needs of the weights, as tensors.

    Attributes:
      recurrent: `[R * W + U, 4U]`, the controller's kernel for `[reads; hidden]`.
      interface: `[U, X]`, W_xi.
      interface_bias: `[X]`, zeros where there is none.
    """

    recurrent: tf.Tensor
    interface: tf.Tensor
    interface_bias: tf.Tensor


class Carry(NamedTuple):
    """The state inside the loop; also the adjoint of that state.

    Attributes:
      hidden, cell: `[B, U]`, the LSTM's two states.
      reads: `[B, R * W]`, the read vectors side by side.
      usage: `[B, N]`.
      precedence, write_weighting: `[B, H, N]`.
      read_weighting: `[B, R, N]`.
      norms: `[B, N]`, the squared norms of the slots.
      memory: `[B, W, N]`, transposed.
      link: `[B, H, N, N]`.
    """

    hidden: tf.Tensor
    cell: tf.Tensor
    reads: tf.Tensor
    usage: tf.Tensor
    precedence: tf.Tensor
    write_weighting: tf.Tensor
    read_weighting: tf.Tensor
    norms: tf.Tensor
    memory: tf.Tensor
    link: tf.Tensor

    def small(self):
        """All but memory and link."""
        return self[:-2]


def supports(cell):
    """None if the fast path can run this `DNCCell`, else the reason why not."""
    controller = cell.controller
    if type(controller) is not keras.layers.LSTMCell:
        return f"its controller is a {type(controller).__name__}, not an LSTMCell"
    if (controller.activation is not keras.activations.tanh
            or controller.recurrent_activation is not keras.activations.sigmoid):
        return "its LSTM has other activations than tanh and sigmoid"
    if controller.dropout or controller.recurrent_dropout:
        return "its LSTM has dropout"
    if cell.mixed_precision:
        return "it computes in mixed precision"
    return None


class FastPath:
    """A `DNCCell` over whole sequences.

    Args:
      cell: a `DNCCell` that `supports` has nothing against. Its weights stay its
        own: they are read at each call.
    """

    def __init__(self, cell):
        self.cell = cell
        self._forward = tf.function(self._run_forward, jit_compile=True)
        self._backward = tf.function(self._run_backward, jit_compile=True)

    def __call__(self, inputs, state, mask=None, resets=None):
        """Runs the cell over a sequence.

        Args:
          inputs: `[B, T, D]`.
          state: `dnc.cell.DNCState` before the first step.
          mask: `[B, T]` booleans or None: steps to take.
          resets: `[B, T]` booleans or None: steps that start from the zero state.

        Returns:
          (hidden `[B, T, U]` after clipping, reads `[B, T, R * W]`, the final
          `DNCState`). A masked step repeats hidden and reads of the step before.
        """
        cell, controller = self.cell, self.cell.controller
        kernel = tf.convert_to_tensor(controller.kernel)
        split = inputs.shape[2]
        projected = tf.matmul(tf.transpose(inputs, [1, 0, 2]), kernel[:split])
        if controller.use_bias:
            projected += controller.bias
        weights = cell.weights_as_tensors()
        bias = weights.interface_bias
        weights = Weights(
            tf.concat([kernel[split:], controller.recurrent_kernel], axis=0),
            weights.interface_kernel,
            tf.zeros_like(weights.interface_kernel[0]) if bias is None else bias)

        steps = projected.shape[0] or tf.shape(projected)[0]
        segment = _segment_length(projected.shape[0])
        padding = -steps % segment
        factors = _step_factors(mask, resets, projected, padding)
        projected = tf.pad(projected, [[0, padding], [0, 0], [0, 0]])
        hidden, reads, *final = self._differentiable(segment, factors)(
            projected, *weights, *_enter(state))
        hidden, reads = (
            tf.transpose(sequence[:steps], [1, 0, 2]) for sequence in (hidden, reads))
        return cell.clip(hidden), reads, _leave(Carry(*final), state)

    def _differentiable(self, segment, factors):
        """The loop as a function of tensors, with its gradient.

        Returns:
          A function of (projected `[T, B, 4U]`, *`Weights`, *`Carry`) that returns
          (hidden `[T, B, U]`, reads `[T, B, R * W]`, *final `Carry`).
        """
        @tf.custom_gradient
        def recurrence(*arguments):
            # Without this, an outer tape would differentiate the inner function.
            projected, *rest = [tf.stop_gradient(tensor) for tensor in arguments]
            weights, carry = Weights(*rest[:3]), Carry(*rest[3:])
            final, records = self._forward(
                segment, factors, projected, weights, carry)

            def gradient(*adjoints):
                return self._backward(
                    segment, factors, weights, carry, records, adjoints)

            return [records.hidden, records.reads, *final], gradient

        return recurrence

    def _run_forward(self, segment, factors, projected, weights, carry):
        return _Loop(self.cell, segment, factors).forward(projected, weights, carry)

    def _run_backward(self, segment, factors, weights, carry, records, adjoints):
        return _Loop(self.cell, segment, factors).backward(
            weights, carry, records, adjoints)


def _enter(state):
    """`DNCState` as `Carry`."""
    memory = state.memory
    hidden, cell = state.controller
    reads = tf.reshape(
        state.read_vectors, (-1, math.prod(state.read_vectors.shape[1:])))
    return Carry(
        hidden, cell, reads, memory.usage, memory.precedence, memory.write_weighting,
        memory.read_weighting, tf.reduce_sum(tf.square(memory.memory), axis=2),
        tf.transpose(memory.memory, [0, 2, 1]), memory.link)


def _leave(carry, like):
    """`Carry` as `DNCState`, in the shapes of the state `like`."""
    memory = MemoryState(
        tf.transpose(carry.memory, [0, 2, 1]), carry.usage, carry.link,
        carry.precedence, carry.write_weighting, carry.read_weighting)
    reads = tf.reshape(carry.reads, tf.shape(like.read_vectors))
    return DNCState([carry.hidden, carry.cell], memory, reads)


def _segment_length(steps):
    """Steps in a segment: where possible a divisor of the number of steps."""
    if steps is None:
        return SEGMENT
    if steps <= SEGMENT:
        return steps
    divisors = [k for k in range(SEGMENT // 2, SEGMENT + 6) if steps % k == 0]
    return divisors[-1] if divisors else SEGMENT


class StepFactors(NamedTuple):
    """Mask and resets as factors of each step; None where 1 throughout.

    Attributes:
      valid: `[T, B]`, 1 at a step to take, 0 at a masked one.
      kept: `[T, B]`, 0 at a step that starts from the zero state.
    """

    valid: tf.Tensor | None
    kept: tf.Tensor | None


def _step_factors(mask, resets, projected, padding):
    """`StepFactors` of the steps of `projected` and of `padding` more."""
    dtype = projected.dtype
    valid = kept = None
    if mask is not None or not (isinstance(padding, int) and padding == 0):
        if mask is None:
            mask = tf.ones(tf.reverse(tf.shape(projected)[:2], [0]), tf.bool)
        valid = tf.cast(tf.transpose(mask), dtype)
        valid = tf.pad(valid, [[0, padding], [0, 0]])
    if resets is not None:
        kept = 1 - tf.cast(tf.transpose(resets), dtype)
        kept = tf.pad(kept, [[0, padding], [0, 0]])
        if valid is not None:
            kept = 1 - valid * (1 - kept)
    return StepFactors(valid, kept)


class Records(NamedTuple):
    """What the forward loop keeps for the backward one.

    Attributes:
      hidden: `[T, B, U]`, after each step; reads: `[T, B, R * W]`.
      units: `Units` of each step.
      slots: `Slots` of each step.
      memory: `[T / segment, B, W, N]`, before each segment.
      link: `[T / segment, B, H, N, N]`, before each segment.
    """

    hidden: tf.Tensor
    reads: tf.Tensor
    units: "Units"
    slots: "Slots"
    memory: tf.Tensor
    link: tf.Tensor


class Units(NamedTuple):
    """What is kept of the controller at a step.

    Attributes:
      gates: `[B, 4U]`, the pre-activations.
      vector: `[B, X]`, the interface vector.
      cell: `[B, U]`, after the step.
    """

    gates: tf.Tensor
    vector: tf.Tensor
    cell: tf.Tensor


class Slots(NamedTuple):
    """The vectors over slots that are kept of a step.

    Attributes:
      usage, norms: `[B, N]`, after the step.
      precedence, write_weighting: `[B, H, N]`, after the step.
      read_weighting: `[B, R, N]`, after the step.
      write_similarity: `[B, H, N]`, write keys times memory before the write.
      read_similarity: `[B, R, N]`, read keys times memory after the write.
    """

    usage: tf.Tensor
    norms: tf.Tensor
    precedence: tf.Tensor
    write_weighting: tf.Tensor
    read_weighting: tf.Tensor
    write_similarity: tf.Tensor
    read_similarity: tf.Tensor


class _Loop:
    """The two loops.

    Args:
      cell: the `DNCCell`, for its sizes and activations; no weight of it is read.
      segment: steps in a segment, a divisor of T.
      factors: `StepFactors`.
    """

    def __init__(self, cell, segment, factors):
        self.cell = cell
        self.segment = segment
        self.valid, self.kept = factors
        self.num_reads = cell.num_read_heads
        self.num_writes = cell.num_write_heads
        self.word_size = cell.word_size
        self.memory_size = cell.memory_size
        self.units = cell.controller.units

    # One step forward.

    def step(self, t, projected, weights, carry):
        """(the next `Carry`, units record, slots record) after step t."""
        previous = self.restart(t, carry)
        joined = tf.concat([previous.reads, previous.hidden], axis=1)
        gates = projected[t] + tf.matmul(joined, weights.recurrent)
        hidden, cell, spoken = self.control(gates, previous.cell)
        vector = tf.matmul(spoken, weights.interface) + weights.interface_bias
        interface = self.cell.interface(vector)
        write_similarity = tf.matmul(interface.write_keys, previous.memory)
        usage, write_weighting, written, precedence = self.write(
            t, previous, interface, write_similarity)
        usage, write_weighting, written, precedence = _materialise(
            t, (usage, write_weighting, written, precedence))
        memory = self.write_memory(previous.memory, interface, written)
        link = _in_place(t, self.write_link, previous.link, previous.precedence,
                         *self.decay(t, written))
        norms = _sum_rows(tf.square(memory))
        read_similarity = tf.matmul(interface.read_keys, memory)
        read_weighting = addressing.read_weighting(
            *self.candidates(
                t, interface, read_similarity, norms, link, previous),
            interface.read_modes)
        read_weighting, = _materialise(t, (read_weighting,))
        reads = _combine(read_weighting, memory)
        reads = tf.reshape(reads, tf.shape(previous.reads))
        carry = self.keep_masked(t, previous, Carry(
            hidden, cell, reads, usage, precedence, write_weighting, read_weighting,
            norms, memory, link))
        slots = Slots(
            carry.usage, carry.norms, carry.precedence, carry.write_weighting,
            carry.read_weighting, write_similarity, read_similarity)
        return carry, Units(gates, vector, carry.cell), slots

    def restart(self, t, carry):
        """The state that step t starts from: zero where a new story begins.

        All but the link matrix, which `Decay` takes care of.
        """
        if self.kept is None:
            return carry
        kept = self.kept[t]
        return Carry(*(
            tensor * _factor(kept, tensor) for tensor in carry[:-1]), carry.link)

    def keep_masked(self, t, previous, carry):
        """The state after step t: as before it where the step is masked.

        Memory, link, precedence and norms stay of themselves: nothing is written.
        """
        if self.valid is None:
            return carry

        def choose(new, old):
            return tf.where(_factor(self.valid[t], new) > 0, new, old)
        return carry._replace(**{
            name: choose(getattr(carry, name), getattr(previous, name))
            for name in _MASKED})

    def mask(self, t, tensor):
        """`tensor` with zeros in the rows that are masked at step t."""
        if self.valid is None:
            return tensor
        return tensor * _factor(self.valid[t], tensor)

    def control(self, gates, cell):
        """One LSTM step after its matrix products.

        Args:
          gates: `[B, 4U]`, pre-activations: input, forget, candidate, output.
          cell: `[B, U]`.

        Returns:
          (hidden, cell, hidden as the interface sees it), each `[B, U]`.
        """
        write, forget, candidate, expose = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(write) * tf.tanh(candidate)
        hidden = tf.sigmoid(expose) * tf.tanh(cell)
        spoken = self.cell.clip(hidden)
        if self.cell.clip_controller_state:
            return spoken, self.cell.clip(cell), spoken
        return hidden, cell, spoken

    def write(self, t, previous, interface, similarity):
        """Usage, write weighting, what of it is written, and precedence."""
        content = addressing.sharpened_softmax(
            similarity, previous.norms, interface.write_keys,
            interface.write_strengths)
        usage, write_weighting = external_memory.allocate_and_blend(
            previous, interface, content, self.cell.usage_gradient)
        written = self.mask(t, write_weighting)
        precedence = addressing.precedence(previous.precedence, written)
        return usage, write_weighting, written, precedence

    def write_memory(self, memory, interface, written):
        """`addressing.erase_and_write` on the transposed memory `[B, W, N]`."""
        added = 0
        for kept, head in self._erasures(interface, written):
            memory *= kept
            added += (interface.write_vectors[:, head, :, tf.newaxis]
                      * written[:, head, tf.newaxis, :])
        return memory + added

    def _erasures(self, interface, written):
        """(1 - e w^T `[B, W, N]`, head) for each write head."""
        for head in range(self.num_writes):
            yield 1 - (interface.erase_vectors[:, head, :, tf.newaxis]
                       * written[:, head, tf.newaxis, :]), head

    def decay(self, t, written):
        """`Decay` of step t."""
        kept = tf.ones_like(written[:, 0, 0]) if self.kept is None else self.kept[t]
        return Decay(written, kept)

    def write_link(self, link, precedence, written, kept):
        """`addressing.link_matrix`, with the diagonal left out by a comparison."""
        return self.off_diagonal(
            Decay(written, kept).of(link)
            + written[:, :, :, tf.newaxis] * precedence[:, :, tf.newaxis])

    def off_diagonal(self, matrix):
        """`[B, H, N, N]` with zeros on the diagonal."""
        slots = tf.range(self.memory_size)
        return tf.where(slots[:, tf.newaxis] == slots, tf.zeros_like(matrix), matrix)

    def candidates(self, t, interface, similarity, norms, link, previous):
        """Backward, content and forward weightings of the read heads."""
        content = addressing.sharpened_softmax(
            similarity, norms, interface.read_keys, interface.read_strengths)
        backward = tf.matmul(previous.read_weighting[:, tf.newaxis], link)
        forward = self.forward_reads(link, previous.read_weighting)
        return (tf.transpose(backward, [0, 2, 1, 3]), content,
                tf.transpose(forward, [0, 2, 1, 3]))

    def forward_reads(self, link, weighting):
        """L w for each head: `[B, H, N, N]`, `[B, R, N]` -> `[B, H, R, N]`."""
        return addressing.sum_last(
            link[:, :, tf.newaxis] * weighting[:, tf.newaxis, :, tf.newaxis])

    # The loop forward.

    def forward(self, projected, weights, carry):
        """(the final `Carry`, `Records`)."""
        steps = tf.shape(projected)[0]
        segments = steps // self.segment
        dtype = projected.dtype
        arrays = [_array(dtype, size) for size in (
            *[steps] * (2 + len(Units._fields) + len(Slots._fields)),
            segments, segments)]

        def run_step(t, carry, arrays):
            carry, units, slots = self.step(t, projected, weights, carry)
            rows = (carry.hidden, carry.reads, *units, *slots)
            return t + 1, carry, [
                array.write(t, row) for array, row in zip(arrays, rows)]

        def run_segment(s, carry, arrays):
            memory, link = arrays[-2:]
            memory, link = memory.write(s, carry.memory), link.write(s, carry.link)
            start = s * self.segment
            _, carry, arrays = tf.while_loop(
                lambda t, *_: t < start + self.segment, run_step,
                (start, carry, arrays[:-2]), maximum_iterations=self.segment)
            return s + 1, carry, [*arrays, memory, link]

        _, carry, arrays = tf.while_loop(
            lambda s, *_: s < segments, run_segment, (0, carry, arrays))
        hidden, reads, gates, vector, cell, *slots, memory, link = (
            array.stack() for array in arrays)
        return carry, Records(
            hidden, reads, Units(gates, vector, cell), Slots(*slots), memory, link)

    # One step backward.

    def before(self, t, records, initial, memory, link):
        """The `Carry` before step t, with the given memory and link."""
        def at(sequence, first):
            return tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], first)
        units, slots = records.units, records.slots
        return self.restart(t, Carry(
            at(records.hidden, initial.hidden), at(units.cell, initial.cell),
            at(records.reads, initial.reads), at(slots.usage, initial.usage),
            at(slots.precedence, initial.precedence),
            at(slots.write_weighting, initial.write_weighting),
            at(slots.read_weighting, initial.read_weighting),
            at(slots.norms, initial.norms), memory, link))

    def rebuild(self, t, records, initial, memory, link):
        """Memory and link after step t, from those before it."""
        previous = self.before(t, records, initial, memory, link)
        interface = self.cell.interface(records.units.vector[t])
        written = self.mask(t, records.slots.write_weighting[t])
        written, precedence, erase_vectors, write_vectors = _materialise(t, (
            written, previous.precedence, interface.erase_vectors,
            interface.write_vectors))
        interface = interface._replace(
            erase_vectors=erase_vectors, write_vectors=write_vectors)
        return (self.write_memory(previous.memory, interface, written),
                self.write_link(previous.link, precedence,
                                *self.decay(t, written)))

    def step_back(self, t, records, weights, previous, after, adjoint, later):
        """The adjoint of the state before step t, from that of the state after it.

        Args:
          t: the step.
          records: `Records`.
          weights: `Weights`, transposed.
          previous: `Carry` before the step.
          after: (memory, link) after the step.
          adjoint: `Carry` of adjoints of the state after the step, but for the
            link, whose adjoint still lacks the decay of the later step.
          later: `Decay` of the later step.

        Returns:
          (adjoint `Carry`, the `Decay` of this step, adjoint of gates and
          interface vector `[B, 4U + X]`).
        """
        memory, link = after
        gates, vector = records.units.gates[t], records.units.vector[t]
        slots = Slots(*(row[t] for row in records.slots))
        candidate = adjoint._replace(**{
            name: self.mask(t, getattr(adjoint, name)) for name in _MASKED})

        with tf.GradientTape() as interface_tape:
            interface_tape.watch(vector)
            interface = self.cell.interface(vector)

        # r = w^r M; w^r = sum of modes times candidates.
        d_reads = tf.reshape(candidate.reads, (-1, self.num_reads, self.word_size))
        d_weighting, = _materialise(
            t, [candidate.read_weighting + tf.matmul(d_reads, memory)])
        looked_up = (slots.read_similarity, slots.norms, interface.read_keys,
                     interface.read_strengths)
        with tf.GradientTape() as tape:
            tape.watch(looked_up)
            content = addressing.sharpened_softmax(*looked_up)
        heads = self.num_writes
        content_mode = interface.read_modes[:, :, heads, tf.newaxis]
        d_similarity, d_norms, d_read_keys, d_read_strengths = tape.gradient(
            content, looked_up, content_mode * d_weighting)
        d_similarity, = _materialise(t, [d_similarity])
        d_read_keys += _combine(d_similarity, memory)

        d_link, d_backward, d_forward, d_read_weighting = self._link_adjoint(
            t, link, adjoint.link, later, d_weighting, previous.read_weighting,
            interface.read_modes)
        d_modes = tf.concat([
            d_backward,
            tf.reduce_sum(d_weighting * content, axis=2, keepdims=True),
            d_forward], axis=2)

        written = self.mask(t, slots.write_weighting)
        d_memory = adjoint.memory + 2 * memory * (
            adjoint.norms + d_norms)[:, tf.newaxis] + tf.matmul(
                tf.concat([d_reads, interface.read_keys], axis=1),
                tf.concat([slots.read_weighting, d_similarity], axis=1),
                transpose_a=True)
        d_memory, d_written, d_erase, d_write = self._memory_adjoint(
            d_memory, previous.memory, interface, written)
        d_linked, d_precedence = self._link_update_adjoint(
            d_link, previous, self.decay(t, written))

        d_written, = _materialise(t, [d_written + d_linked])
        inputs = (previous.small(), interface, slots.write_similarity)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = self.write(
                t, previous, interface, slots.write_similarity)
        d_small, d_interface, d_similarity = tape.gradient(
            outputs, inputs, unconnected_gradients="zero", output_gradients=[
                candidate.usage, candidate.write_weighting, d_written,
                adjoint.precedence])
        d_small = Carry(*d_small, memory=d_memory, link=d_link)
        d_similarity, = _materialise(t, [d_similarity])
        d_memory += tf.matmul(
            interface.write_keys, d_similarity, transpose_a=True)
        d_vector = interface_tape.gradient(interface, vector, Interface(
            read_keys=d_read_keys, read_strengths=d_read_strengths,
            write_keys=d_interface.write_keys + _combine(
                d_similarity, previous.memory),
            write_strengths=d_interface.write_strengths, erase_vectors=d_erase,
            write_vectors=d_write, free_gates=d_interface.free_gates,
            allocation_gates=d_interface.allocation_gates,
            write_gates=d_interface.write_gates, read_modes=d_modes))
        d_vector, = _materialise(t, [d_vector])

        with tf.GradientTape() as tape:
            tape.watch((gates, previous.cell))
            outputs = self.control(gates, previous.cell)
        d_gates, d_cell = tape.gradient(
            outputs, (gates, previous.cell), output_gradients=[
                candidate.hidden, candidate.cell,
                tf.matmul(d_vector, weights.interface)])
        d_gates, = _materialise(t, [d_gates])
        d_read_vectors, d_hidden = tf.split(
            tf.matmul(d_gates, weights.recurrent),
            [self.num_reads * self.word_size, self.units], axis=1)

        before = Carry(
            d_hidden, d_cell, d_read_vectors, d_small.usage,
            d_small.precedence + d_precedence, d_small.write_weighting,
            d_small.read_weighting + d_read_weighting, d_small.norms, d_memory,
            d_link)
        before = before._replace(**{
            name: getattr(before, name) + getattr(adjoint, name)
            - getattr(candidate, name) for name in _MASKED})
        return (self.restart(t, before), self.decay(t, written),
                tf.concat([d_gates, d_vector], axis=1))

    def _link_adjoint(self, t, link, d_link, later, d_weighting, read_weighting,
                      modes):
        """The adjoint of L_t, and what flows through the reads along it.

        With g the adjoint of the read weighting, q the read weighting of the step
        before, and b = L^T q, f = L q entering with the modes pi_b and pi_f:

          dL = decay * dL' + sum over heads of pi_f g q^T + pi_b q g^T
          d pi_f = g . (L q) = (L^T g) . q      d pi_b = g . (L^T q) = (L g) . q
          dq = pi_f L^T g + pi_b L g

        so that f and b are not needed; dL' is the adjoint carried from the later
        step and decay[i, j] = kept (1 - w[i] - w[j]) of that step.

        Returns:
          (dL `[B, H, N, N]`, d pi_b, d pi_f, each `[B, R, H]`, dq `[B, R, N]`).
        """
        heads = self.num_writes
        backward_modes = tf.transpose(modes[:, :, :heads], [0, 2, 1])[..., tf.newaxis]
        forward_modes = tf.transpose(
            modes[:, :, heads + 1:], [0, 2, 1])[..., tf.newaxis]
        g, q = d_weighting[:, tf.newaxis], read_weighting[:, tf.newaxis]
        along = _sum_rows(link[:, :, tf.newaxis] * g[..., tf.newaxis])
        against = self.forward_reads(link, d_weighting)
        d_forward = tf.transpose(tf.reduce_sum(along * q, axis=3), [0, 2, 1])
        d_backward = tf.transpose(tf.reduce_sum(against * q, axis=3), [0, 2, 1])
        d_read_weighting = tf.reduce_sum(
            forward_modes * along + backward_modes * against, axis=1)
        left = tf.concat([forward_modes * g, backward_modes * q], axis=2)
        right = tf.broadcast_to(tf.concat([q, g], axis=2), tf.shape(left))

        def accumulate(d_link, written, kept, left, right):
            d_link = Decay(written, kept).of(d_link)
            for term in range(2 * self.num_reads):
                d_link += (left[:, :, term, :, tf.newaxis]
                           * right[:, :, term, tf.newaxis])
            return self.off_diagonal(d_link)

        d_link = _in_place(t, accumulate, d_link, *later, left, right)
        return d_link, d_backward, d_forward, d_read_weighting

    def _link_update_adjoint(self, d_link, previous, decay):
        """What flows from L_t = (1 - w_i - w_j) L_ij + w_i p_j to w and p.

        dw_i = sum_j dL_ij (p_j - L_ij) - sum_j dL_ji L_ji;  dp_j = sum_i w_i dL_ij,
        with L and p of the step before.

        Returns:
          (dw, dp), each `[B, H, N]`.
        """
        kept, written = _factor(decay.kept, decay.written), decay.written
        gained = (previous.precedence[:, :, tf.newaxis]
                  - kept[..., tf.newaxis] * previous.link)
        d_written = (addressing.sum_last(d_link * gained)
                     - kept * _sum_rows(d_link * previous.link))
        return d_written, _sum_rows(d_link * written[:, :, :, tf.newaxis])

    def _memory_adjoint(self, d_memory, memory, interface, written):
        """What flows from M_t = M prod_h (1 - e w^T) + sum_h v w^T, all `[W, N]`.

        dM = dM_t prod_h (1 - e w^T); and for each head, with Q = dM_t * M * the
        other heads' factors: dw = v^T dM_t - e^T Q, de = -Q w, dv = dM_t w.

        Args:
          d_memory: `[B, W, N]`, dM_t.
          memory: `[B, W, N]`, M before the step.
          interface: `Interface`.
          written: `[B, H, N]`, w.

        Returns:
          (dM `[B, W, N]`, dw `[B, H, N]`, de, dv, each `[B, H, W]`).
        """
        factors = [kept for kept, _ in self._erasures(interface, written)]
        d_written, d_erase = [], []
        for head in range(self.num_writes):
            erased = d_memory * memory
            for other in factors[:head] + factors[head + 1:]:
                erased *= other
            d_written.append(_sum_rows(
                d_memory * interface.write_vectors[:, head, :, tf.newaxis]
                - erased * interface.erase_vectors[:, head, :, tf.newaxis]))
            d_erase.append(-_combine(written[:, head:head + 1], erased)[:, 0])
        d_write = _combine(written, d_memory)
        for factor in factors:
            d_memory *= factor
        return d_memory, tf.stack(d_written, 1), tf.stack(d_erase, 1), d_write

    # The loop backward.

    def backward(self, weights, initial, records, adjoints):
        """The gradients of projected, `Weights` and the initial `Carry`.

        Args:
          weights, initial: as in `forward`.
          records: `Records` of `forward`.
          adjoints: of hidden `[T, B, U]`, reads `[T, B, R * W]` and the final
            `Carry`.

        Returns:
          list of tensors, in the order of the arguments of the recurrence.
        """
        d_hidden, d_reads, *d_final = adjoints
        steps = tf.shape(records.hidden)[0]
        dtype = d_hidden.dtype
        transposed = Weights(
            tf.transpose(weights.recurrent), tf.transpose(weights.interface), None)
        size = self.segment

        def run_step(t, adjoint, later, outputs, memories, links):
            k = t % size
            adjoint = adjoint._replace(
                hidden=adjoint.hidden + d_hidden[t], reads=adjoint.reads + d_reads[t])
            previous = self.before(
                t, records, initial, memories.read(k), links.read(k))
            after = memories.read(k + 1), links.read(k + 1)
            adjoint, later, output = self.step_back(
                t, records, transposed, previous, after, adjoint, later)
            return t - 1, adjoint, later, outputs.write(t, output), memories, links

        def run_segment(s, adjoint, later, outputs, memories, links):
            start = s * size

            def run_rebuild(k, memories, links):
                memory, link = self.rebuild(
                    start + k, records, initial, memories.read(k), links.read(k))
                return k + 1, memories.write(k + 1, memory), links.write(k + 1, link)

            _, memories, links = tf.while_loop(
                lambda k, *_: k < size, run_rebuild,
                (0, memories.write(0, records.memory[s]),
                 links.write(0, records.link[s])), maximum_iterations=size)
            _, adjoint, later, outputs, memories, links = tf.while_loop(
                lambda t, *_: t >= start, run_step,
                (start + size - 1, adjoint, later, outputs, memories, links),
                maximum_iterations=size)
            return s - 1, adjoint, later, outputs, memories, links

        later = Decay(tf.zeros_like(initial.write_weighting),
                      tf.ones_like(initial.norms[:, 0]))
        _, adjoint, later, outputs, _, _ = tf.while_loop(
            lambda s, *_: s >= 0, run_segment,
            (steps // size - 1, Carry(*d_final), later, _array(dtype, steps),
             _array(dtype, size + 1), _array(dtype, size + 1)))
        adjoint = adjoint._replace(link=later.of(adjoint.link))
        return [*self._weight_gradients(outputs.stack(), records, initial), *adjoint]

    def _weight_gradients(self, d_units, records, initial):
        """Gradients of projected and `Weights`, from those of each step's units."""
        d_gates = d_units[:, :, :4 * self.units]
        d_vector = d_units[:, :, 4 * self.units:]
        joined = tf.concat([
            tf.concat([initial.reads[tf.newaxis], records.reads[:-1]], axis=0),
            tf.concat([initial.hidden[tf.newaxis], records.hidden[:-1]], axis=0),
        ], axis=2)
        if self.kept is not None:
            joined *= self.kept[:, :, tf.newaxis]
        spoken = self.cell.clip(records.hidden)
        return (d_gates, _outer(joined, d_gates), _outer(spoken, d_vector),
                tf.reduce_sum(d_vector, axis=[0, 1]))


class Decay(NamedTuple):
    """The factor kept (1 - w[i] - w[j]) of a step on the link matrix.

    Attributes:
      written: `[B, H, N]`, w.
      kept: `[B]`, 0 where a new story begins.
    """

    written: tf.Tensor
    kept: tf.Tensor

    def of(self, link):
        """`link` `[B, H, N, N]` times the factor."""
        kept = _factor(self.kept, self.written)
        row, column = kept - kept * self.written, kept * self.written
        return (row[..., tf.newaxis] - column[:, :, tf.newaxis]) * link


def _outer(left, right):
    """The sum over steps and batch of left^T right: `[T, B, I]`, `[T, B, J]`."""
    return tf.matmul(
        tf.reshape(left, (-1, left.shape[2])), tf.reshape(right, (-1, right.shape[2])),
        transpose_a=True)


# The fields of `Carry` that a masked step must be kept from changing.
_MASKED = ("hidden", "cell", "reads", "usage", "write_weighting", "read_weighting")


def _factor(per_row, tensor):
    """`[B]` shaped to multiply `tensor` `[B, ...]`."""
    return tf.reshape(per_row, [-1] + [1] * (len(tensor.shape) - 1))


def _array(dtype, size):
    return tf.TensorArray(dtype, size=size, clear_after_read=False)


def _materialise(t, tensors):
    """The same tensors, each computed once and stored.

    XLA recomputes a cheap producer inside every fusion that reads it, for each of
    N x N elements. It does not so with a division, here by a 1 that it cannot know:
    t is the number of a step, which is never negative.
    """
    one = tf.cast(tf.minimum(t + 1, 1), tensors[0].dtype)
    return [tensor / one for tensor in tensors]


def _in_place(t, function, matrix, *vectors):
    """`function(matrix, *vectors)`, computed once and in the place of `matrix`.

    A division would cost as much as the rest of a pass over N x N. A loop of one
    round is a wall for fusion too, and in its carry the matrix is overwritten. XLA
    must know neither the number of rounds nor that the vectors are the same in each,
    or it computes N x N products of them outside.
    """
    rounds = tf.minimum(t + 1, 1)

    def run(k, matrix):
        same = tf.cast(1 - k, matrix.dtype)
        return k + 1, function(matrix, *(vector * same for vector in vectors))

    return tf.while_loop(lambda k, _: k < rounds, run, (0, matrix))[1]


# Rows that are summed side by side.
ROWS = 8


def _sum_rows(matrix):
    """The sum over the last but one axis, `ROWS` rows side by side."""
    *outer, rows, columns = matrix.shape
    side = math.gcd(rows, ROWS)
    partial = tf.reduce_sum(
        tf.reshape(matrix, [-1, *outer[1:], rows // side, side, columns]), axis=-3)
    return tf.add_n(tf.unstack(partial, axis=-2))


def _combine(weightings, memory):
    """M^T w for each weighting: `[B, K, N]`, `[B, W, N]` -> `[B, K, W]`."""
    return addressing.sum_last(weightings[:, :, tf.newaxis] * memory[:, tf.newaxis])
