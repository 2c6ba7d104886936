"""What the fast path says in its own way for XLA is what the plain form says."""

import numpy as np
import pytest
import tensorflow as tf

from dnc.fast_path import arrays, xla
from helpers import assert_close


@pytest.mark.parametrize("rows", [5, 20, 56, 64, 256])
def test_sums_of_rows_and_columns_are_products(rows, rng):
    """Also where the matrix has a head axis that the weightings have not."""
    matrix, few = rng.normal(size=(3, 2, rows, 24)), rng.normal(size=(3, 1, 4, rows))
    many = rng.normal(size=(3, 1, 4, 24))
    assert_close(compiled(xla.sum_rows, matrix), matrix.sum(axis=2), 1e-12)
    assert_close(compiled(xla.weigh_rows, few, matrix), few @ matrix, 1e-12)
    assert_close(compiled(xla.weigh_columns, many, matrix),
                 many @ np.swapaxes(matrix, 2, 3), 1e-12)


@pytest.mark.parametrize("rows", [5, 64])
def test_two_sums_of_rows_in_one_pass_are_the_two(rows, rng):
    matrix, other = rng.normal(size=(2, 3, 2, rows, 24))
    weighting = rng.normal(size=(3, 2, rows))
    found = compiled(xla.sum_rows_twice, matrix, other, weighting)
    assert found.shape == (3, 2, 2, 24)
    assert_close(found[:, :, 0], (matrix * other).sum(axis=2), 1e-12)
    weighed = matrix * weighting[..., np.newaxis]
    assert_close(found[:, :, 1], weighed.sum(axis=2), 1e-12)


def test_rooms_take_the_shape_of_what_is_written_and_start_apart():
    """See `dnc.fast_path.arrays.rooms`: two that start alike are copied."""
    tensors = [tf.zeros((2, 5)), tf.zeros((2, 5)), tf.zeros(3, tf.float64)]
    filled = [array.stack().numpy() for array in arrays.rooms(4, tensors, 7)]
    for index, (found, like) in enumerate(zip(filled, tensors, strict=True)):
        np.testing.assert_array_equal(found, np.full((4, *like.shape), 7.0 + index))
        assert found.dtype == like.dtype.as_numpy_dtype
    written = arrays.write(2, arrays.rooms(4, tensors), [x + 9 for x in tensors])
    for found, like in zip(arrays.read(2, written), tensors, strict=True):
        np.testing.assert_array_equal(found, like + 9)


def compiled(function, *values):
    return tf.function(function, jit_compile=True)(*map(tf.constant, values))


@pytest.mark.parametrize("columns, spread", [(256, 272), (128, 128), (471, 471)])
def test_a_product_with_a_spread_matrix_is_that_with_the_matrix(columns, spread, rng):
    left = rng.normal(size=(3, 7)).astype("float32")
    matrix = rng.normal(size=(7, columns)).astype("float32")
    wider = xla.spread(tf.constant(matrix))
    assert wider.shape == (7, spread)
    assert_close(xla.product(tf.constant(left), wider, columns), left @ matrix, 1e-5)


@pytest.mark.parametrize("rows, parts", [(4, 2), (3, 1), (1, 1)])
def test_by_halves_joins_what_each_half_gives(rows, parts, rng):
    left, right = rng.normal(size=(2, rows, 5, 5))
    given = xla.halves(tf.constant(right))
    assert [half.shape[0] for half in given] == [rows // parts] * parts
    found = xla.by_halves(tf.matmul, tf.constant(left), given)
    assert_close(found, left @ right, 1e-12)


def test_from_the_end_gives_each_row_what_is_its_own(rng):
    left, right = rng.normal(size=(2, 5, 3, 3))
    found = compiled(xla.from_the_end(tf.matmul), left, right)
    assert_close(found, left @ right, 1e-12)
