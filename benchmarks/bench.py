"""Measures speed and memory of the DNC beside other ways to run one.

    python3 benchmarks/bench.py                 all points around the reference
    python3 benchmarks/bench.py --quick         the reference at batch 1 and 16
    python3 benchmarks/bench.py --memory        the bounds on memory
    python3 benchmarks/bench.py --variants      each variant beside the paper's DNC
    python3 benchmarks/bench.py --results=FILE  shows a file, measures nothing

Each contestant runs at each point in a process of its own; at a point they take turns
in rounds, and the medians over the rounds are quoted. A turn begins with a step that
is not timed, unless steps take many seconds. Points are written to --output as they
are done; the same command goes on where it was interrupted. `make bench-peer` installs
the peer. Exit code 1: a bound on memory is not kept (with --memory), or something has
become slower (with --compare).
"""

import hashlib
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
from benchmarks import picture, points, report  # noqa: E402
from benchmarks.contestants import (CONTESTANTS, DEFAULT_PEER,  # noqa: E402
                                    VARIANTS, commands, is_peer)
from benchmarks.measure import Limits, doomed, measure_point  # noqa: E402
from benchmarks.results import Results, ResultsError  # noqa: E402
from benchmarks.task import Task  # noqa: E402

_QUICK = flags.DEFINE_bool(
    "quick", False, "measure the reference at batch 1 and 16 only, in few rounds")
_MEMORY = flags.DEFINE_bool(
    "memory", False, "measure peak memory where it is bounded, ours and the peer's")
_VARIANTS = flags.DEFINE_bool(
    "variants", False, "measure each variant of the model beside the paper's, and the "
    "peer's")
_GRID = flags.DEFINE_bool(
    "grid", False, "measure every combination of the axes' values, not only one axis "
    "at a time around the reference; takes hours")
_AXES = points.Point(*(
    flags.DEFINE_list(name, [str(value) for value in values],
                      f"values of the axis {name}")
    for name, values in points.AXES._asdict().items()))
_REFERENCE = flags.DEFINE_list(
    "reference", [str(value) for value in points.REFERENCE],
    "batch, steps and slots of the point that the axes go through")
_CONTESTANTS = flags.DEFINE_list(
    "contestants", None, f"who is measured; default: all that are installed of "
    f"{','.join(CONTESTANTS)}")
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", None, "the Python of the environment that has the peer; default: "
    "the one that `make bench-peer` makes")
_OUTPUT = flags.DEFINE_string(
    "output", "logs/bench.json", "file for the results; replaced unless it is an "
    "unfinished run of the same command and code, which is continued")
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
_INFERENCE = flags.DEFINE_bool("inference", True, "measure inference too")
_THREADS = flags.DEFINE_integer("threads", 2, "cores to use", lower_bound=1)
_UNITS = flags.DEFINE_integer(
    "units", Config().controller_units, "units of the LSTM", lower_bound=1)
_WORDS = flags.DEFINE_integer(
    "words", Config().word_size, "numbers in a slot (W)", lower_bound=1)
_HEADS = flags.DEFINE_integer(
    "heads", Config().num_read_heads, "read heads (R)", lower_bound=1)
_VOCABULARY = flags.DEFINE_integer(
    "vocabulary", 159, "inputs and outputs of a step (V)", lower_bound=1)
_PEER_LAYERS = flags.DEFINE_integer(
    "peer_lstm_layers", 1, "LSTM layers of the peer's controller: 1, as the other "
    "contestants have; its own default is 2", lower_bound=1)


def main():
    """Measures what the flags name."""
    try:
        return _show()
    except ResultsError as fault:
        raise UsageError(fault) from None
    except KeyboardInterrupt:
        print(f"Interrupted; the same command goes on from {_OUTPUT.value}.",
              file=sys.stderr)
        return 130


def _show():
    """Gets the results, prints and draws them; the exit code."""
    old = Results.read(_COMPARE.value) if _COMPARE.value else None
    if _RESULTS.value:
        results = Results.read(_RESULTS.value)
    else:
        results = _measure()
    variants = any(one.contestant in VARIANTS for one in results.measurements)
    table = report.table_of_variants if variants else report.table
    print(report.describe(results), table(results), sep="\n\n", flush=True)
    if _PLOT.value:
        picture.draw(results, _PLOT.value)
    verdicts = report.bounds(results)
    failed = _MEMORY.value and not all(kept for _, kept in verdicts)
    if old is not None:
        changes = report.compare(old, results, _TOLERANCE.value)
        failed = failed or any(worse for _, worse in changes)
        verdicts += changes
    print("", *report.disagreements(results), *(line for line, _ in verdicts), sep="\n")
    return int(failed)


