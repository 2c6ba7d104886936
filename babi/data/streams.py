"""Examples in the order of training: numbered streams that can start anywhere.

A stream gives the example at any position, 0, 1, 2, ..., so that a run goes on
after a restart from a position alone. Orders come from the seed by way of
PCG64's raw output, which NumPy keeps the same on every machine and in every
version (it makes no such promise for `Generator.permutation`).
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np

from babi.data.encoding import Encoder, Example, story_length
from babi.stories.own_split import apart
from babi.stories.story import DataError, Story

VALIDATION_SHARE = 0.1  # of each task's training stories
_TURN_STEPS = 100  # of an even task's part in a turn: what weights are rounded to
_REMEMBERED = 4096  # generated examples kept at hand
_ATTEMPTS = 100  # stories to try for a position

# Keep the random numbers of different purposes apart.
_HOLD_OUT, _STORY_ORDER, _TASK_ORDER = range(3)


class ExampleStream(Protocol):
    """Examples by position.

    Attributes:
      count: number of positions, None for an endless stream.
      longest: no example has more tokens.
    """

    count: int | None
    longest: int

    def example(self, position: int) -> Example:
        """The example at a position; always the same one."""

    def length(self, position: int) -> int:
        """Number of tokens of the example at a position."""

    def task(self, position: int) -> int:
        """Task number of the example at a position."""


def _raw(size, key):
    """`size` numbers below 2 ** 64."""
    return np.random.PCG64(np.random.SeedSequence(key)).random_raw(size)


def uniforms(size: int, *key: int) -> np.ndarray:
    """Random numbers from 0 up to 1, the same for the same key everywhere.

    Args:
      size: how many.
      *key: as for `permutation`.

    Returns:
      float64 `[size]`.
    """
    return (_raw(size, key) >> np.uint64(11)) * 2.0 ** -53


def permutation(size: int, *key: int) -> np.ndarray:
    """A random order of 0 to `size - 1`, the same for the same key everywhere.

    Args:
      size: how many numbers.
      *key: non-negative integers, such as a seed and an epoch.

    Returns:
      int64 `[size]`, read-only.
    """
    order = np.argsort(_raw(size, key), kind="stable")
    order.setflags(write=False)
    return order


# For orders that are asked for again and again.
_kept_permutation = functools.lru_cache(maxsize=128)(permutation)


class TaskTurns:
    """Which task comes at a position, where each turn holds tasks in given numbers.

    Args:
      counts: `{task: how often it comes in a turn}`.
      seed: of the random order within a turn.

    Attributes:
      size: positions in a turn.
    """

    def __init__(self, counts: Mapping[int, int], seed: int):
        self._seed = seed
        self._counts = {task: count for task, count in sorted(counts.items()) if count}
        self._firsts = dict(zip(self._counts, np.cumsum(
            [0, *self._counts.values()]).tolist()))
        self._tasks = np.repeat(list(self._counts), list(self._counts.values()))
        self.size = self._tasks.size

    def at(self, position: int) -> tuple[int, int]:
        """(task, how often it came before) at a position; no such pair comes twice."""
        turn, place = divmod(position, self.size)
        slot = int(_kept_permutation(self.size, self._seed, _TASK_ORDER, turn)[place])
        task = int(self._tasks[slot])
        return task, turn * self._counts[task] + slot - self._firsts[task]


def task_counts(numbers: Mapping[int, int], weights: Mapping[int, float],
                sampling: str) -> dict[int, int]:
    """How often each task comes in a turn of `TaskTurns`.

    Args:
      numbers: `{task: number of its stories}`.
      weights: `{task: factor}`, 1 for tasks that are not named; 0 alone leaves one out.
      sampling: "stories", so that a turn without weights holds each story once, or
        "tasks", evenly.
    """
    whole = {task: number if sampling == "stories" else _TURN_STEPS
             for task, number in numbers.items() if number}
    counts = {task: max(round(number * weights.get(task, 1.0)),
                        1 if weights.get(task, 1.0) else 0)
              for task, number in whole.items()}
    divisor = math.gcd(*counts.values()) if sampling == "tasks" else 1
    return {task: count // max(divisor, 1) for task, count in counts.items()}


def hold_out(counts: Mapping[int, int], seed: int,
             texts: Mapping[int, Sequence[int]] = MappingProxyType({})
             ) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Splits the stories of each task into training and validation.

    `VALIDATION_SHARE` of them is held out, rounded to whole stories, but at least one;
    of a single story none. A task's split depends on the seed and its number of
    stories, not on which other tasks are chosen. Stories with equal text may fall on
    both sides, as they do between the training and test files of task 4, unless
    `texts` says which these are.

    Args:
      counts: `{task: number of stories}`.
      seed: a non-negative integer.
      texts: `{task: the number of each story's text}`, see `own_split.apart`.

    Returns:
      `(training, validation)`, each `{task: ascending story numbers}`.
    """
    training, validation = {}, {}
    for task, count in counts.items():
        order = permutation(count, seed, _HOLD_OUT, task)
        held = max(min(max(round(count * VALIDATION_SHARE), 1), count - 1), 0)
        chosen = apart(order, texts[task], held) if task in texts else order[:held]
        validation[task] = np.sort(np.array(chosen, order.dtype))
        training[task] = np.setdiff1d(order, validation[task])
    return training, validation


