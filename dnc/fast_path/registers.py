"""Memories whose slots fill a processor's registers.

A pass over N x N goes along the slots, so many of them at a time as a register holds;
what is left over goes one by one, or, where it is odd, all of it. A memory of 110 slots
then takes more than twice the time of one of 112. So the loops work on as many slots as
are a multiple of `FILL`; those added are *absent*: nothing is looked up, allocated,
written or linked there, all that is carried of them is 0, and no gradient comes of it.
"""

import tensorflow as tf

FILL = 8

# The product of a key and what an absent slot holds: far below any other, so that the
# softmax is 0 there.
NOWHERE = -1e20


def fill(tensor, axes=1):
    """`tensor` `[..., N]` with zeros for absent slots.

    Args:
      axes: how many of the last are of slots.
    """
    missing = [-size % FILL for size in tensor.shape[-axes:]]
    if not any(missing):
        return tensor
    before = len(tensor.shape) - axes
    return tf.pad(tensor, [[0, 0]] * before + [[0, count] for count in missing])


def present(tensor, slots, axes=1):
    """The `slots` that are there of a tensor that `fill` made; `axes` as there."""
    return tensor[(..., *[slice(slots)] * axes)]


def with_absent(tensor, slots, value):
    """`tensor` `[..., N]` with a value at the slots that are absent."""
    size = tensor.shape[-1]
    return tensor if size == slots else tf.where(tf.range(size) < slots, tensor, value)
