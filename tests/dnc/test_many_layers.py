"""Many layers in one process: what they share, and what of them stays."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC
from dnc.fast_path.loops import Recurrence
from helpers import assert_close, randomize
from small_layers import B, D, T, Y, plain_twin, sizes


def _recurrence(**changes):
    return Recurrence.of(DNC(**{"output_size": Y, **sizes(1), **changes}).cell)


@pytest.mark.parametrize("change", [
    {"controller_units": 5}, {"memory_size": 6}, {"word_size": 4},
    {"num_read_heads": 1}, {"num_write_heads": 2}, {"clip_value": None},
    {"clip_value": 1.0}, {"clip_controller_state": True},
    {"strength_activation": "softplus"}, {"usage_gradient": False},
    {"masked_content": True}, {"deallocation": True}, {"sharpened_links": True},
    {"temporal_links": False}, {"controller": "gru"}, {"controller": "feedforward"},
    {"controller": ["lstm", "lstm"]}])
def test_what_the_loops_compute_otherwise_is_another_configuration(change):
    assert _recurrence(**change) != _recurrence()
    assert _recurrence(**change) == _recurrence(**change)


@pytest.mark.parametrize("change", [
    {"name": "other"}, {"output_size": 7}, {"return_sequences": True},
    {"bypass_dropout": 0.5}, {"kernel_initializer": "zeros"}, {"use_bias": True},
    {"controller": "lstm"}, {"controller": keras.layers.LSTMCell(4)}])
def test_what_is_outside_the_loops_is_not(change):
    assert _recurrence(**change) == _recurrence()
    assert hash(_recurrence(**change)) == hash(_recurrence())


def _layer(rng):
    layer = DNC(Y, **sizes(1), return_sequences=True, jit=True)
    layer.build((None, T, D))
    randomize(layer, rng)
    return layer


def _inputs(rng, more=True):
    """Of a size of its own, so that no other file's test has compiled it."""
    return tf.constant(rng.normal(size=(B + 4 + more, T, D)), tf.float32)


def _gradients(layer, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    return tape.gradient(loss, layer.trainable_variables)


@pytest.mark.parametrize("graph_first", [
    True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_second_layer_finds_the_loops_compiled(graph_first, rng):
    """Each with its own weights, in eager mode and in the graph of a step."""
    x = _inputs(rng, graph_first)
    first, second = _layer(rng), _layer(rng)
    loops = first._fast_path._loops
    assert second._fast_path._loops is loops
    functions = loops._forward._always, loops._backward._always
    before = [one.experimental_get_tracing_count() for one in functions]
    ways = [tf.function(_gradients), _gradients]
    for run in ways if graph_first else ways[::-1]:
        for layer in (first, second):
            expected = _gradients(plain_twin(layer), x)
            for found, other in zip(run(layer, x), expected, strict=True):
                assert_close(found, other.numpy(), 1e-4)
    after = [one.experimental_get_tracing_count() for one in functions]
    assert after == [count + 1 for count in before]


def _fitted(rng):
    """What of a layer takes memory, after Keras has trained it."""
    layer = DNC(Y, **sizes(1), return_sequences=True)
    model = keras.Sequential([keras.Input((T, D)), layer])
    model.compile("sgd", "mse")
    x = rng.normal(size=(B, T, D)).astype("float32")
    model.fit(x, np.zeros((B, T, Y)), verbose=0)
    model.predict(x, verbose=0)
    # Not what is behind the weights: Keras keeps that of an LSTM too.
    return [layer, layer.cell, *layer.weights]


def _differentiated(rng):
    """What of a layer takes memory, after training steps of one's own."""
    layer = _layer(rng)
    x = _inputs(rng, 2)  # rows that no other test has
    _gradients(layer, x)
    tf.function(_gradients)(layer, x)
    return [layer, layer.cell, *layer.weights,
            *(weight.value.handle for weight in layer.weights)]


@pytest.mark.parametrize("use", [
    _differentiated, pytest.param(_fitted, marks=pytest.mark.slow)])
def test_nothing_keeps_a_dead_layer_alive(use, rng):
    parts = list(map(weakref.ref, use(rng)))
    keras.backend.clear_session()
    gc.collect()
    assert [part() for part in parts if part() is not None] == []
