"""Checks of what users give: each error says what came and what is expected."""

import difflib
import inspect
import math
import numbers

import keras
import tensorflow as tf


def dense(name, tensor):
    """Raises ValueError if `tensor` is ragged or sparse."""
    if isinstance(tensor, tf.RaggedTensor):
        raise ValueError(
            f"{name} is a tf.RaggedTensor, and a DNC takes rows of equal length: give "
            f"{name}.to_tensor(), and mask=tf.sequence_mask(lengths) for its steps")
    if isinstance(tensor, tf.SparseTensor):
        raise ValueError(f"{name} is a tf.SparseTensor, and a DNC takes dense ones: "
                         f"give tf.sparse.to_dense({name})")


def floats(tensor, dtype):
    """`tensor` as `dtype`, a type of floats.

    Raises ValueError if it does not hold numbers.
    """
    given = tf.as_dtype(tensor.dtype)
    if given == dtype:  # as it is, with its mask
        return tensor
    if not (given.is_floating or given.is_integer or given.is_bool):
        raise ValueError(f"a DNC takes numbers of type {dtype}, got {given.name}; "
                         f"turn them into numbers before")
    return tf.cast(tensor, dtype)


def check_arguments(name, given, *classes):
    """ValueError unless one of the classes takes each of the arguments.

    Args:
      name: of what is made with them.
      given: dict of arguments.
    """
    known = [argument for each in classes
             for argument in inspect.signature(each.__init__).parameters]
    for argument in sorted(set(given).difference(known)):
        near = ([other for other in known if argument in other]
                or difflib.get_close_matches(argument, known, 1))
        hint = f"; is it {near[0]}?" if near else ""
        raise ValueError(f"{name} has no argument {argument!r}{hint}")


def check_features(name, shape, built):
    """ValueError unless the last axis of `shape` is what the layer was built for.

    Args:
      name: the layer's name.
      shape: of the input.
      built: number of features it was built for; None before it is built.
    """
    if built is not None and shape[-1] not in (None, built):
        raise ValueError(f"{name} was built for {built} features, and got "
                         f"{shape[-1]}: its input has shape {tuple(shape)}")


def check_known(name, shape):
    """ValueError if the number of features of an input is not known."""
    if shape[-1] is None:
        raise ValueError(f"{name} is built for a number of features, and its input has "
                         f"shape {tuple(shape)}: give that number, or set it with "
                         f"tf.ensure_shape")


def flat_states(states, dtype):
    """States, or a `dnc.cell.DNCState`, as a list of `[batch, size]` of a type."""
    flat = [tf.cast(state, dtype) for state in keras.tree.flatten(states)
            if state is not None]  # what a variant leaves out
    return [state if len(state.shape) < 3 else tf.reshape(
        state, [tf.shape(state)[0], math.prod(state.shape[1:])]) for state in flat]


def check_states(states, sizes, batch):
    """Raises ValueError unless `states` has one `[batch, size]` for each size.

    Args:
      states: list of tensors.
      sizes: list of ints.
      batch: the batch size of the inputs, or None where it is not known.
    """
    shapes = [tuple(state.shape) for state in states]
    fits = len(shapes) == len(sizes) and all(
        len(shape) == 2 and shape[1] in (None, size)
        and (shape[0] == batch or None in (shape[0], batch))
        for shape, size in zip(shapes, sizes))
    if not fits:
        raise ValueError(
            f"The state of a DNC is {len(sizes)} tensors of shapes "
            f"{[(batch, size) for size in sizes]}, got {shapes}")


def positive(name, value):
    """`value` as an int; ValueError unless it is a positive whole number."""
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != value or whole < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return whole


def share(name, value):
    """`value` as a float; ValueError unless it is at least 0 and below 1."""
    if not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number from 0 up to but not 1, got "
                         f"{value!r}")
    return float(value)


def limit(name, value):
    """`value` as a float or None; ValueError unless it is one and positive."""
    if value is None:
        return None
    if not (isinstance(value, numbers.Real) and value > 0):
        raise ValueError(f"{name} must be a positive number or None, got {value!r}")
    return float(value)


def one_of(name, value, known):
    """`value` as it is; ValueError unless it is one of the names `known`."""
    if value not in list(known):  # a value of any type
        raise ValueError(f"{name} must be one of {sorted(known)}, got {value!r}")
    return value
