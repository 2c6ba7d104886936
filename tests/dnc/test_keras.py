"""DNC and RNN(DNCCell) as Keras layers: fit, save, export, functional models."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, DNCCell
from helpers import assert_close, randomize

T, D, Y = 3, 3, 2
CELL = {"controller_units": 4, "memory_size": 5, "word_size": 3, "num_read_heads": 2,
        "use_bias": True}


def rnn(**kwargs):
    return keras.layers.RNN(DNCCell(Y, **CELL), **kwargs)


def plain(**kwargs):
    return DNC(Y, **CELL, jit=False, **kwargs)


def fast(**kwargs):
    return DNC(Y, **CELL, jit=True, **kwargs)


def auto(**kwargs):
    return DNC(Y, **CELL, **kwargs)


# `plain` shares Keras's loop with `rnn`, and `fast` takes seconds to compile for each
# layer and shape: the default run takes of each what the others do not show.


def functional_model(make):
    """Inputs, start state and outputs, final state: all of a layer as a model."""
    layer = make(return_sequences=True, return_state=True)
    x = keras.Input((None, D))
    start = [keras.Input((size,)) for size in layer.cell.state_size]
    outputs, *states = layer(x, initial_state=start)
    return keras.Model([x, *start], [outputs, *states]), layer


@pytest.mark.parametrize("make", [
    rnn, auto, pytest.param(plain, marks=pytest.mark.slow),
    pytest.param(fast, marks=pytest.mark.slow)])
def test_fit_save_load_export(make, tmp_path, rng):
    """One life of a model: the loss falls, and each copy gives the same numbers."""
    model = keras.Sequential([
        keras.Input((None, D)), make(return_sequences=True), keras.layers.Dense(1)])
    randomize(model, rng)
    x = rng.normal(size=(8, T, D)).astype("float32")
    target = np.cumsum(x[:, :, :1], axis=1) / T
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    losses = model.fit(x, target, epochs=10, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    expected = model(x).numpy()

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_close(loaded(x), expected, 1e-6)
    assert as_json(loaded.layers[0]) == as_json(model.layers[0])
    for new, old in zip(loaded.optimizer.variables, model.optimizer.variables,
                        strict=True):
        np.testing.assert_array_equal(new, old)

    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    assert_close(exported.serve(x[:3, :2]), expected[:3, :2], 1e-6)


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.mark.parametrize("variant", [
    {"layer_norm": True, "interface_norm": True, "bypass_dropout": 0.3,
     "masked_content": True, "deallocation": True, "sharpened_links": True},
    {"temporal_links": False, "controller": ["gru", "feedforward"]}, *map(slow, [
        {"layer_norm": True, "controller": ["lstm", "lstm"]}, {"interface_norm": True},
        {"bypass_dropout": 0.3}, {"masked_content": True}, {"deallocation": True},
        {"sharpened_links": True}, {"temporal_links": False}, {"controller": "gru"},
        {"controller": "feedforward"}])], ids="-".join)
@pytest.mark.parametrize("make", [plain, slow(fast)])
def test_a_variant_is_saved_and_exported(make, variant, tmp_path, rng):
    """The saved model gives the same numbers, and so does an export of it."""
    model = keras.Sequential([
        keras.Input((None, D)), make(return_sequences=True, **variant)])
    randomize(model, rng)
    x = rng.normal(size=(3, T, D)).astype("float32")
    expected = model(x).numpy()
    assert np.min(np.std(expected, axis=(0, 1))) > 0.01
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert as_json(loaded.layers[0]) == as_json(model.layers[0])
    assert_close(loaded(x), expected, 1e-6)
    loaded.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    assert_close(exported.serve(x[:2, :2]), expected[:2, :2], 1e-6)


@pytest.mark.slow
def test_fit_by_the_fast_path_follows_the_plain_loop(tmp_path, rng):
    """Four updates give the same losses; the saved layer is a fast one again."""
    layers = [make(return_sequences=True) for make in (plain, fast)]
    x = rng.normal(size=(4, T, D)).astype("float32")
    target = rng.normal(size=(4, T, Y)).astype("float32")
    losses = []
    for layer in layers:
        model = keras.Sequential([keras.Input((T, D)), layer])
        randomize(model, np.random.default_rng(3))
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        losses.append(model.fit(x, target, epochs=4, verbose=0).history["loss"])
    assert losses[0][0] - losses[0][-1] > 0.01
    assert_close(losses[1], losses[0], 1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].jit is True
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def as_json(layer):
    """The layer's config as it is written to a file."""
    return json.dumps(layer.get_config(), sort_keys=True)


@pytest.mark.parametrize("make", [
    rnn, plain, pytest.param(fast, marks=pytest.mark.slow)])
def test_functional_model_with_states(make, tmp_path, rng):
    """States in and out of a functional model, before and after saving it."""
    model, layer = functional_model(make)
    randomize(layer, rng)
    x = rng.normal(size=(3, T, D)).astype("float32")
    start = [rng.uniform(size=(3, size)).astype("float32") / size
             for size in layer.cell.state_size]
    expected = [np.asarray(part) for part in layer(x, initial_state=start)]
    assert [part.shape for part in model.outputs[1:]] == [
        (None, size) for size in layer.cell.state_size]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for results in (model([x, *start]), loaded([x, *start])):
        for result, value in zip(results, expected, strict=True):
            assert_close(result, value, 1e-6)


