"""Small DNC layers with random weights, masks and states for them."""

import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC
from helpers import flat_states, random_cell_state, randomize, state_order

B, T, D, Y, U = 3, 6, 3, 2, 4
N, W, R = 5, 3, 2
both_paths = pytest.mark.parametrize("jit", [
    pytest.param(False, id="plain"), "auto",
    pytest.param(True, id="fast", marks=pytest.mark.slow)])


def sizes(H):
    return {"controller_units": U, "memory_size": N, "word_size": W,
            "num_read_heads": R, "num_write_heads": H}


def make_layer(rng, H=1, scale=0.7, dtype="float64", **kwargs):
    """A built DNC with random weights, biases too."""
    layer = DNC(Y, **sizes(H), dtype=dtype, use_bias=True, **kwargs)
    layer.build((None, None, D))
    randomize(layer, rng, scale)
    return layer


def plain_twin(layer, features=D):
    """A DNC like the given one, same weights, that takes the plain loop."""
    twin = DNC.from_config({**layer.get_config(), "jit": False})
    twin.build((None, None, features))
    twin.set_weights(layer.get_weights())
    return twin


def ragged_mask(*lengths, steps=T):
    return np.arange(steps) < np.array(lengths)[:, None]


def random_states(rng, H, dtype="float64", rows=B, cell=None):
    """Those of a DNC with one LSTM, or of a cell."""
    state = random_cell_state(rng, rows, N, W, R, H, U)
    if cell is None:
        return flat_states(state, dtype)
    order = state_order(cell)
    others = cell.state_size[:len(cell.state_size) - len(order)]
    return [tf.constant(np.tanh(rng.normal(size=(rows, size))), dtype)
            for size in others] + flat_states(state, dtype, order)
