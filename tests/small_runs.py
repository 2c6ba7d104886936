"""Runs small enough for a test: their flags, waiting, comparing their ends."""

import json
import time

import numpy as np

from babi.model import checkpoints

SMALL = ["--controller_units=6", "--memory_size=5", "--word_size=4",
         "--num_read_heads=2", "--packed_rows=1", "--row_length=128", "--nojit",
         "--deterministic", "--tasks=1,8", "--variant=en-small",
         "--validation_stories=2"]


def training(directory, data, *flags):
    return ["train", f"--checkpoint_dir={directory}", f"--data_dir={data}", *SMALL,
            *flags]


def wait_for(condition, seconds=120):
    """Waits until a condition is true; returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def assert_same_training(one, other):
    """Two checkpoints agree bit for bit, in all but the time that training took."""
    one, other = checkpoints.read(one), checkpoints.read(other)
    assert sorted(one) == sorted(other)
    states = [json.loads(arrays.pop("run_state")) for arrays in (one, other)]
    assert [state.pop("seconds") >= 0 for state in states] == [True, True]
    assert states[0] == states[1]
    for name in one:
        assert np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes(), (
            name)
