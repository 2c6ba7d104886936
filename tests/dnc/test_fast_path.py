"""The fast path and the plain loop compute the same: outputs, states, gradients.

`-m slow` compares them in float64 too, with more write heads, and the gradients of both
with finite differences.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, DNCCell, fast_path, memory
from dnc.fast_path import segments
from dnc.fast_path.loops import Loops
from helpers import assert_close, check_gradient
from small_layers import (B, D, N, T, Y, both_paths, make_layer, plain_twin,
                          ragged_mask, random_states, sizes)


@both_paths
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 1e-5)])
def test_layer_and_rnn_around_the_cell_agree(dtype, tolerance, jit, rng):
    """Outputs, states and each gradient, H = 3, mask, start state, active gates."""
    options = {"return_sequences": True, "return_state": True}
    layer = make_layer(rng, H=3, dtype=dtype, jit=jit, **options)
    cell = DNCCell(Y, **sizes(3), use_bias=True, dtype=dtype)
    plain = keras.layers.RNN(cell, dtype=dtype, **options)
    plain.build((None, None, D))
    plain.set_weights(layer.get_weights())
    assert_same_numbers(layer, plain, dtype, tolerance, rng, H=3)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


# 43 steps are seven segments of the fast path, the last one padded; 30 are six.
# Of 4 rows link matrices are rebuilt by halves, of 3 they cannot be.
@pytest.mark.parametrize("dtype, H, steps, rows, tolerance", [
    ("float32", 2, 43, 4, 2e-5), slow("float64", 3, 43, 3, 1e-9),
    slow("float64", 1, 30, 4, 1e-9), slow("float32", 3, 30, 3, 2e-5)])
def test_fast_path_and_plain_loop_agree(dtype, H, steps, rows, tolerance, rng):
    """The same over several segments, with resets, clipping and gaps in the mask."""
    assert_paths_agree(dtype, H, steps, tolerance, rng, rows)


@pytest.mark.parametrize("steps", [21, 43, 97, 100, 480, 639])
def test_segments_hold_few_link_matrices(steps):
    length, part = segments.cut(steps)
    assert length == part
    count = -(-steps // length)
    assert length + count <= 2.5 * np.sqrt(steps) + 1
    assert length * count - steps < length


@pytest.mark.parametrize("steps", [640, 997, 1000, 1378, 5000])
def test_long_sequences_are_cut_twice(steps):
    found = segments.cut(steps)
    assert found.part * found.parts == found.segment
    count = -(-steps // found.segment)
    assert found.part + found.parts + count <= 3.5 * steps ** (1 / 3) + 1
    assert count * found.segment <= 1.03 * steps


def test_a_thousand_steps_are_ten_times_ten_times_ten():
    assert segments.cut(1000) == (100, 10)


@pytest.mark.parametrize("steps", [1, 7, 20])
def test_a_short_sequence_is_one_segment(steps):
    assert segments.cut(steps) == (steps, steps)


@pytest.mark.parametrize("variant", [
    {"layer_norm": True, "interface_norm": True},
    {"masked_content": True, "deallocation": True, "temporal_links": False},
    {"masked_content": True, "deallocation": True, "sharpened_links": True},
    {"temporal_links": False}, {"controller": "feedforward"},
    {"controller": ["gru", "lstm"], "clip_controller_state": True},
    slow({"controller": "gru"}), slow({"controller": ["lstm", "lstm"],
                                       "layer_norm": True})], ids="-".join)
# Normalised over four units only, rounding in float32 grows.
@pytest.mark.parametrize("dtype, H, tolerance", [
    ("float32", 2, 5e-5), slow("float64", 1, 1e-9), slow("float64", 3, 1e-9)])
def test_variants_agree_with_the_plain_loop(variant, dtype, H, tolerance, rng):
    assert_paths_agree(dtype, H, 25, tolerance, rng, **variant)


def test_without_links_many_slots_are_sorted(rng, monkeypatch):
    monkeypatch.setattr(memory, "MANY_SLOTS", 2)
    # Loops of its own, not those that another test has compiled.
    monkeypatch.setattr(fast_path, "loops_of", Loops)
    assert_paths_agree("float32", 2, 25, 2e-5, rng, temporal_links=False)


def test_a_sequence_cut_twice_agrees_with_the_plain_loop(rng, monkeypatch):
    monkeypatch.setattr(segments, "LONG", 21)
    assert segments.cut(43) == (9, 3)
    assert_paths_agree("float32", 2, 43, 2e-5, rng)


def assert_paths_agree(dtype, H, steps, tolerance, rng, rows=B, **arguments):
    """Compares the fast path with the plain loop; `steps`: more than 23."""
    layer = make_layer(rng, H=H, dtype=dtype, jit=True, clip_value=0.9,
                       return_sequences=True, return_state=True, **arguments)
    assert layer._fast_path is not None
    resets = np.zeros((rows, steps), bool)
    resets[1, [0, 2, 20, 21]] = resets[2:, 23] = True
    assert_same_numbers(layer, plain_twin(layer), dtype, tolerance, rng, H, steps, rows,
                        resets=tf.constant(resets))


def assert_same_numbers(layer, reference, dtype, tolerance, rng, H, steps=T, rows=B,
                        **arguments):
    """Compares outputs, states, and gradients to input, start state and weights."""
    x = tf.constant(rng.normal(size=(rows, steps, D)), dtype)
    mask = ragged_mask(*range(steps, steps - rows, -1), steps=steps)
    mask[0, 2] = mask[2, 0] = False
    start = random_states(rng, H, dtype, rows, layer.cell)
    # Only row 0 has no reset: where slots are alike, they may change places.
    weights = [rng.normal(size=(rows, steps, Y))]
    weights += [rng.normal(size=state.shape) for state in start]
    if arguments:
        for weight in weights[len(layer.unpack_state(start).controller) + 1:-1]:
            weight[1:] = 0.0
    results = []
    for one in (reference, layer):
        with tf.GradientTape() as tape:
            tape.watch([x, *start])
            outputs = one(x, mask=tf.constant(mask), initial_state=start, **arguments)
            weighted = [output * weight for output, weight in zip(outputs, weights)]
            loss = tf.add_n([tf.reduce_sum(part) for part in weighted])
        variables = one.trainable_variables
        gradients = tape.gradient(loss, [x, *start, *variables])
        results.append((weighted, gradients, [v.name for v in variables]))
    (expected, gradients, names), (outputs, other_gradients, other_names) = results
    assert names == other_names and len(outputs) == len(expected) == 1 + len(start)
    for output, value in zip(outputs, expected, strict=True):
        assert_close(output, value.numpy(), tolerance)
    labels = ["x", *[f"state {i}" for i in range(len(start))], *names]
    for label, one, other in zip(labels, gradients, other_gradients, strict=True):
        size = np.max(np.abs(one))
        assert size > 1e-3, f"{label}: the gradient should bite"
        assert_close(other / size, one.numpy() / size, tolerance, label)


@pytest.mark.slow
@pytest.mark.parametrize("jit", [False, True], ids=["plain", "fast"])
def test_gradients_equal_finite_differences(jit, rng):
    """Over three steps with a reset, to input, start state and every weight."""
    layer = make_layer(rng, H=2, jit=jit, return_sequences=True, return_state=True)
    start = random_states(rng, 2, rows=2)
    mask = tf.constant([[True, True, True], [True, True, False]])
    resets = tf.constant([[False, False, True], [False, False, False]])
    weights = [variable.numpy() for variable in layer.trainable_variables]

    def run(x, *tensors):
        (outputs, *states), _ = layer.stateless_call(
            list(tensors[len(start):]), layer.non_trainable_variables, x, mask=mask,
            initial_state=list(tensors[:len(start)]), resets=resets)
        return [outputs, *states]

    inputs = [rng.normal(size=(2, 3, D)), *[part.numpy() for part in start], *weights]
    check_gradient(run, inputs, rng, directions=1)


def test_one_step_in_a_graph_takes_the_plain_loop(rng, monkeypatch):
    """And gives what it gives outside, where that would be slower."""
    layer = make_layer(rng, 2, jit=True, return_sequences=True, return_state=True)
    x, start = tf.constant(rng.normal(size=(B, 1, D))), random_states(rng, 2)

    def gradients(one, x, *start):
        with tf.GradientTape() as tape:
            tape.watch((x, start))
            outputs = one(x, initial_state=list(start))
            loss = tf.add_n([tf.reduce_sum(output ** 2) for output in outputs])
        return [*outputs,
                *tape.gradient(loss, (x, *start, *one.trainable_variables))]

    outside = gradients(layer, x, *start)
    monkeypatch.setattr(layer, "_fast_path", lambda *_: pytest.fail("taken"))
    graph = tf.function(lambda *given: gradients(layer, *given))(x, *start)
    expected = gradients(plain_twin(layer), x, *start)
    for one, other, plain in zip(outside, graph, expected, strict=True):
        size = np.max(np.abs(plain))
        assert_close(one / size, plain.numpy() / size, 1e-9)
        assert_close(other / size, plain.numpy() / size, 1e-9)


def test_a_row_without_a_step_keeps_its_state_on_both_paths(rng):
    """But for the diagonal of a link matrix that no DNC has made."""
    layer = make_layer(rng, 2, jit=True, return_state=True)
    rows = 3
    start = [tf.constant(rng.uniform(size=(rows, size)))
             for size in layer.cell.state_size]
    mask = tf.constant(ragged_mask(0, 3, 0))
    x = tf.constant(rng.normal(size=(rows, T, D)))
    found = []
    for one in (layer, plain_twin(layer)):
        with tf.GradientTape() as tape:
            tape.watch(start)
            _, *states = one(x, mask=mask, initial_state=start)
            loss = tf.add_n([tf.reduce_sum(state ** 2) for state in states])
        found.append([*states, *tape.gradient(loss, start)])
    for one, other in zip(*found, strict=True):
        assert_close(one, other.numpy(), 1e-9)
    for (name, before), after in zip(
            layer.unpack_state(start).memory._asdict().items(),
            layer.unpack_state(found[0][:len(start)]).memory):
        before = before.numpy() * (1 - np.eye(N) if name == "link" else 1)
        assert_close(after[::2], before[::2], 1e-12)


def test_without_the_gradient_of_usage_the_paths_agree(rng):
    layer = make_layer(rng, 2, usage_gradient=False, strength_activation="softplus",
                       return_sequences=True)
    paper = DNC.from_config({**layer.get_config(), "usage_gradient": True})
    paper.build((None, None, D))
    paper.set_weights(layer.get_weights())
    x, start = tf.constant(rng.normal(size=(B, T, D))), random_states(rng, 2)
    found = []
    for one in (layer, plain_twin(layer), paper):
        with tf.GradientTape() as tape:
            outputs = one(x, initial_state=start)
        found.append(tape.gradient(outputs, one.trainable_variables))
    for one, other in zip(*found[:2], strict=True):
        size = np.max(np.abs(other))
        assert_close(one / size, other.numpy() / size, 1e-9)
    assert any(np.max(np.abs(one - other)) > 1e-3
               for one, other in zip(found[0], found[2]))


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("options", [
    {"zero_output_for_mask": True}, {"go_backwards": True}], ids="-".join)
def test_masked_steps_are_those_of_the_plain_loop(options, sequences, rng):
    layer = make_layer(rng, return_sequences=sequences, **options)
    mask = ragged_mask(T, 2, 4)
    mask[0, 2] = mask[2, 0] = False
    x = tf.constant(rng.normal(size=(B, T, D)))
    assert_close(layer(x, mask=tf.constant(mask)),
                 plain_twin(layer)(x, mask=tf.constant(mask)).numpy(), 1e-10)
