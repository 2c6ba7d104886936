"""Options for harder and longer stories."""

import dataclasses

from babi.simulator import words

# Option -> (least, most, what it sets). None, the default, is as in the official files.
_OPTIONS = {
    "num_actors": (2, len(words.PEOPLE), "people in a story"),
    "num_places": (3, len(words.PLACES), "places where people can be"),
    "num_objects": (1, len(words.THINGS), "things that can be carried"),
    "questions_per_story": (1, 1000, "questions in a story"),
    "length_factor": (1, 100, "pairs of sentences before each question"),
    "question_window": (1, 1000, "latest clauses that a question can be about"),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a generated story; None leaves what the official files have.

    An option applies to the tasks that have what it speaks of and leaves the others
    as they are (`Task.accepts`); one that applies to no chosen task is an error.

    Attributes:
      num_actors: people in a story. Official: 4, and 5 in task 16. All tasks but
        4, 17, 18 and 19.
      num_places: places, among them those of task 4's and 19's maps. Official: 6.
        Tasks 1-14 and 19.
      num_objects: things that can be carried. Official: 3. Tasks 2, 3 and 5-8.
      questions_per_story: questions in a story. Official: 5; 4 in task 15, 8 in 17. All
        tasks but 4, 16, 19 and 20.
      length_factor: how many pairs of sentences stand before each question (or
        before the story is looked at again, if nothing can be asked). Official: 1.
        Tasks 1-3 and 5-14.
      question_window: a question is about one of so many latest clauses. Official:
        5; larger ones ask about what is longer ago. Tasks 1-3 and 5-14.
    """

    num_actors: int | None = None
    num_places: int | None = None
    num_objects: int | None = None
    questions_per_story: int | None = None
    length_factor: int | None = None
    question_window: int | None = None

    def __post_init__(self):
        for name, value in self.given().items():
            least, most, _ = _OPTIONS[name]
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name}: got {value!r}, expected a whole number "
                                 f"from {least} to {most}")

    def given(self) -> dict[str, int]:
        """The options that were given, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items()
                if value is not None}

    @staticmethod
    def description(name: str) -> str:
        """One line about an option, for a command's help."""
        least, most, what = _OPTIONS[name]
        return f"{what} ({least} to {most}); by default as in the official files"
