"""Stories of one's own: what is read of a file, and what is refused."""

import json
import random
import re

import pytest

from babi.data.encoding import story_tokens
from babi.inspection.conversation import line_tokens
from babi.stories.own_format import parse_own
from babi.stories.story import DataError, Line, Story, format_stories, parse_stories
from babi.stories.words import split_answer, split_words
from babi_data import make_stories, mutate

TEXT = """\
1 Ada went home.
2 Where is Ada?\thome

1 Ben went home.
2 Who went home?\tben
"""


def parse(text, task=1):
    return parse_own(text.encode(), "file", task)


def lines_of(text):
    return [story.lines for story in parse(text)]


# --------------------------------------------------------------- what is read

@pytest.mark.parametrize("text, expected", [
    ("1 Ada went home.\n2 Where is she?\thome\n",
     (Line("Ada went home."), Line("Where is she?", "home"))),
    ("1 Where is she?\thome\t\n", (Line("Where is she?", "home"),)),
    ("\ufeff1 Ada left.\r\n2 Who left?\tAda\t1\r\n",
     (Line("Ada left."), Line("Who left?", "Ada"))),
    ("1\tAda left\n  2   Who left \t Ada \t 1, 3 ", (
        Line("Ada left."), Line("Who left?", "Ada"))),
    ("1 What?\tmilk,apple", (Line("What?", "milk,apple"),)),
    ("1 Tell me who. \tAda", (Line("Tell me who?", "Ada"),)),
    ("1 What?\tmilk,  Apple pie.", (Line("What?", "milk,Apple,pie"),)),
    ("1 What?\t.. milk. .", (Line("What?", "milk"),)),
    ("1 Ada left. Ben, too...\n2 Who left first ?\tAda", (
        Line("Ada left . Ben, too."), Line("Who left first?", "Ada"))),
    ("1 It cost 3.5 well-known dollars!\n2 How much?\t3.5", (
        Line("It cost 3 . 5 well-known dollars!."), Line("How much?", "3,.,5"))),
    ("1 小明 去 厨房。\n2 小明 在 哪里？\t厨房", (
        Line("小明 去 厨房."), Line("小明 在 哪里?", "厨房"))),
    ("1 \u200fذهبت مريم إلى البيت.\n\u200f2 أين مريم؟\tالبيت، هناك", (
        Line("ذهبت مريم إلى البيت."), Line("أين مريم?", "البيت,هناك"))),
    ("1 राम घर गया।\n2 राम कहाँ है?\tघर", (
        Line("राम घर गया."), Line("राम कहाँ है?", "घर"))),
    ("1 Le cafe\u0301 ferme.\n2 Quoi?\tcaf\u00e9", (
        Line("Le caf\u00e9 ferme."), Line("Quoi?", "caf\u00e9"))),
    ("1 A\xadda\u200bleft\u061c.\n2 Wh\u2060o?\tAda\u200bleft\u200b", (
        Line("Ada left."), Line("Who?", "Ada,left"))),
    ("1 نمی\u200cدانم.\n2 چه؟\tهیچ", (Line("نمی\u200cدانم."), Line("چه?", "هیچ")))],
    ids=range(16))
def test_a_text_becomes_these_lines(text, expected):
    assert lines_of(text) == [expected]


def test_empty_lines_are_passed_over_and_a_one_starts_a_story():
    stories = parse("\n\n" + TEXT.replace("\n2", "\n\n \t\n2") + "\n\n", task=7)
    assert stories == [
        Story(7, (Line("Ada went home."), Line("Where is Ada?", "home"))),
        Story(7, (Line("Ben went home."), Line("Who went home?", "ben")))]
    long = "".join(f"{n} Ada went {n} steps.\n" for n in range(1, 1200))
    assert len(lines_of(long + "1200 How many?\t1199\n")[0]) == 1200


@pytest.mark.parametrize("record, expected", [
    ({"story": ["Ada left.", "Ben came"], "question": "Who came?", "answer": "Ben"},
     (Line("Ada left."), Line("Ben came."), Line("Who came?", "Ben"))),
    ({"story": [], "question": "1 and 1", "answer": 2, "id": "x"},
     (Line("1 and 1?", "2"),)),
    ({"story": "Ada left. Did Ben?", "question": "Who?", "answer": ["Ada", "or Ben"]},
     (Line("Ada left . Did Ben?"), Line("Who?", "Ada,or,Ben")))])
