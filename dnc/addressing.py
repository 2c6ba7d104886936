"""The addressing equations of the Differentiable Neural Computer.

Pure functions of tensors, in the order of Graves et al., "Hybrid computing using
a neural network with dynamic external memory", Nature 538 (2016), Methods. Shapes
are written in named dimensions:

  B  batch               N  memory slots         W  word size
  R  read heads          H  write heads          K  look-up keys

The paper has one write head; with several, each head has its own weighting, link
matrix and precedence, as in the authors' released code. Every function works in
the floating-point type of its arguments.
"""

from typing import NamedTuple

import tensorflow as tf

from dnc.private import exported_to_onnx
from dnc.sums import scaled, softmax, sum_last, sum_of_earlier

# Squared norms below this count as this: a slot that was never written has no
# direction, and its cosine with any key is 0.
MIN_SQUARED_NORM = 1e-12

# Usage is raised by this share of what is free before logarithms are taken: a slot
# that was never used has usage exactly 0.
USAGE_EPSILON = 1e-12

# Forward and backward weightings are raised by this before they are sharpened: at first
# there are no links, and they are 0.
SHARPENING_EPSILON = 1e-6


def inverse_norm(squared_norm):
    """1 / |v| from |v|^2, bounded where |v| vanishes."""
    return tf.math.rsqrt(tf.maximum(squared_norm, MIN_SQUARED_NORM))


class Probes(NamedTuple):
    """What a look-up multiplies the memory with; see `probes`.

    Attributes:
      queries: `[B, K, W]`, for the products with M[i].
      weights: `[B, K, W]`, for those with M[i]^2; None where each is 1.
      keys: `[B, K, W]`, whose length counts.
    """

    queries: tf.Tensor
    weights: tf.Tensor | None
    keys: tf.Tensor


def probes(keys, masks=None):
    """`Probes` of keys, and of masks: (k * m) . (M[i] * m) = (k * m^2) . M[i].

    Args:
      keys: `[B, K, W]`.
      masks: `[B, K, W]`, m, in [0, 1], or None.
    """
    if masks is None:
        return Probes(keys, None, keys)
    weights = tf.square(masks)
    return Probes(keys * weights, weights, keys * masks)


def content_weighting(memory, keys, strengths, masks=None):
    """C(M, k, beta): softmax over slots of beta * cosine(k, M[i]).

    With masks, of beta * cosine(k * m, M[i] * m) (Csordas and Schmidhuber 2019).

    Args:
      memory: `[B, N, W]`.
      keys: `[B, K, W]`, one for each look-up.
      strengths: `[B, K]`, beta, already in [1, inf).
      masks: `[B, K, W]`, m, in [0, 1], or None.

    Returns:
      `[B, K, N]`, weightings that sum to 1.
    """
    queries, weights, keys = probes(keys, masks)
    similarity = tf.matmul(queries, memory, transpose_b=True)
    squares = tf.square(memory)
    if weights is None:
        squared_norms = tf.reduce_sum(squares, axis=2)
    else:
        squared_norms = tf.matmul(weights, squares, transpose_b=True)
    return sharpened_softmax(similarity, squared_norms, keys, strengths)


def sharpened_softmax(similarity, squared_norms, keys, strengths):
    """The content weighting, from dot products that are already there.

    Args:
      similarity: `[B, K, N]`, the products k . M[i].
      squared_norms: `[B, N]`, |M[i]|^2; with masks `[B, K, N]`, |M[i] * m|^2.
      keys: `[B, K, W]`.
      strengths: `[B, K]`.

    Returns:
      `[B, K, N]`.
    """
    scale = strengths * inverse_norm(sum_last(tf.square(keys)))
    inverse = inverse_norm(squared_norms)
    if len(inverse.shape) == 2:
        inverse = inverse[:, tf.newaxis, :]
    cosine = similarity * inverse
    return softmax(scaled(cosine, scale))


def retention(free_gates, prev_read_weighting):
    """psi_t = prod_i (1 - f^i w^{r,i}): the share of each slot not freed.

    Args:
      free_gates: `[B, R]`, f, in [0, 1].
      prev_read_weighting: `[B, R, N]`.

    Returns:
      `[B, N]`.
    """
    return product(1 - scaled(prev_read_weighting, free_gates))


