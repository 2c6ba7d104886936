"""Measurements and the file that keeps them."""

import dataclasses
import json
import pathlib
import statistics
from typing import Any

from babi.program.files import write_atomically
from benchmarks.points import Point
from benchmarks.task import Task

FORMAT = 2
MODES = ("train", "infer")


class ResultsError(ValueError):
    """A file of results that can't be used: one line with the way out."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One contestant at one point.

    Attributes:
      contestant: its name, a key of `contestants.CONTESTANTS`.
      point: `Point`.
      train, infer: seconds a step, one number for each round; empty if not measured.
      first_step: seconds of the first training step, with compilation.
      loss: of the first training step; None if it is not finite.
      idle_bytes: most resident memory before the first step.
      peak_bytes: most resident memory of the process, its start and the compilation
        of the first step included.
      step_bytes: most resident memory during the steps after the first; None where
        the system does not tell.
      note: why something is missing; empty otherwise.
      limit: whether a limit on time or memory is the reason, which a larger point
        would meet too.
    """

    contestant: str
    point: Point
    train: tuple[float, ...] = ()
    infer: tuple[float, ...] = ()
    first_step: float | None = None
    loss: float | None = None
    idle_bytes: int | None = None
    peak_bytes: int | None = None
    step_bytes: int | None = None
    note: str = ""
    limit: bool = False

    def seconds(self, mode):
        """The median seconds of a step, None if not measured; mode: of `MODES`."""
        rounds = getattr(self, mode)
        return statistics.median(rounds) if rounds else None

    def tokens_per_second(self):
        """Steps of rows trained in a second; None if not measured."""
        seconds = self.seconds("train")
        return seconds and self.point.batch * self.point.steps / seconds

    def as_json(self):
        """A dict of plain values; the medians are there for the reader."""
        values = dataclasses.asdict(self)
        return {"contestant": values.pop("contestant"), **values.pop("point")._asdict(),
                "train_seconds": self.seconds("train"),
                "infer_seconds": self.seconds("infer"),
                "tokens_per_second": self.tokens_per_second(),
                **{f"{mode}_rounds": values.pop(mode) for mode in MODES}, **values}

    @classmethod
    def from_json(cls, values):
        """What `as_json` made a dict of."""
        point = Point(*(int(values[name]) for name in Point._fields))
        rounds = {mode: tuple(map(float, values[f"{mode}_rounds"])) for mode in MODES}
        rest = {name: values[name] for name in (
            "contestant", "first_step", "loss", "idle_bytes", "peak_bytes",
            "step_bytes", "note", "limit")}
        return cls(point=point, **rounds, **rest)


@dataclasses.dataclass
class Results:
    """A run of the benchmark, whole or in the making.

    Attributes:
      settings: what was to be measured and how, and the code's identity; plain
        values. An unfinished run is continued only with the same settings.
      machine: a description of it.
      versions: {contestant: {package: version}}.
      measurements: list of `Measurement`.
      finished: whether nothing is left to measure.
    """

    settings: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    measurements: list[Measurement] = dataclasses.field(default_factory=list)
    finished: bool = False

    def find(self, contestant, point):
        """The measurement of a contestant at a point, or None."""
        return next((one for one in self.measurements
                     if (one.contestant, one.point) == (contestant, point)), None)

    def points(self):
        """The measured points, each once, in the order of measuring."""
        return list(dict.fromkeys(one.point for one in self.measurements))

    def ratio(self, contestant, other, point, value):
        """value(contestant's) / value(other's) at a point; None where one is missing.

        Args:
          value: function of a `Measurement`, a number or None.
        """
        pair = [one and value(one)
                for one in (self.find(contestant, point), self.find(other, point))]
        return pair[0] / pair[1] if all(pair) else None

    def write(self, path):
        """Writes the file, whole or not at all.

        Raises:
          ResultsError: it can't be written.
        """
        values = {"format": FORMAT, **vars(self), "measurements": [
            one.as_json() for one in self.measurements]}
        text = json.dumps(values, indent=1, allow_nan=False)
        path = pathlib.Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode() + b"\n")
        except OSError as error:
            raise ResultsError(f"{path}: can't be written: {error.strerror}; give "
                               f"another --output") from None

    @classmethod
    def read(cls, path):
        """The results in a file.

        Raises:
          ResultsError: it is not there, or holds something else.
        """
        try:
            values = json.loads(pathlib.Path(path).read_bytes())
            if values.pop("format") != FORMAT:
                raise ValueError
            measurements = [Measurement.from_json(one)
                            for one in values.pop("measurements")]
            results = cls(measurements=measurements, **values)
            Task(**results.settings["task"]), Point(*results.settings["reference"])
            return results
        except OSError as error:
            raise ResultsError(f"{path}: can't be read: {error.strerror}; give "
                               f"the --output of a run") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ResultsError(f"{path}: not a file of results of this benchmark; "
                               f"remove it or give another") from None