@pytest.mark.parametrize("make", [
    rnn, pytest.param(plain, marks=pytest.mark.slow),
    pytest.param(fast, marks=pytest.mark.slow)])
def test_encoder_hands_its_state_to_a_decoder(make, tmp_path, rng):
    """Without a start state, the state of one layer is the start of another."""
    x = keras.Input((T, D))
    _, *states = make(return_state=True)(x)
    outputs = make(return_sequences=True)(x, initial_state=states)
    model = keras.Model(x, outputs)
    randomize(model, rng)
    value = rng.normal(size=(2, T, D)).astype("float32")
    first, second = [layer for layer in model.layers if hasattr(layer, "cell")]
    _, *between = first(value)
    expected = second(value, initial_state=between).numpy()
    assert_close(model(value), expected, 1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_close(loaded(value), expected, 1e-6)


def test_resets_are_an_input_of_a_functional_model(rng):
    layer = plain(return_sequences=True)
    x, resets = keras.Input((T, D)), keras.Input((T,), dtype="bool")
    model = keras.Model([x, resets], layer(x, resets=resets))
    value = rng.normal(size=(2, T, D)).astype("float32")
    starts = np.array([[True, False, True]] * 2)
    outputs = model([value, starts])
    assert_close(outputs[:, 2:], layer(value[:, 2:]).numpy(), 1e-6)


def test_config_of_the_layer_gives_it_back(rng):
    layer = DNC(Y, **{**CELL, "clip_value": 0.5, "strength_activation": "softplus",
                      "kernel_initializer": keras.initializers.RandomNormal(0.0, 0.1)},
                return_sequences=True, return_state=True, go_backwards=True,
                jit=False, dtype="float64", name="mine")
    config = json.loads(json.dumps(layer.get_config()))
    again = DNC.from_config(config)
    assert again.get_config() == layer.get_config()
    assert (again.name, again.jit, again.return_state, again.go_backwards) == (
        "mine", False, True, True)
    x = tf.constant(rng.normal(size=(2, T, D)))
    expected = layer(x)[0]
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    assert_close(again(x)[0], expected.numpy(), 0.0)


@pytest.mark.parametrize("make", [rnn, plain])
def test_reported_output_shapes_are_the_real_ones(make, rng):
    layer = make(return_sequences=True, return_state=True)
    x = tf.constant(rng.normal(size=(2, T, D)), tf.float32)
    real = [tuple(part.shape) for part in layer(x)]
    assert [tuple(shape) for shape in layer.compute_output_shape((2, T, D))] == real
    symbolic = layer(keras.Input((T, D), batch_size=2))
    assert [tuple(part.shape) for part in symbolic] == real


@pytest.mark.parametrize("controller", [
    lambda: keras.layers.LayerNormalization(), lambda: keras.layers.LSTMCell(3),
    lambda: keras.Sequential([keras.layers.Dense(7)])])
def test_shapes_are_reported_before_the_layer_is_built(controller):
    layer = DNC(2, controller=controller(), classic_dnc_output=True, memory_size=5,
                word_size=3, num_read_heads=2, return_sequences=True)
    reported = layer.compute_output_shape((2, 4, 3))
    assert not layer.built
    assert tuple(reported) == tuple(layer(tf.zeros((2, 4, 3))).shape) == tuple(
        layer.compute_output_shape((2, 4, 3)))


def test_a_controller_that_does_not_say_its_size_is_told():
    class Map(keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 7))

        def call(self, inputs):
            return inputs @ self.kernel

    layer = DNC(2, controller=Map(name="map"), classic_dnc_output=True, memory_size=5,
                word_size=3, num_read_heads=2)
    with pytest.raises(ValueError, match="controller map does not say how long its"):
        layer.compute_output_shape((2, 4, 3))
    layer.build((2, 4, 3))
    assert layer.compute_output_shape((2, 4, 3)) == (2, 7 + 2 * 3)
    named = DNC(2, controller_units=4, classic_dnc_output=True, memory_size=5,
                word_size=3, num_read_heads=2)  # and needs no number of features
    assert named.compute_output_shape((2, 4, None)) == (2, 4 + 2 * 3)


def test_bidirectional_wrapper(rng):
    layer = keras.layers.Bidirectional(plain(return_sequences=True))
    x = tf.constant(rng.normal(size=(2, T, D)), tf.float32)
    outputs = layer(x)
    forward, backward = layer.forward_layer, layer.backward_layer
    assert_close(outputs[..., :Y], forward(x).numpy(), 1e-6)
    assert_close(outputs[..., Y:], backward(x).numpy()[:, ::-1], 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_and_is_kept_by_saving(policy, tmp_path, rng):
    model = keras.Sequential([
        keras.Input((None, D)), DNC(Y, **CELL, dtype=policy, return_sequences=True)])
    x = rng.normal(size=(8, T, D)).astype("float32")
    target = np.full((8, T, Y), 0.5, "float32")
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    losses = model.fit(x, target, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert policy in as_json(loaded.layers[0])
    assert as_json(loaded.layers[0]) == as_json(model.layers[0])
    assert_close(loaded(x), model(x).numpy(), 1e-6)
