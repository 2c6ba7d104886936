"""What a layer of Keras is held to: frozen weights, dtypes, shapes, arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, DNCCell
from helpers import assert_close, randomize

B, T, D, Y = 2, 4, 3, 2
MEMORY = {"memory_size": 5, "word_size": 3, "num_read_heads": 2}
CELL = {"controller_units": 4, **MEMORY}


def make(**options):
    return DNC(Y, **CELL, **options)


@pytest.fixture
def x(rng):
    return rng.normal(size=(B, T, D)).astype("float32")


def test_a_frozen_layer_stays_frozen(tmp_path):
    def trainable(model):
        return len(model.trainable_weights)

    free = keras.Sequential([keras.Input((T, D)), make(), keras.layers.Dense(1)])
    assert trainable(free) == 5 + 2
    frozen = keras.Sequential([
        keras.Input((T, D)), make(trainable=False), keras.layers.Dense(1)])
    assert trainable(frozen) == 2
    free.layers[0].trainable = False
    assert trainable(free) == trainable(keras.models.clone_model(free)) == 2
    free.save(tmp_path / "model.keras")
    assert trainable(keras.models.load_model(tmp_path / "model.keras")) == 2
    cell = DNCCell(Y, **CELL, trainable=False)
    assert trainable(keras.Sequential([
        keras.Input((T, D)), keras.layers.RNN(cell)])) == 0


def test_arguments_come_in_the_order_of_keras(x):
    layer = make(return_state=True)
    _, *states = layer(x)
    mask = np.array([[True, True, False, False], [True] * 4])
    named = layer(x, initial_state=states, mask=mask)
    assert np.array_equal(layer(x, states, mask)[0], named[0])
    assert not np.array_equal(layer(x, states)[0], layer(x)[0])
    look = layer.trajectory(x, states, mask)
    assert_close(look.outputs[:, -1], layer(x, states, mask)[0], 1e-6)


class Minimal(keras.layers.Layer):
    """Keras's own example of a cell: it says nothing but the size of its state."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units))
        self.own = self.add_weight(shape=(self.units, self.units))

    def call(self, inputs, states):
        output = inputs @ self.kernel + states[0] @ self.own
        return output, [output]


