"""The text format: what is read, what is refused and how, writing it back."""

import random
import re

import pytest
from babi_data import (make_stories, mutate, needs_real_data, real_source,
                       real_stories)

from babi.evaluation.published import PUBLISHED_RESULTS
from babi.stories.story import (DataError, Line, Story, count_questions, format_stories,
                                parse_stories)
from babi.stories.tasks import (TASK_NAMES, TASK_TITLES, parse_tasks, parse_weights,
                                task_titles)

GOOD = (b"1 Mary got the milk.\n2 John moved to the office.\n"
        b"3 What is Mary carrying? \tmilk\t1\n"
        b"1 Mary got the milk.\n2 Mary got the apple.\n"
        b"3 What is Mary carrying? \tmilk,apple\t1 2\n")


def test_reads_lines_answers_and_support():
    milk = Line("Mary got the milk.")
    assert parse_stories(GOOD, "f", 8) == [
        Story(8, (milk, Line("John moved to the office."),
                  Line("What is Mary carrying?", "milk", (1,)))),
        Story(8, (milk, Line("Mary got the apple."),
                  Line("What is Mary carrying?", "milk,apple", (1, 2))))]


def test_reads_windows_line_ends_and_an_empty_file():
    assert parse_stories(GOOD.replace(b"\n", b"\r\n"), "f", 8) == parse_stories(
        GOOD, "f", 8)
    assert parse_stories(b"", "f", 8) == []


def test_writes_a_space_before_the_tab_where_the_official_files_do():
    for task in TASK_NAMES:
        text = format_stories([Story(task, (Line("A b."), Line("C d?", "e", (1,))))])
        space = " " if task in {1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14} else ""
        assert text == f"1 A b.\n2 C d?{space}\te\t1\n"


