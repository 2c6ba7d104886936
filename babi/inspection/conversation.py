"""Stories as people type them, without answers and line numbers, and the replies."""

import re

from babi.data.encoding import story_tokens
from babi.data.vocabulary import ANSWER_MARK, MARKS, QUESTION_MARK, STATEMENT_MARK
from babi.inspection.reading import check_words
from babi.stories.own import read_file
from babi.stories.own_format import parse_own
from babi.stories.story import DataError
from babi.stories.words import split_words

_MAX_TOKENS = 100_000
_NUMBER = re.compile(r"\A\s*\d+\s+")


def line_tokens(text):
    """A typed line as (input word, None) pairs.

    A leading number is left out; a line without a mark at its end is a statement; a
    question gets one `-` for its answer, or as many as were typed after its `?`.

    Args:
      text: sentences, such as `Where is Mary?` or `What has she? - -`.

    Raises:
      DataError: a `-` elsewhere, or a mark without words before it.
    """
    words = [word.lower() for word in split_words(_NUMBER.sub("", text))]
    if words and words[-1] not in MARKS:
        words.append(STATEMENT_MARK)
    tokens = []
    for place, word in enumerate(words):
        before = words[place - 1] if place else None
        if word == ANSWER_MARK and before not in (QUESTION_MARK, ANSWER_MARK):
            raise DataError(f"{text.strip()!r}: a '-' stands for a word of an answer, "
                            f"so it comes after a '?'; write one there")
        if word in (STATEMENT_MARK, QUESTION_MARK) and before in (None, *MARKS):
            raise DataError(f"{text.strip()!r}: no words before {word!r}; a sentence "
                            f"is words and then one '.' or '?'")
        tokens.append((word, None))
        if word == QUESTION_MARK and words[place + 1:place + 2] != [ANSWER_MARK]:
            tokens.append((ANSWER_MARK, None))
    return tokens


def read_story(path, task, index=0):
    """Reads a story file, typed or in a format of stories of one's own (`own_format`).

    Args:
      path: the file.
      task: the task that stories of such a format are taken for.
      index: which of these stories, from 0.

    Returns:
      A list of (input word, right word or None) pairs.

    Raises:
      DataError: the file can't be read, or is not a story with a question.
    """
    data = read_file(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    if "\t" in text or text.lstrip().startswith("{"):
        stories = parse_own(data, str(path), task)
        if index >= len(stories):
            raise DataError(f"{path}: it has {len(stories)} stories, so the index is "
                            f"0 to {len(stories) - 1}, not {index}")
        return story_tokens(stories[index])
    tokens = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            tokens += line_tokens(line)
        except DataError as fault:
            raise DataError(f"{path}:{number}: {fault}") from None
    if not any(word == ANSWER_MARK for word, _ in tokens):
        raise DataError(f"{path}: no question in it; end a sentence with '?'")
    if len(tokens) > _MAX_TOKENS:
        raise DataError(f"{path}: {len(tokens):,} words are too many for a story; "
                        f"give at most {_MAX_TOKENS:,}")
    return tokens


def converse(reader, vocabulary, lines, patient):
    """Reads a story line by line and prints answers to its questions as they come.

    Args:
      reader: `reading.Reader`.
      vocabulary: its `vocabulary.Vocabulary`.
      lines: the typed lines.
      patient: True asks for a line that can't be read once more.

    Returns:
      The `reading.Reading` up to the last question, or None without a question.

    Raises:
      DataError: a line that can't be read, unless patient.
    """
    tokens, found = [], None
    for number, text in enumerate(lines, start=1):
        try:
            more = line_tokens(text)
            check_words(more, vocabulary, f"line {number}")
        except DataError as fault:
            if not patient:
                raise
            print(f"{fault}. Type the line again.")
            continue
        start = len(tokens)
        tokens += more
        if any(word == ANSWER_MARK for word, _ in more):
            found, = reader.read({"A typed story": tokens})
            for question in found.questions():
                if question.steps[0] >= start:
                    print("\n".join(describe(found, question)))
    return found


def describe(reading, question):
    """Lines of text on a `reading.Question`: question, answer, likely words."""
    answer = " ".join(question.given)
    if question.is_right:
        answer += "  (right)"
    elif question.right is not None:
        answer += f"  (wrong, it is: {' '.join(question.right)})"
    yield f"{question.text} {answer}"
    for step in question.steps:
        yield "    " + "  ".join(f"{word} {probability:.3f}"
                                 for word, probability in reading.top[step])
