"""Measures speed and memory of the DNC beside other ways to run one.

    python3 benchmarks/bench.py                 all points around the reference
    python3 benchmarks/bench.py --quick         the reference at batch 1 and 16
    python3 benchmarks/bench.py --memory        the bounds on memory
    python3 benchmarks/bench.py --variants      each variant beside the paper's DNC
    python3 benchmarks/bench.py --training      babi/train.py on one core and on all
    python3 benchmarks/bench.py --first-call    a user's first script, see first_call.py
    python3 benchmarks/bench.py --results=FILE  shows a file, measures nothing

Each contestant runs at each point in a process of its own; at a point they take turns
in rounds, and the medians over the rounds are quoted. A turn begins with a step that
is not timed, unless steps take many seconds. Points are written to --output as they are
done. `make bench-peer` installs the peer. Exit code 1: a bound on memory is not kept
(with --memory), or something has become slower (with --compare).

In this order: `contestants` says who is measured and where, `measure` lets them take
turns, each a process of `worker`, `results` keeps what came of it, `report` and
`picture` show it.
"""

import os
import pathlib
import platform
import sys
import time

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi.config import Config  # noqa: E402
from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from benchmarks import contestants, first_call, picture, report  # noqa: E402
from benchmarks.contestants import ALL, CONTESTANTS, PLANS, Point  # noqa: E402
from benchmarks.measure import Limits, first_gpu, measure_point  # noqa: E402
from benchmarks.results import Results  # noqa: E402

# Turns with --first-call, at most: each starts TensorFlow anew.
_FIRST_CALLS = 5

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_MODES = {name: flags.DEFINE_bool(name, False, text) for name, text in (
    ("quick", "measure the reference at batch 1 and 16 only, in few rounds"),
    ("memory", "measure peak memory where it is bounded, ours and the peer's"),
    ("variants", "measure each variant of the model beside the paper's, and the "
     "peer's"),
    ("training", "measure training on simulated stories, at the sizes of the presets, "
     "on one core, on all of them as one, and mirrored; for some minutes"),
    ("first-call", "measure a user's first script, in fresh processes; it prints a "
     "table and writes no file"),
    ("grid", "measure every combination of the axes' values, not only one axis at a "
     "time around the reference; takes hours"))}
_AXES = [flags.DEFINE_list(name, list(map(str, values)), f"values of the axis {name}")
         for name, values in contestants.AXES._asdict().items()]
_REFERENCE = flags.DEFINE_list(
    "reference", list(map(str, contestants.REFERENCE)),
    "batch, steps and slots of the point that the axes go through")
_CONTESTANTS = flags.DEFINE_list(
    "contestants", None, f"who is measured; default: all that are installed of "
    f"{','.join(CONTESTANTS)}, or of those of --variants or --training")
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", None, "the Python of the environment that has the peer; default: "
    "the one that `make bench-peer` makes")
_OUTPUT = flags.DEFINE_string(
    "output", "logs/bench.json", "file for the results; replaced")
_RESULTS = flags.DEFINE_string(
    "results", None, "show the results in this file instead of measuring")
_PLOT = flags.DEFINE_string(
    "plot", None, "file for a picture of the results, PNG or SVG")
_COMPARE = flags.DEFINE_string(
    "compare", None, "an earlier --output: say what has become slower since")
_TOLERANCE = flags.DEFINE_float(
    "tolerance", 0.10, "share by which --compare lets a value grow", lower_bound=0.0)
_ROUNDS = flags.DEFINE_integer("rounds", 9, "turns of each contestant", lower_bound=1)
_SECONDS = flags.DEFINE_float(
    "seconds", 20.0, "time for the turns of a contestant in training at a point, and "
    "for those in inference; slow ones get fewer turns", lower_bound=0.0)
_TIME_LIMIT = flags.DEFINE_float(
    "time_limit", 300.0, "seconds for a contestant's start, first step or turn; who "
    "needs more is left out", lower_bound=0.1)
_MEMORY_LIMIT = flags.DEFINE_float(
    "memory_limit", 0.0, "GB that a contestant may need; who needs more is left out; "
    "0: nearly all that is free", lower_bound=0.0)
_DEVICE = flags.DEFINE_enum(
    "device", "auto", ["auto", "cpu", "gpu"], "where; auto: on the first GPU, if "
    "TensorFlow sees one, and then memory is the GPU's")
_INFERENCE = flags.DEFINE_bool("inference", True, "measure inference too")
_TASK = {name: flags.DEFINE_integer(name, default, text, lower_bound=1)
         for name, default, text in (
             ("threads", 2, "cores to use"),
             ("units", Config().controller_units, "units of the LSTM"),
             ("words", Config().word_size, "numbers in a slot (W)"),
             ("heads", Config().num_read_heads, "read heads (R)"),
             ("vocabulary", 159, "inputs and outputs of a step (V)"))}


def main():
    """Gets the results, prints and draws them; the exit code."""
    if _mode() == "first-call":
        print(first_call.table(first_call.measure(
            min(_ROUNDS.value, _FIRST_CALLS), _say)))
        return 0
    if _COMPARE.value and not _RESULTS.value and (
            pathlib.Path(_COMPARE.value).resolve()
            == pathlib.Path(_OUTPUT.value).resolve()):
        raise UsageError(f"--compare={_COMPARE.value}: it would be replaced; give "
                         f"another --output")
    old = Results.read(_COMPARE.value) if _COMPARE.value else None
    try:
        results = Results.read(_RESULTS.value) if _RESULTS.value else _measure()
    except KeyboardInterrupt:
        print(f"Interrupted; {_OUTPUT.value} has the points that were done.",
              file=sys.stderr)
        return 130
    print(report.describe(results), report.table(results), sep="\n\n", flush=True)
    if _PLOT.value:
        picture.draw(results, _PLOT.value)
    verdicts = report.bounds(results)
    failed = _MODES["memory"].value and not (
        verdicts and all(kept for _, kept in verdicts))
    if old is not None:
        changes = report.compare(old, results, _TOLERANCE.value)
        failed = failed or any(worse for _, worse in changes)
        verdicts += changes
    print("", *report.disagreements(results), *(line for line, _ in verdicts), sep="\n")
    return int(failed)


