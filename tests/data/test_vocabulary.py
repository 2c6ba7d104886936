"""The vocabulary: the same everywhere, saved and loaded whole, clear when it lacks."""

import json
import random

import pytest
from babi_data import make_stories, mutate, needs_real_data, real_stories

from babi.data.vocabulary import ENGLISH_WORDS, Vocabulary
from babi.stories.story import DataError, Line, Story


def test_the_english_vocabulary_is_in_the_order_of_code_points():
    vocabulary = Vocabulary.english()
    assert len(vocabulary) == 159 and len(set(ENGLISH_WORDS)) == 156
    assert vocabulary.encode(["-", ".", "?", "a", "above", "you"]) == [
        0, 1, 2, 3, 4, 158]
    assert list(vocabulary.words) == sorted(vocabulary.words)


@needs_real_data
def test_the_real_files_use_exactly_the_english_vocabulary():
    stories = [story for split in ("train", "test")
               for of_task in real_stories(split).values() for story in of_task]
    assert Vocabulary.from_stories(stories, words=()) == Vocabulary.english()
    said = set()
    for story in stories:
        for line in story.lines:
            said.update(line.text[:-1].lower().split())
    only_answers = set(ENGLISH_WORDS) - said
    assert only_answers == set("yes maybe one two three none nothing n s e w".split())


def test_other_words_are_added_in_lower_case_whatever_the_order():
    stories = [Story(1, (Line("Zoë saw Ωmega."), Line("Who?", "Éva,Bob", (1,)))),
               *make_stories({1: 5})[1]]
    vocabulary = Vocabulary.from_stories(stories)
    assert set(vocabulary.words) - set(Vocabulary.english().words) == {
        "zoë", "saw", "ωmega", "éva", "bob"}
    assert vocabulary == Vocabulary.from_stories(reversed(stories))
    assert vocabulary.words[-2:] == ("éva", "ωmega")
    assert len(Vocabulary.from_stories(stories[:1], words=())) == 6 + 3


def test_encode_and_decode_are_inverse():
    vocabulary = Vocabulary.english()
    assert vocabulary.decode(range(159)) == list(vocabulary.words)
    assert vocabulary.encode(vocabulary.words) == list(range(159))
    assert "milk" in vocabulary and "Milk" not in vocabulary


def test_an_unknown_word_is_named():
    with pytest.raises(DataError, match="'teapot' is not among the 159 words"):
        Vocabulary.english().encode(["the", "teapot"])


def test_saved_and_loaded_is_the_same(tmp_path):
    vocabulary = Vocabulary.from_words(["zoë", "a", '"', "\\n", "日本"])
    path = tmp_path / "vocabulary.json"
    path.write_text("an older file")
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary
    assert "日本" in path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["vocabulary.json"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "vocabulary.json"
    Vocabulary.english().save(path)

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        Vocabulary.from_words(["other"]).save(path)
    assert Vocabulary.load(path) == Vocabulary.english()
    assert [entry.name for entry in tmp_path.iterdir()] == ["vocabulary.json"]


@pytest.mark.parametrize("text, fault", [
    ("", "not a vocabulary in JSON"), ("[1, 2]", 'no list "words"'),
    ('{"words": "a"}', 'no list "words"'), ('{"words": [1]}', "1 is not a word"),
    ('{"words": ["-", ".", "?", "a", "a"]}', "occurs twice"),
    ('{"words": ["-", ".", "?", "a b"]}', "not a word"),
    ('{"words": ["-", ".", "a"]}', r"marks \? are missing"),
    ("[" * 100_000, "not a vocabulary in JSON"),
])
def test_a_file_without_vocabulary_is_refused(tmp_path, text, fault):
    path = tmp_path / "vocabulary.json"
    path.write_text(text)
    with pytest.raises(DataError, match=fault) as caught:
        Vocabulary.load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        Vocabulary.load(tmp_path / "vocabulary.json")


def test_mutated_files_are_refused_or_read(tmp_path):
    rng = random.Random(3)
    path = tmp_path / "vocabulary.json"
    Vocabulary.from_words(["milk", "apple"]).save(path)
    data = path.read_bytes()
    refused = 0
    for _ in range(300):
        mutated = mutate(data, rng)
        path.write_bytes(mutated)
        try:
            vocabulary = Vocabulary.load(path)
        except DataError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        else:
            assert list(vocabulary.words) == json.loads(mutated)["words"]
    assert 30 < refused < 300
