"""Stories of one's own: which file is what, and which stories are kept for the test."""

import json
import os
import random
from types import SimpleNamespace

import pytest

from babi.config import Config
from babi.data.run_data import remarks_for
from babi.data.streams import hold_out
from babi.stories import archive, own, own_format
from babi.stories.own import open_own
from babi.stories.own_format import parse_own
from babi.stories.own_split import same_texts
from babi.stories.story import DataError
from training_process import ROOT

TEXT = "1 Ada went home.\n2 Where is Ada?\thome\n"


def write(folder, files):
    """Writes `{name: text, or number of stories like TEXT}` into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, int):
            text = "".join(f"1 Ada has {n} cats.\n2 How many?\t{n}\n"
                           for n in range(text))
        path.write_text(text, encoding="utf-8")
    return folder


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
        parse_own(TEXT.encode(), "file", 1)


def test_the_stories_of_the_examples_are_those_that_the_docs_tell_of():
    source = open_own(ROOT / "examples" / "stories" / "places.txt")
    assert (len(source.train[1]), len(source.test[1])) == (9, 1)


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
    write(tmp_path, {"a_train.txt": 4, "a_test.txt": 5, "b.txt": 4})
    kept = ("no test stories given: kept for the test, and not trained on: 1 of the 4 "
            "stories of b")
    seen = "test stories that are among those to train on, word for word: "
    source = open_own(tmp_path)  # of stories 0 to 3 b keeps the last
    assert source.differences() == [kept, seen + "4 of a, 1 of b"]
    assert source.differences((1,)) == [seen + "4 of a"]
    assert source.differences((2,)) == [kept]
    assert source.differences((1,), (2,)) == [kept, seen + "1 of b"]
    assert source.differences((2,), (1,)) == [seen + "3 of a"]
    path = tmp_path / "b.txt"
    assert open_own(path, path).differences()[0].endswith("word for word: 4 of b")
    (tmp_path / "c.txt").write_text(path.read_text().upper() * 2)
    assert open_own(path, tmp_path / "c.txt").differences()[0].endswith(
        "word for word: 8 of b")


ASKED = ["Who is it?", "Where?", "How many?", "Why?", "When?"]


def texts_with_questions(folder, questions):
    """A file of texts, the n-th with so many questions, each a story of its own."""
    lines = [json.dumps({"story": f"Text {n}.", "answer": str(number),
                         "question": ASKED[number % 5][:-1] + f" {number // 5}?"})
             for n, count in enumerate(questions) for number in range(count)]
    random.Random(3).shuffle(lines)
    path = folder / "texts.jsonl"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("questions, kept", [
    ([5] * 50, 25), ([1, 2, 3, 4, 5] * 4, 6), ([5, 5, 1, 1], 1),
    ([20] * 10 + [1] * 3, 20), ([111] * 9 + [1], 112), ([19] * 11, 19)])
def test_no_text_is_both_trained_on_and_kept_or_held_out(tmp_path, questions, kept):
    source = open_own(texts_with_questions(tmp_path, questions))
    assert len(source.test[1]) == kept == source.kept[1]
    assert len(source.train[1]) == sum(questions) - kept
    texts = [{story.lines[0].text for story in split[1]}
             for split in (source.train, source.test)]
    assert not texts[0] & texts[1] and len(texts[0] | texts[1]) == len(questions)
    assert len(source.differences()) == 1  # what is kept
    whole = len(source.train[1])
    trained, held = hold_out({1: whole}, 0, {1: same_texts(source.train[1])})
    assert sorted([*trained[1], *held[1]]) == list(range(whole)) and len(held[1])
    texts = [{source.train[1][number].lines[0].text for number in split[1]}
             for split in (trained, held)]
    assert not texts[0] & texts[1]


def test_texts_that_can_not_be_kept_apart_are_told(tmp_path):
    source = open_own(texts_with_questions(tmp_path, [5, 5, 5]))
    assert source.kept == {1: 2}  # less than half of what any text has
    assert source.differences()[1:] == [
        "test stories whose text is among those to train on, with other questions: 2 "
        "of texts"]
    alone = "".join(f'{{"story": [], "question": "{n} + 0", "answer": {n}}}\n'
                    for n in range(30))
    source = open_own(write(tmp_path / "alone", {"a.jsonl": alone}))
    assert source.kept == {1: 3} and len(source.differences()) == 1
    assert not source.shared


def test_test_stories_that_a_run_kept_are_not_called_trained_on(tmp_path):
    path = texts_with_questions(tmp_path, [1] * 40)
    kept, trained = open_own(path).test[1], open_own(path).train[1]
    record = SimpleNamespace(data=open_own(path).identity(),
                             config=Config(data="own", tasks=(1,)))
    given = tmp_path / "given.jsonl"
    told = "test stories that are among those to train on, word for word: 3 of texts"
    for stories, said in ((kept, []), (kept + trained[:3], [told])):
        given.write_text("".join(json.dumps({
            "story": story.lines[0].text, "question": story.lines[1].text,
            "answer": story.lines[1].answer}) + "\n" for story in stories))
        source = open_own(path, given)
        assert len(source.test[1]) == len(stories) and not source.kept
        unseen = [line for line in remarks_for(source, record, (1,))
                  if not line.startswith("words of")]
        assert unseen == said
    given.write_text("")
    path.write_text(path.read_text() + "\n" + path.read_text())
    remark, = remarks_for(open_own(path), record, (1,))
    assert remark.startswith("other stories than those trained on are at hand")


def test_the_identity_tells_which_split_it_was(tmp_path, monkeypatch):
    """A run from before texts stayed together held out other stories."""
    for questions, same in (([2] * 20, False), ([1] * 40, True)):
        path = texts_with_questions(tmp_path, questions)
        source = open_own(path)
        monkeypatch.setattr(own, "same_texts", lambda stories: range(len(stories)))
        before = open_own(path).identity()
        monkeypatch.undo()
        del before["together"]  # which an earlier version did not write
        assert (source.identity()["sha256"] == before["sha256"]) == same
        source.check_kept(source.identity())
        if same:
            source.check_kept(before)
            continue
        with pytest.raises(DataError, match="other stories of texts than those of the"):
            source.check_kept(before)


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
    renamed = {"z_train.txt": 20, "z_test.txt": 3}  # trained on all, by another name
    with pytest.raises(DataError, match="other stories of a than those of the run"):
        ours.check_kept(open_own(write(tmp_path / "z", renamed)).identity())
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
