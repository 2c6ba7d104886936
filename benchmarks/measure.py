"""Measures contestants at a point, taking turns.

Machines are noisy: the speed of a core changes within minutes. So all contestants
are alive at once and do a few steps each in every round; what a round's noise does to
one it does to all, and medians over rounds are compared.
"""

import contextlib
import json
import math
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from babi.program.allocator import huge_pages_in
from benchmarks.contestants import ALL
from benchmarks.results import Measurement
from benchmarks.worker import bytes_in_proc

# A turn lasts at least this many seconds if steps are short.
_SHORTEST_TURN = 0.3

# A turn begins with a step that is not timed, if a step takes less than this many
# seconds: the other contestants had the caches, and the system has taken the memory
# that is free between two steps. Who trains has no such neighbour.
_LONG_STEP = 5.0

# Seconds between two looks at a contestant's memory, and for its end.
_WATCH_INTERVAL, _ENDING_SECONDS = 0.2, 10
# The share of the available memory that a contestant may use.
_SHARE_OF_MEMORY = 0.9


class Limits(NamedTuple):
    """How long and how large.

    Attributes:
      rounds: turns of each contestant in each mode, at most.
      seconds: a contestant at a point gets fewer rounds, at least one, to keep
        its turns of a mode within this time.
      answer_seconds: time for a start, for a first step and for a turn; whoever needs
        more is left out.
      memory_bytes: resident memory of a contestant; None: nearly all that is free.
      inference: False measures training only.
      turn_steps: steps of a turn; None: as many as take a while.
    """

    rounds: int
    seconds: float
    answer_seconds: float
    memory_bytes: int | None
    inference: bool
    turn_steps: int | None = None


def measure_point(point, commands, task, limits, progress):
    """Measures contestants at one `contestants.Point`; list of `Measurement`.

    Args:
      commands: {contestant: command of its worker}.
      task: dict of what stays the same over all points.
      progress: function of a line of text.
    """
    with contextlib.ExitStack() as stack:
        runners = []
        for name, command in commands.items():
            spec = {**task, **point._asdict(), "contestant": name,
                    "arguments": ALL[name].arguments,
                    "threads": ALL[name].threads or task["threads"]}
            runner = Runner(Measurement(name, point), command, spec, limits)
            stack.callback(runner.close)
            runners.append(runner)
            progress(f"{name}: {runner.start()}")
        for mode in ("train", "infer")[:1 + limits.inference]:
            for runner in runners:
                runner.warm_up(mode)
            for number in range(limits.rounds):
                for runner in runners:
                    runner.take_turn(mode, number)
    return [runner.measurement for runner in runners]


def first_gpu():
    """The name of the first GPU that TensorFlow sees; "" if it sees none."""
    if not shutil.which("nvidia-smi"):
        return ""  # without starting TensorFlow
    look = ("import tensorflow as tf; seen = tf.config.list_physical_devices('GPU'); "
            "print(seen and tf.config.experimental.get_device_details(seen[0]).get("
            "'device_name', 'a GPU') or '')")
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
    return seen.stdout.strip()


def environment(spec):
    """The environment of a worker, whichever contestant it is.

    No other paths, as many threads as cores, the first GPU or none, and huge pages, as
    babi/train.py has them.
    """
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    result = os.environ | {
        "CUDA_VISIBLE_DEVICES": seen if spec.get("gpu") else "-1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # the others are there at the same time
        } | dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"),
                          str(spec["threads"]))
    if "strategy" in spec.get("arguments", ()):  # training chooses its threads
        del result["TF_NUM_INTRAOP_THREADS"]
    result.pop("PYTHONPATH", None)
    return result | huge_pages_in(result)


class Runner:
    """A contestant at a point: its process, and its turns; to be closed.

    Args:
      measurement: `Measurement` to be filled in. Once it has failed, why is said
        there, and nothing more is asked of it.
      command: of its `worker.serve`, list of words.
      spec: what that is told first.
      limits: `Limits`.
    """

    def __init__(self, measurement, command, spec, limits):
        self.measurement = measurement
        self._spec, self._limits = spec, limits
        free = bytes_in_proc("meminfo", "MemAvailable") or math.inf
        self._most_bytes = limits.memory_bytes or _SHARE_OF_MEMORY * free
        self._rounds = self._count = self._untimed = 0
        self._failed = False
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, env=environment(spec))
        with contextlib.suppress(OSError):  # it is the one to go if memory runs out
            with open(f"/proc/{self._process.pid}/oom_score_adj", "w") as file:
                file.write("1000")

    def start(self):
        """Starts and makes the first training step; what came of it, as text."""
        one = self.measurement
        ready = self._ask(**self._spec)
        if ready:
            one.idle_bytes, one.versions = ready["idle_bytes"], ready["versions"]
        first = self._ask(do="train", count=1)
        if first is None:
            return one.note
        one.first_step, one.loss = first["seconds"], first["value"]
        one.peak_bytes = first["peak_bytes"]
        if one.loss is None:
            one.note = "the loss is not finite"
        return f"first step {one.first_step:.1f} s, {one.peak_bytes / 1e9:.2f} GB"

    def warm_up(self, mode):
        """Finds how many steps and rounds fit into the time."""
        if mode == "infer":  # the first one compiles
            self._steps(mode, 1)
        self._rounds = 0
        if trial := self._steps(mode, 1):
            seconds = max(trial["seconds"], 1e-6)
            self._count = (self._limits.turn_steps
                           or math.ceil(_SHORTEST_TURN / seconds))
            self._untimed = int(seconds < _LONG_STEP)
            fitting = int(self._limits.seconds / (
                seconds * (self._untimed + self._count)))
            self._rounds = min(self._limits.rounds, max(1, fitting))

    def take_turn(self, mode, number):
        """Takes the turn of a round, if it is one of this contestant's.

        The rounds of one who gets fewer are spread over all.
        """
        rounds = self._limits.rounds
        if (number + 1) * self._rounds // rounds == number * self._rounds // rounds:
            return
        if self._untimed:
            self._steps(mode, self._untimed)
        if answer := self._steps(mode, self._count):
            taken = getattr(self.measurement, f"{mode}_rounds")
            taken.append(answer["seconds"] / answer["steps"])

    def _steps(self, mode, count):
        """The worker's answer to some steps, or None."""
        answer, one = self._ask(do=mode, count=count), self.measurement
        if answer and mode == "train":
            one.peak_bytes = answer["peak_bytes"]
            if answer["step_bytes"]:
                one.step_bytes = max(answer["step_bytes"], one.step_bytes or 0)
        return answer

    def _ask(self, **request):
        """The worker's answer as a dict; None if it fails, or has failed before."""
        if self._failed:
            return None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + self._limits.answer_seconds
        answers = self._process.stdout
        while not select.select([answers], [], [], _WATCH_INTERVAL)[0]:
            used = bytes_in_proc(f"{self._process.pid}/status", "VmRSS") or 0
            if used > self._most_bytes:
                return self._fail(f"needs more than {self._most_bytes / 1e9:.1f} GB")
            if time.monotonic() > deadline:
                return self._fail(f"took more than {self._limits.answer_seconds:g} s")
        line = answers.readline()
        return json.loads(line) if line else self._ended()

    def _fail(self, reason):
        self._process.kill()
        self._failed = True
        self.measurement.note = reason

    def _ended(self):
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if code == -9:
            return self._fail("was killed, for want of memory it seems")
        return self._fail(f"ended with code {code}: {last[:200]}")

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()
