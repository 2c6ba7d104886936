"""dnc.DNC in its users' programs: other inputs, derivatives, threads, settings."""

import os
import pathlib
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import dnc
from dnc import DNC
from dnc.private import observed
from helpers import assert_close
from small_layers import (B, D, T, Y, both_paths, make_layer, plain_twin, ragged_mask,
                          sizes)

ROOT = pathlib.Path(__file__).resolve().parents[2]


# ------------------------------------------------------------------ inputs

@both_paths
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_numbers_that_are_not_floats_become_floats_as_for_lstm(jit, dtype, rng):
    layer = make_layer(rng, dtype="float32", jit=jit)
    x = rng.integers(0, 2, size=(B, T, D)).astype(dtype)
    found = layer(x)
    assert found.dtype == keras.layers.LSTM(2)(x).dtype == "float32"
    assert_close(found, layer(x.astype("float32")).numpy(), 1e-6)
    kept = layer.trajectory(x)
    assert_close(kept.outputs[:, -1], found.numpy(), 1e-5)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("given, fault", [
    (lambda x: x[:, :0], "at least one step .*; got shape (3, 0, 3)"),
    (lambda x: tf.RaggedTensor.from_tensor(x),
     "sequences is a tf.RaggedTensor.*to_tensor.*mask=tf.sequence_mask"),
    (lambda x: tf.sparse.from_dense(x), "sequences is a tf.SparseTensor.*to_dense"),
    (lambda x: x[:, :, :2], "was built for 3 features, and got 2: .*(3, 6, 2)"),
    (lambda x: tf.concat([x, x[:, :, :1]], 2), "built for 3 features, and got 4: "),
    (lambda x: x[0], "takes sequences [batch, time, features]; got .*(6, 3)|ndim=3"),
    (lambda x: tf.strings.as_string(x), "takes numbers of type float64, got string"),
    (lambda x: tf.cast(x, tf.complex128), "numbers of type float64, got complex128"),
])
def test_what_does_not_fit_gets_one_line(jit, given, fault, rng):
    layer = make_layer(rng, jit=jit)
    x = tf.constant(rng.normal(size=(B, T, D)))
    pattern = fault.replace("(", r"\(").replace(")", r"\)").replace(
        "[", r"\[").replace("]", r"\]")
    with pytest.raises(ValueError, match=pattern):
        layer(given(x))
    with pytest.raises(ValueError, match=pattern):
        layer.trajectory(given(x))


def test_a_number_of_features_must_be_known():
    with pytest.raises(ValueError, match=r"\(None, None, None\): give that number"):
        DNC(3)(keras.Input((None, None)))


@both_paths
@pytest.mark.parametrize("controller", ["lstm", "gru", ["feedforward", "lstm"]])
def test_an_empty_batch_gives_empty_results(jit, controller, rng):
    layer = make_layer(rng, jit=jit, controller=controller, return_sequences=True,
                       return_state=True)
    x = np.ones((0, T, D))
    options = {"mask": np.ones((0, T), bool), "resets": np.ones((0, T), bool)}
    for given in ({}, options):
        with tf.GradientTape() as tape:
            outputs, *states = layer(x, **given)
            loss = tf.reduce_sum(outputs)
        assert outputs.shape == (0, T, Y)
        assert [state.shape for state in states] == [
            (0, size) for size in layer.cell.state_size]
        for gradient, weight in zip(
                tape.gradient(loss, layer.trainable_variables),
                layer.trainable_variables, strict=True):
            np.testing.assert_array_equal(gradient, np.zeros(weight.shape))
    assert layer.trajectory(x).outputs.shape == (0, T, Y)


def test_a_ragged_mask_is_named(rng):
    ragged = tf.RaggedTensor.from_row_splits([True] * 6, [0, 1, 3, 6])
    with pytest.raises(ValueError, match="^.*mask is a tf.RaggedTensor.*to_tensor"):
        make_layer(rng, jit=False).trajectory(np.ones((B, T, D)), mask=ragged)


@pytest.mark.parametrize("jit", [False, True])
def test_no_steps_where_that_shows_only_when_it_is_run(jit, rng):
    layer = make_layer(rng, jit=jit)
    specs = [tf.TensorSpec([None, None, D], "float64")]
    run = tf.function(layer, input_signature=specs)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one step"):
        run(tf.zeros((B, 0, D), "float64"))


# ------------------------------------------------------------- derivatives

def _second_order(layer, x, **options):
    """(gradient of the squared gradient, at inputs and weights)."""
    watched = [x, *layer.trainable_variables]
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = tf.reduce_sum(layer(x, **options) ** 2)
        total = tf.add_n([tf.reduce_sum(gradient ** 2)
                          for gradient in inner.gradient(loss, watched)])
    return outer.gradient(total, watched)


@pytest.mark.parametrize("H, graph, variant", [
    (1, False, {}), pytest.param(2, True, {"jit": True}, marks=pytest.mark.slow),
    pytest.param(1, False, {"controller": ["lstm", "lstm"], "layer_norm": True,
                            "interface_norm": True, "masked_content": True,
                            "deallocation": True}, marks=pytest.mark.slow)])
