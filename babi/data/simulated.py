"""Simulated stories for a run: endless ones, held-out ones, those that fill a task."""

import hashlib
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from babi.data.encoding import story_length
from babi.data.streams import GeneratedStream, TaskTurns, again, task_counts
from babi.simulator import (OFFICIAL_STORIES, Options, check_options, generate_story,
                            options_for, version)
from babi.simulator.output import stories_with_questions
from babi.stories.source import OWN, SIMULATED
from babi.stories.story import DataError, Story, format_stories
from babi.stories.tasks import TEST_QUESTIONS

_MEASURED_STORIES = 64  # of each task, for the length of the longest
_LENGTH_MARGIN = 1.5
_HASHED_STORIES = 5  # of each task
# Between the numbers of stories in one phase of a run and the next, and between those
# tried for a position; no training gets that far.
_PHASE_STEP, _ATTEMPT_STEP = 1 << 40, 1 << 48


class SimulatedSource(NamedTuple):
    """Stories of the simulator, in the place of a `source.DataSource`.

    Attributes:
      tasks: task numbers, ascending.
      seed: seed of the stories.
      options: `simulator.Options`.
    """

    tasks: tuple[int, ...]
    seed: int = 0
    options: Options = Options()

    def stories(self, split: str, tasks: tuple[int, ...]) -> dict[int, list[Story]]:
        """Stories of each task with as many questions as the official test files.

        Raises:
          DataError: a task that can't follow the options.
        """
        try:
            check_options(sorted({*self.tasks, *tasks}), self.options)
        except ValueError as fault:
            raise DataError(f"simulated stories: {fault}") from None
        return {task: list(stories_with_questions(
            task, self.seed, TEST_QUESTIONS, options_for(task, self.options), split))
            for task in tasks}

    def first_stories(self, split: str, counts: dict[int, int]
                      ) -> dict[int, list[Story]]:
        """The first stories of tasks: `{task: number}` -> `{task: stories}`."""
        return {task: [self._story(task, index, split) for index in range(count)]
                for task, count in counts.items()}

    def new_stories(self, task: int, count: int, known: list[Story]) -> list[Story]:
        """The first training stories of a task that are not `known`, word for word."""
        texts = {format_stories([story]) for story in known}
        drawn = (self._story(task, index, "train") for index in itertools.count())
        new = (story for story in drawn if format_stories([story]) not in texts)
        return list(itertools.islice(new, count))

    def training_stream(self, encoder, sampling: str,
                        weights: dict[int, float] | None = None,
                        change: Callable[..., Story] | None = None,
                        repeated: tuple[int, ...] = (), phase: int = 0
                        ) -> GeneratedStream:
        """Endless training stories, new ones at each position but of `repeated` tasks.

        So they are as long as the shares of the tasks stay the same in a phase.

        Args:
          encoder: `encoding.Encoder`.
          sampling: "stories", tasks in their official shares, or "tasks", evenly.
          weights: see `streams.task_counts`.
          change: see `streams.StoryStream`; the key is how many of the task came
            before.
          repeated: tasks with as many stories as their official file, epoch after
            epoch.
          phase: number of the run's phase; each has stories of its own, but of the
            `repeated` tasks.
        """
        counts = task_counts({task: OFFICIAL_STORIES[task] for task in self.tasks},
                             weights or {}, sampling)
        turns = TaskTurns(counts, self.seed)

        def story_at(position, attempt):
            task, before = turns.at(position)
            before += phase * _PHASE_STEP
            number = (again(before, OFFICIAL_STORIES[task], self.seed, task)
                      if task in repeated else before)
            later = attempt * _ATTEMPT_STEP
            story = self._story(task, number + later, "train")
            return change(story, self.seed, before + later) if change else story

        return GeneratedStream(
            story_at, encoder, self._longest([task for task in counts if counts[task]]))

    def _longest(self, tasks):
        """Tokens that hardly a training story exceeds, always the same number."""
        counts = dict.fromkeys(tasks, _MEASURED_STORIES)
        return int(_LENGTH_MARGIN * max(
            story_length(story) for of_task in self.first_stories(
                "train", counts).values() for story in of_task))

    def _story(self, task, index, split):
        return generate_story(task, self.seed, index,
                              options_for(task, self.options), split)

    def identity(self) -> dict:
        """What the data is, to be kept as JSON beside a checkpoint.

        Returns:
          `{"kind", "name", "version", "seed", "options", "sha256"}`; "sha256" is that
          of some of the stories and so tells of any change in them.
        """
        return {"kind": SIMULATED, "name": "babi.simulator",
                "version": version(self.tasks), "seed": self.seed,
                "options": self.options.given(),
                "sha256": _hash(self.first_stories(
                    "train", dict.fromkeys(self.tasks, _HASHED_STORIES)))}


