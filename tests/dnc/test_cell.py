"""dnc.DNCCell: steps against the oracle, gradients, config."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import oracle
from dnc import DNCCell
from dnc.controllers import NormalisedLSTMCell
from helpers import (SIZES, STATE_ORDER, TOLERANCE, assert_close, assert_states_close,
                     batched, check_gradient, flat_states, oracle_weights,
                     random_cell_state, randomize, sample, state_order)

D, U, Y = 3, 4, 2


# Arguments of a cell that the oracle has by the same names.
VARIANTS = [
    {"masked_content": True}, {"deallocation": True}, {"sharpened_links": True},
    {"temporal_links": False},
    {"masked_content": True, "deallocation": True, "sharpened_links": True}]


def make_cell(sizes, rng=None, scale=0.7, **kwargs):
    """A built cell of (B, N, W, R, H); random weights if rng is given."""
    _, N, W, R, H = sizes
    cell = DNCCell(Y, controller_units=U, memory_size=N, word_size=W,
                   num_read_heads=R, num_write_heads=H, **kwargs)
    cell.build((None, D))
    if rng is not None:
        randomize(cell, rng, scale)
    return cell


def check_against_oracle(cell, sizes, rng, order=None, steps=4, **options):
    """Several steps from a random state, outputs and states, of a whole batch."""
    B, N, W, R, H = sizes
    order = order or state_order(cell)
    dtype, weights = cell.variable_dtype, oracle_weights(cell)
    expected = random_cell_state(rng, B, N, W, R, H, U)
    states = flat_states(expected, dtype, order)
    for _ in range(steps):
        x = 2.0 * rng.normal(size=(B, D))
        y, states = cell(tf.constant(x, dtype), states)
        results = [oracle.cell_step(x[b], sample(expected, b), weights, W, R, H,
                                    **options) for b in range(B)]
        expected = batched([after for _, after in results])
        assert y.dtype == dtype
        assert_close(y, np.stack([out for out, _ in results]), TOLERANCE[dtype])
        assert_states_close(states, expected, TOLERANCE[dtype], order)


# ---------------------------------------------------------- against the oracle

@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_steps_equal_oracle(sizes, dtype, rng):
    cell = make_cell(sizes, rng, dtype=dtype)
    check_against_oracle(cell, sizes, rng, clip_value=20.0)


@pytest.mark.parametrize("arguments, options", [
    ({"clip_value": 0.3}, {"clip_value": 0.3}),
    ({"clip_value": 0.3, "clip_controller_state": True},
     {"clip_value": 0.3, "clip_state": True}),
    ({"clip_value": None}, {}),
    ({"use_bias": True}, {}),
    ({"strength_activation": "softplus"}, {"strength": oracle.softplus}),
    ({"classic_dnc_output": True}, {"classic_output": True}),
    ({"layer_norm": True}, {}),
    ({"interface_norm": True, "use_bias": True}, {}),
    *[(variant, variant) for variant in VARIANTS],
], ids=lambda value: "-".join(value))
def test_variants_equal_oracle(arguments, options, rng):
    cell = make_cell(SIZES[3], rng, dtype="float64", **arguments)
    check_against_oracle(cell, SIZES[3], rng, **options)


def test_feedforward_controller_equals_oracle(rng):
    controller = keras.layers.Dense(U, activation="tanh", dtype="float64")
    cell = make_cell(SIZES[3], rng, dtype="float64", controller=controller)
    check_against_oracle(cell, SIZES[3], rng, order=STATE_ORDER[2:],
                         controller=oracle.feedforward)


@pytest.mark.parametrize("name, order", [
    ("gru", ("h", *STATE_ORDER[2:])), ("feedforward", STATE_ORDER[2:])])
def test_named_controllers_equal_oracle(name, order, rng):
    cell = make_cell(SIZES[3], rng, dtype="float64", controller=name)
    assert state_order(cell) == order
    check_against_oracle(cell, SIZES[3], rng, controller=getattr(oracle, name))


def test_a_list_of_names_is_a_stack(rng):
    """Each of the size asked for; the same numbers from the same Keras cells."""
    B, N, W, R, H = SIZES[3]
    cell = make_cell(SIZES[3], rng, dtype="float64",
                     controller=["gru", "feedforward", "lstm"])
    assert cell.state_size[:3] == [U, U, U] and len(cell.state_size) == 3 + 7
    dense = keras.layers.Dense(U, "tanh", dtype="float64")
    gru, forward, lstm = cell.controller.cells
    dense.build((None, U))
    dense.set_weights(forward.get_weights())
    states = [tf.constant(rng.normal(size=(B, size))) for size in cell.state_size]
    x = tf.constant(rng.normal(size=(B, D)))
    _, after = cell(x, states)
    first, _ = gru(tf.concat([x, states[-1]], axis=1), states[:1])
    hidden, (_, last) = lstm(dense(first), states[1:3])
    for found, expected in zip(after, (first, hidden, last)):
        assert_close(found, expected.numpy(), 1e-12)


@pytest.mark.parametrize("controller", [
    "gru", "feedforward", ["lstm", "gru"], ["feedforward", "lstm"], ("lstm", "lstm")])
def test_config_keeps_a_named_controller(controller):
    cell = make_cell(SIZES[3], controller=controller)
    again = DNCCell.from_config(json.loads(json.dumps(cell.get_config())))
    again.build((None, D))
    assert again.get_config() == cell.get_config()
    assert ([(v.path, v.shape) for v in again.weights]
            == [(v.path, v.shape) for v in cell.weights])


@pytest.mark.parametrize("controller", ["rnn", [], ["lstm", "rnn"], 3, [["lstm"]]])
def test_a_controller_that_is_none_is_told(controller):
    with pytest.raises(ValueError, match="controller must be one of") as error:
        DNCCell(2, controller=controller)
    assert repr(controller) in str(error.value)


@pytest.mark.parametrize("controller", ["gru", "feedforward", ["lstm", "gru"]])
def test_layer_norm_needs_lstms(controller):
    with pytest.raises(ValueError, match="layer_norm normalises the four gates"):
        DNCCell(2, layer_norm=True, controller=controller)
    DNCCell(2, layer_norm=True, controller=["lstm", "lstm"])


def test_stacked_controller_takes_a_state_of_each_layer(rng):
    """Two LSTMs: the memory's half equals the oracle's, given the controller's."""
    B, N, W, R, H = SIZES[3]
    stack = keras.layers.StackedRNNCells(
        [keras.layers.LSTMCell(units, dtype="float64") for units in (3, U)],
        dtype="float64")
    cell = make_cell(SIZES[3], rng, dtype="float64", controller=stack)
    assert cell.state_size[:4] == [3, 3, U, U]
    start = random_cell_state(rng, B, N, W, R, H, U)
    lower = [tf.constant(rng.normal(size=(B, 3))) for _ in range(2)]
    x = rng.normal(size=(B, D))
    y, states = cell(tf.constant(x), lower + flat_states(start, "float64"))

    joined = np.concatenate([x, start["reads"].reshape(B, -1)], axis=1)
    for (h, c), layer in zip([lower, (start["h"], start["c"])], stack.cells):
        weights = {"kernel": layer.kernel.numpy(), "bias": layer.bias.numpy(),
                   "recurrent_kernel": layer.recurrent_kernel.numpy()}
        joined, after = batch_lstm(joined, np.asarray(h), np.asarray(c), weights)
    assert_close(states[2], joined, 1e-10)
    assert_close(states[3], after, 1e-10)
    weights = {"W_xi": cell.interface_kernel.numpy(),
               "W_y": cell.output_kernel[:U].numpy(),
               "W_r": cell.output_kernel[U:].numpy()}
    for b in range(B):
        expected, _ = oracle.cell_step(
            x[b], sample(start, b), weights, W, R, H,
            controller=lambda *_: (joined[b], after[b]))
        assert_close(y[b], expected, 1e-10)


