"""What others have published on the 20 bAbI tasks.

Question errors are percentages of the 1,000 test questions of a task answered
wrongly, after joint training on all tasks of en-10k.
"""

from typing import NamedTuple

FAILURE_THRESHOLD = 5.0  # a task with a larger question error, in %, is failed


class MeanError(NamedTuple):
    """A question error, or a number of failed tasks.

    Attributes:
      mean: the error in %, the mean over runs where there are several.
      deviation: standard deviation over runs, or None for a single run.
    """

    mean: float
    deviation: float | None = None


class Column(NamedTuple):
    """One column of results.

    Attributes:
      title: what was trained.
      errors: question error of each task, by task number; empty where only the mean
        was published.
      mean_error: mean of the question errors over the 20 tasks.
      failed_tasks: number of tasks over `FAILURE_THRESHOLD`; None if not published.
    """

    title: str
    errors: dict[int, MeanError]
    mean_error: MeanError
    failed_tasks: MeanError | None


def _errors(means, deviations=None):
    """Numbers of tasks 1 to 20 in their order -> {task: MeanError}."""
    deviations = deviations or [None] * len(means)
    return {task: MeanError(mean, deviation) for task, mean, deviation
            in zip(range(1, 21), means, deviations, strict=True)}


# All causal, and trained on all tasks together. LSTM, DNC1: Graves et al. (2016),
# Extended Data Table 1, 20 runs each; the re-implementation: one run, whose figures are
# handed down without a source; SDNC: Rae et al. (2016), arXiv 1610.09027, 15 runs;
# DNC-MD (masked look-up, de-allocation): Csordas and Schmidhuber (2019), arXiv
# 1904.10278; ADNC: Franke et al. (2018), arXiv 1807.02658; NUTM, with four programs: Le
# et al. (2020), arXiv 1906.08862, 10 runs. DNC-MD and ADNC count wrong words, not wrong
# questions, which is less where answers have several words (tasks 8 and 19); SDNC and
# NUTM don't say what they count. Task 2 of DNC1 is often copied as 32.0, but only 39.2
# gives the stated mean.
PUBLISHED_RESULTS = {
    "lstm": Column(
        title="LSTM 512",
        errors=_errors(
            [28.4, 56.0, 51.3, 0.8, 3.2, 15.2, 16.4, 17.7, 15.4, 28.7,
             12.2, 5.4, 7.2, 55.9, 47.0, 53.3, 34.8, 5.0, 90.9, 1.3],
            [1.5, 1.5, 1.4, 0.5, 0.5, 1.5, 1.4, 1.2, 1.5, 1.7,
             3.5, 0.6, 2.3, 1.2, 1.7, 1.3, 4.1, 1.4, 1.1, 0.4]),
        mean_error=MeanError(27.3, 0.8),
        failed_tasks=MeanError(17.1, 1.0)),
    "dnc1": Column(
        title="DNC1",
        errors=_errors(
            [9.0, 39.2, 39.6, 0.4, 1.5, 6.9, 9.8, 5.5, 7.7, 9.6,
             3.3, 5.0, 3.1, 11.0, 27.2, 53.6, 32.4, 4.2, 64.6, 0.0],
            [12.6, 20.5, 16.4, 0.7, 1.0, 7.5, 7.0, 5.9, 8.3, 11.4,
             5.7, 6.3, 3.6, 7.5, 20.1, 1.9, 8.0, 1.8, 37.4, 0.1]),
        mean_error=MeanError(16.7, 7.6),
        failed_tasks=MeanError(11.2, 5.4)),
    "reimplementation": Column(
        title="re-implementation",
        errors=_errors(
            [0.0, 3.5, 24.5, 0.8, 1.6, 0.3, 5.62, 2.7, 0.1, 1.3,
             0.0, 0.5, 0.1, 17.7, 42.9, 52.5, 38.8, 10.3, 88.25, 1.9]),
        mean_error=MeanError(14.7),
        failed_tasks=MeanError(8)),
    "sdnc": Column(
        title="SDNC",
        errors=_errors(
            [0.0, 7.1, 9.4, 0.1, 0.9, 0.1, 1.6, 0.5, 0.0, 0.3,
             0.0, 0.2, 0.1, 5.6, 3.6, 53.0, 12.4, 1.6, 30.8, 0.0]),
        mean_error=MeanError(6.4, 2.5),
        failed_tasks=MeanError(4.1)),
    "dnc-md": Column(
        title="DNC-MD (words)",
        errors=_errors(
            [0.0, 6.9, 12.4, 0.1, 1.3, 0.1, 3.0, 2.5, 0.1, 0.5,
             0.0, 0.2, 0.1, 2.0, 23.6, 53.9, 39.8, 2.0, 40.7, 0.1]),
        mean_error=MeanError(9.5, 1.6),
        failed_tasks=None),
    "adnc": Column(
        title="ADNC (words)",
        errors=_errors(
            [0.1, 0.8, 6.5, 0.0, 1.0, 0.0, 1.0, 0.2, 0.0, 0.1,
             0.0, 0.0, 0.0, 0.2, 0.1, 52.1, 18.5, 1.1, 43.3, 0.1]),
        mean_error=MeanError(6.3, 2.7),
        failed_tasks=MeanError(3.2, 0.8)),
    "nutm": Column(
        title="NUTM",
        errors={},
        mean_error=MeanError(5.6, 1.9),
        failed_tasks=None),
}