class Map(keras.layers.Layer):
    """A layer that has `call` alone."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 7))

    def call(self, inputs):
        return inputs @ self.kernel


class Stateless(Map):
    """A cell without a state."""

    state_size = []

    def call(self, inputs, states):
        return super().call(inputs), []


@pytest.mark.parametrize("controller, size", [
    (lambda: Minimal(6), 6), (Map, 7), (Stateless, 7),
    (keras.layers.LayerNormalization, D + 6),
    (lambda: keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(9)]), 9)],
    ids=["cell", "layer", "stateless", "width", "model"])
def test_a_controller_need_not_say_how_long_its_output_is(controller, size, x):
    layer = DNC(Y, controller=controller(), return_sequences=True, **MEMORY)
    assert layer(x).shape == (B, T, Y)
    assert layer.cell.controller_output_size == size
    assert layer.cell.interface_kernel.shape[0] == size


@pytest.mark.parametrize("jit", [False, "auto", pytest.param(
    True, marks=pytest.mark.slow)])
def test_a_graph_knows_the_steps_of_what_it_was_given(jit, x):
    layer = make(jit=jit, return_sequences=True)
    layer(x)
    for given in ([None, T, D], [B, None, D], [None, None, D]):
        run = tf.function(layer, input_signature=[tf.TensorSpec(given)])
        assert run.get_concrete_function().output_shapes.as_list() == [*given[:2], Y]
        assert_close(run(x), layer(x), 1e-6)


@pytest.mark.parametrize("jit", [False, "auto"])
def test_time_distributed_with_another_dtype(jit, rng):
    x = rng.normal(size=(2, 3, T, D)).astype("float32")
    layer = make(jit=jit, dtype="float64")
    outputs = keras.layers.TimeDistributed(layer)(x)
    assert outputs.dtype == tf.float64
    for step in range(3):
        assert_close(outputs[:, step], layer(x[:, step].astype("float64")), 1e-12)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = make(jit=jit, dtype="float32")
        outputs = keras.layers.TimeDistributed(layer)(x)
    finally:
        keras.config.set_dtype_policy("float32")
    assert_close(tf.cast(outputs[:, 0], tf.float32), layer(x[:, 0]), 0.05)


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_bfloat16"])
def test_the_mask_of_the_layer_before_holds_with_every_dtype(policy, rng):
    model = keras.Sequential([
        keras.Input((6,)), keras.layers.Embedding(9, D, mask_zero=True, dtype=policy),
        make(dtype="float64" if policy == "float32" else policy)])
    randomize(model, rng)
    words = np.array([[1, 2, 3, 0, 0, 0]])
    assert_close(model(words), model(words[:, :3]), 1e-6)


def test_the_trajectory_heeds_the_mask_of_the_layer_before(x):
    x[0, 2:] = 0
    layer, masked = make(return_sequences=True), keras.layers.Masking()(x)
    assert_close(layer.trajectory(masked).outputs, layer(masked), 1e-6)
    assert not np.allclose(layer(masked)[0], layer(x)[0])


def test_states_and_sequences_share_what_they_know_of_the_batch(rng):
    """A stateful layer knows its batch where the data do not, and other ways round."""
    x = rng.normal(size=(1, T, D)).astype("float32")
    layer = make(stateful=True)
    expected = [np.asarray(layer(x)) for _ in range(2)]
    layer.reset_states()
    run = tf.function(layer, input_signature=[tf.TensorSpec([None, T, D])])
    for number in range(2):
        assert_close(run(x), expected[number], 1e-6)


@pytest.mark.slow
def test_the_gradient_of_states_of_an_unknown_batch(rng, x):
    layer = make(return_state=True, jit=True)
    _, *states = layer(x)

    @tf.function(input_signature=[tf.TensorSpec([B, T, D])] + [
        tf.TensorSpec([None, state.shape[1]]) for state in states])
    def gradient(x, *states):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, list(states))[0]
        return tape.gradient(outputs, x)

    plain = make(return_state=True, jit=False)
    plain(x)
    plain.set_weights(layer.get_weights())
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        outputs = plain(inputs, states)[0]
    assert_close(gradient(x, *states), tape.gradient(outputs, inputs), 1e-5)


def test_forward_mode_from_the_state_alone(rng, x):
    layer = make(return_state=True, dtype="float64")
    _, *states = layer(x)
    place, step = 2, 1e-6  # usage
    states = [tf.convert_to_tensor(state) for state in states]
    direction = tf.constant(rng.normal(size=states[place].shape))
    with tf.autodiff.ForwardAccumulator(states[place], direction) as forward:
        outputs = layer(x, states)[0]

    def moved(by):
        nearby = list(states)
        nearby[place] = states[place] + by * direction
        return layer(x, nearby)[0].numpy()

    derivative = forward.jvp(outputs)
    assert np.abs(derivative).max() > 1e-3
    assert_close(derivative, (moved(step) - moved(-step)) / (2 * step), 1e-5)


def test_arguments_of_a_keras_layer_are_the_layers():
    model = keras.Sequential([make(input_shape=(None, D))])
    assert model.built and model.output_shape == (None, Y)


def test_a_config_finds_classes_that_are_given(rng, x):
    layer = DNC(Y, controller=Minimal(4), **MEMORY)
    expected = layer(x)
    config = layer.get_config()
    again = DNC.from_config(config, custom_objects={"Minimal": Minimal})
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    assert np.array_equal(again(x), expected)


def test_classes_that_are_given_further_out_are_found_too(rng, x, tmp_path):
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, DNC(Y, controller=Minimal(4), **MEMORY)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras",
                                    custom_objects={"Minimal": Minimal})
    assert np.array_equal(again(x), model(x))
    with keras.saving.custom_object_scope({"Minimal": Minimal}):
        keras.models.clone_model(model)