def batch_lstm(x, h, c, weights):
    """The oracle's LSTM step of each sample."""
    results = [oracle.lstm(*row, weights) for row in zip(x, h, c)]
    return tuple(np.stack(part) for part in zip(*results))


# ------------------------------------------------------------------- gradients

@pytest.mark.parametrize("sizes", [
    SIZES[3], pytest.param(SIZES[2], marks=pytest.mark.slow)], ids=str)
def test_gradients_equal_finite_differences(sizes, rng):
    """Of outputs and next states, to input, every state and every weight."""
    B, N, W, R, H = sizes
    cell = make_cell(sizes, rng, dtype="float64", use_bias=True)
    states = flat_states(random_cell_state(rng, B, N, W, R, H, U), "float64")
    weights = [variable.numpy() for variable in cell.trainable_variables]

    def step(x, *tensors):
        (y, after), _ = cell.stateless_call(
            list(tensors[len(states):]), cell.non_trainable_variables, x,
            list(tensors[:len(states)]))
        return [y, *after]

    inputs = [rng.normal(size=(B, D)), *[state.numpy() for state in states], *weights]
    check_gradient(step, inputs, rng, directions=2)


def test_clipping_stops_the_gradient_where_it_bites(rng):
    cell = make_cell(SIZES[1], rng, scale=3.0, dtype="float64", clip_value=0.5)
    x = tf.constant(rng.normal(size=(1, D)))
    with tf.GradientTape() as tape:
        y, _ = cell(x, cell.get_initial_state(1))
        value = tf.reduce_sum(y)
    bites = np.abs(y.numpy()) >= 0.5
    assert bites.any()
    gradient = tape.gradient(value, cell.output_kernel).numpy()
    assert np.all(gradient[:, bites[0]] == 0.0)


