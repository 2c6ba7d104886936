"""Compares the variants of the DNC on the bAbI tasks.

    python3 benchmarks/variants.py --data_dir=PATH [--variants=paper,layer_norm]

Each variant is trained on the same stories, in the same order, for the same number of
updates, from each of the seeds, and then asked the stories held out of training. Runs
are kept in --runs_dir; what is done is not done again, and the same command goes on
where it was interrupted. At the end the table of all that are there is printed, and
written to table.json and table.md. Three seeds of all take some four hours of two
cores.
"""

import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.files import write_atomically  # noqa: E402
from benchmarks import contestants  # noqa: E402

# {name: settings of babi/train.py}; "paper" is what the others are compared with.
VARIANTS = {"paper": {}} | contestants.VARIANTS
# What all have in common: few slots, packed rows, weights that let the memory come into
# use early (docs/reproduction.md). 3,400 updates read some 60,000 stories.
_COMMON = ("--memory_size=32 --packed_rows=8 --row_length=192 --weight_stddev=0.05 "
           "--input_stddev=0.6 --read_stddev=0.5 --optimizer=adam --rho=0.999 "
           "--epsilon=1e-7 --learning_rate=1e-3 --warmup_steps=300 --max_grad_norm=1 "
           "--learning_rate_schedule=cosine --visualise_interval=0 "
           "--validation_interval=0").split()

_NAMES = flags.DEFINE_list("variants", list(VARIANTS), "variants to compare")
_SEEDS = flags.DEFINE_integer("seeds", 3, "runs of each, from seed 1 on", lower_bound=1)
_UPDATES = flags.DEFINE_integer("updates", 3400, "of each run", lower_bound=1)
_DATA_DIR = flags.DEFINE_string("data_dir", None, "the official bAbI tasks")
_RUNS_DIR = flags.DEFINE_string("runs_dir", "logs/variants", "where the runs go")
_TRAIN_FLAGS = flags.DEFINE_string(
    "train_flags", "", "more flags of babi/train.py for every run, such as "
    "\"--tasks=1 --packed_rows=4\"")


def main():
    """Trains, tests and prints what the flags name."""
    for name in _NAMES.value:
        if name not in VARIANTS:
            raise UsageError(
                f"--variants: {name!r} is none of {', '.join(VARIANTS)}")
    folder = pathlib.Path(_RUNS_DIR.value)
    for seed in range(1, _SEEDS.value + 1):  # the first table is there after one seed
        for name in _NAMES.value:
            _train_and_test(name, seed)
        errors = errors_in(folder)
        table = as_markdown(errors)
        write_atomically(folder / "table.json", json.dumps(errors, indent=2).encode())
        write_atomically(folder / "table.md", table.encode())
    print(table, end="")


def as_markdown(errors):
    """The table of {variant: [held-out error in %, one for each seed]}."""
    lines = ["| variant | held-out error, % | sd | seeds |", "|---|---:|---:|---|"]
    for name, found in errors.items():
        spread = f"{statistics.stdev(found):.1f}" if len(found) > 1 else "-"
        each = ", ".join(f"{error:.1f}" for error in found)
        lines.append(f"| {name} | {statistics.fmean(found):.1f} | {spread} | {each} |")
    return "\n".join(lines) + "\n"


def errors_in(folder):
    """{variant: [held-out error in %]} of all runs in a folder, by seed."""
    found = {name: sorted(folder.glob(f"{name}-[0-9]*/{_result_name()}"), key=lambda
                          path: int(path.parent.name.rpartition("-")[2]))
             for name in VARIANTS}
    return {name: [json.loads(path.read_text())["results"][0]["mean_error"]
                   for path in paths] for name, paths in found.items() if paths}


def _result_name():
    """Another one with other flags or data, which `train.py` refuses in one folder."""
    given = " ".join(filter(None, (_TRAIN_FLAGS.value, _DATA_DIR.value)))
    digest = hashlib.sha256(given.encode()).hexdigest()[:8]
    return f"held_out-{_UPDATES.value}{f'-{digest}' * bool(given)}.json"


def _train_and_test(name, seed):
    """Trains and asks a run that is not there yet."""
    folder = pathlib.Path(_RUNS_DIR.value) / f"{name}-{seed}"
    result = folder / _result_name()
    if not result.exists():
        data = [f"--data_dir={_DATA_DIR.value}"] if _DATA_DIR.value else []
        _script("train", f"--checkpoint_dir={folder}", f"--seed={seed}",
                "--data=official", *data,
                f"--num_training_iterations={_UPDATES.value}",
                f"--decay_steps={_UPDATES.value}", *_COMMON,
                *flags_of(VARIANTS[name]), *_TRAIN_FLAGS.value.split())
        if not (folder / f"model.ckpt-{_UPDATES.value}.index").exists():
            raise UsageError(f"{folder}: stopped before its last update; the same "
                             f"command goes on from there")
        _script("test", f"--checkpoint_file={folder}", "--held_out", *data,
                f"--output={result}")


def flags_of(settings):
    """The flags of babi/train.py, of {setting: value}."""
    return [f"--{name}={','.join(value) if isinstance(value, list) else value}"
            for name, value in settings.items()]


def _script(name, *arguments):
    path = os.path.join(sys.path[0], "babi", f"{name}.py")
    process = subprocess.Popen([sys.executable, path, *arguments])
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()  # it has been interrupted too, and saves
        raise
    if code:
        raise UsageError(f"babi/{name}.py failed, see above")


if __name__ == "__main__":
    scripts.run(main)
