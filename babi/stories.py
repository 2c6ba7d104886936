"""Stories of the bAbI tasks: what a story is, and its text format.

A bAbI file is a run of numbered lines; a line numbered 1 starts a story. A line
with tabs is a question: its text, the answer, and the numbers of the lines that
support the answer.
"""

from typing import NamedTuple


class Line(NamedTuple):
    """One line of a story, without its number.

    Attributes:
      text: the sentence or question as written, ending in `.` or `?`, without
        surrounding spaces.
      answer: the answer as written (words joined by commas, no spaces), or None
        for a statement.
      support: 1-based numbers of the lines of the same story that support the
        answer; empty for a statement.
    """

    text: str
    answer: str | None = None
    support: tuple[int, ...] = ()


class Story(NamedTuple):
    """A story with all its questions.

    Attributes:
      task: the task's number, 1 to 20.
      lines: its lines, statements and questions, in order; line i of the file
        is `lines[i - 1]`.
    """

    task: int
    lines: tuple[Line, ...]
