"""Stories of one's own: what is read, what is refused, and which file is what."""

import json
import os
import random
import re

import pytest

from babi.data.encoding import story_tokens
from babi.inspection.conversation import line_tokens
from babi.stories import archive, own, own_format
from babi.stories.own import open_own
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


def write(folder, files):
    """Writes `{name: text, or number of stories like TEXT's}` into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, int):
            text = "".join(f"1 Ada has {n} cats.\n2 How many?\t{n}\n"
                           for n in range(text))
        path.write_text(text, encoding="utf-8")
    return folder


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
    ids=range(15))
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


def test_a_folder_below_that_can_not_be_read_is_told(tmp_path, monkeypatch):
    """Whoever runs the tests as root can read all."""
    folder = write(tmp_path / "stories", {"a.txt": 2, "below/b.txt": 2})
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("below"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="Permission denied.*mend its permissions"):
        open_own(folder)


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


# -------------------------------------------------------- which file is what

def tasks_of(source):
    """{task's name: (stories to train on, test stories)}."""
    return {name: (len(source.train[task]), len(source.test[task]))
            for task, name in source.titles.items()}


@pytest.mark.parametrize("files, expected", [
    ({"a.txt": 10}, {"a": (9, 1)}),
    ({"a_train.txt": 3, "a_test.txt": 5, "b.jsonl": 2}, {"a": (3, 5), "b": (1, 1)}),
    ({"a.txt": 3, "a-Test": 4}, {"a": (3, 4)}),
    ({"train/x.txt": 3, "test/x.txt": 4, "Test/y.txt": 1, "y": 6},
     {"x": (3, 4), "y": (6, 1)}),
    ({"train.txt": 3, "test.txt": 4}, {"stories": (3, 4)}),
    ({"de/a.txt": 3, "en/a.txt": 20, "en/train.txt": 1, "en/test.txt": 1},
     {"de/a": (2, 1), "en": (1, 1), "en/a": (18, 2)}),
    ({"t10.txt": 2, "t9.txt": 2, "t1.5.txt": 2},
     {"t1.5": (1, 1), "t9": (1, 1), "t10": (1, 1)}),
    ({"a_training.txt": 3, "a-Testing": 4, "devil.c": 2},
     {"a": (3, 4), "devil": (1, 1)}),
    ({"cafe\u0301_train": 3, "caf\u00e9_test": 2, " b .txt": 2},
     {"b": (1, 1), "caf\u00e9": (3, 2)}),
    ({".hidden": "x", ".git/a": "x", "qa1_where-is_train.txt": 1},
     {"qa1_where-is": (1, 0)}),
    ({"a b|c.txt": 2, "去.txt": 2, "1-5.txt": 2},
     {"1-5": (1, 1), "a b|c": (1, 1), "去": (1, 1)})], ids=str)
def test_files_of_a_folder_are_tasks(files, expected, tmp_path):
    source = open_own(write(tmp_path / "stories", files))
    assert tasks_of(source) == expected
    assert list(source.titles.items()) == list(enumerate(expected, 1))
    assert all(story.task == task for task, stories in source.train.items()
               for story in stories)


def test_test_stories_may_lie_elsewhere(tmp_path):
    stories = write(tmp_path / "stories", {"a_train.txt": 3, "a_test.txt": 5, "b": 4})
    tests = write(tmp_path / "tests", {"a.txt": 7, "b_test.txt": 1, "c_train.txt": 1})
    assert tasks_of(open_own(stories, tests)) == {"a": (3, 7), "b": (4, 1)}
    one = stories / "b", tests / "a.txt"  # two files belong together, whatever names
    assert tasks_of(open_own(*one)) == {"b": (4, 7)}
    assert tasks_of(open_own(stories / "a_train.txt")) == {"a": (2, 1)}
    assert tasks_of(open_own(stories, tests / "a.txt")) == {"a": (3, 7), "b": (3, 1)}


@pytest.mark.parametrize("files, fault", [
    ({}, "stories: no file with stories to train on"),
    ({"a_test.txt": 2}, "no file with stories to train on"),
    ({"a.txt": 2, "b_test.txt": 2}, "b_test.txt: test stories of 'b', but .* has a$"),
    ({"a.txt": 2, "a.jsonl": 2}, "a.txt: a second file for the task 'a', besides"),
    ({"a.txt": 2, "train/a.txt": 2}, "a second file for the task 'a'"),
    ({"a.txt": 2, "a_valid.txt": 2}, "a_valid.txt: stories to validate on are not"),
    ({"a.txt": 2, "Dev/a.txt": 2}, "Dev/a.txt: stories to validate on are not"),
    ({"a.txt": 2, "a": 2}, "a second file for the task 'a'"),
    ({"a.txt": 2, "b.txt": ""}, "b.txt: no story in it"),
    ({"a\nb.txt": 2}, r"a\\nb.txt': not a name that can be shown"),
    ({"a.txt": 2, "1/2/3/4/5/b.txt": "x"}, None),
    ({f"{n}.txt": 1 for n in range(1001)}, "more than 999 files, each a task"),
    ({f"{n}.txt": 1 for n in range(2001)}, "more than 1,998 files")],
    ids=lambda value: str(value)[:50])
def test_folders_that_can_not_be_tasks_are_told(files, fault, tmp_path):
    folder = write(tmp_path / "stories", files)
    folder.mkdir(exist_ok=True)
    if fault is None:
        assert list(open_own(folder).titles.values()) == ["a"]
        return
    with pytest.raises(DataError, match=fault) as told:
        open_own(folder)
    assert "\n" not in str(told.value)


def test_what_is_no_plain_file_or_too_large_is_not_read(tmp_path, monkeypatch):
    write(tmp_path, {"a.txt": 2})
    for path, fault in (("", "stories of no name"),
                        ("/nowhere", "/nowhere: No such file"),
                        ("/dev/zero", "/dev/zero: not a plain file")):
        for paths in ((path, None), (tmp_path, path)):
            with pytest.raises(DataError, match=fault):
                open_own(*paths)
    empty = write(tmp_path / "empty", {"b_train.txt": 1})
    with pytest.raises(DataError, match="empty: no file with test stories"):
        open_own(tmp_path / "a.txt", empty)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: not a plain file"):
        open_own(tmp_path)
    (tmp_path / "pipe").unlink()
    (tmp_path / "gone").symlink_to("nowhere")
    with pytest.raises(DataError, match="gone: No such file"):
        open_own(tmp_path)
    (tmp_path / "gone").unlink()
    monkeypatch.setattr(own, "_MAX_BYTES", 70)
    with pytest.raises(DataError, match="more than 0 MB of stories"):
        open_own(tmp_path)
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 40)
    with pytest.raises(DataError, match="a.txt: larger than 0 MB, .*; divide it"):
        open_own(tmp_path)
    monkeypatch.setattr(own_format, "_MAX_TOKENS", 5)
    with pytest.raises(DataError, match="file:1: a story of more than 5 words"):
        parse(TEXT)