def usage(prev_usage, prev_write_weighting, free_gates, prev_read_weighting):
    """u_t = (u + w - u * w) * psi: how far each slot is in use.

    With several write heads, w = 1 - prod_h (1 - w^{w,h}): head after head.

    Args:
      prev_usage: `[B, N]`.
      prev_write_weighting: `[B, H, N]`.
      free_gates: `[B, R]`.
      prev_read_weighting: `[B, R, N]`.

    Returns:
      `[B, N]`, in [0, 1].
    """
    used = prev_usage
    for weighting in tf.unstack(prev_write_weighting, axis=1):
        used += weighting - used * weighting
    # What is read may have a weight of more than 1, by rounding.
    return tf.maximum(used * retention(free_gates, prev_read_weighting), 0)


def allocation_weighting(usage, write_gates, by_sorting=False):
    """a_t for each write head: weight on the least used slots.

    `a[i] = (1 - u[i]) * prod of u[j] over the slots j before i in the free list`,
    the free list being the slots by ascending usage, equals by index. Instead of
    sorting, the product is taken over all pairs: exp(sum_j before[i, j] log u[j]);
    like the paper's form, its gradient ignores the jumps of the order.

    Each head raises a simulated usage by `(1 - u) * write_gate * a` before the
    next head allocates.

    Args:
      usage: `[B, N]`.
      write_gates: `[B, H]`, the product of allocation gate and write gate.
      by_sorting: True sorts nevertheless: with many slots that is faster, and nothing
        is of size N x N.

    Returns:
      `[B, H, N]`.
    """
    sum_before = _sum_before_by_sorting if by_sorting else _sum_before
    heads = []
    for gate in tf.unstack(write_gates, axis=1):
        heads.append(_allocation(usage, sum_before))
        if len(heads) < write_gates.shape[1]:
            usage += (1 - usage) * gate[:, tf.newaxis] * heads[-1]
    return tf.stack(heads, axis=1)


def _allocation(usage, sum_before):
    """`[B, N]` -> `[B, N]`: the allocation of one head."""
    log_usage = tf.math.log(usage + USAGE_EPSILON * (1 - usage))
    return (1 - usage) * tf.exp(sum_before(log_usage, usage))


@tf.custom_gradient
def _sum_before(values, usage):
    """`sum of values[j] over the slots j before i in the free list`, `[B, N]`.

    Non-negative floats are ordered as their bits are, and as integers the two
    comparisons (less, or equal and of lower index) become one.
    """
    keys = tf.bitcast(usage + 0.0, tf.int64 if usage.dtype.size == 8 else tf.int32)
    slots = tf.range(tf.shape(usage)[1])
    lower = tf.cast(slots[tf.newaxis, :] < slots[:, tf.newaxis], keys.dtype)

    def gradient(upstream):
        # Value i counts at every slot that it stands before.
        after = keys[:, :, tf.newaxis] < keys[:, tf.newaxis, :] + tf.transpose(lower)
        return sum_last(tf.where(after, upstream[:, tf.newaxis, :], 0)), None

    if exported_to_onnx():  # which has no bits; elsewhere, twice as slow
        left, right = usage[:, tf.newaxis, :], usage[:, :, tf.newaxis]
        before = (left < right) | (left <= right) & tf.cast(lower, tf.bool)
    else:
        before = keys[:, tf.newaxis, :] < keys[:, :, tf.newaxis] + lower
    return sum_last(tf.where(before, values[:, tf.newaxis, :], 0)), gradient


@tf.custom_gradient
def _sum_before_by_sorting(values, usage):
    """`_sum_before`, along the free list itself."""
    order = tf.argsort(usage, axis=1, stable=True)
    places = tf.argsort(order, axis=1)

    def along(tensor, **direction):
        sums = sum_of_earlier(tf.gather(tensor, order, batch_dims=1), **direction)
        return tf.gather(sums, places, batch_dims=1)

    return along(values), lambda upstream: (along(upstream, reverse=True), None)


def write_weighting(allocation, content, allocation_gates, write_gates):
    """w^w_t = g^w (g^a a + (1 - g^a) c).

    Args:
      allocation: `[B, H, N]`, a.
      content: `[B, H, N]`, c.
      allocation_gates: `[B, H]`, g^a.
      write_gates: `[B, H]`, g^w.

    Returns:
      `[B, H, N]`.
    """
    blend = (scaled(allocation, allocation_gates)
             + scaled(content, 1 - allocation_gates))
    return scaled(blend, write_gates)


