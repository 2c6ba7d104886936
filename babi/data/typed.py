"""Stories as people type them, without answers and line numbers -> tokens."""

import difflib
import re

from babi.data.encoding import story_tokens
from babi.data.vocabulary import ANSWER_MARK, MARKS, QUESTION_MARK, STATEMENT_MARK
from babi.stories.own_format import parse_own
from babi.stories.source import read_file
from babi.stories.story import DataError, decoded
from babi.stories.words import split_words

MAX_TOKENS = 100_000
# Of the words that a vocabulary lacks, so many are named, with so many letters, each
# with so many known ones.
_UNKNOWN_NAMED, _LONGEST_SHOWN, _NEAREST_WORDS = 10, 40, 3
_LIKE = 0.7  # how much a known word must resemble an unknown one, of 1
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


def text_tokens(text, place, limit=MAX_TOKENS):
    """A typed text as (input word, None) pairs.

    Args:
      text: its lines, as `line_tokens` takes them.
      place: what the text is, for errors.
      limit: how many pairs at most.

    Raises:
      DataError: it is not a story with a question, or too long.
    """
    tokens = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            tokens += line_tokens(line)
        except DataError as fault:
            raise DataError(f"{place}:{number}: {fault}") from None
    if not any(word == ANSWER_MARK for word, _ in tokens):
        raise DataError(f"{place}: no question in it; end a sentence with '?'")
    if len(tokens) > limit:
        raise DataError(f"{place}: {len(tokens):,} words are too many for a story; "
                        f"give at most {limit:,}")
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
    text = decoded(data, path)
    if "\t" in text or text.lstrip().startswith("{"):
        stories = parse_own(data, str(path), task)
        if index >= len(stories):
            raise DataError(f"{path}: it has {len(stories)} stories, so the index is "
                            f"0 to {len(stories) - 1}, not {index}")
        return story_tokens(stories[index])
    return text_tokens(text, path)


def check_words(tokens, vocabulary, place):
    """Raises DataError naming the words that the vocabulary lacks, and known ones.

    Args:
      tokens: (input word, right word or None) pairs.
      vocabulary: `vocabulary.Vocabulary`.
      place: what the words belong to, for the message.
    """
    unknown = list(dict.fromkeys(
        word for pair in tokens for word in pair
        if word is not None and word not in vocabulary))
    if unknown:
        named = ", ".join(_with_nearest(word, vocabulary)
                          for word in unknown[:_UNKNOWN_NAMED])
        more = len(unknown) - _UNKNOWN_NAMED
        named += f" and {more} other words" if more > 0 else ""
        raise DataError(f"{place}: the model does not know {named}; it knows the "
                        f"{len(vocabulary)} words of its vocabulary")


def _with_nearest(word, vocabulary):
    """A word that a vocabulary lacks, quoted, and the known ones most like it."""
    shown = word if len(word) <= _LONGEST_SHOWN else word[:_LONGEST_SHOWN] + "..."
    near = difflib.get_close_matches(shown, vocabulary.words, _NEAREST_WORDS, _LIKE)
    return f"{shown!r}" + (f" (nearest: {', '.join(near)})" if near else "")
