"""Trains a small model on simulated stories and tests it on simulated and real ones.

    python3 benchmarks/cross_check.py --output_dir=logs/cross --data_dir=PATH --task=1

If the simulator is true to the real stories, the two errors are about the same: with
1,000 questions each in stories of 5, they differ by some 2 points by chance alone.
"""

import json
import os
import subprocess
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402

_OUTPUT_DIR = flags.DEFINE_string("output_dir", "logs/cross", "where the run goes")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "the official bAbI tasks")
_TASK = flags.DEFINE_integer("task", 1, "task", lower_bound=1, upper_bound=20)
_ITERATIONS = flags.DEFINE_integer("iterations", 50_000, "training iterations")
# A controller too small to remember the story itself soon learns to use the memory.
_MODEL = ("--controller_units=16 --memory_size=8 --word_size=8 --num_read_heads=2 "
          "--packed_rows=4 --row_length=120 --learning_rate=1e-3 "
          "--report_interval=1000 --validation_interval=1000 "
          "--visualise_interval=0").split()


def main():
    """Trains and tests as the flags say."""
    directory = os.path.join(_OUTPUT_DIR.value, f"task{_TASK.value}")
    _script("train", "--data=simulated", f"--checkpoint_dir={directory}",
            f"--tasks={_TASK.value}", *_MODEL,
            f"--num_training_iterations={_ITERATIONS.value}")
    official = [f"--data_dir={_DATA_DIR.value}"] if _DATA_DIR.value else []
    errors = [_error(directory, "simulated", ["--data=simulated"]),
              _error(directory, "official", ["--data=official", *official])]
    print(f"Task {_TASK.value}: question error {errors[0]:.1f}% on simulated test "
          f"stories, {errors[1]:.1f}% on the real ones")


def _error(directory, name, choice):
    output = os.path.join(directory, name)
    _script("test", f"--checkpoint_file={directory}", f"--output={output}", *choice)
    with open(output + ".json") as file:
        return json.load(file)["results"][0]["mean_error"]


def _script(name, *arguments):
    path = os.path.join(sys.path[0], "babi", f"{name}.py")
    if subprocess.run([sys.executable, path, *arguments]).returncode:
        raise UsageError(f"babi/{name}.py failed, see above")


if __name__ == "__main__":
    scripts.run(main)