def erase_and_write(memory, write_weighting, erase_vectors, write_vectors):
    """M_t = M * prod_h (1 - w e^T) + sum_h w v^T.

    Args:
      memory: `[B, N, W]`.
      write_weighting: `[B, H, N]`, w.
      erase_vectors: `[B, H, W]`, e, in [0, 1].
      write_vectors: `[B, H, W]`, v.

    Returns:
      `[B, N, W]`.
    """
    weighting = write_weighting[:, :, :, tf.newaxis]
    kept = product(1 - weighting * erase_vectors[:, :, tf.newaxis, :])
    written = tf.matmul(write_weighting, write_vectors, transpose_a=True)
    return memory * kept + written


def link_matrix(prev_link, prev_precedence, write_weighting):
    """L_t[i, j] = (1 - w[i] - w[j]) L[i, j] + w[i] p[j], zero diagonal.

    Args:
      prev_link: `[B, H, N, N]`; `link[b, h, i, j]`: slot i written after slot j.
      prev_precedence: `[B, H, N]`, p of the step before.
      write_weighting: `[B, H, N]`, w.

    Returns:
      `[B, H, N, N]`.
    """
    row = write_weighting[:, :, :, tf.newaxis]
    column = write_weighting[:, :, tf.newaxis, :]
    link = (1 - row - column) * prev_link
    link += row * prev_precedence[:, :, tf.newaxis, :]
    return off_diagonal(link)


def off_diagonal(matrix):
    """`[..., N, N]` with zeros on the diagonal."""
    # `tf.linalg.set_diag` comes out wrong in ONNX.
    slots = tf.range(matrix.shape[-1])
    return tf.where(slots[:, tf.newaxis] == slots, tf.zeros_like(matrix), matrix)


def precedence(prev_precedence, write_weighting):
    """p_t = (1 - sum_i w[i]) p + w: how far each slot was the last one written.

    Args:
      prev_precedence: `[B, H, N]`.
      write_weighting: `[B, H, N]`.

    Returns:
      `[B, H, N]`.
    """
    return scaled(prev_precedence, 1 - sum_last(write_weighting)) + write_weighting


def directional_weightings(link, prev_read_weighting):
    """b = L^T w^r and f = L w^r: the slots written before and after the last read.

    Args:
      link: `[B, H, N, N]`.
      prev_read_weighting: `[B, R, N]`.

    Returns:
      (backward, forward), each `[B, R, H, N]`.
    """
    reads = prev_read_weighting[:, tf.newaxis]
    with tf.name_scope("forward"):
        forward = tf.transpose(
            tf.matmul(reads, link, transpose_b=True), [0, 2, 1, 3])
    with tf.name_scope("backward"):
        backward = tf.transpose(tf.matmul(reads, link), [0, 2, 1, 3])
    return backward, forward


def sharpened(weighting, sharpness):
    """(d / max d)^s / sum, with d raised by `SHARPENING_EPSILON`.

    That is softmax(s log d): the largest of d cancels (Csordas and Schmidhuber 2019).

    Args:
      weighting: `[..., N]`, d, not below 0 but for rounding.
      sharpness: `[...]`, s, in [1, inf).

    Returns:
      `[..., N]`, sums to 1.
    """
    logarithms = tf.math.log(tf.maximum(weighting, 0) + SHARPENING_EPSILON)
    return softmax(scaled(logarithms, sharpness))


def read_weighting(backward, content, forward, read_modes):
    """w^r_t = pi_1 b + pi_2 c + pi_3 f.

    Args:
      backward: `[B, R, H, N]`.
      content: `[B, R, N]`.
      forward: `[B, R, H, N]`.
      read_modes: `[B, R, 1 + 2H]`, in the order backward (H), content, forward (H).

    Returns:
      `[B, R, N]`.
    """
    candidates = tf.concat([backward, content[:, :, tf.newaxis], forward], axis=2)
    return tf.reduce_sum(read_modes[:, :, :, tf.newaxis] * candidates, axis=2)


def product(factors):
    """The product over axis 1, written out.

    The gradient of `tf.reduce_prod` divides by the factors, one of which may be 0.

    Args:
      factors: `[B, heads, ...]`.

    Returns:
      `[B, ...]`.
    """
    first, *others = tf.unstack(factors, axis=1)
    for factor in others:
        first *= factor
    return first
