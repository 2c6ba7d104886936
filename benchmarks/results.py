"""Measurements and the file that keeps them."""

import dataclasses
import json
import pathlib
import statistics
from typing import Any

from babi.program.errors import UsageError
from babi.program.files import write_atomically
from benchmarks.contestants import Point

_FORMAT = 3


class ResultsError(UsageError):
    """Results that can't be used: one line with the way out."""


@dataclasses.dataclass
class Measurement:
    """One contestant at one point.

    Attributes:
      contestant: its name, a key of `contestants.ALL`.
      point: `contestants.Point`.
      train_rounds, infer_rounds: seconds a step, one number for each round; empty if
        not measured. Where rows are not full, a step is as many tokens as B x T.
      first_step: seconds of the first training step, with compilation.
      loss: of the first training step; None if it is not finite.
      idle_bytes: most resident memory before the first step.
      peak_bytes: most resident memory of the process, its start and the compilation
        of the first step included.
      step_bytes: most resident memory during the steps after the first; None where
        the system does not tell.
      versions: {package: version}.
      note: why something is missing; empty otherwise.
    """

    contestant: str
    point: Point
    train_rounds: list[float] = dataclasses.field(default_factory=list)
    infer_rounds: list[float] = dataclasses.field(default_factory=list)
    first_step: float | None = None
    loss: float | None = None
    idle_bytes: int | None = None
    peak_bytes: int | None = None
    step_bytes: int | None = None
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    note: str = ""

    @property
    def train_seconds(self):
        """The median seconds of a training step, None if not measured."""
        return statistics.median(self.train_rounds) if self.train_rounds else None

    @property
    def infer_seconds(self):
        """The median seconds of a step forward alone, None if not measured."""
        return statistics.median(self.infer_rounds) if self.infer_rounds else None

    @property
    def tokens_per_second(self):
        """Tokens (steps of rows) trained in a second; None if not measured."""
        return self.train_seconds and (
            self.point.batch * self.point.steps / self.train_seconds)


_MEDIANS = ("train_seconds", "infer_seconds", "tokens_per_second")


@dataclasses.dataclass
class Results:
    """A run of the benchmark: how it was set, on which machine, and what came of it."""

    settings: dict[str, Any]
    machine: dict[str, Any]
    measurements: list[Measurement] = dataclasses.field(default_factory=list)

    def find(self, contestant, point):
        """The measurement of a contestant at a point, or None."""
        return next((one for one in self.measurements
                     if (one.contestant, one.point) == (contestant, point)), None)

    def points(self):
        """The measured points, each once, in the order of measuring."""
        return list(dict.fromkeys(one.point for one in self.measurements))

    def ratio(self, one, other, value):
        """A value of a `Measurement` by that of another contestant there, or None."""
        pair = [measured and getattr(measured, value)
                for measured in (one, self.find(other, one.point))]
        return pair[0] / pair[1] if all(pair) else None

    def write(self, path):
        """Writes the file, whole or not at all; the medians are there for the reader.

        Raises:
          ResultsError: it can't be written.
        """
        values = {"format": _FORMAT, **vars(self), "measurements": [
            vars(one) | {"point": one.point._asdict()}
            | {name: getattr(one, name) for name in _MEDIANS}
            for one in self.measurements]}
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
            if values["format"] != _FORMAT:
                raise ValueError
            measurements = [
                Measurement(**{field.name: one[field.name]
                               for field in dataclasses.fields(Measurement)}
                            | {"point": Point(**one["point"])})
                for one in values["measurements"]]
            results = cls(values["settings"], values["machine"], measurements)
            results.settings["task"], Point(*results.settings["reference"])
            return results
        except OSError as error:
            raise ResultsError(f"{path}: can't be read: {error.strerror}; give "
                               f"the --output of a run") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ResultsError(f"{path}: not a file of results of this benchmark; "
                               f"remove it or give another") from None
