"""Ways to say a thing so that XLA on a CPU computes it fast.

Each gives the same numbers as the plain form, and is used where a profile of the
compiled step showed the plain form to be slow.
"""

import math

import tensorflow as tf

from dnc.sums import sum_last

# Blocks of rows that are summed each for itself, at most, and rows of one, at least.
BLOCKS = 16
BLOCK_ROWS = 16

# Bytes in a line of a processor's cache.
LINE = 64


def materialise(t, tensors):
    """The same tensors, each computed once and stored.

    XLA recomputes a cheap producer inside every fusion that reads it, for each of
    N x N elements. It does not so with a division, here by a 1 that it cannot know:
    t is the number of a step, which is never negative.
    """
    one = tf.cast(tf.minimum(t + 1, 1), tensors[0].dtype)
    return [tensor / one for tensor in tensors]


def materialise_all(t, structure):
    """`materialise` of all tensors of a structure, as `tf.nest` sees it."""
    return tf.nest.pack_sequence_as(
        structure, materialise(t, tf.nest.flatten(structure)))


def in_place(t, function, matrix, lefts, rights):
    """`function(matrix, lefts, rights)`, computed once and in the place of `matrix`.

    A division would cost as much as the rest of a pass over N x N. A loop of one
    round is a wall for fusion too, and in its carry the matrix is overwritten. XLA
    must know neither the number of rounds nor that the lefts are the same in each,
    or it computes N x N products of them outside.

    Args:
      t: number of the step.
      function: of the matrix and the two lists.
      matrix: `[..., I, J]`.
      lefts, rights: lists of vectors, `[..., I]` and `[..., J]`.

    Returns:
      `[..., I, J]`.
    """
    rounds = tf.minimum(t + 1, 1)

    def run(k, matrix):
        # A factor on the rights would be multiplied anew in each row.
        same = tf.cast(1 - k, matrix.dtype)
        return k + 1, function(matrix, [left * same for left in lefts], rights)

    return tf.while_loop(lambda k, _: k < rounds, run, (0, matrix))[1]


def halves(tensor):
    """`[B, ...]` as a list of two halves of the batch; of one tensor if B is odd.

    What is written into an array is computed by one thread, whereas any other pass
    over N x N is shared by all. Two arrays are written by two threads.
    """
    return tf.split(tensor, 2) if (tensor.shape[0] or 1) % 2 == 0 else [tensor]


def each_half(function, *arguments):
    """List of `function` of each half of the batch.

    Args:
      function: of as many tensors `[B / 2, ...]`.
      arguments: each a tensor `[B, ...]` or the list of its `halves`.
    """
    parted = (x if isinstance(x, list) else halves(x) for x in arguments)
    return [function(*half) for half in zip(*parted, strict=True)]


def by_halves(function, *arguments):
    """The tensors `[B / 2, ...]` of `each_half`, joined to `[B, ...]`."""
    return tf.concat(each_half(function, *arguments), axis=0)


def from_the_end(function):
    """`function`, computed for the last row of the batch first.

    Passes over N x N that follow each other go through the batch in turn forwards
    and backwards: what one has read last, the caches still have for the next.

    Args:
      function: of tensors `[B, ...]`, a tensor `[B, ...]`; row by row.
    """
    def run(*arguments):
        return tf.reverse(
            function(*(tf.reverse(tensor, [0]) for tensor in arguments)), [0])

    return run


def add_outer(matrix, lefts, rights):
    """matrix + sum_k left_k right_k^T for each pair of left and right.

    Term by term it is fused with what stands around it, and for the few terms of the
    heads faster than a matrix product.

    Args:
      matrix: `[..., I, J]`.
      lefts, rights: lists of `[..., K, I]` and `[..., K, J]`.

    Returns:
      `[..., I, J]`.
    """
    for left, right in zip(lefts, rights):
        for term in range(left.shape[-2]):
            matrix += left[..., term, :, tf.newaxis] * right[..., term, tf.newaxis, :]
    return matrix


def sum_rows(matrix):
    """The sum over the last but one axis, block by block: see `_in_blocks`."""
    return _sum_blocks(_in_blocks(matrix, -2), len(matrix.shape) - 2)


def sum_rows_twice(matrix, other, weighting):
    """Two sums over rows in one pass over `matrix`, block by block: see `_in_blocks`.

    Args:
      matrix, other: `[B, H, I, J]`.
      weighting: `[B, H, I]`.

    Returns:
      `[B, H, 2, J]`: the sums of matrix * other, and of weighting matrix.
    """
    blocks, other, weighting = (
        _in_blocks(tensor, -2)[..., tf.newaxis, :, :]
        for tensor in (matrix, other, weighting[..., tf.newaxis]))
    first = tf.range(2)[:, tf.newaxis, tf.newaxis] == 0
    return _sum_blocks(
        blocks * tf.where(first, other, weighting), len(matrix.shape) - 2)


def weigh_rows(weightings, matrix):
    """w M: `tf.matmul`, for a few weightings that all look at one block of rows.

    Args:
      weightings: `[..., K, I]`; an axis before the last two may be 1.
      matrix: `[..., I, J]`.

    Returns:
      `[..., K, J]`.
    """
    weightings = _in_blocks(weightings, -1)
    *axes, heads, block, row = range(len(weightings.shape))
    weightings = tf.transpose(weightings, [*axes, block, heads, row])
    blocks = _in_blocks(matrix, -2)[..., tf.newaxis, :, :]
    return _sum_blocks(weightings[..., tf.newaxis] * blocks, len(matrix.shape) - 2)


def weigh_columns(weightings, matrix):
    """M w: `tf.matmul` with the transposed matrix, for a few weightings.

    Args:
      weightings: `[..., K, J]`.
      matrix: `[..., I, J]`.

    Returns:
      `[..., K, I]`.
    """
    return tf.linalg.matrix_transpose(sum_last(
        matrix[..., tf.newaxis, :] * weightings[..., tf.newaxis, :, :]))


def _in_blocks(tensor, axis):
    """`tensor` with an axis of rows cut in two: blocks of equal size, rows of each.

    A block is of rows that follow each other. Of rows some kilobytes apart, all fall
    on the same few lines of a processor's first cache and push each other out.

    Args:
      axis: of the rows, counted from the last.
    """
    _, *shape = tensor.shape
    rows = shape[axis]
    most = min(BLOCKS, rows // BLOCK_ROWS)
    blocks = math.gcd(rows, 1 << most.bit_length() - 1) if most else 1
    after = shape[axis:][1:]
    return tf.reshape(tensor, [-1, *shape[:axis], blocks, rows // blocks, *after])


def _sum_blocks(terms, axis):
    """The sum over the last but one axis, then over that of the blocks, `axis`."""
    return tf.add_n(tf.unstack(tf.reduce_sum(terms, axis=-2), axis=axis))


def spread(matrix):
    """`matrix` `[I, J]`, where needed with more columns: see `product`."""
    near = matrix.shape[1] * matrix.dtype.size % 1024 == 0
    return tf.pad(matrix, [[0, 0], [0, LINE // matrix.dtype.size]]) if near else matrix


def product(left, matrix, columns):
    """`[B, I]` times a matrix that `spread` made of `[I, columns]`.

    The product reads columns of the matrix, a few at a time. If its rows are kilobytes
    apart, they all fall on the same few lines of a processor's caches, and what the
    first rows of the batch have read is not there any more for the others.
    """
    return tf.matmul(left, matrix)[:, :columns]
