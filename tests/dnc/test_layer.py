"""dnc.DNC over sequences: the oracle, masks, resets, states, options.

Tests that take `jit` hold for the plain loop and for the fast path alike, compiled and
not. It is compiled anew for each shape, which takes seconds: by default it is held to
the plain loop in test_fast_path.py; `-m slow` runs it through all of these.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import oracle
from dnc import DNC
from helpers import (TOLERANCE, assert_close, assert_states_close, batched,
                     flat_states, oracle_weights, random_cell_state, sample,
                     state_order)
from small_layers import (B, D, N, R, T, U, W, Y, both_paths, make_layer, plain_twin,
                          ragged_mask, random_states, sizes)


# ------------------------------------------------------- numbers of a sequence

@both_paths
@pytest.mark.parametrize("dtype, H", [("float64", 1), ("float64", 3), ("float32", 3)])
def test_sequence_equals_oracle(dtype, H, jit, rng):
    assert_sequence_equals_oracle(dtype, H, jit, rng)


@both_paths
@pytest.mark.parametrize("variant", [
    {"layer_norm": True, "interface_norm": True}, {"masked_content": True},
    {"deallocation": True}, {"sharpened_links": True}, {"temporal_links": False},
    {"controller": "gru"}, {"controller": "feedforward"},
    {"layer_norm": True, "masked_content": True, "deallocation": True,
     "sharpened_links": True}], ids="-".join)
def test_sequence_of_a_variant_equals_oracle(variant, jit, rng):
    assert_sequence_equals_oracle("float64", 2, jit, rng, **variant)


def assert_sequence_equals_oracle(dtype, H, jit, rng, **variant):
    """Outputs and final state, with gaps in the mask, resets and a start state."""
    layer = make_layer(rng, H, dtype=dtype, jit=jit, clip_value=0.9,
                       return_sequences=True, return_state=True, **variant)
    order = state_order(layer.cell)
    x = rng.normal(size=(B, T, D))
    mask = ragged_mask(T, T - 2, T)
    mask[0, 3] = mask[2, :2] = False
    resets = np.zeros((B, T), bool)
    resets[0, 3:5] = resets[1, 2] = True
    start = random_cell_state(rng, B, N, W, R, H, U)
    outputs, *states = layer(
        tf.constant(x, dtype), mask=tf.constant(mask),
        initial_state=flat_states(start, dtype, order), resets=tf.constant(resets))
    # What a norm adds is seen in the weights.
    options = {name: value for name, value in variant.items() if "norm" not in name}
    if "controller" in options:
        options["controller"] = getattr(oracle, options["controller"])
    results = [oracle.sequence(
        x[b], oracle_weights(layer.cell), N, W, R, H, mask[b], resets[b],
        sample(start, b), clip_value=0.9, **options) for b in range(B)]
    expected = np.stack([y for y, _ in results])
    assert np.any(np.abs(expected) == 0.9), "the clip should bite"
    assert outputs.dtype == dtype
    assert_close(outputs, expected, TOLERANCE[dtype], "outputs")
    last = batched([after for _, after in results])
    # After a reset slots may still be alike and change places, so the state of the
    # row without one is compared in full, of the others what slots do not order.
    assert_states_close([state[2:] for state in states],
                        {name: array[2:] for name, array in last.items()},
                        TOLERANCE[dtype], order)
    for name, state in zip(order, states):
        if name in ("h", "c", "reads"):
            assert_close(state, last[name].reshape(B, -1), TOLERANCE[dtype], name)


@both_paths
def test_last_output_is_the_last_unmasked_step(jit, rng):
    layer = make_layer(rng, jit=jit)
    x, mask = rng.normal(size=(B, T, D)), ragged_mask(T, 2, 4)
    last = layer(tf.constant(x), mask=tf.constant(mask))
    assert last.shape == (B, Y)
    for b in range(B):
        y, _ = oracle.sequence(x[b, mask[b]], oracle_weights(layer.cell), N, W, R, 1)
        assert_close(last[b], y[-1], 1e-10)


@both_paths
def test_padded_rows_equal_each_row_alone(jit, rng):
    """Outputs, state and gradient, whatever stands in the padding."""
    layer = make_layer(rng, H=2, jit=jit, return_sequences=True, return_state=True)
    lengths = (T, 2, 4)
    mask = ragged_mask(*lengths)
    x = np.where(mask[:, :, None], rng.normal(size=(B, T, D)), 50.0)
    cotangent = tf.constant(rng.normal(size=(B, T, Y)))

    def run(layer, rows, steps, mask=None):
        with tf.GradientTape() as tape:
            outputs, *states = layer(tf.constant(x[rows, :steps]), mask=mask)
            weighted = outputs * cotangent[rows, :steps]
            if mask is not None:
                weighted *= tf.cast(mask, weighted.dtype)[:, :, tf.newaxis]
            loss = tf.reduce_sum(weighted) + sum(map(tf.reduce_sum, states))
        return outputs, states, tape.gradient(loss, layer.trainable_variables)

    together, states, gradients = run(layer, slice(0, B), T, tf.constant(mask))
    twin = plain_twin(layer)
    alone = [run(twin, slice(b, b + 1), steps) for b, steps in enumerate(lengths)]
    for b, steps in enumerate(lengths):
        assert_close(together[b, :steps], alone[b][0][0].numpy(), 1e-10)
        for index in (0, 1, -1):
            assert_close(states[index][b], alone[b][1][index][0].numpy(), 1e-10)
    for index, variable in enumerate(layer.trainable_variables):
        expected = sum(gradient[index].numpy() for _, _, gradient in alone)
        assert_close(gradients[index], expected, 1e-9, variable.path)


@both_paths
def test_packed_stories_equal_each_story_alone(jit, rng):
    """Stories one after another in a row, parted by resets: outputs and gradient."""
    layer = make_layer(rng, H=2, jit=jit, return_sequences=True)
    stories = [rng.normal(size=(length, D)) for length in (2, 4, 5)]
    packed = np.zeros((2, T, D))
    resets, mask = np.zeros((2, T), bool), ragged_mask(T, 5)
    packed[0, :2], packed[0, 2:], packed[1, :5] = stories
    resets[0, [0, 2]] = resets[1, 0] = True
    places = [(0, slice(0, 2)), (0, slice(2, 6)), (1, slice(0, 5))]
    cotangent = tf.constant(rng.normal(size=(2, T, Y)))
    # A row's start state must not reach into its first story.
    start = random_states(rng, 2, rows=2)
    with tf.GradientTape() as tape:
        outputs = layer(tf.constant(packed), mask=tf.constant(mask),
                        resets=tf.constant(resets), initial_state=start)
        loss = sum(tf.reduce_sum(outputs[place] * cotangent[place])
                   for place in places)
    gradients = tape.gradient(loss, layer.trainable_variables)
    expected, twin = [0.0] * len(gradients), plain_twin(layer)
    for story, place in zip(stories, places):
        with tf.GradientTape() as tape:
            alone = twin(tf.constant(story[None]))[0]
            loss = tf.reduce_sum(alone * cotangent[place])
        assert_close(outputs[place], alone.numpy(), 1e-10)
        parts = tape.gradient(loss, twin.trainable_variables)
        expected = [whole + part.numpy() for whole, part in zip(expected, parts)]
    for gradient, total, variable in zip(
            gradients, expected, layer.trainable_variables):
        assert_close(gradient, total, 1e-9, variable.path)


@both_paths
def test_second_half_from_the_state_of_the_first_equals_the_whole(jit, rng):
    layer = make_layer(rng, H=2, jit=jit, return_sequences=True, return_state=True)
    x = tf.constant(rng.normal(size=(B, 2 * T, D)))
    start = random_states(rng, 2)
    whole, *final = plain_twin(layer)(x, initial_state=start)
    first, *middle = layer(x[:, :T], initial_state=start)
    second, *end = layer(x[:, T:], initial_state=middle)
    assert_close(tf.concat([first, second], 1), whole.numpy(), 1e-10)
    for one, other in zip(end, final, strict=True):
        assert one.shape == other.shape
        assert_close(one, other.numpy(), 1e-10)


def test_returned_state_has_names(rng):
    layer = make_layer(rng, H=2, return_state=True, jit=False)
    _, *states = layer(tf.constant(rng.normal(size=(B, T, D))))
    state = layer.unpack_state(states)
    assert state.memory.memory.shape == (B, N, W)
    assert state.memory.link.shape == (B, 2, N, N)
    assert state.memory.read_weighting.shape == (B, R, N)
    assert_close(state.read_vectors,
                 tf.matmul(state.memory.read_weighting, state.memory.memory).numpy(),
                 1e-12)
    for wrong in ([state.read_vectors, *states], states[:-1], states[1:]):
        with pytest.raises(ValueError, match="The state of a DNC is 9 tensors"):
            layer.unpack_state(wrong)


@both_paths
@pytest.mark.parametrize("links", [True, False])
def test_a_state_with_names_can_be_gone_on_from(links, jit, rng):
    layer = make_layer(rng, H=2, return_state=True, jit=jit, temporal_links=links)
    x = tf.constant(rng.normal(size=(B, 2 * T, D)))
    whole, *_ = layer(x)
    _, *states = layer(x[:, :T])
    named = layer.unpack_state(states)
    looked_at = layer.trajectory(x[:, :T]).final_state
    for start in (states, named, looked_at):
        assert_close(layer(x[:, T:], initial_state=start)[0], whole.numpy(), 1e-10)
        assert_close(layer.trajectory(x[:, T:], initial_state=start).outputs[:, -1],
                     whole.numpy(), 1e-10)


@both_paths
def test_unknown_batch_and_length_at_trace_time(jit, rng):
    layer = make_layer(rng, jit=jit, dtype="float32", return_sequences=True)

    @tf.function(input_signature=[tf.TensorSpec([None, None, D]),
                                  tf.TensorSpec([None, None], tf.bool)])
    def run(x, mask):
        return layer(x, mask=mask)

    for lengths in ((4,), (5, 2)):
        mask = ragged_mask(*lengths, steps=max(lengths))
        x = rng.normal(size=(*mask.shape, D))
        outputs = run(tf.constant(x, tf.float32), tf.constant(mask))
        for b, steps in enumerate(lengths):
            expected, _ = oracle.sequence(
                x[b, :steps], oracle_weights(layer.cell), N, W, R, 1)
            assert_close(outputs[b, :steps], expected, 1e-5)


@both_paths
def test_a_thousand_steps_at_extreme_inputs(jit, rng):
    """Finite outputs, states and gradients; the final state within its bounds."""
    layer = make_layer(rng, H=2, scale=5.0, dtype="float32", jit=jit,
                       return_sequences=True, return_state=True)
    x = 100.0 * rng.standard_cauchy(size=(1, 1000, D))
    x[:, 1::2] /= 1e3
    x = tf.constant(x, tf.float32)

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            outputs, *states = layer(x)
            loss = tf.reduce_mean(outputs)
        return outputs, states, tape.gradient(loss, layer.trainable_variables)

    outputs, states, gradients = run()
    assert np.all(np.abs(outputs) <= 20.0)
    for value in [*states, *gradients]:
        assert np.all(np.isfinite(value))
    memory = layer.unpack_state(states).memory
    for part in (memory.write_weighting, memory.read_weighting, memory.precedence,
                 memory.link, tf.linalg.matrix_transpose(memory.link)):
        assert np.min(part) >= -1e-6 and np.max(tf.reduce_sum(part, -1)) <= 1 + 1e-5
    assert np.min(memory.usage) >= 0.0 and np.max(memory.usage) <= 1.0
    assert np.all(tf.linalg.diag_part(memory.link) == 0.0)


# ----------------------------------------------------------- options of the RNN

@both_paths
def test_classic_output_is_controller_output_and_reads(jit, rng):
    layer = make_layer(rng, jit=jit, classic_dnc_output=True, return_sequences=True)
    x = rng.normal(size=(1, T, D))
    outputs = layer(tf.constant(x))
    expected, _ = oracle.sequence(
        x[0], oracle_weights(layer.cell), N, W, R, 1, classic_output=True)
    assert outputs.shape == (1, T, U + R * W)
    assert_close(outputs[0], expected, 1e-10)


@both_paths
def test_go_backwards_reads_from_the_end(jit, rng):
    layer = make_layer(rng, jit=jit, return_sequences=True, go_backwards=True)
    x = rng.normal(size=(1, T, D))
    resets = np.zeros((1, T), bool)
    resets[0, 3] = True
    expected, _ = oracle.sequence(
        x[0, ::-1], oracle_weights(layer.cell), N, W, R, 1, resets=resets[0, ::-1])
    outputs = layer(tf.constant(x), resets=tf.constant(resets))
    assert_close(outputs[0], expected, 1e-10)


@both_paths
def test_stateful_layer_goes_on_where_it_stopped(jit, rng):
    x = tf.constant(rng.normal(size=(1, T, D)))
    layer = DNC(Y, **sizes(1), dtype="float64", jit=jit, stateful=True,
                return_sequences=True)
    first, second = layer(x[:, :2]), layer(x[:, 2:])
    expected, _ = oracle.sequence(x[0].numpy(), oracle_weights(layer.cell), N, W, R, 1)
    assert_close(tf.concat([first, second], 1)[0], expected, 1e-10)
    layer.reset_state()
    assert_close(layer(x[:, :2]), first.numpy(), 1e-12)
    assert_close(layer.trajectory(x[:, 2:]).outputs, second.numpy(), 1e-10)


def test_unrolled_loop_gives_the_same(rng):
    layer = make_layer(rng, unroll=True, return_sequences=True)
    x = rng.normal(size=(1, 3, D))
    mask, resets = np.array([[True, False, True]]), np.array([[False, False, True]])
    expected, _ = oracle.sequence(x[0], oracle_weights(layer.cell), N, W, R, 1,
                                  mask[0], resets[0])
    outputs = layer(tf.constant(x), mask=tf.constant(mask),
                    resets=tf.constant(resets))
    assert_close(outputs[0], expected, 1e-10)


@both_paths
def test_mask_of_a_layer_before_is_obeyed(jit, rng):
    layer = make_layer(rng, jit=jit, dtype="float32")
    x = rng.normal(size=(2, T, D)).astype("float32")
    x[1, 2:] = 0.0
    model = keras.Sequential([keras.Input((None, D)), keras.layers.Masking(), layer])
    expected, _ = oracle.sequence(x[1, :2], oracle_weights(layer.cell), N, W, R, 1)
    assert_close(model(x)[1], expected[-1], 1e-5)


@both_paths
def test_a_reset_clears_what_is_not_finite(jit, rng):
    """One bad story leaves those after it in the row as they are."""
    layer = make_layer(rng, jit=jit, return_sequences=True, return_state=True)
    x = rng.normal(size=(2, T, D)).astype("float32")
    expected, *states = layer(tf.constant(x[:, 2:]))
    x[0, 0], x[0, 1] = np.nan, np.inf
    resets = np.zeros((2, T), "int32")
    resets[:, 2] = 7  # such as a story's number
    for start in (None, [np.full((2, *state.shape[1:]), np.nan) for state in states]):
        if start is not None:
            resets[:, 0] = 1
        outputs, *after = layer(x, initial_state=start, resets=resets.tolist())
        for found, wanted in zip((outputs[:, 2:], *after), (expected, *states)):
            assert_close(found, wanted, 1e-6)
        assert np.isnan(outputs[0, 0]).all()
    seen = layer.trajectory(x, start, resets=resets.tolist())
    assert_close(seen.outputs[:, 2:], expected, 1e-6)


@both_paths
def test_mask_of_a_layer_before_is_obeyed_beside_resets(jit, rng):
    """Keras itself hands on a mask only where the sequences are all that is given."""
    layer = make_layer(rng, jit=jit, dtype="float32")
    x = rng.normal(size=(2, T, D)).astype("float32")
    x[1, 2:] = 0.0
    resets = np.zeros((2, T), bool)
    resets[1, 1] = True
    masked = keras.layers.Masking()(tf.constant(x))
    expected, _ = oracle.sequence(x[1, 1:2], oracle_weights(layer.cell), N, W, R, 1)
    assert_close(layer(masked, resets=tf.constant(resets))[1], expected[-1], 1e-5)


@both_paths
def test_what_stands_at_masked_steps_may_be_no_number(jit, rng):
    layer = make_layer(rng, jit=jit, return_sequences=True)
    x, mask = rng.normal(size=(2, T, D)), ragged_mask(T, 2)
    mask[0, 1] = False
    expected = layer(tf.constant(x), mask=tf.constant(mask))
    x[~mask] = np.nan
    with tf.GradientTape() as tape:
        outputs = layer(tf.constant(x), mask=tf.constant(mask))
    assert np.array_equal(outputs, expected)
    for gradient in tape.gradient(outputs, layer.trainable_variables):
        assert np.isfinite(gradient).all()


@both_paths
def test_features_that_a_graph_does_not_know_are_those_of_the_layer(jit, rng):
    layer = make_layer(rng, jit=jit)
    x = rng.normal(size=(2, T, D))
    expected = layer(tf.constant(x))
    call = tf.function(layer, autograph=False, input_signature=[
        tf.TensorSpec([None, None, None], tf.float64)])
    assert_close(call(tf.constant(x)), expected, 1e-10)


# ---------------------------------------------------------------- bad arguments

@pytest.mark.parametrize("arguments, expected, received", [
    ({"sequences": (T, D)}, "ndim=3", (T, D)),
    ({"sequences": (2, T, D, 1)}, "ndim=3", (2, T, D, 1)),
    ({"mask": (2, T - 1)}, (2, T), (2, T - 1)),
    ({"mask": (T,)}, (2, T), (T,)),
    ({"mask": (2, T, 1)}, (2, T), (2, T, 1)),
    ({"resets": (2, T + 1)}, (2, T), (2, T + 1)),
    ({"resets": (3, T)}, (2, T), (3, T)),
], ids=str)
@pytest.mark.parametrize("built", [False, True])
def test_wrong_shapes_are_named(arguments, expected, received, built, rng):
    layer = make_layer(rng) if built else DNC(Y, **sizes(1))
    shapes = {"sequences": (2, T, D), **arguments}
    tensors = {name: tf.ones(shape, tf.float64 if name == "sequences" else tf.bool)
               for name, shape in shapes.items()}
    with pytest.raises(ValueError) as error:
        layer(tensors.pop("sequences"), **tensors)
    assert str(expected) in str(error.value) and str(received) in str(error.value)


@pytest.mark.parametrize("damage", [
    lambda states: states[:-1], lambda states: states[::-1],
    lambda states: states[0], lambda states: [s[:, :1] for s in states],
    lambda states: [s[:2] for s in states]],
    ids=["missing", "reversed", "single", "narrow", "other batch"])
def test_initial_state_of_the_wrong_structure_is_named(damage, rng):
    layer = make_layer(rng)
    with pytest.raises(ValueError) as error:
        layer(tf.zeros([B, T, D], tf.float64),
              initial_state=damage(layer.cell.get_initial_state(B)))
    assert "state" in str(error.value) and "got" in str(error.value)


@pytest.mark.parametrize("name", ["memory_size", "num_read_heads", "output_size"])
def test_sizes_are_checked(name):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got 0"):
        DNC(**{"output_size": Y, name: 0})


def test_an_unknown_argument_is_an_error():
    with pytest.raises((TypeError, ValueError), match="memory_slots"):
        DNC(Y, memory_slots=3)
