"""The 20 bAbI tasks: names, titles, and what others have published on them.

Question errors are percentages of the 1,000 test questions of a task answered
wrongly, after joint training on all tasks of en-10k.
"""

import re
from typing import NamedTuple

FAILURE_THRESHOLD = 5.0  # a task with a larger question error, in %, is failed
_WEIGHT = re.compile(r"([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]{1,2})?)")
TEST_QUESTIONS = 1000  # in each task's test file, in every variant

TASK_NAMES = {
    1: "single-supporting-fact",
    2: "two-supporting-facts",
    3: "three-supporting-facts",
    4: "two-arg-relations",
    5: "three-arg-relations",
    6: "yes-no-questions",
    7: "counting",
    8: "lists-sets",
    9: "simple-negation",
    10: "indefinite-knowledge",
    11: "basic-coreference",
    12: "conjunction",
    13: "compound-coreference",
    14: "time-reasoning",
    15: "basic-deduction",
    16: "basic-induction",
    17: "positional-reasoning",
    18: "size-reasoning",
    19: "path-finding",
    20: "agents-motivations",
}

TASK_TITLES = {
    1: "single supporting fact",
    2: "two supporting facts",
    3: "three supporting facts",
    4: "two argument relations",
    5: "three argument relations",
    6: "yes/no questions",
    7: "counting",
    8: "lists/sets",
    9: "simple negation",
    10: "indefinite knowledge",
    11: "basic coreference",
    12: "conjunction",
    13: "compound coreference",
    14: "time reasoning",
    15: "basic deduction",
    16: "basic induction",
    17: "positional reasoning",
    18: "size reasoning",
    19: "path finding",
    20: "agent motivations",
}


class PublishedError(NamedTuple):
    """A published question error.

    Attributes:
      mean: the error in %, the mean over runs where there are several.
      deviation: standard deviation over runs, or None for a single run.
    """

    mean: float
    deviation: float | None = None


class PublishedResult(NamedTuple):
    """One column of published results.

    Attributes:
      title: what was trained.
      runs: how many runs the numbers describe; None where that was not said.
      errors: question error of each task, by task number; empty where only the mean
        was published.
      mean_error: mean of the question errors over the 20 tasks.
      failed_tasks: number of tasks over `FAILURE_THRESHOLD`; None if not published.
    """

    title: str
    runs: int | None
    errors: dict[int, PublishedError]
    mean_error: PublishedError
    failed_tasks: PublishedError | None


def _errors(means, deviations=None):
    """Numbers in the order of the tasks -> {task: PublishedError}."""
    deviations = deviations or [None] * len(means)
    return {task: PublishedError(mean, deviation) for task, mean, deviation
            in zip(TASK_NAMES, means, deviations, strict=True)}


