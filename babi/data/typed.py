"""Stories as people type them, without answers and line numbers -> tokens."""

import difflib
import re

from babi.data.encoding import story_tokens
from babi.data.vocabulary import ANSWER_MARK, MARKS, QUESTION_MARK, STATEMENT_MARK
from babi.stories.own_format import parse_own
from babi.stories.source import read_file
from babi.stories.story import DataError, decoded
from babi.stories.words import cleaned, split_words

MAX_TOKENS = 100_000
# Of the words that a vocabulary lacks, so many are named, with so many letters, each
# with so many known ones.
_UNKNOWN_NAMED, _LONGEST_SHOWN, _NEAREST_WORDS = 10, 40, 3
_LIKE = 0.7  # how much a known word must resemble an unknown one, of 1
_NUMBER = re.compile(r"\A\s*\d+\s+")
_ANSWERED = re.compile(r"\?\s*\t\s*[^\s.?-][^.?]*$")


def line_tokens(text):
    """A typed line as (input word, None) pairs.

    A leading number is left out; a line without a mark at its end is a statement; a
    question gets one `-` for its answer, or as many as were typed after its `?`.

    Args:
      text: sentences, such as `Where is Mary?` or `What has she? - -`.

    Raises:
      DataError: a `-` elsewhere, a mark without words before it, or an answer, as
        the files of stories have it.
    """
    if _ANSWERED.search(cleaned(text)):
        raise DataError(f"{text.strip()!r}: an answer after the question, as files of "
                        f"stories have it; leave it out, or give the file to "
                        f"babi/ask.py --story_file")
    words = [word.lower() for word in split_words(_NUMBER.sub("", cleaned(text)))]
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
    return _not_too_long(tokens, place, limit)


def _not_too_long(tokens, place, limit):
    """Tokens, if there are not more than a limit."""
    if len(tokens) > limit:
        raise DataError(f"{place}: {len(tokens):,} words are too many for a story; "
                        f"give at most {limit:,}")
    return tokens


def given_tokens(text, place, index=0, limit=MAX_TOKENS):
    """A story, typed or in a format of stories of one's own (`own_format`).

    Args:
      text: the story, or in such a format several.
      place: what the text is, for errors.
      index: which of several, from 0; None: there must be one only.
      limit: how many words and marks at most.

    Returns:
      A list of (input word, right word or None) pairs.

    Raises:
      DataError: it is not a story with a question, or too long, or there are several.
    """
    if "\t" not in text and not cleaned(text).lstrip().startswith("{"):
        tokens = text_tokens(text, place, limit)
        if index:
            raise DataError(f"{place}: it has one story, so the index is 0, not "
                            f"{index}")
        return tokens
    stories = parse_own(text.encode("utf-8", "surrogatepass"), str(place), task=1)
    if index is None and len(stories) > 1:
        raise DataError(f"{place}: {len(stories)} stories; give one at a time")
    index = index or 0
    if index >= len(stories):
        raise DataError(f"{place}: it has {len(stories)} stories, so the index is 0 to "
                        f"{len(stories) - 1}, not {index}")
    return _not_too_long(story_tokens(stories[index]), place, limit)


def read_story(path, index=0):
    """Reads a file with a story, or several, as for `given_tokens`.

    Raises:
      DataError: the file can't be read, or see there.
    """
    return given_tokens(decoded(read_file(path), path), path, index)


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
