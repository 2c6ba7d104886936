"""Encoding, against an independent reading of the files' text."""

import re

import numpy as np
import pytest
from babi_data import make_stories, needs_real_data, real_source, real_stories

from babi.data.encoding import Encoder, story_length, story_tokens
from babi.data.vocabulary import Vocabulary
from babi.stories.story import DataError, Line, Story, format_stories

STORY = Story(19, (Line("The office is north of the Kitchen."),
                   Line("How do you go from the kitchen to the office?", "n,E", (1,)),
                   Line("Mary went there."),
                   Line("Is Mary there?", "yes", (3,))))


def test_a_story_becomes_these_arrays():
    vocabulary = Vocabulary.english()
    example = Encoder(vocabulary).encode(STORY, index=7)
    assert (example.task, example.index, example.num_questions) == (19, 7, 2)
    assert " ".join(vocabulary.decode(example.inputs)) == (
        "the office is north of the kitchen . how do you go from the kitchen to the "
        "office ? - - mary went there . is mary there ? -")
    steps = np.flatnonzero(example.answers)
    assert steps.tolist() == [19, 20, 29]
    assert vocabulary.decode(example.targets[steps]) == ["n", "e", "yes"]
    assert example.questions.tolist() == [-1] * 19 + [0, 0] + [-1] * 8 + [1]
    assert not example.targets[~example.answers].any()
    assert [example.inputs.dtype, example.targets.dtype, example.questions.dtype,
            example.answers.dtype] == [np.int32, np.int32, np.int32, bool]
    assert story_length(STORY) == 30


def read_text(text: str) -> list[list[tuple[str, str | None]]]:
    """Stories of a file's text as (token, target) pairs, by regular expressions."""
    stories = []
    for line in text.lower().splitlines():
        number, sentence, answer = re.fullmatch(
            r"(\d+) ([a-z -]+[.?]) ?(?:\t([a-z,]+)\t[\d ]*)?", line).groups()
        if number == "1":
            stories.append([])
        stories[-1] += [(token, None) for token in re.findall(r"[a-z]+|[.?]", sentence)]
        if answer:
            stories[-1] += [("-", word) for word in re.findall("[a-z]+", answer)]
    return stories


def check(stories, text):
    """Encoded stories say the same as the text."""
    vocabulary = Vocabulary.english()
    encoder = Encoder(vocabulary)
    expected = read_text(text)
    assert len(expected) == len(stories)
    for story, tokens in zip(stories, expected):
        assert story_tokens(story) == tokens
        example = encoder.encode(story)
        assert vocabulary.decode(example.inputs) == [token for token, _ in tokens]
        targets = [word for word, answer in
                   zip(vocabulary.decode(example.targets), example.answers) if answer]
        assert targets == [word for _, word in tokens if word]
        assert example.answers.tolist() == [bool(word) for _, word in tokens]
        assert story_length(story) == len(tokens)


def test_made_up_stories_are_encoded_as_read_from_text():
    stories = make_stories({8: 30})[8]
    check(stories, format_stories(stories))


@needs_real_data
def test_real_test_stories_are_encoded_as_read_from_text():
    for task, stories in real_stories("test").items():
        check(stories, real_source().files[task, "test"].data.decode())


def test_an_unknown_word_is_placed():
    story = Story(5, (*STORY.lines[:3], Line("Is Mary there?", "perhaps", (3,))))
    with pytest.raises(DataError, match="task 5, story 8, line 4: the word 'perhaps'"):
        Encoder(Vocabulary.english()).encode(story, index=7)
    story = Story(5, (Line("A teapot fell."), STORY.lines[3]))
    with pytest.raises(DataError, match="task 5, story 1, line 1: the word 'teapot'"):
        Encoder(Vocabulary.english()).encode(story)


@needs_real_data
def test_real_lengths_are_the_known_ones():
    train = {1: (87.0, 87, 93), 2: (164.1, 156, 452), 3: (483.5, 437, 1397),
             4: (24, 24, 24), 5: (207.7, 186, 820), 6: (98.1, 97, 191),
             7: (121.4, 114, 361), 8: (111.9, 104, 346), 9: (99.8, 100, 109),
             10: (106.0, 105, 124), 11: (94.4, 94, 100), 12: (106.9, 107, 112),
             13: (104.5, 104, 111), 14: (132.1, 134, 156), 15: (72, 72, 72),
             16: (47, 47, 47), 17: (109.3, 110, 128), 18: (99.9, 90, 249),
             19: (53, 53, 53), 20: (139.5, 143, 161)}
    for task, stories in real_stories("train").items():
        lengths = [story_length(story) for story in stories]
        found = (round(np.mean(lengths), 1), np.median(lengths), max(lengths))
        assert found == train[task], task
    test = [story for of_task in real_stories("test").values() for story in of_task]
    lengths = [story_length(story) for story in test]
    assert (len(test), round(np.mean(lengths)), max(lengths)) == (6267, 91, 1393)
    assert sum(target is not None for story in test
               for _, target in story_tokens(story)) == 21_069
