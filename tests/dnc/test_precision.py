"""dnc.DNC in half precision, and what drops out: controllers, and the bypass."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, fast_path
from dnc.trajectory import Recorder
from helpers import assert_close, randomize
from small_layers import (D, N, R, T, U, W, Y, both_paths, make_layer, random_states,
                          sizes)


def test_a_controller_drops_out_anew_in_each_call_and_alike_in_each_step(rng):
    cells = [keras.layers.GRUCell(6, dropout=0.5), keras.layers.LSTMCell(
        5, recurrent_dropout=0.5)]
    layer = DNC(3, controller=keras.layers.StackedRNNCells(cells), memory_size=N,
                word_size=W, num_read_heads=R)
    run = tf.function(lambda x: layer(x, training=True), autograph=False)
    x = rng.normal(size=(2, T, D)).astype("float32")
    outputs = [run(tf.constant(x)).numpy() for _ in range(4)]
    assert len({each.tobytes() for each in outputs}) == 4
    assert run(tf.constant(x[:1])).shape == (1, 3)  # traced again
    assert np.array_equal(layer(x), layer(x))
    seen = []
    make = cells[0]._create_dropout_mask
    cells[0]._create_dropout_mask = lambda *args: seen.append(1) or make(*args)
    layer(x, training=True)
    assert len(seen) == 1


@pytest.mark.parametrize("types", [("mixed_bfloat16", "mixed_bfloat16"),
                                   ("float32", "float64")])
def test_a_controller_of_another_precision_drops_out(types, rng):
    cell = keras.layers.LSTMCell(6, dropout=0.5, recurrent_dropout=0.5, dtype=types[0])
    layer = DNC(3, controller=cell, memory_size=N, word_size=W, num_read_heads=R,
                dtype=types[1])
    x = rng.normal(size=(2, T, D)).astype("float32")
    outputs = [layer(x, training=True).numpy().astype("float32") for _ in range(2)]
    assert np.isfinite(outputs).all() and not np.array_equal(*outputs)


def test_a_controller_that_drops_out_is_recorded_again_and_again(rng):
    layer = DNC(3, controller=keras.layers.LSTMCell(5, dropout=0.5), memory_size=N,
                word_size=W, num_read_heads=R)
    x = rng.normal(size=(2, T, D)).astype("float32")
    layer(x)
    recorder = Recorder(layer.cell)
    first, second = (recorder(x, training=True).outputs.numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    Recorder(layer.cell)(x, training=True)
    layer.cell(x[:, 0], layer.cell.get_initial_state(2), training=True)
    assert np.array_equal(recorder(x).outputs, recorder(x).outputs)


def test_a_controller_of_another_precision_takes_the_plain_loop(rng):
    layer = DNC(3, controller=keras.layers.GRUCell(6, dtype="float32"), memory_size=N,
                word_size=W, num_read_heads=R, dtype="float64")
    x = tf.constant(rng.normal(size=(2, T, D)))
    assert layer(x).dtype == tf.float64
    assert fast_path.supports(layer.cell) == (
        "its controller computes in another precision")


@both_paths
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_of_norms_is_near_float32(policy, jit, rng):
    variant = {"layer_norm": True, "interface_norm": True, "return_sequences": True}
    layer = make_layer(rng, scale=0.3, dtype=policy, jit=jit, **variant)
    exact = make_layer(rng, dtype="float32", jit=False, **variant)
    exact.set_weights(layer.get_weights())
    x = tf.constant(rng.normal(size=(2, T, D)), tf.float32)
    outputs, expected = layer(x), exact(x)
    scale = float(tf.reduce_max(tf.abs(expected)))
    assert_close(outputs / scale, expected.numpy() / scale, 0.05)


@both_paths
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_keeps_state_and_addressing_in_float32(policy, jit, rng):
    """Near float32, and states beyond half precision's range or grain survive."""
    layer = make_layer(rng, scale=0.3, dtype=policy, jit=jit, return_state=True,
                       return_sequences=True)
    exact = make_layer(rng, dtype="float32", jit=False, return_state=True,
                       return_sequences=True)
    exact.set_weights(layer.get_weights())
    assert all(v.dtype == "float32" for v in layer.trainable_variables)
    x = tf.constant(rng.normal(size=(2, T, D)), tf.float32)
    start = random_states(rng, 1, "float32", rows=2)
    start[2] = tf.constant(np.full(start[2].shape, 1e5), tf.float32)
    outputs, *states = layer(x, initial_state=start)
    expected, *expected_states = exact(x, initial_state=start)
    assert all(state.dtype == "float32" for state in states)
    scale = float(tf.reduce_max(tf.abs(expected)))
    assert_close(outputs / scale, expected.numpy() / scale, 0.05)
    assert np.all(np.isfinite(states[2]))
    first, *middle = layer(x[:, :2], initial_state=start)
    second, *end = layer(x[:, 2:], initial_state=middle)
    assert_close(tf.concat([first, second], 1) / scale, outputs.numpy() / scale, 1e-5)
    for one, other in zip(end, states):
        size = max(1.0, float(tf.reduce_max(tf.abs(other))))
        assert_close(one / size, other.numpy() / size, 1e-5)


@both_paths
def test_dropout_reaches_the_output_alone(jit, rng):
    """With W_y the identity and W_r zero the output is h_t itself, dropped out."""
    layer = DNC(U, **sizes(1), bypass_dropout=0.25, seed=4, jit=jit, clip_value=None,
                return_sequences=True, return_state=True)
    layer.build((None, None, D))
    randomize(layer, rng, 0.7)
    layer.cell.output_kernel.assign(np.eye(U + R * W, U))
    x = tf.constant(rng.normal(size=(40, T, D)), tf.float32)
    hidden, *states = layer(x)
    dropped, *states_in_training = layer(x, training=True)
    kept = dropped.numpy() != 0
    assert_close(dropped, np.where(kept, hidden / 0.75, 0), 1e-5, "outputs")
    assert 0.15 < 1 - kept.mean() < 0.35  # six standard deviations
    assert np.any(kept[:, 1:] != kept[:, :-1]), "each step anew"
    for state, in_training in zip(states, states_in_training):
        assert_close(in_training, state.numpy(), 1e-5, "state")
    assert np.any((layer(x, training=True)[0].numpy() != 0) != kept), "each call anew"


def test_dropout_without_an_output_map_is_refused():
    with pytest.raises(ValueError, match="classic_dnc_output"):
        DNC(Y, bypass_dropout=0.1, classic_dnc_output=True)
    with pytest.raises(ValueError, match="bypass_dropout must be a number from 0"):
        DNC(Y, bypass_dropout=1)
