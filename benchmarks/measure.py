"""Measures contestants at a point, taking turns.

Machines are noisy: the speed of a core changes within minutes. So all contestants
are alive at once and do a few steps each in every round; what a round's noise does to
one it does to all, and medians over rounds are compared.
"""

import contextlib
import dataclasses
import math
from typing import NamedTuple

from benchmarks.client import Worker, WorkerFailure
from benchmarks.results import MODES, Measurement

# A turn lasts at least this many seconds if steps are short.
_SHORTEST_TURN = 0.3

# A turn begins with a step that is not timed, if a step takes less than this many
# seconds: the other contestants had the caches, and the system has taken the memory
# that is free between two steps. Who trains has no such neighbour.
_LONG_STEP = 5.0


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
    """

    rounds: int
    seconds: float
    answer_seconds: float
    memory_bytes: int | None
    inference: bool

    @property
    def modes(self):
        return MODES if self.inference else MODES[:1]


def measure_point(point, commands, task, limits, progress):
    """Measures contestants at one point.

    Args:
      point: `points.Point`.
      commands: {contestant: command of its worker}.
      task: `task.Task`.
      limits: `Limits`.
      progress: function of a line of text.

    Returns:
      (list of `Measurement`, {contestant: {package: version}}).
    """
    with contextlib.ExitStack() as stack:
        turns, versions = {}, {}
        for name, command in commands.items():
            spec = {"contestant": name, **point._asdict(), **task._asdict()}
            worker = stack.enter_context(contextlib.closing(Worker(
                command, spec, limits.answer_seconds, limits.memory_bytes)))
            turns[name] = _Turns(worker, Measurement(name, point))
            versions[name] = turns[name].start()
            progress(f"{name}: {turns[name].started()}")
        for mode in limits.modes:
            for one in turns.values():
                one.warm_up(mode, limits)
            for number in range(limits.rounds):
                for one in turns.values():
                    one.take(mode, number, limits.rounds)
    measurements = [one.measurement for one in turns.values()]
    return measurements, {name: found for name, found in versions.items() if found}


class _Turns:
    """The turns of one contestant at one point.

    Args:
      worker: `client.Worker`.
      measurement: `Measurement` to be filled in.
    """

    def __init__(self, worker, measurement):
        self.worker = worker
        self.measurement = measurement
        self._count = self._rounds = self._untimed = 0

    def start(self):
        """Starts and makes the first training step; {package: version}."""
        ready = self._guarded("start")
        if ready is None:
            return {}
        self._set(idle_bytes=ready["idle_bytes"])
        first = self._steps("train", 1)
        if first:
            self._set(first_step=first["seconds"], loss=first["value"])
            if first["value"] is None:
                self._set(note="the loss is not finite")
        return ready["versions"]

    def started(self):
        """What `start` found, as text."""
        one = self.measurement
        if one.first_step is None:
            return one.note
        return f"first step {one.first_step:.1f} s, {one.peak_bytes / 1e9:.2f} GB"

    def warm_up(self, mode, limits):
        """Finds how many steps and rounds fit into the time."""
        if mode == "infer":  # the first one compiles
            self._steps(mode, 1)
        trial = self._steps(mode, 1)
        if trial:
            seconds = max(trial["seconds"], 1e-6)
            self._count = math.ceil(_SHORTEST_TURN / seconds)
            self._untimed = int(seconds < _LONG_STEP)
            fitting = int(limits.seconds / (seconds * (self._untimed + self._count)))
            self._rounds = min(limits.rounds, max(1, fitting))

    def take(self, mode, number, rounds):
        """Takes the turn of a round, if it is one of this contestant's.

        The rounds of one who gets fewer are spread over all.
        """
        if (number + 1) * self._rounds // rounds == number * self._rounds // rounds:
            return
        if self._untimed:
            self._steps(mode, self._untimed)
        answer = self._steps(mode, self._count)
        if answer:
            taken = getattr(self.measurement, mode)
            self._set(**{mode: (*taken, answer["seconds"] / self._count)})

    def _steps(self, mode, count):
        """The worker's answer to some steps, or None."""
        answer = self._guarded("ask", do=mode, count=count)
        if answer and mode == "train":
            self._set(peak_bytes=answer["peak_bytes"])
            if self.measurement.first_step is not None and answer["step_bytes"]:
                self._set(step_bytes=max(answer["step_bytes"],
                                         self.measurement.step_bytes or 0))
        return answer

    def _guarded(self, method, **request):
        """What a method of the worker returns, or None if it failed now or before."""
        if self.worker is None:
            return None
        try:
            return getattr(self.worker, method)(**request)
        except WorkerFailure as failure:
            self._set(note=str(failure), limit=failure.limit)
            self.worker = None
            return None

    def _set(self, **values):
        self.measurement = dataclasses.replace(self.measurement, **values)


def doomed(contestant, point, measurements):
    """A `Measurement` without numbers if a point within this one met a limit.

    Args:
      measurements: the `Measurement`s so far.

    Returns:
      None if there is no such reason.
    """
    for one in measurements:
        if one.contestant == contestant and one.limit and one.point.within(point):
            # A reason that was itself taken over is repeated, not nested.
            reason = one.note.removeprefix("left out: ")
            where = "" if one.note != reason else f" at {one.point}"
            return Measurement(contestant, point, limit=True,
                               note=f"left out: {reason}{where}")
    return None
