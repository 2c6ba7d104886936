"""`jit="auto"`: the loops are compiled when it pays; the numbers stay the same.

What XLA does not have is put into the loops where it is to be seen whether they are
compiled: it fails then, and only then.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, fast_path
from dnc.fast_path import forward, pays
from dnc.fast_path.loops import Loops
from dnc.fast_path.pays import Half
from dnc.fast_path.segments import SEGMENT
from helpers import assert_close, randomize
from small_layers import B, D, T, Y, make_layer, plain_twin, ragged_mask, sizes

NOT_COMPILED = "not compil|unsupported|No registered"


@pytest.fixture(autouse=True)
def loops_of_this_test(monkeypatch):
    """Loops that no other test has traced, and no GPU."""
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind=None: [])
    monkeypatch.setattr(fast_path, "loops_of", functools.cache(Loops))


@pytest.fixture
def never_compiled(monkeypatch):
    """Loops that cannot be compiled."""
    run = forward.run

    def strange(step, segments, projected, weights, carry):
        words = tf.strings.as_string(projected)  # no operation of XLA
        projected += 0 * tf.cast(tf.strings.length(words), projected.dtype)
        return run(step, segments, projected, weights, carry)

    monkeypatch.setattr(forward, "run", strange)


def after(monkeypatch, runs, rows=B, steps=T):
    """Lets the loops of a shape be compiled after so many runs."""
    numbers = rows * (5 * 3 + 5 * 5)
    cost = steps * (1 + numbers / pays.ELEMENTS)
    monkeypatch.setattr(pays, "STEPS", (runs + 0.5) * cost)


def gradients(layer, x, **options):
    """(outputs and states, their gradients to inputs and weights)."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        results = layer(x, **options)
        loss = tf.add_n([tf.reduce_sum(result ** 2) for result in results])
    return results, tape.gradient(loss, [x, *layer.trainable_variables])


def test_a_half_is_compiled_if_it_pays():
    half = Half(lambda x: tf.strings.length(tf.strings.as_string(x)))
    call = tf.function(half)
    assert call(tf.constant(False), tf.constant(123)) == 3
    with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPILED):
        call(tf.constant(True), tf.constant(123))
    with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPILED):
        call(True, tf.constant(123))


def test_runs_are_counted_for_each_shape_over_all_graphs(monkeypatch):
    monkeypatch.setattr(pays, "STEPS", 3 * 7 * 2)
    monkeypatch.setattr(pays, "ELEMENTS", 10)
    own, other = (tf.constant(pays.layer_number(False), tf.int64) for _ in range(2))

    def pay(number=own, steps=7, rows=2, numbers=5):
        return bool(call(
            number, tf.zeros((steps, rows)), [tf.zeros((rows, numbers))]))

    found = []
    for reduce_retracing in (False, True):  # a graph each, one table
        call = tf.function(pays.pays, reduce_retracing=reduce_retracing)
        found += [pay(), pay()]
    assert found == [False, False, False, True]
    assert [pay(), pay(rows=4), pay(steps=8), pay(other)] == [True, False, False, False]
    assert pay(rows=4, numbers=50)  # larger ones sooner


@pytest.mark.parametrize("graph", [False, True])
def test_a_layer_is_compiled_after_some_runs(graph, never_compiled, monkeypatch, rng):
    """In eager mode and in one graph for all batches, each size for itself."""
    after(monkeypatch, 2)
    layer = make_layer(rng, dtype="float32")
    assert layer.jit == "auto"
    run = layer
    if graph:
        run = tf.function(layer, input_signature=[
            tf.TensorSpec([None, T, D], tf.float32)])
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    expected = plain_twin(layer)(x).numpy()
    for _ in range(2):
        assert_close(run(x), expected, 1e-5)
    for _ in range(2):
        with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPILED):
            run(x)
    assert_close(run(x[:1]), expected[:1], 1e-5)


def test_a_layer_counts_for_itself(never_compiled, monkeypatch, rng):
    """So that a second one, of the same loops, does the same after as many runs."""
    after(monkeypatch, 1)
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    for _ in range(2):
        layer = make_layer(rng, dtype="float32")
        layer(x)
        with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPILED):
            layer(x)


def test_with_a_gpu_all_is_compiled_at_once(monkeypatch):
    assert pays.layer_number(True) is None
    assert pays.layer_number(False) != pays.layer_number(False)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    assert pays.layer_number(False) is None


def test_true_compiles_at_once_and_what_compiles_the_whole_too(never_compiled, rng):
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    always, auto = (make_layer(rng, dtype="float32", jit=jit) for jit in (True, "auto"))
    for run in (always, tf.function(auto, jit_compile=True)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPILED):
            run(x)
    assert auto(x).shape == (B, Y)


