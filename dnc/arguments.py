"""Checks of what users give: each error says what came and what is expected."""


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
    except (TypeError, ValueError):
        whole = None
    if whole is None or whole != value or whole < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return whole


def share(name, value):
    """`value` as a float; ValueError unless it is at least 0 and below 1."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number from 0 up to but not 1, got "
                         f"{value!r}")
    return float(value)