def _measure():
    plan, limits = _plan(), _limits()
    results = Results(_settings(limits), {
        "processor": _processor(), "cores": os.cpu_count(),
        "system": platform.platform(), "python": platform.python_version()})
    results.write(_OUTPUT.value)
    started = time.monotonic()
    for number, (point, names) in enumerate(plan, 1):
        def progress(line):
            _say(f"[{number}/{len(plan)}] {point}, {time.monotonic() - started:.0f} s: "
                 f"{line}")

        found = measure_point(point, {name: _command(name) for name in names},
                              results.settings["task"], limits, progress)
        results.measurements += found
        results.write(_OUTPUT.value)
        progress("; ".join(
            f"{one.contestant} {1e3 * one.train_seconds:.1f} ms" if one.train_rounds
            else f"{one.contestant}: {one.note}" for one in found))
    return results


def _say(line):
    print(line, file=sys.stderr, flush=True)


def _mode():
    """The name of the flag in `_MODES` that is given, or None."""
    mode, *others = [mode for mode, flag in _MODES.items() if flag.value] or [None]
    if others:
        raise UsageError(f"--{' and --'.join([mode, *others])}: give one of them")
    return mode


def _plan():
    """The points to measure, each with the names of its contestants."""
    mode = _mode()
    axes, reference = Point(*map(_sizes, _AXES)), _reference()
    points = (contestants.grid(axes) if mode == "grid"
              else contestants.around(reference, axes))
    plan = PLANS.get(mode) or [(point, CONTESTANTS) for point in points]
    names = _names(list(dict.fromkeys(name for _, there in plan for name in there)))
    plan = [(point, [name for name in names if name in there])
            for point, there in plan]
    return [(point, there) for point, there in plan if there]


def _names(known):
    """Those of the known contestants that are to be measured."""
    names = list(dict.fromkeys(_CONTESTANTS.value or known))
    strange = [name for name in names if name not in known]
    if strange:
        raise UsageError(
            f"--contestants: {strange[0]!r} is none of {', '.join(known)}")
    peers = [name for name in names if ALL[name].kind == "peer"]
    if not peers or os.access(_peer_python(), os.X_OK):
        return names
    if _PEER_PYTHON.value or _CONTESTANTS.value:
        raise UsageError(f"the peer: {_peer_python()} is not there; `make bench-peer` "
                         f"installs it, or give --peer_python")
    print(f"Without the peer: {_peer_python()} is not there; `make bench-peer` "
          f"installs it.", file=sys.stderr)
    return [name for name in names if name not in peers]


def _peer_python():
    return _PEER_PYTHON.value or str(_ROOT / ".venv-peer" / "bin" / "python")


def _command(name):
    kind = ALL[name].kind
    return [_peer_python() if kind == "peer" else sys.executable,
            str(_ROOT / "benchmarks" / "worker.py"), kind]


def _limits():
    limits = Limits(_ROUNDS.value, _SECONDS.value, _TIME_LIMIT.value,
                    int(_MEMORY_LIMIT.value * 1e9) or None, _INFERENCE.value)
    if _MODES["quick"].value:
        return limits._replace(rounds=min(limits.rounds, 5),
                               seconds=min(limits.seconds, 5.0))
    if _MODES["memory"].value:
        return limits._replace(rounds=1, seconds=0.0, inference=False)
    if _MODES["training"].value:  # some stories are long: turns of many steps
        seconds = _SECONDS.value if _SECONDS.present else 100.0
        return limits._replace(seconds=seconds, inference=False, turn_steps=20)
    return limits


def _settings(limits):
    """What is measured and how, as plain values."""
    config = Config()
    return {
        "task": {name: flag.value for name, flag in _TASK.items()} | {
            name: getattr(config, name)
            for name in ("learning_rate", "momentum", "rho", "epsilon")} | _gpu(),
        "limits": limits._asdict(), "reference": list(_reference())}


def _gpu():
    """{"gpu": its name}, or nothing if it measures on the processor."""
    name = "" if _DEVICE.value == "cpu" else first_gpu()
    if _DEVICE.value == "gpu" and not name:
        raise UsageError("--device=gpu: TensorFlow sees none; see docs/performance.md, "
                         "or give --device=cpu")
    return {"gpu": name} if name else {}


def _reference():
    sizes = _sizes(_REFERENCE)
    if len(sizes) != len(Point._fields):
        raise UsageError("--reference: give batch, steps and slots, such as "
                         "1,100,256")
    return Point(*sizes)


def _sizes(flag):
    """The numbers of a flag, all whole and above 0."""
    if not flag.value or not all(
            text.strip().isdecimal() and int(text) > 0 for text in flag.value):
        raise UsageError(f"--{flag.name}: {','.join(flag.value)!r} must be "
                         f"whole numbers above 0, such as 1,4,16")
    return [int(text) for text in flag.value]


def _processor():
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines
                        if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    scripts.run(main)
