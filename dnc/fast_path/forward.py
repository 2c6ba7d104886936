"""The forward half of the fast path: one step, and the loop over segments."""

import tensorflow as tf

from dnc import addressing
from dnc import memory as external_memory
from dnc.fast_path.arrays import rooms, tensor_array, write
from dnc.fast_path.look_up import Query
from dnc.fast_path.registers import NOWHERE, fill, present, with_absent
from dnc.fast_path.state import (
    MASKED, Carry, Decay, Records, Slots, Units, Writing, factor)
from dnc.fast_path.xla import (
    from_the_end, in_place, materialise, materialise_all, product, spread,
    sum_rows, weigh_columns, weigh_rows)
from dnc.normalisation import standardised


class Step:
    """One time step: the equations of the plain path, arranged for XLA.

    Args:
      cell: `loops.Recurrence`, what is no weight of a `DNCCell`.
      factors: `StepFactors` of all steps.
    """

    overwrite = staticmethod(in_place)

    def __init__(self, cell, factors):
        self.cell = cell
        self.valid, self.kept = factors
        self.controller = cell.controller
        self.num_writes = cell.num_write_heads
        self.linked = cell.variants.temporal_links
        self.masked = cell.variants.masked_content
        self.sharpened = cell.variants.sharpened_links

    def __call__(self, t, projected, weights, carry):
        """(the next `Carry`, units record, slots record) after step t.

        `projected` is that of the step, `[B, blocks * U]`.
        """
        previous = self.restart(t, carry)
        gates, controller, spoken = self.control(t, projected, weights, previous)
        vector = tf.matmul(spoken, weights.interface) + weights.interface_bias
        interface = self.cell.interface(normal(vector, weights.interface_norm))
        found = Query.to_write(interface).look_up(previous.memory, previous.norms)
        writing = self.write(t, previous, interface, found)
        writing = Writing(writing.usage, *materialise_all(t, writing[1:]))
        usage, written = writing.usage, writing.written
        memory = self.write_memory(
            previous.memory, interface, written, writing.retention)
        link = ()
        if self.linked:
            row, column = self.decay(t, written)
            link = self.overwrite(t, self.write_link, previous.link,
                                  (written, row), (previous.precedence, column))
        norms = () if self.masked else sum_rows(tf.square(memory))
        query = Query.to_read(interface)
        content = self.content(query, query.look_up(memory, norms))
        read_weighting, directions = self.read(interface, content, link, previous)
        read_weighting, = materialise(t, (read_weighting,))
        reads = weigh_columns(read_weighting, memory)
        reads = tf.reshape(reads, tf.shape(previous.reads))
        carry = self.keep_masked(t, previous, Carry(
            controller, reads, usage, writing.precedence, writing.weighting,
            read_weighting, norms, memory, link))
        return carry, Units(gates, vector, directions), Slots.of(carry)

    def restart(self, t, carry):
        """The state that step t starts from: zero where a new story begins.

        All but the link matrix, which `Decay` takes care of.
        """
        if self.kept is None:
            return carry
        kept = self.kept[t] > 0  # a product with 0 would keep what is not finite
        return Carry(*tf.nest.map_structure(
            lambda tensor: tf.where(factor(kept, tensor), tensor, 0), carry[:-1]),
            carry.link)

    def keep_masked(self, t, previous, carry):
        """The state after step t: as before it where the step is masked.

        Memory, link, precedence and norms stay of themselves: nothing is written.
        """
        if self.valid is None:
            return carry

        def choose(new, old):
            return tf.where(factor(self.valid[t], new) > 0, new, old)
        return carry._replace(**{
            name: tf.nest.map_structure(
                choose, getattr(carry, name), getattr(previous, name))
            for name in MASKED})

    def mask(self, t, tensors):
        """`tensors` with zeros in the rows that are masked at step t."""
        if self.valid is None:
            return tensors
        return tf.nest.map_structure(
            lambda tensor: tensor * factor(self.valid[t], tensor), tensors)

    def control(self, t, projected, weights, previous):
        """One step of the controller.

        Returns:
          (gates of each layer, as `Units`; states of each layer, as `Carry`; the
          output as the interface sees it `[B, U]`).
        """
        gates, states, below = [], [], previous.reads
        for unit, own, (kernel, bias, norm) in zip(
                self.controller, previous.controller, weights.controller):
            joined = tf.concat([below, own[0]], axis=1) if unit.recurrent else below
            added = bias if gates else projected
            made, = materialise(t, [added + product(joined, kernel, unit.size)])
            after = unit.step(normal(made, norm, unit.blocks), own)
            below = after[0]
            gates.append(made)
            states.append(self.clip_states(after))
        return gates, states, self.cell.clip(below)

    def clip_states(self, states):
        """The states of a layer, clipped if the cell clips them."""
        if not self.cell.clip_controller_state:
            return states
        return tuple(map(self.cell.clip, states))

    def write(self, t, previous, interface, found):
        """`Writing` of the step, of what `Query.look_up` found."""
        content = self.content(Query.to_write(interface), found)
        # Each of N x N comparisons would compute both, or their adjoints, anew.
        usage, = materialise(t, [external_memory.next_usage(
            previous, interface, self.cell.usage_gradient)])
        full = with_absent(usage, self.cell.memory_size, 1)  # absent slots: never free
        allocation, = materialise(t, [external_memory.allocate(full, interface)])
        weighting = addressing.write_weighting(
            allocation, content, interface.allocation_gates, interface.write_gates)
        written = self.mask(t, weighting)
        precedence = ()
        if self.linked:
            precedence = addressing.precedence(previous.precedence, written)
        return Writing(usage, weighting, written, precedence,
                       self.retention(t, previous, interface))

    def content(self, query, found):
        """The content weightings `[B, K, N]` of a `Query`, of what it found."""
        similarity, norms = found
        return query.content(
            (with_absent(similarity, self.cell.memory_size, NOWHERE), norms))

    def retention(self, t, previous, interface):
        """psi of the step, as `Writing` has it."""
        if not self.cell.variants.deallocation:
            return ()
        retention = external_memory.retention(previous, interface)
        if self.valid is None:
            return retention
        return 1 - self.mask(t, 1 - retention)

    def write_memory(self, memory, interface, written, retention):
        """The memory `[B, W, N]` after the step; arguments as in `Writing`."""
        memory, added = self.retained(memory, retention), 0
        for kept, head in self.erasures(interface, written):
            memory *= kept
            added += (interface.write_vectors[:, head, :, tf.newaxis]
                      * written[:, head, tf.newaxis, :])
        return memory + added

    def retained(self, memory, retention):
        """The memory `[B, W, N]` times psi, with deallocation."""
        if not self.cell.variants.deallocation:
            return memory
        return memory * retention[:, tf.newaxis]

    def erasures(self, interface, written):
        """(1 - e w^T `[B, W, N]`, head) for each write head."""
        for head in range(self.num_writes):
            yield 1 - (interface.erase_vectors[:, head, :, tf.newaxis]
                       * written[:, head, tf.newaxis, :]), head

    def decay(self, t, written):
        """`Decay` of step t."""
        if self.kept is None:
            return Decay(1 - written, written)
        kept = factor(self.kept[t], written)
        return Decay(kept - kept * written, kept * written)

    def write_link(self, link, lefts, rights):
        """`addressing.link_matrix`, with the diagonal left out by a comparison.

        Args:
          link: `[B, H, N, N]`, that of the step before.
          lefts, rights: (what is written, `Decay.row`) and (precedence before the
            step, `Decay.column`), each `[B, H, N]`.
        """
        (written, row), (precedence, column) = lefts, rights
        return self.off_diagonal(
            Decay(row, column).of(link, self.kept is not None)
            + written[:, :, :, tf.newaxis] * precedence[:, :, tf.newaxis])

    def off_diagonal(self, matrix):
        """`[B, H, N, N]` with zeros on the diagonal."""
        return addressing.off_diagonal(matrix)

    def read(self, interface, content, link, previous):
        """(read weighting `[B, R, N]`, `Units.directions`)."""
        if not self.linked:
            return content, ()
        reads = previous.read_weighting[:, tf.newaxis]
        backward = from_the_end(weigh_rows)(reads, link)
        forward = weigh_columns(reads, link)
        directions = (tf.transpose(backward, [0, 2, 1, 3]),
                      tf.transpose(forward, [0, 2, 1, 3]))
        weighting = self.blend(interface, content, directions)
        return weighting, directions if self.sharpened else ()

    def blend(self, interface, content, directions):
        """The read weighting, of its candidates: sharpened, in their modes' measure."""
        backward, forward = directions
        if self.sharpened:
            slots = self.cell.memory_size
            backward, forward = map(fill, external_memory.sharpen(
                present(backward, slots), present(forward, slots), interface))
        return addressing.read_weighting(
            backward, content, forward, interface.read_modes)


