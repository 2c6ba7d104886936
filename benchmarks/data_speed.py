"""Measures how fast the stories of training are made, without any training.

    python3 benchmarks/data_speed.py --data=simulated --packed_rows=4

Takes the flags of `babi/train.py` about data. One thread makes the batches, as in
training; compare its tokens per second with those that training reports.
"""

import os
import sys
import time

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi import command_line  # noqa: E402
from babi.program import scripts  # noqa: E402

command_line.define_flags()
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "folder or .tar.gz with the official bAbI tasks")
_BATCHES = flags.DEFINE_integer("batches", 300, "batches to make", lower_bound=1)


def main():
    """Measures what the flags name."""
    from babi.data import run_data

    settings = command_line.from_flags()
    batches = run_data.load(settings, _DATA_DIR.value).training(settings)
    next(batches)  # fills the pool
    busy, wall = time.process_time(), time.perf_counter()
    tokens = sum(int(next(batches).arrays.mask.sum()) for _ in range(_BATCHES.value))
    busy, wall = time.process_time() - busy, time.perf_counter() - wall
    for seconds, clock in ((busy, "processor time"), (wall, "wall-clock time")):
        print(f"{_BATCHES.value / seconds:,.1f} batches/s, {tokens / seconds:,.0f} "
              f"tokens/s of {clock}")


if __name__ == "__main__":
    scripts.run(main)