def test_an_object_of_json_becomes_these_lines(record, expected):
    for ascii_only in (False, True):
        text = json.dumps(record, ensure_ascii=ascii_only)
        assert lines_of(f"\ufeff{text}\r\n\r\n{text}") == [expected] * 2


def test_official_stories_are_read_as_by_the_official_reader():
    stories = make_stories({3: 40}, seed=5)[3]
    data = format_stories(stories).encode()
    plain = [Story(3, tuple(line._replace(support=()) for line in story.lines))
             for story in parse_stories(data, "file", 3)]
    assert parse_own(data, "file", 3) == plain
    for story in plain:
        first = next(n for n, line in enumerate(story.lines) if line.answer is not None)
        record = {"story": [line.text for line in story.lines[:first]],
                  "question": story.lines[first].text,
                  "answer": story.lines[first].answer.split(",")}
        assert parse(json.dumps(record), 3) == [Story(3, story.lines[:first + 1])]


def test_a_story_may_have_as_many_words_as_are_read_of_it():
    """Marks and answer words among them, 65,536 in all."""
    text = "".join(f"{n} a b\n" for n in range(1, 21_844)) + "21844 Who?\tc, d\n"
    story, = parse(text)
    assert sum(line.length for line in story.lines) == 3 * 21_843 + 4 == 65_533
    with pytest.raises(DataError, match="more than 65,536 words"):
        parse(text.replace("c, d", "c, d e f g h"))


def test_what_is_read_is_what_is_typed():
    """The words of a story are the same from a file and from a prompt."""
    for text in ("Ada left. Ben, the 3rd, came", "小明 去 厨房。", "It cost 3.5 p.m.",
                 "\u200fذهبت مريم", "Cafe\u0301 İstanbul."):
        story, = parse(f"1 {text}\n2 Where is she？\tx")
        assert [word for word, _ in story_tokens(story)] == [
            word for line in (text, "Where is she？") for word, _ in line_tokens(line)]


def test_words_and_answers():
    assert split_words("A well-known fact: 1,2 - is it？") == [
        "A", "well-known", "fact:", "1,2", "-", "is", "it", "?"]
    assert split_answer("a, b,c d，e、f.") == list("abcdef")
    assert split_words("Πού;\N{GREEK QUESTION MARK} है॥") == ["Πού;", "?", "है", "."]
    assert split_answer(" , ") == [] and split_words(" \u200f ") == []


# ------------------------------------------------------------ what is refused