# ---------------------------------------------------------------- cell contract

def test_state_and_output_sizes():
    cell = make_cell((1, 5, 3, 2, 3))
    assert cell.state_size == [U, U, 15, 5, 75, 15, 15, 10, 6]
    assert cell.output_size == Y
    states = cell.get_initial_state(batch_size=2)
    assert [state.shape for state in states] == [(2, size) for size in cell.state_size]
    assert all(np.all(state == 0.0) for state in states)
    assert make_cell((1, 5, 3, 2, 3), classic_dnc_output=True).output_size == U + 6


def test_without_temporal_links_nothing_is_of_size_n_by_n():
    cell = make_cell((1, 5, 3, 2, 3), temporal_links=False)
    assert cell.state_size == [U, U, 15, 5, 15, 10, 6]
    assert cell.interface_kernel.shape[1] == oracle.interface_size(3, 2, 3, False)
    state = cell.unpack_state(cell.get_initial_state(2)).memory
    assert state.link is None and state.precedence is None


def test_unpacked_state_has_the_papers_shapes(rng):
    B, N, W, R, H = SIZES[3]
    arrays = random_cell_state(rng, B, N, W, R, H, U)
    cell = make_cell(SIZES[3], dtype="float64")
    flat = flat_states(arrays, "float64")
    state = cell.unpack_state(flat)
    named = dict(zip(STATE_ORDER, [*state.controller, *state.memory,
                                   state.read_vectors]))
    for name, value in named.items():
        assert_close(value, arrays[name], 0.0, name)
    for packed, original in zip(cell.pack_state(state), flat):
        assert_close(packed, original, 0.0)


def test_unknown_batch_size(rng):
    B, N, W, R, H = SIZES[3]
    cell = make_cell(SIZES[3], rng, dtype="float64")
    signature = [tf.TensorSpec([None, size], tf.float64)
                 for size in [D, *cell.state_size]]

    @tf.function(input_signature=signature)
    def step(x, *states):
        return cell(x, list(states))

    x = tf.constant(rng.normal(size=(B, D)))
    states = flat_states(random_cell_state(rng, B, N, W, R, H, U), "float64")
    whole, _ = step(x, *states)
    for b in range(B):
        alone, _ = step(x[b:b + 1], *[state[b:b + 1] for state in states])
        assert_close(alone[0], whole[b].numpy(), 1e-12)


def test_normal_initializer_reaches_every_kernel():
    cell = DNCCell(50, controller_units=64, memory_size=8, word_size=16,
                   kernel_initializer=keras.initializers.RandomNormal(0.0, 0.1),
                   recurrent_initializer=keras.initializers.RandomNormal(0.0, 0.1))
    cell.build((None, 60))
    kernels = [cell.controller.kernel, cell.controller.recurrent_kernel,
               cell.interface_kernel, cell.output_kernel]
    firsts = set()
    for kernel in kernels:
        values = kernel.numpy()
        assert abs(values.std() - 0.1) < 0.01 and abs(values.mean()) < 0.01
        firsts.add(float(values.flat[0]))
    assert len(firsts) == len(kernels), "kernels share their random numbers"


