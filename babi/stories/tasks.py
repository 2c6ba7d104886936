"""The 20 bAbI tasks and those of one's own: titles; how a user names some of them."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

_TASKS = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")  # a number, or first-last
_WEIGHT = re.compile(r"([0-9]{1,3}):([0-9]{1,2}(?:\.[0-9]{1,2})?)")
TEST_QUESTIONS = 1000  # in each task's test file, in every variant
OWN_TASKS = range(1, 1000)  # numbers that tasks of one's own may have

# As the files are called.
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

# As people say them: those names, but for a few.
TASK_TITLES = {task: name.replace("-", " ") for task, name in TASK_NAMES.items()} | {
    4: "two argument relations",
    5: "three argument relations",
    6: "yes/no questions",
    8: "lists/sets",
    20: "agent motivations",
}


def task_titles(identity: dict) -> dict[int, str]:
    """`{task: title}` of data: bAbI's, or the names of one's own.

    Args:
      identity: what a run's record says of its data, or a source's `identity()`.
    """
    return dict(enumerate(identity["tasks"], 1)) if "tasks" in identity else TASK_TITLES


def story_title(task: int, title: str, kind: str, index: int) -> str:
    """What people are shown above a story, the kind as in "simulated test story"."""
    return f"Task {task} ({title}), {kind} story {index}"


def parse_tasks(text: str, titles: Mapping[int, str] = MappingProxyType(TASK_TITLES)
                ) -> tuple[int, ...]:
    """Reads a choice of tasks such as `1,2,19`, `1-5,16` or `all`.

    Args:
      text: numbers or titles of tasks.
      titles: `{task: title}` of all there are, numbered from 1.

    Returns:
      The task numbers in ascending order, each once.

    Raises:
      ValueError: the text names no task, or one that does not exist.
    """
    if text.strip().lower() == "all":
        return tuple(titles)
    chosen, numbers = set(), {title: task for task, title in titles.items()}
    parts = [text] if text.strip() in numbers else text.split(",")
    for part in map(str.strip, parts):
        if part in numbers:
            chosen.add(numbers[part])
            continue
        match = _TASKS.fullmatch(part)
        if match is None:
            raise ValueError(
                f"tasks: {part[:60]!r} is neither the name nor the number of a task; "
                f"give numbers from 1 to {len(titles)}, such as 1,2,19 or 1-5, or all")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= len(titles):
            raise ValueError(
                f"tasks: {part!r} is outside 1 to {len(titles)} or runs backwards; "
                f"give numbers such as 1,2,19 or 1-5, or all")
        chosen.update(range(first, last + 1))
    return tuple(sorted(chosen))


def parse_weights(text: str, known: Collection[int] = tuple(TASK_NAMES)
                  ) -> dict[int, float]:
    """Reads how often tasks are to come compared with others, such as `15:4,3:0.5`.

    Args:
      text: tasks by number, each with its weight.
      known: the numbers there are.

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
        if task not in known or task in weights:
            raise ValueError(
                f"{part.strip()[:40]!r} is not a task and its weight; give each task "
                f"once, from 1 to {len(known)}, and a weight from 0 to 99 with at "
                f"most two decimals, such as 15:4,17:2.5")
        weights[task] = float(match[2])
    return weights