@pytest.mark.parametrize("text, fault", [
    ("", "file: no story in it"), (" \n\t\n", "file: no story in it"),
    ("Ada left.\n", "file:1: expected a line numbered 1, got 'Ada left.'"),
    ("1 Ada left.\n\n3 Who?\tAda\n", "file:3: expected a line numbered 1 or 2, got '3"),
    ("1 Ada left.\n2 Who left?\n", "file:2: a question without an answer: 'Who left?'"),
    ("1 Ada left.\n2 Who left?\t\n", "file:2: a question without an answer"),
    ("1 Who? Ada\n", "file:1: a question without an answer: 'Who? Ada'"),
    (TEXT + "1 Ada left.\n2 Ben left.\n", "file:6: the story that starts here has no"),
    ("1 Ada left.\n1 Who?\tAda\n", "file:1: the story that starts here has no"),
    ("1 Who?\tAda\t1\t2\n", "file:1: 3 tabs in"),
    ("1 What?\tmilk\tapple\n", "file:1: 2 tabs in 'What?\\tmilk\\tapple'; a question"),
    ("1 Who?\t\u200b\u2060\n", "file:1: a question without an answer: 'Who?'"),
    ("# My stories\n", "file:1: expected a line numbered 1, got '# My stories'; each "
     "story's lines are numbered 1, 2, 3, ... (docs/own-data.md); put the file"),
    ("1 Who?\tAda - Ben\n", "file:1: a '-' by itself in 'Ada - Ben'"),
    ("1 Who?\twho?\n", "file:1: the answer 'who?' is not words"),
    ("1 Who?\t,\t\n", "file:1: the answer ',' is not words"),
    ("1 Who?\t...\n", "file:1: the answer '...' is not words"),
    ("1 ...\n", "file:1: no words in '...'"),
    ("1 ?\tAda\n", "file:1: no words in '?'"),
    ("1 Ada left.\n2 \tAda\n", "file:2: no words before the tab in '2 \\tAda'"),
    ("1 Ada\x00left.\n", "file:1: a control character, '\\x00', in 'Ada\\x00left.'"),
    ("1 " + "a" * 10_000 + "\n", "file:1: a word of 10,000 letters, 'aaaaaaaaaa"),
    ("1 Who?\t" + "a" * 201 + "\n", "file:1: a word of 201 letters"),
    ("1 " + "a " * 70_000 + "\n2 Who?\ta\n",
     "file:1: a story of more than 65,536 words starts here"),
    ("1 Who?\ta\n1 " + "a " * 600_000 + "\n", "file:2: a line of 1,200,001 letters"),
    ("9" * 5000 + " Ada left.\n", "file:1: expected a line numbered 1, got '9999"),
    ('{"story": []\n', "file:1: not JSON ("),
    ('{"story": [], "question": "Who?", "answer": "a"}\n[]\n', "file:2: not an object"),
    ('{"story": [], "question": "Who?"}\n', 'file:1: "answer" is missing'),
    ('{"question": "Who?", "answer": "a"}\n', 'file:1: "story" is missing'),
    ('{"story": [1], "question": "Who?", "answer": "a"}', '"story" is not a list of'),
    ('{"story": [], "question": null, "answer": "a"}', '"question" is not a text'),
    ('{"story": [], "question": "Who?", "answer": true}', '"answer" is not a text, a'),
    ('{"story": [], "question": "Who?", "answer": []}', "the answer '' is not words"),
    ('{"story": ["\\ud800"], "question": "Who?", "answer": "a"}', "control character"),
    ("{" + '"a":{' * 100_000, "file:1: not JSON"),
    ('{"answer": ' + "9" * 5000 + "}", "file:1: not JSON"),
    ("{\n  \"story\": []\n}", "file:1: not JSON"),
    ('[{"story": [], "question": "Who?", "answer": "a"}]', "file:1: not an object; "),
    ("[\n {},\n", "file:1: not JSON ("),
    ('{"story": [], "question": "Who?", "answer": NaN}', '"answer" is not a text, a'),
    ('{"story": [], "question": "Who?", "answer": ["a", 1e999]}', '"answer" is not a'),
    ('{"story": [], "question": "Who?", "answer": "\\u200b"}', "the answer '\\u200b' is"
     " not words")])
def test_what_is_no_story_is_told_with_its_line(text, fault):
    with pytest.raises(DataError, match=f"^{re.escape(fault)}" if fault[:4] == "file"
                       else re.escape(fault)) as told:
        parse(text)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_bytes_that_are_no_text_are_told_with_their_line():
    for data in (b"1 Ada left.\n2 Caf\xe9?\tx\n", "1 Who?\tAda\n".encode("utf-16"),
                 b"PK\x03\x04" + bytes(range(256))):
        with pytest.raises(DataError, match=r"^file:\d: .*(UTF-8|numbered 1)"):
            parse_own(data, "file", 1)
    for start in (b"", b"\xef\xbb\xbf"):
        with pytest.raises(DataError, match="^file:2: byte 0xe9 is not UTF-8"):
            parse_own(start + b"1 Ada left.\n\xe92 Who?\tx\n", "file", 1)


def test_mutated_files_are_refused_on_one_line_or_read():
    rng, refused = random.Random(3), 0
    data = (TEXT * 3).encode(), "\n".join(json.dumps(
        {"story": ["Ada left."], "question": "Who?", "answer": "Ada"})
        for _ in range(3)).encode()
    for number in range(3000):
        try:
            for story in parse_own(mutate(data[number % 2], rng), "file", 1):
                tokens = story_tokens(story)
                assert any(answer for _, answer in tokens)
                assert all(word.split() == [word] for word, _ in tokens)
                assert [word for word, answer in tokens if answer] == ["-"] * sum(
                    word == "-" for word, _ in tokens)
        except DataError as fault:
            refused += 1
            assert str(fault).startswith("file") and "\n" not in str(fault)
    assert 500 < refused < 2900


def test_the_official_reader_stays_strict():
    for text in (TEXT, "1 Ada left.\n2 Who?\tAda\n", "\ufeff1 Who?\tAda\t\n",
                 "1 Who?\tAda Ben\t\n", "1 Who?\tAda\t"):
        parse(text)
        with pytest.raises(DataError):
            parse_stories(text.encode(), "file", 1)
