"""The words that the network reads and writes, each with a number.

Words are numbered in the order of their code points, so that a number means the
same word on every machine, and a checkpoint keeps its vocabulary beside it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from babi.program.files import write_atomically
from babi.stories.story import DataError, Story, answer_words

ANSWER_MARK = "-"  # the input at a step where an answer's word is due
STATEMENT_MARK = "."
QUESTION_MARK = "?"
MARKS = (ANSWER_MARK, STATEMENT_MARK, QUESTION_MARK)

# The words of all English tasks, with those that occur only in answers. Keeping
# them all, whichever tasks are chosen, lets checkpoints of different choices be
# used on each other's tasks: 156 words and 3 marks.
ENGLISH_WORDS = tuple("""
a above afraid after afternoon afterwards and antoine apple are back bathroom
bedroom before below bernhard bigger bill blue bored box brian carrying cat
cats chest chocolate chocolates cinema color container daniel did discarded do
does down dropped e east either emily evening fit fits following football fred
frog from garden gave gertrude get give go got grabbed gray green greg hallway
handed he how hungry in inside is jason jeff jessica john journeyed julie
julius kitchen left lily lion longer many mary maybe mice milk morning mouse
moved n no none north not nothing objects of office one or pajamas park passed
picked pink put received rectangle red rhino right s sandra school she sheep
south sphere square suitcase sumit swan than that the then there they thirsty
this three tired to took travelled triangle two up w was went west what where
white who why will winona wolf wolves yann yellow yes yesterday you
""".split())


class Vocabulary:
    """An ordered set of words; a word's id is its place in the order."""

    def __init__(self, words: Iterable[str]):
        """Makes a vocabulary of exactly these words, in this order.

        Raises:
          DataError: a word twice, an empty word, or a mark missing.
        """
        self.words = tuple(words)
        for word in self.words:
            if not isinstance(word, str) or word.split() != [word]:
                raise DataError(f"vocabulary: {word!r} is not a word; a word is "
                                f"text without spaces")
        self._ids = {word: number for number, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise DataError("vocabulary: a word occurs twice; list each word once")
        missing = [mark for mark in MARKS if mark not in self._ids]
        if missing:
            raise DataError(f"vocabulary: the marks {' '.join(missing)} are missing; "
                            f"a vocabulary holds {' '.join(MARKS)} besides its words")

    @classmethod
    def from_words(cls, words: Iterable[str]) -> "Vocabulary":
        """The vocabulary of words and the marks, in the order of code points."""
        return cls(sorted({*words, *MARKS}))

    @classmethod
    def english(cls) -> "Vocabulary":
        """The 159 tokens of the English tasks."""
        return cls.from_words(ENGLISH_WORDS)

    @classmethod
    def from_stories(cls, stories: Iterable[Story],
                     words: Iterable[str] = ENGLISH_WORDS) -> "Vocabulary":
        """The vocabulary of all words in stories and `words` besides.

        Args:
          stories: any number of stories, of training and test.
          words: words to have in any case; pass none for another language.
        """
        found = set(words)
        lines = {line[:2] for story in stories for line in story.lines}
        for text, answer in lines:
            found.update(text[:-1].lower().split())
            if answer is not None:
                found.update(answer_words(answer))
        return cls.from_words(found)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    def __eq__(self, other) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def encode(self, words: Iterable[str]) -> list[int]:
        """The ids of lower-case words.

        Raises:
          DataError: a word that the vocabulary lacks.
        """
        try:
            return [self._ids[word] for word in words]
        except KeyError as error:
            raise DataError(
                f"the word {error.args[0]!r} is not among the {len(self)} words of "
                f"the vocabulary; use data with the words of the training data, or "
                f"train on this data") from None

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The words of ids."""
        return [self.words[number] for number in ids]

    def save(self, path: str | Path) -> None:
        """Writes the words as readable JSON, complete or not at all."""
        text = json.dumps({"words": self.words}, ensure_ascii=False, indent=1)
        write_atomically(path, (text + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> "Vocabulary":
        """Reads what `save` has written.

        Raises:
          DataError: no such file, or a file that holds no vocabulary.
        """
        try:
            content = json.loads(Path(path).read_bytes())
            words = content.get("words") if isinstance(content, dict) else None
            if not isinstance(words, list):
                raise DataError('no list "words" in it')
            return cls(words)
        except OSError as error:
            reason = f"cannot read the vocabulary: {error.strerror}"
        except DataError as fault:
            reason = fault
        except (ValueError, RecursionError) as error:
            reason = f"not a vocabulary in JSON ({error})"
        raise DataError(f"{path}: {reason}; restore the file or point to another run "
                        f"directory")
