"""What a task is: how its stories are written, and with which cast."""

import dataclasses
import functools
from collections.abc import Callable

from babi.simulator import words
from babi.simulator.chance import Chance
from babi.simulator.options import Options
from babi.stories.story import Line

# The official pace (see script.PacedStory).
_LENGTH_FACTOR = 1
_QUESTION_WINDOW = 5


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a story is made with.

    Attributes:
      actors, places, things: who and what may occur; empty if the task has a cast
        of its own.
      num_questions: questions in the story, or 0 if the task decides.
      length_factor, question_window: the pace, as in `Options`.
    """

    actors: tuple[str, ...]
    places: tuple[str, ...]
    things: tuple[str, ...]
    num_questions: int
    length_factor: int
    question_window: int


@dataclasses.dataclass(frozen=True)
class Task:
    """A task's generator.

    Attributes:
      write: function of (Chance, Setting) to a story's lines.
      actors, places, things: the official cast; empty if options can't change it.
      num_questions: official number of questions in a story; 0 if options can't
        change it.
      paced: whether the pace can be changed.
      max_things: most things that a story can have.
      check: function of a Setting that raises ValueError if no story can be made
        with it.
    """

    write: Callable[[Chance, Setting], list[Line]]
    actors: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    num_questions: int = 0
    paced: bool = False
    max_things: int = len(words.THINGS)
    check: Callable[[Setting], None] = lambda setting: None

    def accepts(self) -> frozenset[str]:
        """Names of the options that apply to this task."""
        parts = {"num_actors": self.actors, "num_places": self.places,
                 "num_objects": self.things,
                 "questions_per_story": self.num_questions,
                 "length_factor": self.paced, "question_window": self.paced}
        return frozenset(name for name, part in parts.items() if part)

    @functools.lru_cache(maxsize=256)
    def setting(self, options: Options = Options()) -> Setting:
        """The task's cast and pace under the options that apply to it.

        Raises:
          ValueError: no story can be made so.
        """
        given = {name: value for name, value in options.given().items()
                 if name in self.accepts()}
        if given.get("num_objects", 0) > self.max_things:
            raise ValueError(f"num_objects: got {given['num_objects']}, expected at "
                             f"most {self.max_things}")
        setting = Setting(
            _resized(self.actors, words.PEOPLE, given.get("num_actors")),
            _resized(self.places, words.PLACES, given.get("num_places")),
            _resized(self.things, words.THINGS, given.get("num_objects")),
            given.get("questions_per_story", self.num_questions),
            given.get("length_factor", _LENGTH_FACTOR),
            given.get("question_window", _QUESTION_WINDOW))
        self.check(setting)
        return setting


def _resized(cast, pool, size):
    """The first `size` of the cast and, after it, the rest of the pool."""
    if size is None:
        return cast
    return tuple(dict.fromkeys(cast + pool))[:size]
