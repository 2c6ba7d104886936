"""What the fast path says in its own way for XLA is what the plain form says."""

import numpy as np
import pytest
import tensorflow as tf

from dnc.fast_path import xla
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


def compiled(function, *arrays):
    return tf.function(function, jit_compile=True)(*map(tf.constant, arrays))


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