# All causal, and trained on all tasks together. LSTM, DNC1: Graves et al. (2016),
# Extended Data Table 1; SDNC: Rae et al. (2016); DNC-MD (masked look-up,
# de-allocation): Csordas and Schmidhuber (2019); ADNC: Franke et al. (2018); NUTM, with
# four programs: Le et al. (2020). DNC-MD and ADNC count wrong words, not wrong
# questions, which is less where answers have several words (tasks 8 and 19). Task 2 of
# DNC1 is often copied as 32.0, but only 39.2 gives the stated mean.
PUBLISHED_RESULTS = {
    "lstm": PublishedResult(
        title="LSTM 512",
        runs=20,
        errors=_errors(
            [28.4, 56.0, 51.3, 0.8, 3.2, 15.2, 16.4, 17.7, 15.4, 28.7,
             12.2, 5.4, 7.2, 55.9, 47.0, 53.3, 34.8, 5.0, 90.9, 1.3],
            [1.5, 1.5, 1.4, 0.5, 0.5, 1.5, 1.4, 1.2, 1.5, 1.7,
             3.5, 0.6, 2.3, 1.2, 1.7, 1.3, 4.1, 1.4, 1.1, 0.4]),
        mean_error=PublishedError(27.3, 0.8),
        failed_tasks=PublishedError(17.1, 1.0)),
    "dnc1": PublishedResult(
        title="DNC1",
        runs=20,
        errors=_errors(
            [9.0, 39.2, 39.6, 0.4, 1.5, 6.9, 9.8, 5.5, 7.7, 9.6,
             3.3, 5.0, 3.1, 11.0, 27.2, 53.6, 32.4, 4.2, 64.6, 0.0],
            [12.6, 20.5, 16.4, 0.7, 1.0, 7.5, 7.0, 5.9, 8.3, 11.4,
             5.7, 6.3, 3.6, 7.5, 20.1, 1.9, 8.0, 1.8, 37.4, 0.1]),
        mean_error=PublishedError(16.7, 7.6),
        failed_tasks=PublishedError(11.2, 5.4)),
    "reimplementation": PublishedResult(
        title="reference re-implementation",
        runs=1,
        errors=_errors(
            [0.0, 3.5, 24.5, 0.8, 1.6, 0.3, 5.62, 2.7, 0.1, 1.3,
             0.0, 0.5, 0.1, 17.7, 42.9, 52.5, 38.8, 10.3, 88.25, 1.9]),
        mean_error=PublishedError(14.7),
        failed_tasks=PublishedError(8)),
    "sdnc": PublishedResult(
        title="SDNC",
        runs=15,
        errors=_errors(
            [0.0, 7.1, 9.4, 0.1, 0.9, 0.1, 1.6, 0.5, 0.0, 0.3,
             0.0, 0.2, 0.1, 5.6, 3.6, 53.0, 12.4, 1.6, 30.8, 0.0]),
        mean_error=PublishedError(6.4, 2.5),
        failed_tasks=PublishedError(4.1)),
    "dnc-md": PublishedResult(
        title="DNC-MD (words)",
        runs=None,
        errors=_errors(
            [0.0, 6.9, 12.4, 0.1, 1.3, 0.1, 3.0, 2.5, 0.1, 0.5,
             0.0, 0.2, 0.1, 2.0, 23.6, 53.9, 39.8, 2.0, 40.7, 0.1]),
        mean_error=PublishedError(9.5, 1.6),
        failed_tasks=None),
    "adnc": PublishedResult(
        title="ADNC (words)",
        runs=None,
        errors=_errors(
            [0.1, 0.8, 6.5, 0.0, 1.0, 0.0, 1.0, 0.2, 0.0, 0.1,
             0.0, 0.0, 0.0, 0.2, 0.1, 52.1, 18.5, 1.1, 43.3, 0.1]),
        mean_error=PublishedError(6.3, 2.7),
        failed_tasks=PublishedError(3.2, 0.8)),
    "nutm": PublishedResult(
        title="NUTM",
        runs=10,
        errors={},
        mean_error=PublishedError(5.6, 1.9),
        failed_tasks=None),
}


def parse_tasks(text: str) -> tuple[int, ...]:
    """Reads a choice of tasks such as `1,2,19`, `1-5,16` or `all`.

    Returns:
      The task numbers in ascending order, each once.

    Raises:
      ValueError: the text names no task, or one that does not exist.
    """
    if text.strip().lower() == "all":
        return tuple(TASK_NAMES)
    chosen = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if not all(_is_number(end, 3) for end in (first, last)):
            raise ValueError(
                f"tasks: {part.strip()!r} is not a task number; give numbers "
                f"from 1 to 20, such as 1,2,19 or 1-5, or all")
        if not 1 <= int(first) <= int(last) <= len(TASK_NAMES):
            raise ValueError(
                f"tasks: {part.strip()!r} is outside 1 to {len(TASK_NAMES)} or "
                f"runs backwards; give numbers such as 1,2,19 or 1-5, or all")
        chosen.update(range(int(first), int(last) + 1))
    return tuple(sorted(chosen))


def parse_weights(text: str) -> dict[int, float]:
    """Reads how often tasks are to come compared with others, such as `15:4,3:0.5`.

    Returns:
      `{task: weight}`, of the tasks named.

    Raises:
      ValueError: the text is not of that form, names a task twice, or one that does
        not exist, or a weight above 99.
    """
    weights = {}
    for part in text.split(","):
        match = _WEIGHT.fullmatch(part.strip())
        task = int(match[1]) if match else 0
        if task not in TASK_NAMES or task in weights:
            raise ValueError(
                f"{part.strip()[:40]!r} is not a task and its weight; give each task "
                f"once, from 1 to {len(TASK_NAMES)}, and a weight from 0 to 99 with at "
                f"most two decimals, such as 15:4,17:2.5")
        weights[task] = float(match[2])
    return weights


def _is_number(text, digits):
    """Whether a text is a whole number of at most so many digits.

    The limit keeps int() from meeting thousands of them.
    """
    return text.isascii() and text.isdigit() and len(text) <= digits
