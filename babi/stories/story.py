"""Stories of the bAbI tasks: what a story is, and its text format.

A bAbI file is a run of numbered lines; a line numbered 1 starts a story. A line
with tabs is a question: its text, the answer, and the numbers of the lines that
support the answer.
"""

import codecs
import functools
from collections.abc import Iterable
from typing import NamedTuple

from babi.program.errors import UsageError
from babi.stories.tasks import TASK_NAMES

# The official files write a space between `?` and the tab in these tasks.
_TASKS_WITH_SPACE_BEFORE_TAB = frozenset({1, 2, 3, *range(5, 15)})

_MAX_SUPPORT_DIGITS = 6  # keeps int() away from absurdly long digit strings


class DataError(UsageError):
    """Data that can't be read: one line with the place, the fault, the way out."""


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

    @property
    def length(self) -> int:
        """Tokens that are read of it: words, the mark, one for each answer word."""
        words = _count_words(self.text)
        return words if self.answer is None else words + self.answer.count(",") + 1


class Story(NamedTuple):
    """A story with all its questions.

    Attributes:
      task: the task's number, 1 to 20, or that of a task of one's own.
      lines: its lines, statements and questions, in order; line i of the file
        is `lines[i - 1]`.
    """

    task: int
    lines: tuple[Line, ...]


def parse_stories(data: bytes, source: str, task: int) -> list[Story]:
    """Reads the stories of one bAbI file.

    Args:
      data: the file's bytes; lines end in a newline, with or without a carriage
        return before it.
      source: the file's name, for error messages.
      task: number of the task that the stories belong to.

    Returns:
      All stories of the file, in order; an empty list for an empty file.

    Raises:
      DataError: a line that is not what the format asks for. Nothing is guessed
        or left out.
    """
    if task not in TASK_NAMES:
        raise DataError(f"{source}: there is no task {task!r}; tasks are 1 to 20")
    if not data:
        return []
    stories = []
    lines: list[Line] = []
    first = 1  # line of the file where the story at hand starts
    for number, text in enumerate(_text_lines(data, source), start=1):
        index, _, body = text.partition(" ")
        if index == "1" and lines:
            stories.append(_story(task, lines, f"{source}:{first}"))
            lines, first = [], number
        try:
            if index != str(len(lines) + 1):
                following = f" or {len(lines) + 1}" if lines else ""
                raise DataError(
                    f"expected a line numbered 1{following}, got {shown(text)}; "
                    f"the lines of a story are numbered 1, 2, 3, ...")
            lines.append(_question(body, lines) if "\t" in body else _statement(body))
        except DataError as fault:
            raise DataError(f"{source}:{number}: {fault}") from None
    stories.append(_story(task, lines, f"{source}:{first}"))
    return stories


def format_stories(stories: Iterable[Story]) -> str:
    """Writes stories as the official files do, to the byte.

    Returns:
      The text of one file; `parse_stories` of it gives the same stories.
    """
    parts = []
    for story in stories:
        space = " " if story.task in _TASKS_WITH_SPACE_BEFORE_TAB else ""
        for number, line in enumerate(story.lines, start=1):
            if line.answer is None:
                parts.append(f"{number} {line.text}\n")
            else:
                support = " ".join(map(str, line.support))
                parts.append(
                    f"{number} {line.text}{space}\t{line.answer}\t{support}\n")
    return "".join(parts)


def decoded(data: bytes, source: str, encoding: str = "utf-8-sig") -> str:
    """The text of a file's bytes, by default without a byte-order mark.

    Raises:
      DataError: it is not UTF-8.
    """
    if encoding == "utf-8-sig":  # whose errors count from behind the mark
        data, encoding = data.removeprefix(codecs.BOM_UTF8), "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{source}:{line}: byte 0x{data[error.start]:02x} is not "
                        f"UTF-8; save the file as UTF-8, get it anew, or put it "
                        f"elsewhere if it holds no stories") from None