def fill(stories: dict[int, list[Story]], seed: int) -> tuple[dict, dict]:
    """Adds simulated stories to tasks with fewer than en-10k has.

    None is one of the task's own, which may be the simulator's too: held-out ones would
    be trained on.

    Args:
      stories: `{task: training stories}`; the lists are lengthened.
      seed: seed of the simulated ones.

    Returns:
      (`{task: story numbers of the added ones}`, their identity:
      `{"version", "seed", "stories": {task: number}, "sha256"}`); both are empty if
      no task is short of stories.
    """
    missing = {task: OFFICIAL_STORIES[task] - len(of_task)
               for task, of_task in stories.items()
               if len(of_task) < OFFICIAL_STORIES[task]}
    if not missing:
        return {}, {}
    source = SimulatedSource(tuple(missing), seed)
    added = {task: source.new_stories(task, count, stories[task])
             for task, count in missing.items()}
    numbers = {}
    for task, of_task in added.items():
        numbers[task] = np.arange(len(stories[task]), OFFICIAL_STORIES[task])
        stories[task] += of_task
    return numbers, {"version": version(missing), "seed": seed,
                     "stories": {str(task): n for task, n in missing.items()},
                     "sha256": _hash(added)}


def data_name(identity: dict) -> str:
    """Names data on one line.

    Args:
      identity: what a run's record says of its data, or a source's `identity()`.
    """
    digest = f"sha256 {str(identity.get('sha256'))[:12]}"
    if identity.get("kind") == SIMULATED:
        options = identity.get("options") or {}
        name = ", ".join([f"simulated stories ({_made_by(identity)}",
                          *(f"{name} {value}" for name, value in options.items()),
                          digest]) + ")"
    elif identity.get("kind") == OWN:
        name = f"{identity.get('name')}, stories of one's own ({digest})"
    else:
        name = f"{identity.get('name')}, {identity.get('variant')} ({digest})"
    name += _told_anew(identity)
    filled = identity.get("filled")
    if filled:
        counts = " and ".join(f"{count:,} of task {task}"
                              for task, count in filled["stories"].items())
        name += f", filled up with simulated stories: {counts} ({_made_by(filled)})"
    return name + "".join(f"; before, on {start['name']}"
                          for start in reversed(identity.get("starts", ())))


def _told_anew(identity):
    """How the stories were told in training, if not as they are."""
    told = ""
    if identity.get("exchanged"):
        told += ", names exchanged within its stories"
    if identity.get("retold"):
        told += ", task 16 retold without short cuts for a part"
    if identity.get("repeated"):
        told += (f", those of task {' and '.join(map(str, identity['repeated']))} "
                 f"told again and again for a part")
    return told


def _made_by(identity):
    return (f"babi.simulator version {identity.get('version')}, seed "
            f"{identity.get('seed')}")


def _hash(stories):
    text = "".join(f"{task}\n{format_stories(of_task)}"
                   for task, of_task in sorted(stories.items()))
    return hashlib.sha256(text.encode()).hexdigest()
