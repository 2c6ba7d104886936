"""What several test files of the model need: random states, gradient checks."""

import numpy as np
import tensorflow as tf

import oracle

# (B, N, W, R, H): ones everywhere, and each dimension unlike the others.
SIZES = [(1, 1, 1, 1, 1), (1, 5, 3, 2, 1), (3, 4, 2, 1, 3), (2, 6, 4, 3, 2)]
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def weightings(rng, *shape):
    """Random weightings over the last axis: non-negative, sum below 1."""
    return rng.dirichlet(np.ones(shape[-1] + 1), size=shape[:-1])[..., :-1]


def random_memory_state(rng, B, N, W, R, H):
    """Oracle memory state of a batch (each array with B in front), all in range."""
    L = weightings(rng, B, H, N, N) / max(N, 2)
    L[..., np.arange(N), np.arange(N)] = 0.0
    return {"M": rng.normal(size=(B, N, W)), "u": rng.uniform(size=(B, N)), "L": L,
            "p": weightings(rng, B, H, N), "ww": weightings(rng, B, H, N),
            "rw": weightings(rng, B, R, N)}


def random_interface(rng, B, W, R, H, scale=1.0):
    """Activated interface of a batch, {name: array}; gates and modes all active."""
    raw = scale * rng.normal(size=(B, oracle.interface_size(W, R, H)))
    return batched([oracle.split_interface(row, W, R, H) for row in raw])


def batched(samples):
    """A list of dicts of arrays as one dict of stacked arrays."""
    return {name: np.stack([sample[name] for sample in samples])
            for name in samples[0]}


def sample(batch, index):
    """One sample of a dict of batched arrays."""
    return {name: array[index] for name, array in batch.items()}


def assert_close(actual, expected, tolerance, message=""):
    """Largest difference below tolerance, measured against max(1, |expected|)."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected)
    assert actual.shape == expected.shape, (message, actual.shape, expected.shape)
    error = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
    worst = float(np.max(error)) if error.size else 0.0
    assert worst <= tolerance, f"{message} differs by {worst:.3g} (> {tolerance:.0e})"


def randomize(layer, rng, scale=0.5):
    """Random values in every weight, biases too, large enough for all gates to move."""
    for variable in layer.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))


def oracle_weights(cell):
    """The weights of a DNCCell under the oracle's names."""
    controller, U = cell.controller, cell.controller_output_size
    weights = {"kernel": controller.kernel, "bias": controller.bias,
               "recurrent_kernel": getattr(controller, "recurrent_kernel", None),
               "gain": getattr(controller, "gain", None),
               "W_xi": cell.interface_kernel, "b_xi": cell.interface_bias,
               "gamma_xi": cell.interface_gain, "delta_xi": cell.interface_shift}
    if not cell.classic_dnc_output:
        weights.update(W_y=cell.output_kernel[:U], W_r=cell.output_kernel[U:],
                       b_y=cell.output_bias)
    return {name: np.asarray(value, np.float64) for name, value in weights.items()
            if value is not None}


def random_cell_state(rng, B, N, W, R, H, U):
    """Oracle state of a batch for a whole cell."""
    return {**random_memory_state(rng, B, N, W, R, H),
            "h": np.tanh(rng.normal(size=(B, U))), "c": rng.normal(size=(B, U)),
            "reads": rng.normal(size=(B, R, W))}


# The oracle's names of a DNCCell's flat states, in order.
STATE_ORDER = ("h", "c", "M", "u", "L", "p", "ww", "rw", "reads")


def state_order(cell):
    """The oracle's names of the flat states that a cell has, in order.

    Those of a stack begin with the memory's.
    """
    absent = () if cell.variants.temporal_links else ("L", "p")
    memory = tuple(name for name in STATE_ORDER[2:] if name not in absent)
    count = len(cell.state_size) - len(memory)
    return STATE_ORDER[:count] + memory if count <= 2 else memory


def flat_states(arrays, dtype, order=STATE_ORDER):
    """The list of `[B, size]` tensors that a DNCCell takes, of an oracle state."""
    return [tf.constant(arrays[name].reshape(len(arrays[name]), -1), dtype)
            for name in order]


def assert_states_close(states, expected, tolerance, order=STATE_ORDER):
    """Compares a DNCCell's flat states with an oracle state of a batch."""
    assert len(states) == len(order)
    for name, state in zip(order, states):
        array = expected[name]
        assert_close(state, array.reshape(len(array), -1), tolerance, f"state {name}")


def check_gradient(function, inputs, rng, directions=3, step=1e-6, tolerance=1e-6):
    """Compares the tape's gradient with central differences, input by input.

    function(*tensors) -> tensor or list of tensors, float64; inputs: float64 arrays.
    Every output takes part, with random weights; each input is moved along random
    directions of its own.
    """
    @tf.function(autograph=False)
    def loss(tensors):
        return tf.add_n([
            tf.reduce_sum(output * tf.random.stateless_normal(
                tf.shape(output), [7, index], dtype=tf.float64))
            for index, output in enumerate(tf.nest.flatten(function(*tensors)))])

    tensors = [tf.constant(array, tf.float64) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = loss(tensors)
    gradients = tape.gradient(value, tensors)
    for index, (tensor, gradient) in enumerate(zip(tensors, gradients)):
        assert gradient is not None, f"no gradient to input {index}"
        for _ in range(directions):
            direction = rng.normal(size=tensor.shape)
            ends = []
            for sign in (1.0, -1.0):
                moved = list(tensors)
                moved[index] = tensor + sign * step * direction
                ends.append(float(loss(moved)))
            numeric = (ends[0] - ends[1]) / (2.0 * step)
            exact = float(tf.reduce_sum(gradient * direction))
            assert abs(exact - numeric) <= tolerance * max(1.0, abs(numeric)), (
                f"input {index}: gradient {exact:.9g}, finite difference "
                f"{numeric:.9g}")