def normal(tensor, norm, blocks=1):
    """`dnc.normalisation.normalised` of what a centred kernel made, or the tensor.

    Args:
      tensor: `[..., blocks * U]`.
      norm: (gain, shift), each `[blocks * U]`, or () for no normalisation.
    """
    if not norm:
        return tensor
    gain, shift = norm
    return standardised(tensor, blocks) * gain + shift


def run(step, segments, projected, weights, carry):
    """The loop forward.

    Args:
      step: `Step`.
      segments: `segments.Segments`.
      projected: `[T, B, blocks * U]`, what the inputs add to the pre-activations of the
        controller's first layer.
      weights: `Weights`.
      carry: `Carry` before the first step.

    Returns:
      (the final `Carry`, `Records`).
    """
    steps = tf.shape(projected)[0]
    segment, count = segments.segment, steps // segments.segment
    weights = weights._replace(controller=[
        unit._replace(kernel=spread(unit.kernel)) for unit in weights.controller])
    units = _units_like(step, projected, weights, carry)
    like = (units, carry.controller, carry.reads, Slots.of(carry))
    kept = tf.nest.flatten(like)[1:]
    # The gates of a step take the place of what the inputs added to them. XLA would
    # copy the whole array at each step if what is read were not materialised.
    arrays = [tensor_array(projected), *rooms(steps, kept)]
    # What is kept of a segment is written after it. Before it, XLA would first copy M
    # and L, twice, as the steps of the segment overwrite them.
    first = carry.matrices()
    matrices = write(0, rooms(count + 1, first, len(kept)), first)

    def run_step(t, carry, arrays):
        carry, units, slots = step(t, arrays[0].read(t), weights, carry)
        rows = tf.nest.flatten((units, carry.controller, carry.reads, slots))
        return t + 1, carry, write(t, arrays, rows)

    def run_segment(s, carry, arrays, matrices):
        start = s * segment
        _, carry, arrays = tf.while_loop(
            lambda t, *_: t < start + segment, run_step, (start, carry, arrays))
        return s + 1, carry, arrays, write(s + 1, matrices, carry.matrices())

    _, carry, arrays, matrices = tf.while_loop(
        lambda s, *_: s < count, run_segment, (0, carry, arrays, matrices))
    units, controller, reads, slots = tf.nest.pack_sequence_as(
        like, [array.stack() for array in arrays])
    return carry, Records(
        controller, reads, units, slots, [array.stack() for array in matrices])


def _units_like(step, projected, weights, carry):
    """`Units` of the shapes of a step's."""
    zero = tf.zeros_like(carry.hidden[:, :1])
    gates = [projected[0], *(zero + unit.bias for unit in weights.controller[1:])]
    vector = zero + weights.interface_bias
    directions = ()
    if step.sharpened:
        direction = tf.zeros_like(
            carry.read_weighting[:, :, tf.newaxis] * carry.precedence[:, tf.newaxis])
        directions = direction, direction
    return Units(gates, vector, directions)
