"""dnc.memory: one step and many against the oracle, gradients, extremes."""

import numpy as np
import pytest
import tensorflow as tf

import oracle
from dnc import addressing, memory
from dnc.interface import Interface, activate, size, split
from helpers import (SIZES, TOLERANCE, assert_close, batched, check_gradient,
                     random_interface, random_memory_state, sample)

# Fields of MemoryState and the oracle's names of them, in order.
FIELDS = {"memory": "M", "usage": "u", "link": "L", "precedence": "p",
          "write_weighting": "ww", "read_weighting": "rw"}


def as_state(arrays, dtype):
    """MemoryState of an oracle state with a batch in front."""
    return memory.MemoryState(**{
        field: tf.constant(arrays[symbol], dtype) for field, symbol in FIELDS.items()})


def as_interface(arrays, dtype):
    return Interface(**{name: tf.constant(array, dtype)
                        for name, array in arrays.items()})


def oracle_step(state, interface):
    """One step of a whole batch in the oracle."""
    results = [oracle.memory_step(sample(state, b), sample(interface, b))
               for b in range(len(state["u"]))]
    return (np.stack([reads for reads, _ in results]),
            batched([after for _, after in results]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_steps_equal_oracle(sizes, dtype, rng):
    """Six steps from a random state: reads and every part of the state."""
    B, N, W, R, H = sizes
    expected = random_memory_state(rng, B, N, W, R, H)
    state = as_state(expected, dtype)
    for t in range(6):
        interface = random_interface(rng, B, W, R, H, scale=2.0)
        reads, state = memory.step(state, as_interface(interface, dtype))
        expected_reads, expected = oracle_step(expected, interface)
        assert_close(reads, expected_reads, TOLERANCE[dtype], f"reads at {t}")
        for field, symbol in FIELDS.items():
            value = getattr(state, field)
            assert value.dtype == dtype
            assert_close(value, expected[symbol], TOLERANCE[dtype], f"{field} at {t}")


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_reads_from_an_empty_memory_equal_oracle(sizes, rng):
    """Five steps from zero: slots that are alike may change places, reads may not."""
    B, N, W, R, H = sizes
    expected = batched([oracle.zero_memory_state(N, W, R, H)] * B)
    state = as_state(expected, "float64")
    for t in range(5):
        interface = random_interface(rng, B, W, R, H)
        reads, state = memory.step(state, as_interface(interface, "float64"))
        expected_reads, expected = oracle_step(expected, interface)
        assert_close(reads, expected_reads, 1e-10, f"reads at {t}")
        for field in ("usage", "precedence", "write_weighting", "read_weighting"):
            assert_close(np.sort(getattr(state, field)),
                         np.sort(expected[FIELDS[field]]), 1e-10, f"{field} at {t}")


def test_shapes_of_the_state():
    shapes = memory.shapes(memory_size=5, word_size=4, num_read_heads=3,
                           num_write_heads=2)
    assert shapes._asdict() == {
        "memory": (5, 4), "usage": (5,), "link": (2, 5, 5), "precedence": (2, 5),
        "write_weighting": (2, 5), "read_weighting": (3, 5)}


def test_what_is_written_is_found_again():
    """Two words into allocated slots; then by content, onwards and back in time."""
    N, W = 4, 3
    state = as_state(batched([oracle.zero_memory_state(N, W, 1, 1)]), "float64")
    words = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 4.0]])
    backward, content, forward = np.eye(3)

    def act(state, write=None, key=(0.0, 0.0, 0.0), mode=content):
        arrays = {
            "read_keys": [[key]], "read_strengths": [[1e4]],
            "write_keys": np.ones((1, 1, W)), "write_strengths": [[1.0]],
            "erase_vectors": np.ones((1, 1, W)),
            "write_vectors": [[words[write or 0]]], "free_gates": [[0.0]],
            "allocation_gates": [[1.0]], "write_gates": [[float(write is not None)]],
            "read_modes": [[mode]]}
        reads, state = memory.step(state, as_interface(arrays, "float64"))
        return reads.numpy()[0, 0], state

    _, state = act(state, write=0)
    _, state = act(state, write=1)
    found, state = act(state, key=words[0])
    assert_close(found, words[0], 1e-10)
    found, state = act(state, mode=forward)
    assert_close(found, words[1], 1e-10)
    found, state = act(state, mode=backward)
    assert_close(found, words[0], 1e-10)