def _measure():
    """Measures what the flags ask for; `Results`."""
    plan = _plan()
    limits = _limits()
    results = _results(plan, limits)
    started = time.monotonic()
    for number, (point, names) in enumerate(plan, 1):
        title = f"[{number}/{len(plan)}] {point}"
        if results.find(names[0], point):
            print(f"{title}: measured before", file=sys.stderr)
            continue

        def progress(line):
            print(f"{title}, {time.monotonic() - started:.0f} s: {line}",
                  file=sys.stderr, flush=True)

        left_out = {name: found for name in names
                    if (found := doomed(name, point, results.measurements))}
        found, versions = measure_point(
            point, commands([name for name in names if name not in left_out],
                            _peer_python()), _task(), limits, progress)
        results.measurements += [*found, *left_out.values()]
        results.versions |= versions
        results.finished = number == len(plan)
        results.write(_OUTPUT.value)
        progress("; ".join(
            f"{one.contestant} {1e3 * one.seconds('train'):.1f} ms" if one.train
            else f"{one.contestant}: {one.note}" for one in results.measurements
            if one.point == point))
    return results


def _plan():
    """The points to measure, each with the names of its contestants."""
    chosen = [f"--{flag.name}" for flag in (
        _QUICK, _MEMORY, _GRID, _VARIANTS) if flag.value]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: give one of them")
    names = _names()
    if _MEMORY.value:
        if "ours" not in names:
            raise UsageError("--memory measures ours and the peer: leave "
                             "--contestants away")
        present = [name for name in ("ours", "peer") if name in names]
        return [(points.MEMORY_OF_PEER, present), (points.MEMORY_ALONE, ["ours"])]
    if _QUICK.value:
        return [(point, names) for point in points.QUICK]
    if _VARIANTS.value:
        of_links = [name for name in names if name in ("ours", "no_links", "peer")]
        return [*((point, names) for point in points.VARIANTS),
                (points.LINKS, of_links)]
    axes = points.Point(*(_sizes(flag) for flag in _AXES))
    if _GRID.value:
        return [(point, names) for point in points.grid(axes)]
    return [(point, names) for point in points.around(_reference(), axes)]


def _limits():
    rounds, seconds, inference = _ROUNDS.value, _SECONDS.value, _INFERENCE.value
    if _QUICK.value:
        rounds, seconds = min(rounds, 5), min(seconds, 5.0)
    if _MEMORY.value:
        rounds, seconds, inference = 1, 0.0, False
    memory = int(_MEMORY_LIMIT.value * 1e9) or None
    return Limits(rounds, seconds, _TIME_LIMIT.value, memory, inference)


def _task():
    config = Config()
    return Task(
        controller_units=_UNITS.value, word_size=_WORDS.value,
        num_read_heads=_HEADS.value, vocabulary_size=_VOCABULARY.value,
        learning_rate=config.learning_rate, momentum=config.momentum, rho=config.rho,
        epsilon=config.epsilon, peer_lstm_layers=_PEER_LAYERS.value,
        threads=_THREADS.value)


def _results(plan, limits):
    """The unfinished `Results` in the output file if they are of this run, else new."""
    settings = {
        "task": _task()._asdict(), "limits": limits._asdict(),
        "reference": list(_reference()), "code": _code(),
        "plan": [[list(point), names] for point, names in plan]}
    fresh = Results(settings, {
        "processor": _processor(), "cores": os.cpu_count(),
        "system": platform.platform(), "python": platform.python_version()})
    if os.path.exists(_OUTPUT.value):
        old = Results.read(_OUTPUT.value)
        same = (old.settings, old.machine) == (fresh.settings, fresh.machine)
        if same and not old.finished:
            return old
    fresh.write(_OUTPUT.value)
    return fresh


def _names():
    """The contestants to measure.

    Raises:
      UsageError: one is not known, or the peer is asked for and not there.
    """
    known = ["ours", *VARIANTS, "peer"] if _VARIANTS.value else list(CONTESTANTS)
    names = list(dict.fromkeys(_CONTESTANTS.value or known))
    for name in names:
        if name not in known:
            raise UsageError(
                f"--contestants: {name!r} is none of {', '.join(known)}")
    peers = [name for name in names if is_peer(name)]
    if peers and not os.access(_peer_python(), os.X_OK):
        missing = f"{_peer_python()} is not there"
        if _PEER_PYTHON.value or _CONTESTANTS.value:
            raise UsageError(f"the peer: {missing}; `make bench-peer` installs "
                             f"it, or give --peer_python")
        print(f"Without the peer: {missing}; `make bench-peer` installs it.",
              file=sys.stderr)
        names = [name for name in names if name not in peers]
    return names


def _peer_python():
    return _PEER_PYTHON.value or DEFAULT_PEER


def _reference():
    sizes = _sizes(_REFERENCE)
    if len(sizes) != len(points.Point._fields):
        raise UsageError("--reference: give batch, steps and slots, such as "
                         "1,100,256")
    return points.Point(*sizes)


def _sizes(flag):
    """The numbers of a flag.

    Raises:
      UsageError: one is no positive whole number.
    """
    if not flag.value or not all(
            text.strip().isdecimal() and int(text) > 0 for text in flag.value):
        raise UsageError(f"--{flag.name}: {','.join(flag.value)!r} must be "
                         f"whole numbers above 0, such as 1,4,16")
    return [int(text) for text in flag.value]


def _code():
    """A digest of the code that is measured and that measures."""
    root = pathlib.Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for folder in ("dnc", "benchmarks"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _processor():
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines
                        if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    scripts.run(main)
