"""The learning rate over the updates, its warm-up and its fall."""

import numpy as np
import pytest

from babi.training.optimizer import LearningRate


@pytest.mark.parametrize("schedule, expected", [
    ("constant", [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("cosine", [0.25, 0.5, 0.75, 1.0, 1.0, 0.6, 0.2, 0.2]),
    ("exponential", [0.25, 0.5, 0.75, 1.0, 1.0, 0.2 ** 0.5, 0.2, 0.2 ** 1.5])])
def test_the_learning_rate_rises_and_falls(schedule, expected):
    rate = LearningRate(3e-4, schedule, warmup_steps=4, decay_steps=2, decay_rate=0.2)
    found = [float(rate(step)) for step in range(8)]
    np.testing.assert_allclose(found, 3e-4 * np.array(expected), rtol=1e-5)
    again = LearningRate.from_config(rate.get_config())
    assert [float(again(step)) for step in range(8)] == found


def test_steps_that_were_skipped_before_a_phase_let_no_rate_be_negative():
    rate = LearningRate(1e-3, warmup_steps=10, start=20)
    found = [float(rate(step)) for step in (3, 20, 21)]
    np.testing.assert_allclose(found, [1e-4, 1e-4, 2e-4], rtol=1e-5)