def test_a_tape_in_a_tape_gives_what_the_plain_loop_gives(H, graph, variant, rng):
    layer = make_layer(rng, H, return_sequences=True, **variant)
    steps = T if graph else 3
    x = tf.constant(rng.normal(size=(B, steps, D)))
    resets = np.zeros((B, steps), bool)
    resets[0, 2] = True
    options = {"mask": ragged_mask(steps, 2, 3, steps=steps), "resets": resets}
    function = tf.function(_second_order) if graph else _second_order
    found, expected = (
        function(one, x, **options) for one in (layer, plain_twin(layer)))
    assert max(float(tf.reduce_max(tf.abs(part))) for part in expected) > 10
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other.numpy(), 1e-9)


def test_forward_accumulator_gives_what_finite_differences_give(rng):
    layer = make_layer(rng, return_sequences=True)
    x, direction = (tf.constant(rng.normal(size=(B, 3, D))) for _ in range(2))
    with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:
        outputs = layer(x)
    twin, step = plain_twin(layer), 1e-6
    numeric = (twin(x + step * direction) - twin(x - step * direction)) / (2 * step)
    assert_close(accumulator.jvp(outputs), numeric.numpy(), 1e-7)
    kernel = layer.trainable_variables[0].value
    ones = tf.ones(kernel.shape, "float64")
    with tf.autodiff.ForwardAccumulator(kernel, ones) as accumulator:
        outputs = layer(x)
    assert float(tf.reduce_max(tf.abs(accumulator.jvp(outputs)))) > 0.01


@pytest.mark.parametrize("of_gradients", [
    False, pytest.param(True, marks=pytest.mark.slow)])
def test_vectorized_map_gives_what_each_row_alone_gives(of_gradients, rng):
    """Also the gradient of each row, as for private or weighted training."""
    layer = make_layer(rng)
    x = tf.constant(rng.normal(size=(2, 2, D)))

    def row(steps, layer=layer):
        with tf.GradientTape() as tape:
            outputs = layer(steps[tf.newaxis])
        return tape.gradient(outputs, layer.trainable_variables[0].value) if (
            of_gradients) else outputs

    expected = np.stack([row(steps, plain_twin(layer)) for steps in x])
    assert_close(tf.vectorized_map(row, x), expected, 1e-12)


@pytest.fixture
def check_numerics():
    tf.debugging.enable_check_numerics()
    yield
    tf.debugging.disable_check_numerics()


def test_check_numerics_finds_a_nan_in_the_default_layer(check_numerics, rng, caplog):
    layer = make_layer(rng, return_sequences=True)
    x = rng.normal(size=(B, T, D))
    assert_close(layer(x), plain_twin(layer)(x).numpy(), 1e-12)
    assert "not the compiled one: tf.debugging looks at each" in caplog.text
    x[1, 2, 0] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="had NaN values"):
        layer(x)


def test_nobody_looks_by_default():
    x = tf.ones(3)
    assert observed([x]) is None
    with tf.autodiff.ForwardAccumulator(x, x):
        assert observed([x]) == "tf.autodiff.ForwardAccumulator"
        assert observed([tf.zeros(3)]) is None


# ----------------------------------------------------------------- threads

@both_paths
def test_eight_threads_that_make_first_calls_of_all_kinds(jit, rng):
    twin = make_layer(rng, jit=False, return_sequences=True)
    x = rng.normal(size=(8, B, T, D))
    resets = np.zeros((B, T), bool)
    resets[:, 2] = True
    options = [{}, {"resets": resets}, {"mask": ragged_mask(T, 2, 4)}, {}] * 2
    for _ in range(1 if jit is True else 2):
        layer = DNC.from_config({**twin.get_config(), "jit": jit})
        found, start = [None] * 8, threading.Barrier(8)

        def call(number):
            start.wait()
            found[number] = layer(x[number], **options[number])

        threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(layer.weights) == len(twin.weights)
        twin.set_weights(layer.get_weights())
        for number in range(8):
            assert_close(found[number], twin(x[number], **options[number]).numpy(),
                         1e-10, f"thread {number}")


def test_a_call_leaves_nothing_on_the_layer(rng):
    layer = make_layer(rng, jit=False)
    x = rng.normal(size=(B, T, D))
    layer(x)
    before = {name: id(value) for name, value in vars(layer).items()}
    layer(x, resets=np.ones((B, T), bool))
    assert {name: id(value) for name, value in vars(layer).items()} == before


# ------------------------------------------------------------ Keras's settings

def _python(code, **environment):
    """(exit code, standard output, standard error) of a program."""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | environment)
    return found.returncode, found.stdout, found.stderr


def test_floatx_is_heeded_as_lstm_does():
    code, output, fault = _python(
        "import keras, numpy as np\n"
        "from dnc import DNC\n"
        "keras.config.set_floatx('float64')\n"
        "x = np.ones((2, 3, 4), 'float32')\n"
        f"layers = keras.layers.LSTM(2), DNC(2, **{sizes(1)}, jit=False)\n"
        "print(*(layer(x).dtype.name for layer in layers),\n"
        "      {weight.dtype for layer in layers for weight in layer.weights})")
    assert code == 0, fault
    assert output.split("\n")[0] == "float64 float64 {'float64'}"


def test_another_backend_of_keras_gets_one_line_at_import():
    code, _, fault = _python("import dnc", KERAS_BACKEND="jax")
    assert code == 1
    line = fault.strip().splitlines()[-1]
    assert line.startswith("ImportError: dnc computes with TensorFlow, and Keras ")
    assert "'jax'" in line and "KERAS_BACKEND=tensorflow" in line
    with pytest.raises(ImportError, match="backend 'torch'"):
        dnc._check_backend("torch")
