"""Slots that are added to fill registers are to no one there."""

import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, addressing
from dnc.fast_path import registers
from helpers import assert_close, randomize
from small_layers import plain_twin


@pytest.mark.parametrize("slots, filled", [(1, 8), (8, 8), (9, 16), (110, 112)])
def test_a_filled_tensor_has_zeros_behind_what_is_there(slots, filled, rng):
    row, matrix = rng.normal(size=(2, slots)), rng.normal(size=(2, 3, slots, slots))
    for tensor, axes in ((row, 1), (matrix, 2)):
        wider = registers.fill(tf.constant(tensor), axes)
        assert wider.shape[-axes:] == (filled,) * axes
        np.testing.assert_array_equal(registers.present(wider, slots, axes), tensor)
        assert np.sum(np.abs(wider)) == pytest.approx(np.abs(tensor).sum(), rel=1e-12)


@pytest.mark.parametrize("strength", [1.0, 1e3])
@pytest.mark.parametrize("length", [1e-4, 1.0, 1e6])
def test_nothing_is_found_where_no_slot_is(strength, length, rng):
    """Though the key is opposite to all that is stored, and absent slots hold 0."""
    memory = np.ones((1, 5, 3)) * rng.uniform(0.5, 2, size=(1, 5, 1))
    key = tf.constant(np.full((1, 1, 3), -length))
    similarity = registers.fill(tf.constant(memory.sum(axis=2)[:, None]) * -length)
    norms = registers.fill(tf.constant(np.square(memory).sum(axis=2)))
    with tf.GradientTape() as tape:
        tape.watch((similarity, norms, key))
        found = addressing.sharpened_softmax(
            registers.with_absent(similarity, 5, registers.NOWHERE), norms, key,
            tf.constant([[strength]], tf.float64))
        second = found[..., 1]
    assert_close(found, np.array([[[0.2] * 5 + [0] * 3]]), 1e-9)
    of_products, of_norms, of_key = tape.gradient(second, (similarity, norms, key))
    assert np.all(np.isfinite(of_key)) and np.all(np.isfinite(of_norms))
    assert np.all(of_products.numpy()[..., :5])
    np.testing.assert_array_equal(of_products[..., 5:], np.zeros((1, 1, 3)))
    np.testing.assert_array_equal(of_norms[..., 5:], np.zeros((1, 3)))


@pytest.mark.parametrize("slots", [8, 9])
def test_a_memory_written_full_is_that_of_the_plain_loop(slots, rng):
    """So many steps that every slot is taken, and all of them in the gradient."""
    layer = DNC(2, 6, slots, 3, 2, num_write_heads=2, dtype="float64", jit=True,
                return_sequences=True, return_state=True)
    x = tf.constant(rng.normal(size=(2, 30, 4)))
    layer(x)
    randomize(layer, rng)
    results = []
    for one in (layer, plain_twin(layer, x.shape[2])):
        with tf.GradientTape() as tape:
            outputs, *states = one(x)
            loss = tf.add_n([tf.reduce_sum(tf.square(part))
                             for part in (outputs, *states)])
        results.append([outputs, *states,
                        *tape.gradient(loss, one.trainable_variables)])
    state = layer.unpack_state(results[1][1:-len(layer.trainable_variables)])
    assert state.memory.usage.shape[1] == slots
    assert np.min(state.memory.usage[0]) > 0.5
    for fast, plain in zip(*results, strict=True):
        assert fast.shape == plain.shape
        size = np.max(np.abs(plain))
        assert_close(fast / size, plain.numpy() / size, 1e-9)
