"""What each further model costs in one process, as in tuning: time and memory.

    python3 benchmarks/models.py [number of models]

Models of one configuration, of other sizes each time, and LSTMs are made, fitted for an
epoch and deleted, in turn; printed are seconds of processor time and MiB that stay.
"""

import argparse
import gc
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

import keras  # noqa: E402
import numpy as np  # noqa: E402

from babi.program.allocator import give_back  # noqa: E402
from benchmarks.worker import bytes_in_proc  # noqa: E402
from dnc import DNC  # noqa: E402

SHAPE = (32, 20, 8)


def dnc(number):
    """As the models before it."""
    del number
    return DNC(4, controller_units=64, memory_size=32, word_size=16, num_read_heads=2,
               return_sequences=True, jit=True)


def other_dnc(number):
    """One of other sizes each time, of which nothing can be shared."""
    return DNC(4, controller_units=64, memory_size=33 + number, word_size=16,
               num_read_heads=2, return_sequences=True, jit=True)


def lstm(number):
    """Keras's own, for comparison."""
    del number
    return keras.layers.LSTM(64, return_sequences=True)


def fit(layer, number):
    """Makes a model of a layer, trains it and forgets it."""
    x = np.random.default_rng(number).normal(size=SHAPE).astype("float32")
    model = keras.Sequential([keras.Input(SHAPE[1:]), layer, keras.layers.Dense(4)])
    model.compile("adam", "mse")
    model.fit(x, x[:, :, :4], batch_size=16, verbose=0)


def resident():
    """MiB of memory, with what was freed given back."""
    keras.backend.clear_session()
    gc.collect()
    give_back()
    return bytes_in_proc("self/status", "VmRSS") / 2**20


def main():
    """Measures each kind of model in turn, as often as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, nargs="?", default=3, help="of models")
    for number in range(parser.parse_args().number):
        for make in (lstm, dnc, other_dnc):
            before, start = resident(), time.process_time()
            fit(make(number), number)
            seconds = time.process_time() - start
            print(f"{make.__name__} {number + 1}: {seconds:.1f} s, "
                  f"{resident() - before:.0f} MiB stay", flush=True)


if __name__ == "__main__":
    main()