def answer_words(answer: str) -> list[str]:
    """The lower-case words of an answer as written, such as `milk,Apple`."""
    return answer.lower().split(",")


def count_questions(stories: Iterable[Story]) -> int:
    """Number of questions in all stories together."""
    return sum(line.answer is not None for story in stories for line in story.lines)


def _text_lines(data: bytes, source: str) -> list[str]:
    """Splits a file's bytes into lines, without their ends."""
    lines = decoded(data, source, "utf-8").split("\n")
    if lines.pop():
        raise DataError(
            f"{source}:{len(lines) + 1}: no line end after the last line, so the "
            f"file looks cut short; fetch it anew, or add the line end")
    return [line.removesuffix("\r") for line in lines]


def _story(task: int, lines: list[Line], place: str) -> Story:
    if all(line.answer is None for line in lines):
        raise DataError(f"{place}: the story that starts here has no question; "
                        f"add one, or delete the story")
    return Story(task, tuple(lines))


# Sentences and answers come from small worlds and repeat: caching what has been
# checked saves most of the time and memory of reading.
@functools.lru_cache(maxsize=1 << 16)
def _statement(body: str) -> Line:
    return Line(_sentence(body, "."))


@functools.lru_cache(maxsize=1 << 16)
def _count_words(text: str) -> int:
    """The words of a line's text, and its mark."""
    return len(text[:-1].split()) + 1


def _question(body: str, previous: list[Line]) -> Line:
    """Reads a question's line; `previous` are the story's lines before it."""
    fields = body.split("\t")
    if len(fields) != 3:
        raise DataError(
            f"a question needs two tabs (question, answer, numbers of the "
            f"supporting lines), got {len(fields) - 1} in {shown(body)}; mend it")
    text, answer, support = fields
    return Line(_sentence(text, "?"), _answer(answer), _support(support, previous))


@functools.lru_cache(maxsize=1 << 16)
def _sentence(text: str, mark: str) -> str:
    """Checks that text is words and then the mark `.` or `?`; cuts outer spaces."""
    sentence = text.strip(" ")
    if not sentence.endswith(mark) or not sentence.isprintable():
        wanted = ("a question ends in '?', then come a tab and the answer"
                  if mark == "?" else
                  "a statement ends in '.', a question has tabs after its '?'")
        raise DataError(f"cannot read {shown(text)}; {wanted}, and no control "
                        f"character is allowed")
    words = sentence[:-1].split()
    if not words or "-" in words or "." in sentence[:-1] or "?" in sentence[:-1]:
        raise DataError(f"cannot read {shown(text)}; a line is one sentence: "
                        f"words, then one '.' or '?', and no word is '-'")
    return sentence


@functools.lru_cache(maxsize=1 << 16)
def _answer(answer: str) -> str:
    """Checks an answer: words joined by commas."""
    for word in answer.split(","):
        if word in {"", "-", ".", "?"} or not word.isprintable() or " " in word:
            raise DataError(f"the answer {shown(answer)} is not words joined by "
                            f"commas, without spaces; mend it")
    return answer


def _support(text: str, previous: list[Line]) -> tuple[int, ...]:
    support = []
    for field in text.split(" ") if text else ():
        number = _number(field)
        if not 0 < number <= len(previous):
            raise DataError(
                f"supporting line {shown(field)} is not the number of an earlier "
                f"line of the story (1 to {len(previous)}); mend the number")
        if previous[number - 1].answer is not None:
            raise DataError(f"supporting line {field} is a question; name "
                            f"statements only")
        support.append(number)
    return tuple(support)


@functools.lru_cache(maxsize=1 << 16)
def _number(field: str) -> int:
    """The number of a line as the files write it; 0 if it is none."""
    well_formed = (field.isascii() and field.isdigit() and field[0] != "0"
                   and len(field) <= _MAX_SUPPORT_DIGITS)
    return int(field) if well_formed else 0


def shown(text: str, limit: int = 60) -> str:
    """Text for an error message: quoted, on one line, not too long."""
    return repr(text if len(text) <= limit else text[:limit] + "...")