@pytest.mark.parametrize("sizes", [
    SIZES[2], pytest.param(SIZES[1], marks=pytest.mark.slow)], ids=str)
def test_gradients_equal_finite_differences(sizes, rng):
    """Through two steps, to every part of the state and of both interfaces."""
    B, N, W, R, H = sizes
    state = as_state(random_memory_state(rng, B, N, W, R, H), "float64")
    raw = rng.normal(size=(2, B, size(W, R, H)))

    def two_steps(first, second, *state):
        state = memory.MemoryState(*state)
        reads = []
        for vector in (first, second):
            found, state = memory.step(state, activate(split(vector, W, R, H)))
            reads.append(found)
        return reads + list(state)

    check_gradient(two_steps, [raw[0], raw[1], *[part.numpy() for part in state]], rng,
                   directions=2)


def test_usage_gradient_off_changes_only_the_gradient(rng):
    B, N, W, R, H = SIZES[3]
    state = as_state(random_memory_state(rng, B, N, W, R, H), "float64")
    interface = as_interface(random_interface(rng, B, W, R, H), "float64")
    values, gradients = {}, {}
    for flag in (True, False):
        with tf.GradientTape() as tape:
            tape.watch([state.write_weighting, state.usage])
            reads, after = memory.step(state, interface, usage_gradient=flag)
            value = tf.reduce_sum(tf.square(reads)) + tf.reduce_sum(after.usage ** 2)
        values[flag] = reads.numpy()
        gradients[flag] = tape.gradient(value, [state.write_weighting, state.usage])
    assert_close(values[True], values[False], 1e-15)
    assert gradients[False][0] is None and np.all(gradients[True][0] != 0.0)
    assert_close(gradients[True][1], gradients[False][1], 1e-12)


def test_unknown_batch_size(rng):
    _, N, W, R, H = SIZES[3]
    shapes = memory.shapes(N, W, R, H)
    signature = [tf.TensorSpec([None, *shape]) for shape in shapes]

    @tf.function(input_signature=[tf.TensorSpec([None, size(W, R, H)]), *signature])
    def one_step(vector, *state):
        return memory.step(memory.MemoryState(*state), activate(split(vector, W, R, H)))

    for B in (1, 3):
        arrays = random_memory_state(rng, B, N, W, R, H)
        raw = rng.normal(size=(B, size(W, R, H)))
        reads, _ = one_step(tf.constant(raw, tf.float32), *as_state(arrays, "float32"))
        expected, _ = oracle_step(arrays, batched(
            [oracle.split_interface(vector, W, R, H) for vector in raw]))
        assert_close(reads, expected, 1e-5)


@pytest.mark.parametrize("scale", [3.0, 1e3], ids=["active", "saturated"])
@pytest.mark.parametrize("H", [1, 3])
def test_a_thousand_steps_stay_in_range(H, scale, rng):
    """Float32, random interfaces: no NaN, everything within what the paper allows."""
    T, N, W, R = 1000, 5, 3, 2
    raw = tf.constant(scale * rng.normal(size=(T, 1, size(W, R, H))), tf.float32)
    start = as_state(batched([oracle.zero_memory_state(N, W, R, H)]), "float32")

    @tf.function
    def run(raw):
        return tf.scan(
            lambda state, vector: memory.step(
                state, activate(split(vector, W, R, H)))[1], raw, start)

    states = run(raw)
    for part in states:
        assert np.all(np.isfinite(part))
    for part in (states.write_weighting, states.read_weighting, states.precedence,
                 states.link, tf.linalg.matrix_transpose(states.link)):
        assert np.min(part) >= -1e-6
        assert np.max(tf.reduce_sum(part, -1)) <= 1.0 + 1e-5
    assert np.min(states.write_weighting) >= 0.0
    assert np.min(states.usage) >= 0.0 and np.max(states.usage) <= 1.0
    assert np.all(tf.linalg.diag_part(states.link) == 0.0)
    allocated = addressing.allocation_weighting(states.usage[:, 0], tf.ones([T, 2]))
    assert np.min(allocated) >= 0.0
    assert np.max(tf.reduce_sum(allocated, -1)) <= 1.0 + 1e-5
