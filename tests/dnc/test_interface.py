"""dnc.interface: the order of the interface vector and its activations."""

import numpy as np
import pytest
import tensorflow as tf

import oracle
from dnc import interface
from dnc.variants import Variants, present
from helpers import SIZES, TOLERANCE, assert_close, batched


@pytest.mark.parametrize("W, R", [(1, 1), (64, 4), (32, 8), (3, 2)])
def test_size_is_the_papers_for_one_write_head(W, R):
    assert interface.size(W, R, 1) == W * R + 3 * W + 5 * R + 3


def test_size_for_several_write_heads():
    assert interface.size(4, 3, 2) == 3 * 5 + 2 * (3 * 4 + 3) + 3 + 3 * 5


def test_order_of_the_fields_is_the_papers():
    W, R = 2, 1
    vector = tf.range(interface.size(W, R, 1), dtype=tf.float64)[tf.newaxis]
    parts = interface.split(vector, W, R, 1)
    flat = {name: np.ravel(value).tolist() for name, value in parts._asdict().items()}
    assert flat == {
        "read_keys": [0, 1], "read_strengths": [2], "write_keys": [3, 4],
        "write_strengths": [5], "erase_vectors": [6, 7], "write_vectors": [8, 9],
        "free_gates": [10], "allocation_gates": [11], "write_gates": [12],
        "read_modes": [13, 14, 15], "read_masks": [None], "write_masks": [None],
        "link_sharpness": [None]}


def test_fields_of_variants_are_at_the_end():
    W, R, H = 2, 1, 2
    variants = Variants(masked_content=True, sharpened_links=True)
    size, papers = interface.size(W, R, H, variants), interface.size(W, R, H)
    assert size == papers + (R + H) * W + 2 * R * H
    vector = tf.range(size, dtype=tf.float64)[tf.newaxis]
    parts = interface.split(vector, W, R, H, variants)
    last = [parts.read_masks, parts.write_masks, parts.link_sharpness]
    assert np.concatenate([np.ravel(part) for part in last]).tolist() == list(
        range(papers, size))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("strength", ["oneplus", "softplus"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_activated_fields_equal_oracle(sizes, strength, dtype, rng):
    B, _, W, R, H = sizes
    vectors = 4.0 * rng.normal(size=(B, oracle.interface_size(W, R, H)))
    parts = interface.activate(
        interface.split(tf.constant(vectors, dtype), W, R, H), strength)
    expected = batched([oracle.split_interface(vector, W, R, H,
                                               getattr(oracle, strength))
                        for vector in vectors])
    parts = present(parts)
    assert set(parts) == set(expected)
    for name, value in parts.items():
        assert value.dtype == dtype
        assert_close(value, expected[name], TOLERANCE[dtype], name)


def test_oneplus_known_values():
    values = interface.oneplus(tf.constant([-800.0, 0.0, 800.0], tf.float64))
    assert_close(values, np.array([1.0, 1.0 + np.log(2.0), 801.0]), 1e-12)


def test_unknown_batch_size_is_kept():
    @tf.function(input_signature=[tf.TensorSpec([None, interface.size(3, 2, 2)])])
    def modes(vector):
        return interface.activate(interface.split(vector, 3, 2, 2)).read_modes

    assert modes(tf.zeros([5, interface.size(3, 2, 2)])).shape == (5, 2, 5)
