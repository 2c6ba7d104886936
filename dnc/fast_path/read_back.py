"""What flows back through the reads of a step: see `dnc.fast_path.step_back`."""

from typing import NamedTuple

import tensorflow as tf

from dnc.fast_path.look_up import Query
from dnc.fast_path.state import Decay
from dnc.fast_path.xla import (
    add_outer, by_halves, from_the_end, in_place, materialise, weigh_columns,
    weigh_rows)
from dnc.sums import sum_last
from dnc.variants import present


def read_adjoint(step, moment, adjoint):
    """What flows from r = w^r M, with w^r the sum of modes times candidates.

    Args:
      step: `forward.Step`.
      moment: `past.Moment`.
      adjoint: `Backflow` of what the step made.

    Returns:
      (adjoint `Carry` of what the step wrote: the given one with the whole of dM_t and
      dL_t; adjoint of the read weighting before the step `[B, R, N]`; dict of adjoints
      of fields of the interface).
    """
    t, memory, taken = moment.t, moment.memory, adjoint.state
    query = Query.to_read(moment.interface)
    d_reads, = materialise(t, [tf.reshape(taken.reads, tf.shape(query.keys))])
    d_weighting, = materialise(
        t, [taken.read_weighting + weigh_rows(d_reads, memory)])
    inputs = query.look_up(memory, moment.slots.norms), present(query)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        content = step.content(query, inputs[0])
    candidates = _candidates_adjoint(step, moment, content, d_weighting)
    (d_similarity, d_norms), d_query = tape.gradient(
        content, inputs, candidates.content)
    d_similarity, = materialise(t, [d_similarity])
    d_keys, d_masks = query.products_adjoint(memory, (d_similarity, d_norms))
    if not step.masked:
        d_norms += taken.norms
    d_memory = in_place(
        t, add_outer, taken.memory + query.norms_adjoint(memory, d_norms),
        (d_reads, query.probes.queries),
        (moment.slots.read_weighting, d_similarity))
    d_link = _link_adjoint(step, t, adjoint, candidates) if step.linked else ()
    fields = candidates.fields | {
        "read_keys": d_query["keys"] + d_keys, "read_strengths": d_query["strengths"]}
    if step.masked:
        fields["read_masks"] = d_query["masks"] + d_masks
    return (taken._replace(memory=d_memory, link=d_link), candidates.read_weighting,
            fields)


class _Candidates(NamedTuple):
    """What flows from a read weighting to what it is blended from.

    Attributes:
      lefts, rights: pairs of `[B, H, R, N]`: the adjoint of L_t gets the sum of
        left right^T over pairs and read heads; () without temporal links.
      read_weighting: `[B, R, N]`, adjoint of that before the step.
      content: `[B, R, N]`, adjoint of the content weighting.
      fields: dict of adjoints of fields of the interface.
    """

    lefts: tuple
    rights: tuple
    read_weighting: tf.Tensor
    content: tf.Tensor
    fields: dict


def _candidates_adjoint(step, moment, content, d_weighting):
    """`_Candidates` of a read weighting.

    Args:
      content: `[B, R, N]`, the content weighting.
      d_weighting: `[B, R, N]`, adjoint of the read weighting.
    """
    if not step.linked:
        return _Candidates((), (), 0, d_weighting, {})
    if step.sharpened:
        return _sharpened_adjoint(step, moment, content, d_weighting)
    return _directions_adjoint(step, moment, content, d_weighting)


def _directions_adjoint(step, moment, content, d_weighting):
    """`_Candidates` where forward and backward weightings are as the links give them.

    With g the adjoint of the read weighting, q the read weighting of the step before,
    and b = L^T q, f = L q entering with the modes pi_b and pi_f:

      dL = sum over heads of pi_f g q^T + pi_b q g^T
      d pi_f = g . (L q) = (L^T g) . q      d pi_b = g . (L^T q) = (L g) . q
      dq = pi_f L^T g + pi_b L g

    so that f and b are not needed.
    """
    g = d_weighting[:, tf.newaxis]
    q = moment.previous.read_weighting[:, tf.newaxis]
    heads, modes = step.num_writes, moment.interface.read_modes
    backward_modes, forward_modes = (
        tf.transpose(part, [0, 2, 1])[..., tf.newaxis]
        for part in (modes[:, :, :heads], modes[:, :, heads + 1:]))
    along = by_halves(from_the_end(weigh_rows), g, moment.link)
    against = by_halves(weigh_columns, g, moment.link)
    d_forward, d_backward = (
        tf.transpose(sum_last(weighting * q), [0, 2, 1])
        for weighting in (along, against))
    d_mode = sum_last(d_weighting * content)[..., tf.newaxis]
    return _Candidates(
        (forward_modes * g, backward_modes * q), (q, g),
        tf.reduce_sum(forward_modes * along + backward_modes * against, axis=1),
        modes[:, :, heads, tf.newaxis] * d_weighting,
        {"read_modes": tf.concat([d_backward, d_mode, d_forward], axis=2)})


def _sharpened_adjoint(step, moment, content, d_weighting):
    """`_Candidates` where the links are sharpened.

    In the place of pi_f g and pi_b g in `_directions_adjoint` are the adjoints df and
    db of forward and backward weighting, which a tape finds.
    """
    q = moment.previous.read_weighting[:, tf.newaxis]
    fields = {name: getattr(moment.interface, name)
              for name in ("read_modes", "link_sharpness")}
    inputs = fields, content, moment.units.directions
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        weighting = step.blend(moment.interface, *inputs[1:])
    d_fields, d_content, d_directions = tape.gradient(weighting, inputs, d_weighting)
    d_backward, d_forward = materialise(moment.t, [
        tf.transpose(direction, [0, 2, 1, 3]) for direction in d_directions])
    along = by_halves(from_the_end(weigh_rows), d_forward, moment.link)
    against = by_halves(weigh_columns, d_backward, moment.link)
    return _Candidates((d_forward, q), (q, d_backward),
                       tf.reduce_sum(along + against, axis=1), d_content, d_fields)


def _link_adjoint(step, t, adjoint, candidates):
    """dL_t `[B, H, N, N]`: decay * dL' + what the reads along the links add.

    dL' is the adjoint carried from the later step, and decay[i, j] =
    kept (1 - w[i] - w[j]) of that step.
    """
    def accumulate(d_link, lefts, rights):
        (row, *lefts), (column, *rights) = lefts, rights
        d_link = Decay(row, column).of(d_link)
        return step.off_diagonal(add_outer(d_link, lefts, rights))

    row, column = adjoint.decay
    return in_place(t, accumulate, adjoint.state.link,
                    (row, *candidates.lefts), (column, *candidates.rights))
