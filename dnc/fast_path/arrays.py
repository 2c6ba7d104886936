"""The arrays that the loops of the fast path read and write step by step."""

import tensorflow as tf


def tensor_array(sequence):
    """A `TensorArray` that starts as `sequence`; its elements may be read again.

    Of an array that is only reserved XLA does not know the shape, and compiles the
    body of each loop around it twice.
    """
    return tf.TensorArray(
        sequence.dtype, size=tf.shape(sequence)[0],
        clear_after_read=False).unstack(sequence)


def rooms(count, tensors, number=0):
    """`TensorArray`s for `count` tensors that are shaped like each of `tensors`.

    They are filled with number, number + 1 and so on. Two that start alike would be
    one to XLA until they are written, and one thread would then copy all of it.
    """
    return [
        tensor_array(tf.fill(
            tf.concat([[count], tf.shape(like)], axis=0),
            tf.cast(number + index, like.dtype)))
        for index, like in enumerate(tensors)]


def read(k, arrays):
    """List of the tensors at `k` in the arrays."""
    return [array.read(k) for array in arrays]


def write(k, arrays, tensors):
    """The arrays with the tensors written at `k`, one in each."""
    return [array.write(k, tensor)
            for array, tensor in zip(arrays, tensors, strict=True)]
