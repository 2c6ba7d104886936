"""Stories by number: any story of any seed, task and split, without the others."""

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence

from babi.simulator.chance import Chance, digest
from babi.simulator.options import Options
from babi.simulator.registry import TASKS
from babi.stories.story import Line, Story

# {task: version}, 1 where there is none. Raise it whenever a task's stories of a seed
# change, so that a record of tasks, seed and version always names the same stories.
_VERSIONS = {18: 2}

# Which tenths of all possible stories belong to a split.
SPLITS = {"train": range(0, 8), "valid": range(8, 9), "test": range(9, 10)}

# Stories in the official training files (en-10k): the shares of the tasks.
OFFICIAL_STORIES = {
    **dict.fromkeys([1, 2, 3, *range(5, 15)], 2000),
    **dict.fromkeys([4, 16, 19], 10000),
    15: 2500, 17: 1250, 18: 1978, 20: 933,
}


def version(tasks: Iterable[int]) -> int:
    """The version of the stories of some tasks: that of the one that changed most."""
    return max(_VERSIONS.get(task, 1) for task in tasks)


def generate_story(task: int, seed: int, index: int, options: Options = Options(),
                   split: str = "train") -> Story:
    """One story, determined by the arguments alone.

    Each possible story (the sequence of its lines) belongs to exactly one split, by
    a hash of its text. So stories of different splits are never the same, whatever
    their seeds, without any need to remember which stories there were.

    Args:
      task: number of the task, 1 to 20.
      seed: any whole number from 0.
      index: the story's number in its split, from 0.
      options: see `Options`.
      split: `train`, `valid` or `test`.

    Raises:
      ValueError: an argument out of its range, or options that the task can't follow.
    """
    _check([task], options, split, seed=seed, index=index)
    return _story(task, seed, index, options, split)


def stream(tasks: Iterable[int], seed: int, start: int = 0,
           options: Options = Options(), split: str = "train") -> Iterator[Story]:
    """Stories for ever, of all tasks in the shares that they have officially.

    The story at a position depends on the arguments and the position alone:
    `stream(..., start=n)` goes on exactly where n stories were read before.

    Args:
      tasks: numbers of the tasks.
      seed, options, split: see `generate_story`.
      start: position of the first story.

    Raises:
      ValueError: at once, see `generate_story`.
    """
    tasks = sorted(set(tasks))
    _check(tasks, options, split, seed=seed, start=start)
    bounds = list(itertools.accumulate(OFFICIAL_STORIES[task] for task in tasks))
    return (_story(_task_at(position, tasks, bounds, seed, split), seed, position,
                   options, split)
            for position in itertools.count(start))


def check_options(tasks: Sequence[int], options: Options) -> None:
    """Checks that there are such tasks and that they can follow the options.

    Raises:
      ValueError: a task that does not exist or can't follow an option, or an option
        that applies to none of the tasks.
    """
    if not tasks:
        raise ValueError("tasks: none given, expected numbers from 1 to 20")
    for task in tasks:
        if task not in TASKS:
            raise ValueError(f"tasks: there is no task {task!r}; tasks are 1 to 20")
        try:
            TASKS[task].setting(options)
        except ValueError as fault:
            raise ValueError(f"task {task}: {fault}") from None
    accepted = frozenset().union(*(TASKS[task].accepts() for task in tasks))
    for name in options.given():
        if name not in accepted:
            fitting = [str(t) for t, task in TASKS.items() if name in task.accepts()]
            raise ValueError(f"{name}: applies to none of the chosen tasks, only to "
                             f"{', '.join(fitting)}")


def options_for(task: int, options: Options) -> Options:
    """Those options that apply to a task, out of options for several tasks."""
    return Options(**{name: value for name, value in options.given().items()
                      if name in TASKS[task].accepts()})


def split_of(lines: Iterable[Line]) -> str:
    """The split that a story, given as its lines, belongs to."""
    tenth = digest("split", *(line.text for line in lines)) % 10
    return next(split for split, tenths in SPLITS.items() if tenth in tenths)


def _check(tasks, options, split, **numbers):
    """Raises ValueError unless the arguments of a public function are good."""
    check_options(tasks, options)
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, expected one of {', '.join(SPLITS)}")
    for name, number in numbers.items():
        if type(number) is not int or number < 0:
            raise ValueError(f"{name}: got {number!r}, expected a whole number, at "
                             f"least 0")


def _story(task, seed, index, options, split):
    """See `generate_story`."""
    chance = Chance("story", seed, split, task, index)
    setting = TASKS[task].setting(options)
    while True:
        lines = TASKS[task].write(chance, setting)
        if split_of(lines) == split:
            return Story(task, tuple(lines))


def _task_at(position, tasks, bounds, seed, split):
    """The task of the story at a position of a stream."""
    share = digest("stream", seed, split, position) % bounds[-1]
    return tasks[bisect.bisect_right(bounds, share)]