BAD_LINES = {
    "Mary went to the garden.": "numbered 1 or 3",
    "4 Mary went to the garden.": "numbered 1 or 3",
    "03 Mary went to the garden.": "numbered 1 or 3",
    "": "numbered 1 or 3",
    "3": "ends in '.'",
    "3 .": "one sentence",
    "3 Mary went to the garden": "ends in '.'",
    "3 Mary went. To the garden.": "one sentence",
    "3 Mary - went.": "no word is '-'",
    "3 Where is Mary?": "tabs after its '?'",
    "3 Where is Mary? garden 1": "tabs after its '?'",
    "3 Where is Mary?\tgarden": "two tabs",
    "3 Where is Mary?\tgarden\t1\t1": "two tabs",
    "3 Where is Mary.\tgarden\t1": "a question ends in '?'",
    "3 Where is Mary?\t\t1": "the answer ''",
    "3 Where is Mary?\tgarden,\t1": "the answer 'garden,'",
    "3 Where is Mary?\tthe garden\t1": "the answer 'the garden'",
    "3 Where is Mary?\t-\t1": "the answer '-'",
    "3 Where is Mary?\tgarden\t3": "supporting line '3'",
    "3 Where is Mary?\tgarden\t0": "supporting line '0'",
    "3 Where is Mary?\tgarden\tone": "supporting line 'one'",
    "3 Where is Mary?\tgarden\t1  1": "supporting line ''",
    "3 Where is Mary?\tgarden\t²": "supporting line '²'",
    "3 Where is Mary?\tgarden\t" + "9" * 5000: "supporting line '999",
    "3 Where is Mary?\tgarden\t2": "line 2 is a question",
    "3 Mary went\x00 to the garden.": "no control character",
    "3 Mary\rwent to the garden.": "no control character",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_malformed_line_is_named(line):
    data = f"1 Mary is here.\n2 Where is Mary?\there\t1\n{line}\n1 A b.\n2 C?\td\t1\n"
    with pytest.raises(DataError) as caught:
        parse_stories(data.encode(), "qa1_train.txt", 1)
    message = str(caught.value)
    assert message.startswith("qa1_train.txt:3: ") and BAD_LINES[line] in message
    assert ";" in message and "\n" not in message and len(message) < 300


@pytest.mark.parametrize("data, place, fault", [
    (GOOD[:-5], "f:6: ", "cut short"),
    (GOOD + b"1 Mary \xff.\n", "f:7: ", "byte 0xff is not UTF-8"),
    (GOOD + b"1 Mary went.\n1 A b.\n2 C?\td\t1\n", "f:7: ", "no question"),
    (GOOD + b"1 Mary went.\n", "f:7: ", "no question"),
])
def test_a_fault_of_the_whole_is_placed(data, place, fault):
    with pytest.raises(DataError, match=re.escape(place) + ".*" + fault):
        parse_stories(data, "f", 8)


def test_there_is_no_task_21():
    with pytest.raises(DataError, match="no task 21"):
        parse_stories(GOOD, "f", 21)


def _fuzz(mutations, seed):
    """Every mutation is refused in one placed line, or read without loss."""
    rng = random.Random(seed)
    texts = [format_stories(stories).encode()
             for stories in make_stories({1: 6, 4: 6, 8: 6}).values()]
    refused = 0
    for _ in range(mutations):
        data = mutate(rng.choice(texts), rng)
        try:
            stories = parse_stories(data, "file", 1)
        except DataError as error:
            refused += 1
            assert re.match(r"file:\d+: ", str(error)) and "\n" not in str(error)
            place = int(str(error).split(":")[1])
            assert 1 <= place <= data.count(b"\n") + 1
        else:
            again = format_stories(stories).encode()
            assert parse_stories(again, "again", 1) == stories
            assert again.count(b"\n") == data.count(b"\n")
            # Spaces and carriage returns at the ends aside, nothing is lost.
            assert (re.sub(rb"[ \r]", b"", again) == re.sub(rb"[ \r]", b"", data))
    assert 0.3 * mutations < refused < mutations


def test_mutated_files_are_read_right_or_refused():
    _fuzz(500, seed=1)


@pytest.mark.slow
def test_many_mutated_files_are_read_right_or_refused():
    _fuzz(20_000, seed=2)


@needs_real_data
@pytest.mark.parametrize("split", ["train", "test"])
def test_real_files_round_trip_to_the_byte(split):
    for task, stories in real_stories(split).items():
        file = real_source().files[task, split]
        assert format_stories(stories).encode() == file.data, file.name


@needs_real_data
def test_real_files_hold_the_known_number_of_stories_and_questions():
    train = {**dict.fromkeys([1, 2, *range(5, 15)], 2000), 3: 385, 4: 10000,
             15: 2500, 16: 10000, 17: 1250, 18: 1978, 19: 10000, 20: 933}
    test = {**dict.fromkeys([1, 2, 3, *range(5, 15)], 200), 4: 1000, 15: 250,
            16: 1000, 17: 125, 18: 199, 19: 1000, 20: 93}
    counted = {split: {task: len(stories) for task, stories
                       in real_stories(split).items()} for split in ("train", "test")}
    assert counted == {"train": train, "test": test}
    for task in TASK_NAMES:
        assert count_questions(real_stories("test")[task]) == 1000
        expected = 1925 if task == 3 else 10_000
        assert count_questions(real_stories("train")[task]) == expected


def test_published_columns_have_their_stated_means():
    assert list(TASK_NAMES) == list(TASK_TITLES) == list(range(1, 21))
    for name, result in PUBLISHED_RESULTS.items():
        if name == "nutm":  # its mean alone was published
            assert not result.errors
            continue
        mean = sum(error.mean for error in result.errors.values()) / 20
        assert mean == pytest.approx(result.mean_error.mean, abs=0.051), name
    single = PUBLISHED_RESULTS["reimplementation"]
    failed = sum(error.mean > 5 for error in single.errors.values())
    assert failed == single.failed_tasks.mean


@pytest.mark.parametrize("text, tasks", [
    ("all", tuple(range(1, 21))), ("7", (7,)), (" 19, 1,2,1 ", (1, 2, 19)),
    ("3-5,4", (3, 4, 5))])
def test_a_choice_of_tasks(text, tasks):
    assert parse_tasks(text) == tasks


@pytest.mark.parametrize("text", ["", "0", "21", "1,,2", "-3", "5-3", "one", "1.5",
                                  "9" * 5000, "²"])
def test_a_wrong_choice_of_tasks(text):
    with pytest.raises(ValueError, match="^tasks: .*1,2,19"):
        parse_tasks(text)


def test_tasks_by_title_and_by_number_among_any():
    titles = {1: "places", 2: "7", 3: "who gives what"}
    assert task_titles({"tasks": list(titles.values())}) == titles
    assert task_titles({}) is TASK_TITLES
    for text, tasks in (("places", (1,)), ("3,places", (1, 3)), ("2-3", (2, 3)),
                        ("7", (2,)), (" who gives what ,1", (1, 3)),
                        ("all", (1, 2, 3))):
        assert parse_tasks(text, titles) == tasks
    for text in ("4", "Places", "1-4", "place"):
        with pytest.raises(ValueError, match="^tasks: .* 1 to 3"):
            parse_tasks(text, titles)
    assert parse_tasks("counting,1") == (1, 7)
    assert parse_tasks(" a,b ", {1: "b", 2: "a,b"}) == (2,)


def test_weights_of_tasks():
    assert parse_weights("1:2,121:3.5", range(1, 122)) == {1: 2.0, 121: 3.5}
    with pytest.raises(ValueError, match="from 1 to 120"):
        parse_weights("1:2,121:3.5", range(1, 121))
    assert parse_weights("15:4") == {15: 4.0}
    assert parse_weights(" 2:0.25,17:99,3:0 ") == {2: 0.25, 17: 99.0, 3: 0.0}


@pytest.mark.parametrize("text", ["", "15", "15:", "15:100", "0:2", "21:2", "2:.5",
                                  "2:2,2:3", "2:2,", "2:2:2", "2:-1", "2:1.555", "²:2",
                                  "2:nan", "2:" + "9" * 5000])
def test_a_wrong_weight(text):
    with pytest.raises(ValueError, match="is not a task and its weight.* 15:4,17:2.5$"):
        parse_weights(text)