@pytest.mark.parametrize("jit", [True, False, "auto"])
def test_what_was_traced_before_can_be_compiled_around(jit, rng):
    """But for "auto", whose counts XLA has no operation for."""
    layer = make_layer(rng, dtype="float32", jit=jit)
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    traced = tf.function(layer)
    expected = traced(x).numpy()
    around = tf.function(lambda x: 2 * traced(x), jit_compile=True)
    if jit == "auto":
        with pytest.raises(tf.errors.InvalidArgumentError, match="MutableHashTable"):
            around(x)
    else:
        assert_close(around(x), 2 * expected, 1e-5)


@pytest.mark.parametrize("dtype, tolerance, variant", [
    ("float32", 2e-5, {}),
    pytest.param("float64", 1e-9, {"layer_norm": True, "interface_norm": True,
                                   "controller": ["lstm", "lstm"]},
                 marks=pytest.mark.slow),
    pytest.param("float64", 1e-9, {"masked_content": True, "deallocation": True,
                                   "sharpened_links": True}, marks=pytest.mark.slow),
    pytest.param("float64", 1e-9, {"temporal_links": False}, marks=pytest.mark.slow)],
    ids=str)
def test_before_and_after_give_the_numbers_of_the_plain_loop(
        dtype, tolerance, variant, monkeypatch, rng):
    """Outputs, states, gradients, with mask and resets, over several segments."""
    steps = 25
    layer = make_layer(rng, 2, dtype=dtype, return_sequences=True, return_state=True,
                       **variant)
    x = tf.constant(rng.normal(size=(B, steps, D)), dtype)
    resets = np.zeros((B, steps), bool)
    resets[1, [0, 2, 20, 21]] = True
    options = {"mask": tf.constant(ragged_mask(25, 22, 3, steps=steps)),
               "resets": tf.constant(resets)}
    expected = gradients(plain_twin(layer), x, **options)
    monkeypatch.setattr(pays, "STEPS", 1.5 * steps)
    call = tf.function(functools.partial(gradients, layer), autograph=False)
    for _ in range(2):  # as a graph, then compiled
        found = call(x, **options)
        for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected),
                              strict=True):
            size = np.max(np.abs(other)) or 1.0
            assert_close(one / size, other.numpy() / size, tolerance)


def test_one_way_goes_back_through_what_the_other_has_kept(monkeypatch, rng):
    """Another call between forward and backward lets it pay meanwhile."""
    after(monkeypatch, 1)
    layer = make_layer(rng, dtype="float32")
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    found = []
    for one in (layer, plain_twin(layer)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(one(x) ** 2) + tf.reduce_sum(one(2 * x))
        found.append(tape.gradient(loss, one.trainable_variables))
    for one, other in zip(*found, strict=True):
        assert_close(one, other.numpy(), 1e-4)


def test_nothing_is_traced_again(monkeypatch, rng):
    after(monkeypatch, 2)
    layer = make_layer(rng, dtype="float32", return_state=True)
    call = tf.function(functools.partial(gradients, layer), autograph=False)
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    loops, counts = layer._fast_path._loops, []
    functions = [call, loops._whole, *(
        function for half in (loops._forward, loops._backward)
        for function in (half._graph, half._compiled, half._always))]
    for _ in range(4):
        call(x)
        counts.append([one.experimental_get_tracing_count() for one in functions])
    assert counts == [[1, 1, 1, 1, 0, 1, 1, 0]] * 4


@pytest.mark.parametrize("jit", ["auto", True, False])
def test_jit_is_saved_and_what_is_exported_gives_the_same_numbers(
        jit, tmp_path, monkeypatch, rng):
    after(monkeypatch, 1, rows=2)
    model = keras.Sequential([
        keras.Input((None, D)), DNC(Y, **sizes(1), jit=jit, return_sequences=True)])
    randomize(model, rng)
    x = rng.normal(size=(2, T, D)).astype("float32")
    expected = model(x).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].jit == jit
    assert len(loaded.weights) == len(model.weights)
    assert_close(loaded(x), expected, 1e-6)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    for _ in range(2):
        assert_close(exported.serve(x), expected, 1e-6)


def test_what_is_exported_is_compiled_after_some_runs(
        never_compiled, tmp_path, monkeypatch, rng):
    """Its graph does not know the length, and goes through a whole segment."""
    after(monkeypatch, 2, steps=SEGMENT)
    model = keras.Sequential([
        keras.Input((None, D)), DNC(Y, **sizes(1), return_sequences=True)])
    randomize(model, rng)
    x = tf.constant(rng.normal(size=(B, T, D)), tf.float32)
    expected = model(x)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    for _ in range(2):
        assert_close(exported.serve(x), expected.numpy(), 1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_COMPILED):
        exported.serve(x)


def test_a_config_without_jit_is_auto_and_others_are_refused():
    config = DNC(Y, **sizes(1)).get_config()
    assert config.pop("jit") == "auto"
    assert DNC.from_config(config).jit == "auto"
    with pytest.raises(ValueError, match="jit must be True, False or 'auto', got 'a'"):
        DNC(Y, **sizes(1), jit="a")