def again(before: int, size: int, seed: int, task: int) -> int:
    """Which of `size` stories comes after `before` others, epoch after epoch.

    Args:
      before: how many came before.
      size: how many there are; each epoch has all of them, in an order of its own.
      seed: of the orders.
      task: whose stories they are.
    """
    epoch, place = divmod(before, size)
    return int(_kept_permutation(size, seed, _STORY_ORDER, task, epoch)[place])


class StoryStream:
    """A finite list of stories, seen epoch after epoch.

    Tasks come in turns (`TaskTurns`), and each goes through its own stories epoch
    after epoch, in an order given by the seed and the epoch. With sampling "stories"
    and no weights a turn holds every story once: a fair draw over stories.
    """

    def __init__(self, stories: Mapping[int, Sequence[Story]], encoder: Encoder,
                 seed: int, chosen: Mapping[int, np.ndarray] | None = None,
                 sampling: str = "stories", epochs: int | None = None,
                 weights: Mapping[int, float] | None = None,
                 change: Callable[..., Story] | None = None):
        """Makes a stream.

        Args:
          stories: `{task: stories}`.
          encoder: turns stories into examples.
          seed: a non-negative integer.
          chosen: `{task: story numbers}` to use; None: all.
          sampling: "stories" or "tasks".
          epochs: for a stream that ends, the number of epochs, of as many positions
            as there are stories; None: endless.
          weights: see `task_counts`.
          change: called with a story, the seed and its position, gives the story to
            take in its place, of the same length.

        Raises:
          DataError: no stories.
        """
        numbers = {task: np.asarray(chosen[task] if chosen else range(len(of_task)))
                   for task, of_task in sorted(stories.items())}
        counts = task_counts({task: of_task.size for task, of_task in numbers.items()},
                             weights or {}, sampling)
        self._numbers = {task: numbers[task] for task, count in counts.items() if count}
        if not self._numbers:
            raise DataError("a stream needs at least one story; choose tasks or data "
                            "that have some")
        self._turns = TaskTurns(counts, seed)
        self._change = change
        self._stories = stories
        self._encoder = encoder
        self._seed = seed
        self._lengths = {task: {int(index): story_length(stories[task][index])
                                for index in of_task}
                         for task, of_task in self._numbers.items()}
        self.longest = max(max(of_task.values()) for of_task in self._lengths.values())
        self.count = None if epochs is None else epochs * sum(
            of_task.size for of_task in self._numbers.values())

    def key(self, position: int) -> tuple[int, int]:
        """(task, story number) at a position."""
        task, before = self._turns.at(position)
        numbers = self._numbers[task]
        return task, int(numbers[again(before, numbers.size, self._seed, task)])

    def example(self, position: int) -> Example:
        """The example at a position; always the same one."""
        task, index = self.key(position)
        story = self._stories[task][index]
        if self._change:
            story = self._change(story, self._seed, position)
        return self._encoder.encode(story, index)

    def length(self, position: int) -> int:
        """Number of tokens of the example at a position."""
        task, index = self.key(position)
        return self._lengths[task][index]

    def task(self, position: int) -> int:
        """Task number of the example at a position."""
        return self.key(position)[0]


class GeneratedStream:
    """An endless stream of stories made by a function, such as a simulator."""

    count = None

    def __init__(self, story_at: Callable[[int, int], Story], encoder: Encoder,
                 longest: int):
        """Makes a stream.

        Args:
          story_at: gives the story of a position and a number of attempt, from 0,
            always the same one.
          encoder: turns stories into examples.
          longest: a longer story is cut after the last of its questions that
            fits, which leaves a story as good as any: the network reads forwards.
            One without such a question gives way to the next attempt.
        """
        self.longest = longest
        # Stories that wait for their place in a batch are asked for again. A bound
        # method would keep a stream that nobody uses, and them, till a collection.
        self.example = functools.lru_cache(maxsize=_REMEMBERED)(
            functools.partial(_generated, story_at, encoder, longest))

    def length(self, position: int) -> int:
        """Number of tokens of the example at a position."""
        return self.example(position).inputs.size

    def task(self, position: int) -> int:
        """Task number of the example at a position."""
        return self.example(position).task


def _generated(story_at, encoder, longest, position):
    """The example at a position of a `GeneratedStream`; always the same one.

    Raises:
      DataError: no story has a question that fits.
    """
    for attempt in range(_ATTEMPTS):
        example = encoder.encode(story_at(position, attempt), position)
        if example.inputs.size <= longest:
            return example
        ends = _question_ends(example)
        fitting = ends[ends <= longest]
        if fitting.size:
            return Example(example.task, example.index,
                           *(array[:fitting[-1]] for array in example[2:]))
    raise DataError(f"story {position}: in {_ATTEMPTS} attempts none had a question "
                    f"within {longest} tokens; allow longer stories")


def _question_ends(example: Example) -> np.ndarray:
    """The numbers of tokens after which a question has all words of its answer."""
    questions = np.append(example.questions, -1)
    return np.flatnonzero((questions[:-1] >= 0) & (np.diff(questions) != 0)) + 1
