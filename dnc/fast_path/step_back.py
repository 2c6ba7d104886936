"""One step of the fast path backward.

Names: `d_x` is the adjoint of x, the gradient of the loss with respect to it. The
adjoints of what is N x N or N x W are derived by hand, each in the docstring of its
function; the rest is differentiated by a GradientTape over the functions of `Step`.
"""

import tensorflow as tf

from dnc import addressing
from dnc.fast_path.forward import GATES, normal
from dnc.fast_path.state import MASKED, Carry, Decay, Slots, factor
from dnc.fast_path.xla import (
    add_outer, by_halves, each_half, from_the_end, in_place, materialise, product,
    sum_rows, sum_rows_twice, weigh_columns, weigh_rows)
from dnc.sums import sum_last
from dnc.variants import present


class StepBack:
    """One time step backward.

    Args:
      step: `dnc.fast_path.forward.Step`.
      weights: `Weights`, the kernels transposed.
    """

    def __init__(self, step, weights):
        self.step = step
        self.weights = weights

    def before(self, t, records, initial, memory, link):
        """The `Carry` before step t, with the given memory and `halves` of the link."""
        def at(sequence, first):
            return tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], first)
        slots = tf.nest.map_structure(at, records.slots, Slots.of(initial))
        return self.step.restart(t, Carry(
            hidden=at(records.hidden, initial.hidden),
            cell=at(records.units.cell, initial.cell),
            reads=at(records.reads, initial.reads), memory=memory, link=link,
            **slots._asdict()))

    def rebuild(self, t, vector, records, initial, memory, link):
        """Memory and `halves` of the link after step t, from those before it."""
        previous = self.before(t, records, initial, memory, link)
        interface = self.step.cell.interface(
            normal(vector, self.weights.interface_norm))
        written = self.step.mask(t, records.slots.write_weighting[t])
        linked = (previous.precedence, *self.step.decay(t, written)) if link else ()
        written, erase_vectors, write_vectors, *linked = materialise(
            t, (written, interface.erase_vectors, interface.write_vectors, *linked))
        interface = interface._replace(
            erase_vectors=erase_vectors, write_vectors=write_vectors)
        memory = self.step.write_memory(previous.memory, interface, written)
        if not link:
            return memory, []
        precedence, row, column = linked

        def write_link(link, written, row, precedence, column):
            return self.step.write_link(link, (written, row), (precedence, column))

        return memory, each_half(
            write_link, previous.link, written, row, precedence, column)

    def __call__(self, t, gates, vector, slots, previous, after, adjoint, later):
        """The adjoint of the state before step t, from that of the state after it.

        Args:
          t: the step.
          gates, vector: `[B, 4U]`, `[B, X]`, the step's pre-activations and
            interface vector.
          slots: `Slots` of the step.
          previous: `Carry` before the step; its link in `halves`.
          after: (memory, link) after the step; the link in `halves`.
          adjoint: `Carry` of adjoints of the state after the step, but for the
            link, whose adjoint still lacks the decay of the later step.
          later: `Decay` of the later step.

        Returns:
          (adjoint `Carry`, the `Decay` of this step, the adjoints of gates and
          interface vector after their normalisation, if any).
        """
        weights = self.weights
        written = self.step.mask(t, slots.write_weighting)
        decay = ()
        if self.step.linked:
            decay = Decay(*materialise(t, self.step.decay(t, written)))
        # A masked step takes nothing of it: see `pass_masked`.
        taken = adjoint._replace(**{
            name: self.step.mask(t, getattr(adjoint, name)) for name in MASKED})
        with tf.GradientTape() as tape:
            tape.watch(vector)
            normed = normal(vector, weights.interface_norm)
            interface = self.step.cell.interface(normed)

        d_memory, d_link, d_read_weighting, d_interface = self.read_adjoint(
            t, slots, interface, previous, after, taken, later)
        d_before, d_write_interface = self.write_adjoint(
            t, interface, previous, taken, d_memory, d_link, written)
        d_interface.update(d_write_interface)
        d_vector, d_normed = materialise(t, tape.gradient(
            present(interface), [vector, normed], d_interface))
        d_gates, d_normed_gates, d_cell = self.control_adjoint(
            t, gates, previous.cell, taken,
            product(d_vector, weights.interface, adjoint.hidden.shape[1]))
        sizes = [adjoint.reads.shape[1], adjoint.hidden.shape[1]]
        d_reads, d_hidden = tf.split(
            product(d_gates, weights.recurrent, sum(sizes)), sizes, axis=1)
        d_before = d_before._replace(
            hidden=d_hidden, cell=d_cell, reads=d_reads,
            read_weighting=d_before.read_weighting + d_read_weighting)
        d_before = self.step.restart(t, self.pass_masked(d_before, adjoint, taken))
        return d_before, decay, d_normed_gates, d_normed

    def pass_masked(self, d_before, adjoint, taken):
        """Adds to the adjoint before a step what a masked step did not take."""
        if self.step.valid is None:
            return d_before
        return d_before._replace(**{
            name: getattr(d_before, name) + getattr(adjoint, name)
            - getattr(taken, name) for name in MASKED})

    def read_adjoint(self, t, slots, interface, previous, after, taken, later):
        """What flows from r = w^r M, with w^r the sum of modes times candidates.

        Args:
          t, previous, after, later: as in `__call__`.
          slots: `Slots` of the step.
          interface: `Interface`.
          taken: adjoint `Carry` of what the step made.

        Returns:
          (dM_t `[B, W, N]`, dL_t `[B, H, N, N]`, adjoint of the read weighting
          before the step `[B, R, N]`, dict of adjoints of fields of the interface).
        """
        memory, link = after
        d_reads, = materialise(
            t, [tf.reshape(taken.reads, tf.shape(interface.read_keys))])
        d_weighting, = materialise(
            t, [taken.read_weighting + weigh_rows(d_reads, memory)])
        looked_up = (weigh_rows(interface.read_keys, memory), slots.norms,
                     interface.read_keys, interface.read_strengths)
        with tf.GradientTape() as tape:
            tape.watch(looked_up)
            content = addressing.sharpened_softmax(*looked_up)
        d_looked_up = d_weighting
        if self.step.linked:
            d_looked_up *= interface.read_modes[:, :, self.step.num_writes, tf.newaxis]
        d_similarity, d_norms, d_keys, d_strengths = tape.gradient(
            content, looked_up, d_looked_up)
        d_similarity, = materialise(t, [d_similarity])
        d_link, d_read_weighting, d_interface = (), 0, {}
        if self.step.linked:
            d_link, d_backward, d_forward, d_read_weighting = self.link_adjoint(
                t, link, taken.link, later, d_weighting, previous.read_weighting,
                interface.read_modes)
            d_content = sum_last(d_weighting * content)[..., tf.newaxis]
            d_interface["read_modes"] = tf.concat(
                [d_backward, d_content, d_forward], axis=2)
        d_memory = in_place(
            t, add_outer,
            taken.memory + 2 * memory * (taken.norms + d_norms)[:, tf.newaxis],
            (d_reads, interface.read_keys), (slots.read_weighting, d_similarity))
        return d_memory, d_link, d_read_weighting, d_interface | {
            "read_keys": d_keys + weigh_columns(d_similarity, memory),
            "read_strengths": d_strengths}

    def link_adjoint(self, t, link, d_link, later, d_weighting, read_weighting,
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
        heads = self.step.num_writes
        backward_modes = tf.transpose(modes[:, :, :heads], [0, 2, 1])[..., tf.newaxis]
        forward_modes = tf.transpose(
            modes[:, :, heads + 1:], [0, 2, 1])[..., tf.newaxis]
        g, q = d_weighting[:, tf.newaxis], read_weighting[:, tf.newaxis]
        along = by_halves(from_the_end(weigh_rows), g, link)
        against = by_halves(weigh_columns, g, link)
        d_forward, d_backward = (
            tf.transpose(sum_last(weighting * q), [0, 2, 1])
            for weighting in (along, against))
        d_read_weighting = tf.reduce_sum(
            forward_modes * along + backward_modes * against, axis=1)

        def accumulate(d_link, lefts, rights):
            (row, *lefts), (column, *rights) = lefts, rights
            d_link = Decay(row, column).of(d_link)
            return self.step.off_diagonal(add_outer(d_link, lefts, rights))

        d_link = in_place(
            t, accumulate, d_link,
            (later.row, forward_modes * g, backward_modes * q), (later.column, q, g))
        return d_link, d_backward, d_forward, d_read_weighting

    def write_adjoint(
            self, t, interface, previous, taken, d_memory, d_link, written):
        """What flows from M_t, L_t, p_t, u_t and w^w_t.

        Args:
          t, interface, previous, taken: as in `read_adjoint`.
          d_memory, d_link: dM_t, dL_t.
          written: `[B, H, N]`, w^w, 0 in masked rows.

        Returns:
          (adjoint `Carry` before the step, without the controller's part; dict of
          adjoints of fields of the interface).
        """
        d_memory, d_written, d_erase, d_write = self.memory_adjoint(
            d_memory, previous.memory, interface, written)
        if self.step.linked:
            d_linked, d_precedence = self.link_update_adjoint(
                t, d_link, previous, written)
            d_written += d_linked
        d_written, = materialise(t, [d_written])
        similarity = weigh_rows(interface.write_keys, previous.memory)
        inputs = (previous.small(), present(interface), similarity)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = self.step.write(t, previous, interface, similarity)
        d_small, d_interface, d_similarity = tape.gradient(
            outputs, inputs, unconnected_gradients="zero",
            output_gradients=tf.nest.flatten(
                [taken.usage, taken.write_weighting, d_written, taken.precedence]))
        d_similarity, = materialise(t, [d_similarity])
        d_memory += tf.matmul(
            interface.write_keys, d_similarity, transpose_a=True)
        d_before = Carry(*d_small, memory=d_memory, link=d_link)
        if self.step.linked:
            d_before = d_before._replace(
                precedence=d_before.precedence + d_precedence)
        taped = ("write_strengths", "free_gates", "allocation_gates", "write_gates")
        return d_before, {name: d_interface[name] for name in taped} | {
            "write_keys": d_interface["write_keys"] + weigh_columns(
                d_similarity, previous.memory),
            "erase_vectors": d_erase, "write_vectors": d_write}

    def link_update_adjoint(self, t, d_link, previous, written):
        """What flows from L_t = (1 - w_i - w_j) L_ij + w_i p_j to w and p.

        dw_i = sum_j dL_ij (p_j - L_ij) - sum_j dL_ji L_ji;  dp_j = sum_i w_i dL_ij,
        with L and p of the step before; where a new story begins, L is 0.

        Returns:
          (dw, dp), each `[B, H, N]`.
        """
        def of_row(d_link, link, gained, *kept):
            for factors in kept:
                link *= factors[:, :, tf.newaxis]
            return sum_last(d_link * (gained[:, :, tf.newaxis] - link))

        # As a vector over slots, which fills a register.
        kept = [] if self.step.kept is None else materialise(t, [
            factor(self.step.kept[t], written) * tf.ones_like(written)])
        d_row = by_halves(from_the_end(of_row), d_link, previous.link,
                          previous.precedence, *kept)
        d_column, d_precedence = tf.unstack(by_halves(
            sum_rows_twice, d_link, previous.link, written), axis=2)
        for factors in kept:
            d_column *= factors
        return d_row - d_column, d_precedence

    def memory_adjoint(self, d_memory, memory, interface, written):
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
        factors = [kept for kept, _ in self.step.erasures(interface, written)]
        d_written, d_erase = [], []
        for head in range(self.step.num_writes):
            erased = d_memory * memory
            for other in factors[:head] + factors[head + 1:]:
                erased *= other
            d_written.append(sum_rows(
                d_memory * interface.write_vectors[:, head, :, tf.newaxis]
                - erased * interface.erase_vectors[:, head, :, tf.newaxis]))
            d_erase.append(-weigh_columns(written[:, head:head + 1], erased)[:, 0])
        d_write = weigh_columns(written, d_memory)
        for kept in factors:
            d_memory *= kept
        return d_memory, tf.stack(d_written, 1), tf.stack(d_erase, 1), d_write

    def control_adjoint(self, t, gates, cell, taken, d_spoken):
        """Adjoints of gates and normalised gates `[B, 4U]`, of the cell before."""
        with tf.GradientTape() as tape:
            tape.watch((gates, cell))
            normed = normal(gates, self.weights.gate_norm, GATES)
            outputs = self.step.control(normed, cell)
        d_gates, d_normed, d_cell = tape.gradient(
            outputs, (gates, normed, cell),
            output_gradients=[taken.hidden, taken.cell, d_spoken])
        return *materialise(t, [d_gates, d_normed]), d_cell
