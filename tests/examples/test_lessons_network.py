"""First weights of the networks that learn lesson by lesson."""

import keras
import numpy as np

from dnc import DNC
from examples.lessons.network import widen


def test_only_what_is_named_and_what_is_read_is_widened():
    keras.utils.set_random_seed(3)
    layer = DNC(5, controller_units=200, memory_size=4, word_size=8, num_read_heads=2)
    layer.build((None, None, 8))
    kernel, output = layer.cell.controller.kernel, layer.cell.output_kernel
    before, before_output = kernel.numpy(), output.numpy()
    widen(layer.cell, {(0, 3): 1.0, (3, 6): 0.2})
    after, after_output = kernel.numpy(), output.numpy()
    np.testing.assert_array_equal(after[6:8], before[6:8])
    for rows, stddev in ((slice(0, 3), 1.0), (slice(3, 6), 0.2), (slice(8, 24), 0.5)):
        assert abs(after[rows].std() - stddev) < 0.05 * stddev
    np.testing.assert_array_equal(after_output[:200], before_output[:200])
    assert abs(after_output[200:].std() - 0.5) < 0.1
