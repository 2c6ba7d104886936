"""The text of stories of one's own -> stories: bAbI's text, or JSON lines.

bAbI's text is read with more patience than in `babi.stories.story`, which is for the
official files: supporting lines, last marks and the tab's neighbours may be missing.
"""

import contextlib
import functools
import json
import math
import re

from babi.stories.story import DataError, Line, Story, decoded, shown
from babi.stories.words import cleaned, split_answer, split_words

_MAX_TOKENS = 65_536  # of a story: steps of the longest row
_MAX_LINE = 1 << 20  # letters
_MAX_LETTERS = 200  # of a word

_NUMBERED = re.compile(r"(\d{1,6})(\s+)(\S.*)")
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SUPPORT = re.compile(r"[\d\s,]*")
_MARKS = (".", "?")
_OBJECT = '{"story": ["...", "..."], "question": "...?", "answer": "..."}'


def parse_own(data: bytes, place: str, task: int) -> list[Story]:
    """Reads the stories of one file, of bAbI's text or of JSON lines.

    Args:
      data: the file's bytes.
      place: the file's name, for error messages.
      task: number of the task that the stories belong to.

    Raises:
      DataError: no story, or a line that is none of the format.
    """
    text = cleaned(decoded(data, place))
    lines = [(number, line.strip()) for number, line in
             enumerate(re.split("\r\n|\n|\r", text), start=1) if line.strip()]
    if not lines:
        raise DataError(f"{place}: no story in it; write some, or put it elsewhere")
    longest, first = max((len(line), number) for number, line in lines)
    if longest > _MAX_LINE:
        raise DataError(f"{place}:{first}: a line of {longest:,} letters; divide it, "
                        f"or put the file elsewhere if it holds no stories")
    is_json = lines[0][1].startswith(("{", "["))  # "[": to be told what is wanted
    read = _stories_of_json if is_json else _stories_of_text
    stories = []
    for first, content in read(lines, place):
        if sum(line.length for line in content) > _MAX_TOKENS:
            raise DataError(f"{place}:{first}: a story of more than {_MAX_TOKENS:,} "
                            f"words starts here; divide it")
        if all(line.answer is None for line in content):
            raise DataError(f"{place}:{first}: the story that starts here has no "
                            f"question; write one, then a tab and its answer")
        stories.append(Story(task, tuple(content)))
    return stories


def _stories_of_text(lines, place):
    """(line of the file, `Line`s) of each story, of (number, text) of bAbI's lines."""
    story, first = [], 0
    for number, text in lines:
        match = _NUMBERED.fullmatch(text)
        index = int(match[1]) if match else 0
        if index == 1 and story:
            yield first, story
            story = []
        first = first if story else number
        with _told(f"{place}:{number}"):
            if index != len(story) + 1:
                following = f" or {len(story) + 1}" if story else ""
                raise DataError(f"expected a line numbered 1{following}, got "
                                f"{shown(text)}; each story's lines are numbered 1, 2, "
                                f"3, ... (docs/own-data.md); put the file elsewhere if "
                                f"it holds no stories")
            if "\t" in match[2][1:]:
                raise DataError(f"no words before the tab in {shown(text)}; write the "
                                f"question there")
            story.append(_line(match[3]))
    yield first, story


def _line(body):
    """A line of bAbI's text without its number."""
    text, *rest = body.split("\t")
    if not rest:
        sentence = _sentence(text, ".")
        if "?" in sentence:
            raise DataError(f"a question without an answer: {shown(body)}; put a tab "
                            f"and the answer behind it")
        return Line(sentence)
    if len(rest) > 2 or not _SUPPORT.fullmatch("".join(rest[1:])):
        raise DataError(f"{len(rest)} tabs in {shown(body)}; a question is followed by "
                        f"a tab and its answer, of words with blanks or commas between "
                        f"them, and may be by another and the numbers of supporting "
                        f"lines")
    return Line(_sentence(text, "?"), _answer(rest[0]))


def _stories_of_json(lines, place):
    """(line of the file, `Line`s) of each story, of (number, text) of JSON lines."""
    for number, text in lines:
        with _told(f"{place}:{number}"):
            try:
                record = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise DataError(f"not JSON ({error}): {shown(text)}; write each story "
                                f"on a line, as {_OBJECT}") from None
            yield number, _story_of_json(record)


def _story_of_json(record):
    """The `Line`s of an object of JSON."""
    if not isinstance(record, dict):
        raise DataError(f"not an object; write each story as {_OBJECT}")
    story, question, answer = map(record.get, ("story", "question", "answer"))
    story = [story] if isinstance(story, str) else story
    answer = answer if isinstance(answer, list) else [answer]
    for name, good, wanted in (
            ("story", isinstance(story, list) and all(
                isinstance(sentence, str) for sentence in story), "a list of texts"),
            ("question", isinstance(question, str), "a text"),
            ("answer", all(type(word) in (str, int) or (
                type(word) is float and math.isfinite(word)) for word in answer),
             "a text, a number or a list of them")):
        if not good:
            fault = f"is not {wanted}" if name in record else "is missing"
            raise DataError(f'"{name}" {fault}; write each story as {_OBJECT}')
    return [*(Line(_sentence(sentence, ".", asks=True)) for sentence in story),
            Line(_sentence(question, "?"), _answer(" ".join(map(str, answer))))]


# Sentences and answers come from small worlds and repeat, as in bAbI's own files.
@functools.lru_cache(maxsize=1 << 16)
def _sentence(text, mark, asks=False):
    """A sentence as `story.Line` has it: words and marks, one at the end.

    Args:
      text: the sentence, or several, as written.
      mark: what is put at the end if it is not there.
      asks: whether a statement may end in `?`.
    """
    words = []
    for word in _checked(split_words(text), text):
        if word not in _MARKS or (words and words[-1] not in _MARKS):
            words.append(word)  # "..." counts once, and not at the beginning
    if not words:
        raise DataError(f"no words in {shown(text)}; write a sentence")
    if mark == "?" and words[-1] == ".":
        words[-1] = mark  # "Tell me who." with an answer is a question
    elif words[-1] != mark and not (asks and words[-1] == "?"):
        words.append(mark)
    return f"{' '.join(words[:-1])}{words[-1]}"


@functools.lru_cache(maxsize=1 << 16)
def _answer(text):
    """An answer as `story.Line` has it: words joined by commas."""
    words = _checked(split_answer(text), text)
    if "?" in words or set(words) <= set(_MARKS):
        raise DataError(f"the answer {shown(text)} is not words, with blanks or commas "
                        f"between them; mend it")
    return ",".join(words)


def _checked(words, text):
    """The words of a text, if all of them can be words."""
    control = _CONTROL.search(text)
    if control:
        raise DataError(f"a control character, {control[0]!r}, in {shown(text)}; leave "
                        f"it out, or put the file elsewhere if it holds no stories")
    if "-" in words:
        raise DataError(f"a '-' by itself in {shown(text)}; it stands for the word of "
                        f"an answer: leave it out, or write another dash")
    longest = max(words, key=len, default="")
    if len(longest) > _MAX_LETTERS:
        raise DataError(f"a word of {len(longest):,} letters, {shown(longest, 20)}; "
                        f"blanks separate words, which have at most {_MAX_LETTERS}")
    return words


@contextlib.contextmanager
def _told(place):
    """Puts a place before what is said of a fault."""
    try:
        yield
    except DataError as fault:
        raise DataError(f"{place}: {fault}") from None
