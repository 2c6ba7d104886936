"""What flows back through the writing of a step: see `dnc.fast_path.step_back`."""

import tensorflow as tf

from dnc.fast_path.look_up import Query
from dnc.fast_path.state import Carry, factor
from dnc.fast_path.xla import (
    by_halves, from_the_end, materialise, sum_rows, sum_rows_twice, weigh_columns)
from dnc.sums import sum_last
from dnc.variants import present


def write_adjoint(step, moment, adjoint):
    """What flows from M_t, L_t, p_t, u_t and w^w_t.

    Args:
      step: `forward.Step`.
      moment: `past.Moment`.
      adjoint: `Carry` of adjoints of what the step wrote.

    Returns:
      (adjoint `Carry` before the step, without the controller's part; dict of adjoints
      of fields of the interface).
    """
    t, interface, previous = moment.t, moment.interface, moment.previous
    query = Query.to_write(interface)
    d_memory, d_written, d_retention, fields = _memory_adjoint(
        step, moment, adjoint.memory)
    if step.linked:
        d_linked, d_precedence = _link_update_adjoint(step, moment, adjoint.link)
        d_written += d_linked
    d_written, = materialise(t, [d_written])
    found = query.look_up(previous.memory, previous.norms)
    inputs = (previous.small(), present(interface), found)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = step.write(t, previous, interface, found)
    d_small, d_interface, (d_similarity, d_norms) = tape.gradient(
        tf.nest.flatten(outputs), inputs, unconnected_gradients="zero",
        output_gradients=tf.nest.flatten(
            [adjoint.usage, adjoint.write_weighting, d_written, adjoint.precedence,
             d_retention]))
    d_similarity, = materialise(t, [d_similarity])
    d_memory += tf.matmul(query.probes.queries, d_similarity, transpose_a=True)
    if step.masked:
        d_memory += query.norms_adjoint(previous.memory, d_norms)
    d_keys, d_masks = query.products_adjoint(
        previous.memory, (d_similarity, d_norms))
    d_before = Carry(*d_small, memory=d_memory, link=adjoint.link)
    if step.linked:
        d_before = d_before._replace(precedence=d_before.precedence + d_precedence)
    taped = ("write_strengths", "free_gates", "allocation_gates", "write_gates")
    fields |= {name: d_interface[name] for name in taped}
    fields["write_keys"] = d_interface["write_keys"] + d_keys
    if step.masked:
        fields["write_masks"] = d_interface["write_masks"] + d_masks
    return d_before, fields


def _memory_adjoint(step, moment, d_memory):
    """What flows from M_t = M' prod_h (1 - e w^T) + sum_h v w^T, all `[W, N]`.

    M' = M psi with deallocation, else M. dM' = dM_t prod_h (1 - e w^T); and for each
    head, with Q = dM_t * M' * the other heads' factors: dw = v^T dM_t - e^T Q,
    de = -Q w, dv = dM_t w. Then dpsi = sum over words of dM' * M, and dM = dM' psi.

    Args:
      d_memory: `[B, W, N]`, dM_t.

    Returns:
      (dM `[B, W, N]`; dw `[B, H, N]`; dpsi `[B, N]`, () without deallocation; dict of
      adjoints of fields of the interface).
    """
    t, interface, previous = moment.t, moment.interface, moment.previous
    retention = step.retention(t, previous, interface)
    memory = step.retained(previous.memory, retention)
    factors = [kept for kept, _ in step.erasures(interface, moment.written)]
    d_written, d_erase = [], []
    for head in range(step.num_writes):
        erased = d_memory * memory
        for other in factors[:head] + factors[head + 1:]:
            erased *= other
        d_written.append(sum_rows(
            d_memory * interface.write_vectors[:, head, :, tf.newaxis]
            - erased * interface.erase_vectors[:, head, :, tf.newaxis]))
        d_erase.append(-weigh_columns(moment.written[:, head:head + 1], erased)[:, 0])
    fields = {"erase_vectors": tf.stack(d_erase, 1),
              "write_vectors": weigh_columns(moment.written, d_memory)}
    for kept in factors:
        d_memory *= kept
    d_retention = ()
    if step.cell.variants.deallocation:
        d_retention, = materialise(t, [sum_rows(d_memory * previous.memory)])
        d_memory = step.retained(d_memory, retention)
    return d_memory, tf.stack(d_written, 1), d_retention, fields


def _link_update_adjoint(step, moment, d_link):
    """What flows from L_t = (1 - w_i - w_j) L_ij + w_i p_j to w and p.

    dw_i = sum_j dL_ij (p_j - L_ij) - sum_j dL_ji L_ji;  dp_j = sum_i w_i dL_ij,
    with L and p of the step before; where a new story begins, L is 0.

    Args:
      d_link: `[B, H, N, N]`, dL_t.

    Returns:
      (dw, dp), each `[B, H, N]`.
    """
    def of_row(d_link, link, gained, *kept):
        for factors in kept:
            link *= factors[:, :, tf.newaxis]
        return sum_last(d_link * (gained[:, :, tf.newaxis] - link))

    previous, written = moment.previous, moment.written
    # As a vector over slots, which fills a register.
    kept = [] if step.kept is None else materialise(moment.t, [
        factor(step.kept[moment.t], written) * tf.ones_like(written)])
    d_row = by_halves(
        from_the_end(of_row), d_link, previous.link, previous.precedence, *kept)
    d_column, d_precedence = tf.unstack(
        by_halves(sum_rows_twice, d_link, previous.link, written), axis=2)
    for factors in kept:
        d_column *= factors
    return d_row - d_column, d_precedence