def test_a_tenth_is_kept_for_the_test_always_the_same(tmp_path):
    for count, kept in ((1, 0), (2, 1), (3, 1), (14, 1), (16, 2), (30, 3), (1000, 100)):
        path = write(tmp_path, {"a.txt": count}) / "a.txt"
        source, again = open_own(path), open_own(path)
        assert source == again
        whole = parse_own(path.read_bytes(), "", 1)
        assert sorted([*source.train[1], *source.test[1]]) == sorted(whole)
        assert len(source.test[1]) == kept == source.kept[1]
    spread = [whole.index(story) for story in source.test[1]]
    assert min(spread) < 100 and max(spread) > 900
    assert source.differences() == ["no test stories given: kept for the test, and not "
                                    "trained on: 100 of the 1,000 stories of a"]
    write(tmp_path, {"a.txt": 1})
    assert open_own(path).differences() == [
        "no test stories given: too few stories to keep one for the test: a"]
    with pytest.raises(DataError, match="no test stories of a, and too few to keep"):
        open_own(path).stories("test", (1,))


def test_test_stories_that_are_trained_on_are_told(tmp_path):
    write(tmp_path, {"a_train.txt": 3, "a_test.txt": 5, "b.txt": 4})
    assert open_own(tmp_path).differences() == [
        "no test stories given: kept for the test, and not trained on: 1 of the 4 "
        "stories of b",
        "test stories that are among those to train on, word for word: 3 of a"]
    path = tmp_path / "b.txt"
    assert open_own(path, path).differences()[0].endswith("word for word: 4 of b")
    (tmp_path / "c.txt").write_text(path.read_text().upper() * 2)
    assert open_own(path, tmp_path / "c.txt").differences()[0].endswith(
        "word for word: 8 of b")


def test_stories_that_another_run_was_trained_on_are_not_kept_for_the_test(tmp_path):
    write(tmp_path, {"a.txt": 20, "b.txt": 20})
    ours = open_own(tmp_path)
    ours.check_kept(ours.identity())
    tested = {"a_train.txt": 20, "a_test.txt": 3}
    for files in ({"a.txt": 19}, tested):
        other = open_own(write(tmp_path / str(len(files)), files))
        with pytest.raises(DataError, match="other stories of a than those of the run"):
            ours.check_kept(other.identity())
    open_own(tmp_path / "2").check_kept(ours.identity())  # it keeps none
    write(tmp_path / "c", {"c.txt": 20})
    ours.check_kept(open_own(tmp_path / "c").identity())  # a run that never saw these


def test_the_identity_is_of_what_is_trained_on(tmp_path):
    files = {"a_train.txt": 3, "a_test.txt": 5, "b.txt": 4}
    folder = write(tmp_path / "one", files)
    first = open_own(folder).identity()
    assert first["tasks"] == ["a", "b"] and first["stories"] == str(folder)
    assert set(first["files"]) == {"a train", "a test", "b train"}
    moved = open_own(write(tmp_path / "two", files)).identity()
    assert moved["sha256"] == first["sha256"]
    (tmp_path / "two" / "a_test.txt").write_text(TEXT)
    assert open_own(tmp_path / "two").identity()["sha256"] == first["sha256"]
    seen = {first["sha256"]}
    for change in ({"b.txt": 5}, {"b_test.txt": 1}, {"c.txt": 1}):
        other = open_own(write(tmp_path / str(change), files | change)).identity()
        assert other["sha256"] not in seen
        seen.add(other["sha256"])
