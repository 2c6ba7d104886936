"""Results of a benchmark that nobody has measured, for tests."""

from benchmarks.contestants import Point
from benchmarks.results import Measurement, Results

TASK = {"units": 4, "words": 3, "heads": 2, "vocabulary": 5, "threads": 2}

POINT = Point(2, 5, 8)


def measured(contestant="ours", point=POINT, train=0.1, infer=0.05, peak=10**9,
             step=10**9, **rest):
    """A `Measurement` as of one round."""
    return Measurement(contestant, point, [train], [infer],
                       first_step=2.0, loss=1.5, idle_bytes=1, peak_bytes=peak,
                       step_bytes=step, **rest)


def results_of(*measurements, **task):
    settings = {"task": TASK | task, "reference": list(POINT)}
    machine = {"processor": "P", "cores": 2, "system": "S"}
    return Results(settings, machine, measurements=list(measurements))
