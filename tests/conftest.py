"""Fixtures of all tests: quiet TensorFlow, the same random numbers in every run."""

import os
import signal

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # `make test &` in a script
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for name in ("no_proxy", "NO_PROXY"):  # the tests' own servers are asked directly
    os.environ[name] = "localhost,127.0.0.1"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def seeded():
    """Seeds Python, NumPy and TensorFlow before each test."""
    keras.utils.set_random_seed(7)


@pytest.fixture
def rng():
    """A NumPy generator that gives each test the same numbers in every run."""
    return np.random.default_rng(7)
