"""Runs small enough for a test: their flags, waiting, comparing their ends."""

import contextlib
import dataclasses
import json
import resource
import signal
import time

import numpy as np

from babi.config import Config
from babi.data.run_data import VOCABULARY_FILE
from babi.data.vocabulary import Vocabulary
from babi.model import checkpoints
from babi.model.answerer import build_model, named_weights
from babi.model.record import RunRecord
from babi.model.run_state import RunState
from babi.program.progress import Progress
from babi.training.start import open_run
from helpers import randomize

CONFIG = Config(controller_units=6, memory_size=5, word_size=4, num_read_heads=2,
                tasks=(1, 8), variant="en-small")

SMALL = ["--controller_units=6", "--memory_size=5", "--word_size=4",
         "--num_read_heads=2", "--packed_rows=1", "--row_length=128", "--nojit",
         "--deterministic", "--tasks=1,8", "--variant=en-small",
         "--validation_stories=2"]


TINY = Config(controller_units=3, memory_size=3, word_size=2, num_read_heads=1,
              packed_rows=1, row_length=24, jit=False, deterministic=True,
              validation_stories=2, validation_interval=1, visualise_interval=0,
              data="simulated", tasks=(4,), num_training_iterations=3,
              learning_rate=1e-9)


@contextlib.contextmanager
def small_files(size):
    """No file may grow beyond `size` bytes, as on a disk without room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@contextlib.contextmanager
def next_events(folder):
    """The file of events that is written in a folder has a name after those there.

    Files are read in the order of their names, which have the second and, in a process
    that writes several within one, a number: 10 before 9.
    """
    before = set(folder.glob("*"))
    yield
    (written,) = set(folder.glob("*")) - before
    written.rename(written.with_name(f"events.out.tfevents.{len(before)}"))


def run_to(folder, iterations, said=None, **changes):
    """Trains a run of `TINY` with some changes; what is said goes to a list."""
    config = dataclasses.replace(TINY, num_training_iterations=iterations, **changes)
    progress = Progress(iterations)
    if said is not None:
        progress.line = said.append
    with open_run(folder, None, config, True, progress) as run:
        run.train()


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


def small_checkpoint(folder, iteration=7, seed=5):
    """Writes a checkpoint of a small model with random weights; returns its prefix."""
    RunRecord(CONFIG, {}, {}).write(folder)
    vocabulary = Vocabulary.english()
    vocabulary.save(folder / VOCABULARY_FILE)
    model = build_model(dataclasses.replace(CONFIG, jit=False), vocabulary.words)
    randomize(model, np.random.default_rng(seed), 0.7)
    prefix = folder / f"{checkpoints.PREFIX}-{iteration}"
    checkpoints.write(prefix, {
        **{name: variable.numpy() for name, variable in named_weights(model).items()},
        "iteration": np.int64(iteration), "run_state": RunState().to_json()})
    return prefix
