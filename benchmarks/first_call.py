"""A Keras user's first script: what comes before all is traced and compiled.

    python3 benchmarks/bench.py --first-call    in turns, each in a fresh process
    python3 benchmarks/first_call.py auto       one of them, as a line of JSON

A functional model with 16 units and 8 slots is fitted for two epochs to 64 sequences of
12 steps, evaluated, and asked to predict another number of rows and then a longer
sequence.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

CONTESTANTS = {
    "auto": "dnc.DNC as it is by default, compiled where it pays",
    "compiled": "dnc.DNC(jit=True)",
    "plain": "dnc.DNC(jit=False), Keras's loop",
    "lstm": "keras.layers.LSTM"}
PARTS = ("import", "fit", "evaluate", "other rows", "longer")
ROWS, STEPS, FEATURES, OUTPUTS = 64, 12, 6, 3


def script(name):
    """Runs the script with a layer; [(processor, wall) seconds of each of `PARTS`]."""
    marks = [_clocks()]
    sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)
    import keras
    import numpy as np

    from dnc import DNC

    marks.append(_clocks())
    x = np.random.default_rng(0).normal(size=(ROWS, STEPS, FEATURES)).astype("float32")
    y, longer = x[:, :, :OUTPUTS], np.concatenate([x, x[:, :4]], axis=1)
    jit = {"auto": "auto", "compiled": True, "plain": False}
    inputs = keras.Input((None, FEATURES))
    layer = (keras.layers.LSTM(16, return_sequences=True) if name == "lstm" else
             DNC(OUTPUTS, controller_units=16, memory_size=8, word_size=6,
                 num_read_heads=2, return_sequences=True, jit=jit[name]))
    model = keras.Model(inputs, keras.layers.Dense(OUTPUTS)(layer(inputs)))
    model.compile("adam", "mse")
    for part in (lambda: model.fit(x, y, epochs=2, verbose=0),
                 lambda: model.evaluate(x, y, verbose=0),
                 lambda: model.predict(x[:10], verbose=0),
                 lambda: model.predict(longer[:10], verbose=0)):
        part()
        marks.append(_clocks())
    return [[after - before for before, after in zip(*pair)]
            for pair in zip(marks, marks[1:])]


def _clocks():
    """(processor seconds of this process, wall clock)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, time.perf_counter()


def measure(rounds, progress):
    """Runs the script of each contestant in turn, in a process of its own.

    Returns:
      {contestant: [what `script` returns, a round each]}.

    Raises:
      UsageError: a process has failed.
    """
    from babi.program.errors import UsageError  # not known to the script itself

    rounds_of = {name: [] for name in CONTESTANTS}
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    for number in range(1, rounds + 1):
        for name, taken in rounds_of.items():
            process = subprocess.run(
                [sys.executable, __file__, name], capture_output=True, text=True,
                env=environment)
            if process.returncode:
                raise UsageError(f"{name}: {process.stderr.strip()[-500:]}")
            taken.append(json.loads(process.stdout.splitlines()[-1]))
            progress(f"[{number}/{rounds}] {name}: "
                     f"{sum(part for part, _ in taken[-1]):.1f} s of processor time")
    return rounds_of


def table(rounds_of):
    """The medians as lines of Markdown, from what `measure` returns."""
    medians = {name: _medians(taken) for name, taken in rounds_of.items()}
    plain = medians["plain"]["after"]
    lines = ["| | wall, s | processor, s | after import | of plain | "
             + " | ".join(PARTS[1:]) + " |",
             "|---|" + "---:|" * (len(PARTS) + 3)]
    for name, found in medians.items():
        parts = " | ".join(f"{seconds:.2f}" for seconds in found["parts"][1:])
        lines.append(
            f"| {CONTESTANTS[name]} | {found['wall']:.1f} | {found['processor']:.1f} "
            f"| {found['after']:.1f} | {found['after'] / plain:.2f} | {parts} |")
    return "\n".join(lines)


def _medians(taken):
    """{wall, processor, after: of it after the import, parts: of it each part}."""
    return {
        "wall": statistics.median(sum(wall for _, wall in one) for one in taken),
        "processor": statistics.median(sum(part for part, _ in one) for one in taken),
        "after": statistics.median(sum(part for part, _ in one[1:]) for one in taken),
        "parts": [statistics.median(one[number][0] for one in taken)
                  for number in range(len(PARTS))]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layer", choices=CONTESTANTS)
    print(json.dumps(script(parser.parse_args().layer)))
