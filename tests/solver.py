"""Answers bAbI questions from the text alone, by the rules a reader would use.

An oracle for the tests: it knows nothing of how stories are generated and imports
nothing of the project. `check_text` reads a file in the official format and solves
every question in it, `Verdict` holds what it found, and one reader class a family
of tasks (in the other solver_*.py files) does the understanding:

    reader.tell(line_number, sentence)    takes in a statement
    reader.ask(question) -> answer, sets of lines that are a reason for it
"""

from typing import Iterator, NamedTuple

from solver_facts import DeductionReader, InductionReader, MotivationReader, SizeReader
from solver_motion import MotionReader
from solver_space import ArrangementReader, MapReader
from solver_time import TimeReader

READERS = {
    **dict.fromkeys([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13], MotionReader),
    **dict.fromkeys([4, 19], MapReader),
    14: TimeReader,
    15: DeductionReader,
    16: InductionReader,
    17: ArrangementReader,
    18: SizeReader,
    20: MotivationReader,
}


class Verdict(NamedTuple):
    """What a file says of a question, and what the solver says of it.

    Attributes:
      place: "story S line N", both from 1.
      question: the question's text.
      answer, support: what the file says.
      solved_answer: the solver's answer.
      solved_supports: the sets of lines, in the order the file should name them,
        that the solver takes as the reason (more than one if the story says the
        same twice).
      supporting: the answer that the solver gives if it is told only the lines
        that the file names as support.
    """

    place: str
    question: str
    answer: str
    support: tuple[int, ...]
    solved_answer: str
    solved_supports: frozenset
    supporting: str

    @property
    def answer_agrees(self) -> bool:
        """Whether the file's answer follows from the story."""
        return self.answer == self.solved_answer

    @property
    def support_agrees(self) -> bool:
        """Whether the file's supporting lines are the right ones and suffice."""
        return (self.support in self.solved_supports
                and self.supporting == self.answer)


def check_text(task: int, text: str) -> Iterator[Verdict]:
    """Solves each question of a file of one task and compares with its answers."""
    story, told, reader = 0, [], None
    for row in text.splitlines():
        number, _, content = row.partition(" ")
        if number == "1":
            story, told, reader = story + 1, [], READERS[task]()
        if "\t" not in content:
            told.append((int(number), content))
            reader.tell(int(number), content)
            continue
        question, answer, support = content.split("\t")
        lines = tuple(map(int, support.split()))
        answer_found, supports = reader.ask(question.strip())
        yield Verdict(f"story {story} line {number}", question.strip(), answer, lines,
                      answer_found, frozenset(supports),
                      _answer_from(task, told, lines, question.strip()))


def _answer_from(task, told, lines, question):
    """The answer of a fresh reader that hears only some lines of the story."""
    reader = READERS[task]()
    for number, sentence in told:
        if number in lines:
            reader.tell(number, sentence)
    return reader.ask(question)[0]