def test_same_seed_gives_the_same_weights():
    values = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        values.append([v.numpy() for v in make_cell(SIZES[3]).trainable_variables])
    assert len(values[0]) == 5
    for first, second in zip(*values):
        np.testing.assert_array_equal(first, second)


# ----------------------------------------------------------------------- config

EVERY_ARGUMENT = {
    "output_size": 3, "controller_units": 5, "memory_size": 6, "word_size": 2,
    "num_read_heads": 3, "num_write_heads": 2, "clip_value": 1.5,
    "classic_dnc_output": False, "use_bias": True, "strength_activation": "softplus",
    "usage_gradient": False, "clip_controller_state": True, "bypass_dropout": 0.25,
    "seed": 3, "layer_norm": True, "interface_norm": True,
    "masked_content": True, "deallocation": True, "sharpened_links": True}


def test_config_gives_the_same_cell_back(rng):
    cell = DNCCell(**EVERY_ARGUMENT, dtype="float64", name="mine",
                   kernel_initializer=keras.initializers.RandomNormal(0.0, 0.1))
    config = json.loads(json.dumps(cell.get_config()))
    again = DNCCell.from_config(config)
    assert again.get_config() == cell.get_config()
    for name, value in EVERY_ARGUMENT.items():
        assert again.get_config()[name] == value
    assert again.name == "mine" and again.kernel_initializer.stddev == 0.1
    for one in (cell, again):
        one.build((None, D))
    for new, old in zip(again.trainable_variables, cell.trainable_variables):
        assert new.path.split("/")[-1] == old.path.split("/")[-1]
        new.assign(old)
    x = tf.constant(rng.normal(size=(2, D)))
    assert_close(again(x, again.get_initial_state(2))[0],
                 cell(x, cell.get_initial_state(2))[0].numpy(), 0.0)


def test_normalised_gates_start_with_gain_one_and_forget_bias_one(rng):
    """Keras's own `LayerNormalization` on each of the four is the same at the start."""
    cell = make_cell(SIZES[3], layer_norm=True, dtype="float64").controller
    assert np.all(cell.gain == 1.0)
    assert np.all(cell.bias[U:2 * U] == 1.0) and np.all(cell.bias[:U] == 0.0)
    norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype="float64")
    x, h, c = (tf.constant(rng.normal(size=(2, size)))
               for size in (cell.kernel.shape[0], U, U))
    gates = tf.split(x @ cell.kernel + h @ cell.recurrent_kernel, 4, axis=1)
    write, forget, candidate, expose = map(norm, gates)
    expected = (tf.sigmoid(forget + 1) * c
                + tf.sigmoid(write) * tf.tanh(candidate))
    hidden, states = cell(x, [h, c])
    assert_close(states[1], expected.numpy(), 1e-10)
    assert_close(hidden, (tf.sigmoid(expose) * tf.tanh(expected)).numpy(), 1e-10)


def test_sharpened_links_need_temporal_links():
    with pytest.raises(ValueError, match="temporal_links=False there are none"):
        DNCCell(2, sharpened_links=True, temporal_links=False)


def test_layer_norm_is_of_the_cells_own_lstm():
    with pytest.raises(ValueError, match="layer_norm is of the LSTM"):
        DNCCell(2, layer_norm=True, controller=keras.layers.GRUCell(3))
    with pytest.raises(ValueError, match="has no dropout"):
        NormalisedLSTMCell(3, dropout=0.5)


def test_config_keeps_a_controller_of_ones_own():
    controller = keras.layers.StackedRNNCells(
        [keras.layers.GRUCell(3), keras.layers.LSTMCell(4)])
    cell = DNCCell(2, memory_size=5, word_size=2, controller=controller)
    again = DNCCell.from_config(json.loads(json.dumps(cell.get_config())))
    assert again.state_size == cell.state_size
    assert [type(layer) for layer in again.controller.cells] == [
        keras.layers.GRUCell, keras.layers.LSTMCell]
