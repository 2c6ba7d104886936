"""One step of the fast path backward.

Names: `d_x` is the adjoint of x, the gradient of the loss with respect to it. The
adjoints of what is N x N or N x W are derived by hand, each in the docstring of its
function; the rest is differentiated by a GradientTape over the functions of `Step`.
"""

import tensorflow as tf

from dnc import addressing
from dnc.fast_path.forward import normal
from dnc.fast_path.state import MASKED, Carry, Decay, Slots, factor
from dnc.fast_path.xla import (
    add_outer, by_halves, each_half, from_the_end, in_place, materialise,
    materialise_all, product, sum_rows, sum_rows_twice, weigh_columns, weigh_rows)
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
        controller, reads, slots = tf.nest.map_structure(
            at, (records.controller, records.reads, records.slots),
            (initial.controller, initial.reads, Slots.of(initial)))
        return self.step.restart(t, Carry(
            controller, reads, memory=memory, link=link, **slots._asdict()))

    def rebuild(self, t, vector, records, initial, memory, link):
        """Memory and `halves` of the link after step t, from those before it."""
        previous = self.before(t, records, initial, memory, link)
        interface = self.step.cell.interface(
            normal(vector, self.weights.interface_norm))
        written = self.step.mask(t, records.slots.write_weighting[t])
        linked = (previous.precedence, *self.step.decay(t, written)) if link else ()
        retention = self.step.retention(t, previous, interface)
        (written, erase_vectors, write_vectors, linked, retention) = materialise_all(
            t, (written, interface.erase_vectors, interface.write_vectors, linked,
                retention))
        interface = interface._replace(
            erase_vectors=erase_vectors, write_vectors=write_vectors)
        memory = self.step.write_memory(previous.memory, interface, written, retention)
        if not link:
            return memory, []
        precedence, row, column = linked

        def write_link(link, written, row, precedence, column):
            return self.step.write_link(link, (written, row), (precedence, column))

        return memory, each_half(
            write_link, previous.link, written, row, precedence, column)

    def __call__(
            self, t, gates, vector, directions, slots, previous, after, adjoint, later):
        """The adjoint of the state before step t, from that of the state after it.

        Args:
          t: the step.
          gates, vector: as in `Units`, of the step.
          directions: `Units.directions` of the step.
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
            t, slots, directions, interface, previous, after, taken, later)
        d_before, d_write_interface = self.write_adjoint(
            t, interface, previous, taken, d_memory, d_link, written)
        d_interface.update(d_write_interface)
        d_vector, d_normed = materialise(t, tape.gradient(
            present(interface), [vector, normed], d_interface))
        d_gates, d_controller, d_reads = self.control_adjoint(
            t, gates, previous, taken,
            product(d_vector, weights.interface, previous.hidden.shape[1]))
        d_before = d_before._replace(
            controller=d_controller, reads=d_reads,
            read_weighting=d_before.read_weighting + d_read_weighting)
        d_before = self.step.restart(t, self.pass_masked(d_before, adjoint, taken))
        return d_before, decay, d_gates, d_normed

    def pass_masked(self, d_before, adjoint, taken):
        """Adds to the adjoint before a step what a masked step did not take."""
        if self.step.valid is None:
            return d_before
        return d_before._replace(**{
            name: tf.nest.map_structure(
                lambda before, all, part: before + all - part,
                *(getattr(carry, name) for carry in (d_before, adjoint, taken)))
            for name in MASKED})

    def read_adjoint(
            self, t, slots, directions, interface, previous, after, taken, later):
        """What flows from r = w^r M, with w^r the sum of modes times candidates.

        Args:
          t, previous, after, later: as in `__call__`.
          slots, directions: `Slots` and `Units.directions` of the step.
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
        found = self.step.look_up(
            memory, slots.norms, interface.read_keys, interface.read_masks)
        fields = tuple(field for field in (
            interface.read_keys, interface.read_strengths, interface.read_masks)
            if field is not None)
        with tf.GradientTape() as tape:
            tape.watch((found, fields))
            content = self.step.content(found, *fields)
        d_link, d_read_weighting, d_content, d_interface = (), 0, d_weighting, {}
        if self.step.linked:
            d_link, d_read_weighting, d_content, d_interface = self.link_adjoint(
                t, link, taken.link, later, d_weighting, previous.read_weighting,
                interface, content, directions)
        (d_similarity, d_norms), (d_keys, d_strengths, *d_masks) = tape.gradient(
            content, (found, fields), d_content)
        d_similarity, = materialise(t, [d_similarity])
        d_queried, d_masked = self.probe_adjoint(
            memory, interface.read_keys, interface.read_masks, d_similarity, d_norms)
        probes = addressing.probes(interface.read_keys, interface.read_masks)
        if not self.step.masked:
            d_norms += taken.norms
        d_memory = in_place(
            t, add_outer,
            taken.memory + norms_adjoint(memory, probes.weights, d_norms),
            (d_reads, probes.queries), (slots.read_weighting, d_similarity))
        d_interface |= {"read_keys": d_keys + d_queried, "read_strengths": d_strengths}
        if self.step.masked:
            d_interface["read_masks"] = d_masks[0] + d_masked
        return d_memory, d_link, d_read_weighting, d_interface

    def probe_adjoint(self, memory, keys, masks, d_similarity, d_norms):
        """What flows from a look-up's products with the memory to keys and masks.

        With the queries q = k m^2, q M has the adjoint dq; with m^2 M^2, where M^2 is
        taken element by element, d(m^2): dk = m^2 dq, dm = 2 m (k dq + d(m^2)).

        Returns:
          (dk, dm), each `[B, K, W]`; dm is None without masks.
        """
        d_queries = weigh_columns(d_similarity, memory)
        if masks is None:
            return d_queries, None
        d_weights = weigh_columns(d_norms, tf.square(memory))
        return (tf.square(masks) * d_queries,
                2 * masks * (keys * d_queries + d_weights))

    def link_adjoint(self, t, link, d_link, later, d_weighting, read_weighting,
                     interface, content, directions):
        """The adjoint of L_t, and what flows through the reads along it.

        With g the adjoint of the read weighting, q the read weighting of the step
        before, and b = L^T q, f = L q entering with the modes pi_b and pi_f:

          dL = decay * dL' + sum over heads of pi_f g q^T + pi_b q g^T
          d pi_f = g . (L q) = (L^T g) . q      d pi_b = g . (L^T q) = (L g) . q
          dq = pi_f L^T g + pi_b L g

        so that f and b are not needed; dL' is the adjoint carried from the later
        step and decay[i, j] = kept (1 - w[i] - w[j]) of that step. Sharpened, they are
        needed, and df and db, in the place of pi_f g and pi_b g, are those of a tape.

        Returns:
          (dL `[B, H, N, N]`, dq `[B, R, N]`, adjoint of the content weighting
          `[B, R, N]`, dict of adjoints of fields of the interface).
        """
        g, q = d_weighting[:, tf.newaxis], read_weighting[:, tf.newaxis]
        if self.step.sharpened:
            db, df, d_content, d_interface = self.blend_adjoint(
                t, d_weighting, interface, content, directions)
            along = by_halves(from_the_end(weigh_rows), df, link)
            against = by_halves(weigh_columns, db, link)
            d_read_weighting = tf.reduce_sum(along + against, axis=1)
            lefts, rights = (df, q), (q, db)
        else:
            heads, modes = self.step.num_writes, interface.read_modes
            backward_modes = tf.transpose(
                modes[:, :, :heads], [0, 2, 1])[..., tf.newaxis]
            forward_modes = tf.transpose(
                modes[:, :, heads + 1:], [0, 2, 1])[..., tf.newaxis]
            along = by_halves(from_the_end(weigh_rows), g, link)
            against = by_halves(weigh_columns, g, link)
            d_forward, d_backward = (
                tf.transpose(sum_last(weighting * q), [0, 2, 1])
                for weighting in (along, against))
            d_read_weighting = tf.reduce_sum(
                forward_modes * along + backward_modes * against, axis=1)
            d_content = modes[:, :, heads, tf.newaxis] * d_weighting
            d_mode = sum_last(d_weighting * content)[..., tf.newaxis]
            d_interface = {"read_modes": tf.concat(
                [d_backward, d_mode, d_forward], axis=2)}
            lefts, rights = (forward_modes * g, backward_modes * q), (q, g)

        def accumulate(d_link, lefts, rights):
            (row, *lefts), (column, *rights) = lefts, rights
            d_link = Decay(row, column).of(d_link)
            return self.step.off_diagonal(add_outer(d_link, lefts, rights))

        d_link = in_place(
            t, accumulate, d_link, (later.row, *lefts), (later.column, *rights))
        return d_link, d_read_weighting, d_content, d_interface

    def blend_adjoint(self, t, d_weighting, interface, content, directions):
        """What flows from the read weighting to its candidates, sharpened links.

        Returns:
          (db, df, each `[B, H, R, N]`, adjoint of the content weighting `[B, R, N]`,
          dict of adjoints of fields of the interface).
        """
        fields = {name: getattr(interface, name)
                  for name in ("read_modes", "link_sharpness")}
        inputs = fields, content, directions
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            weighting = self.step.blend(interface, content, directions)
        d_interface, d_content, d_directions = tape.gradient(
            weighting, inputs, d_weighting)
        db, df = materialise(t, [
            tf.transpose(direction, [0, 2, 1, 3]) for direction in d_directions])
        return db, df, d_content, d_interface

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
        retention = self.step.retention(t, previous, interface)
        d_memory, d_written, d_erase, d_write = self.memory_adjoint(
            d_memory, self.step.retained(previous.memory, retention), interface,
            written)
        d_retention = ()
        if self.step.cell.variants.deallocation:
            d_retention, = materialise(t, [sum_rows(d_memory * previous.memory)])
            d_memory = self.step.retained(d_memory, retention)
        if self.step.linked:
            d_linked, d_precedence = self.link_update_adjoint(
                t, d_link, previous, written)
            d_written += d_linked
        d_written, = materialise(t, [d_written])
        found = self.step.look_up(
            previous.memory, previous.norms, interface.write_keys,
            interface.write_masks)
        inputs = (previous.small(), present(interface), found)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = self.step.write(t, previous, interface, *found)
        d_small, d_interface, (d_similarity, d_norms) = tape.gradient(
            tf.nest.flatten(outputs), inputs, unconnected_gradients="zero",
            output_gradients=tf.nest.flatten(
                [taken.usage, taken.write_weighting, d_written, taken.precedence,
                 d_retention]))
        d_similarity, = materialise(t, [d_similarity])
        queries, weights, _ = addressing.probes(
            interface.write_keys, interface.write_masks)
        d_memory += tf.matmul(queries, d_similarity, transpose_a=True)
        if self.step.masked:
            d_memory += norms_adjoint(previous.memory, weights, d_norms)
        d_queried, d_masked = self.probe_adjoint(
            previous.memory, interface.write_keys, interface.write_masks, d_similarity,
            d_norms)
        d_before = Carry(*d_small, memory=d_memory, link=d_link)
        if self.step.linked:
            d_before = d_before._replace(
                precedence=d_before.precedence + d_precedence)
        taped = ("write_strengths", "free_gates", "allocation_gates", "write_gates")
        fields = {name: d_interface[name] for name in taped} | {
            "write_keys": d_interface["write_keys"] + d_queried,
            "erase_vectors": d_erase, "write_vectors": d_write}
        if self.step.masked:
            fields["write_masks"] = d_interface["write_masks"] + d_masked
        return d_before, fields

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

    def control_adjoint(self, t, gates, previous, taken, d_spoken):
        """What flows from the controller, from its last layer to its first.

        Args:
          t, previous, taken: as in `read_adjoint`.
          gates: as in `Units`.
          d_spoken: `[B, U]`, adjoint of the output as the interface sees it.

        Returns:
          (list of the adjoints of the gates after their normalisation, adjoints of the
          states before, as in `Carry`, adjoint of the reads before).
        """
        layers = list(zip(
            self.step.controller, self.weights.controller, gates, previous.controller,
            taken.controller,
            [previous.reads, *(states[0] for states in previous.controller)]))
        seen, d_output, d_gates, d_before = self.step.cell.clip, d_spoken, [], []
        for unit, (kernel, _, norm), made, states, d_states, below in reversed(layers):
            with tf.GradientTape() as tape:
                tape.watch((made, states))
                normed = normal(made, norm, unit.blocks)
                after = unit.step(normed, states)
                outputs = [*self.step.clip_states(after), seen(after[0])]
            d_made, d_normed, (d_own, *d_others) = tape.gradient(
                outputs, (made, normed, states), [*d_states, d_output],
                unconnected_gradients="zero")
            d_made, d_normed = materialise(t, [d_made, d_normed])
            sizes = [below.shape[1]] + [unit.units] * unit.recurrent
            d_output, *d_recurrent = tf.split(
                product(d_made, kernel, sum(sizes)), sizes, axis=1)
            d_gates.insert(0, d_normed)
            d_before.insert(0, (sum(d_recurrent, d_own), *d_others))
            seen = tf.identity
        return d_gates, d_before, d_output


def norms_adjoint(memory, weights, d_norms):
    """What flows from |M[i]|^2 or |M[i] * m|^2 to the memory `[B, W, N]`.

    Args:
      memory: `[B, W, N]`.
      weights: m^2 `[B, K, W]`, or None.
      d_norms: `[B, N]`; with weights `[B, K, N]`.
    """
    if weights is None:
        return 2 * memory * d_norms[:, tf.newaxis]
    return 2 * memory * tf.matmul(weights, d_norms, transpose_a=True)
