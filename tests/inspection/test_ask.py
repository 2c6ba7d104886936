"""babi/ask.py: typed stories, the talk, the script with its files and its errors."""

import contextlib
import io
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from PIL import Image

from babi.data.encoding import story_tokens
from babi.data.typed import line_tokens, read_story
from babi.data.vocabulary import Vocabulary
from babi.inspection import conversation
from babi.inspection.reading import Reader
from babi.model import trained
from babi.program import terminal
from babi.stories.story import DataError, Line, Story, format_stories
from babi_data import make_stories, write_stories
from small_runs import small_checkpoint, wait_for
from training_process import ROOT, ScriptServer

VOCABULARY = Vocabulary.english()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A run directory with one checkpoint of a small model."""
    return small_checkpoint(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def reader(checkpoint):
    return Reader(trained.load(checkpoint, jit=False).model, VOCABULARY)


@pytest.fixture(scope="module")
def stories():
    return make_stories({1: 3, 8: 2})


@pytest.fixture(scope="module")
def data(stories, tmp_path_factory):
    """A folder of stories in the official layout."""
    return write_stories(tmp_path_factory.mktemp("data"), "en-small", stories,
                         "train", "test")


# ---------------------------------------------------------------- typed stories

@pytest.mark.parametrize("typed, expected", [
    ("Mary went to the kitchen.", "mary went to the kitchen ."),
    ("  12 Mary went home", "mary went home ."),
    ("John has 3 apples.", "john has 3 apples ."),
    ("7 John has 3 apples.", "john has 3 apples ."),
    ("Where is Mary?", "where is mary ? -"),
    ("What has she ? - -", "what has she ? - -"),
    ("what has she?--", "what has she ? - -"),
    ("What has she?\t- -", "what has she ? - -"),
    ("Who left?\tWho came?", "who left ? - who came ? -"),
    ("John left. Where is he? Mary went", "john left . where is he ? - mary went ."),
    ("a well-known fact", "a well-known fact ."),
    ("", ""), ("   ", "")])
def test_typed_lines_become_tokens(typed, expected):
    tokens = line_tokens(typed)
    assert " ".join(word for word, _ in tokens) == expected
    assert {right for _, right in tokens} <= {None}


@pytest.mark.parametrize("typed", [
    "- Mary went", "Mary went -", "Mary went. -", ".", "Where is he? ?", "John left..",
    "2 Where is Ada?\tcellar\t1", "Where is Ada\uff1f \t cellar"])
def test_what_is_no_sentence_is_told(typed):
    with pytest.raises(DataError, match=re.escape(repr(typed))):
        line_tokens(typed)


def test_story_files(tmp_path, stories):
    path = tmp_path / "story.txt"
    path.write_text("1 Mary went to the kitchen.\n\n2 Where is Mary?\r\n")
    assert [word for word, _ in read_story(path)] == (
        "mary went to the kitchen . where is mary ? -".split())
    with pytest.raises(DataError, match="it has one story, so the index is 0, not 1"):
        read_story(path, index=1)
    path.write_text(format_stories([
        Story(1, (Line("John left."), Line("Who left?", "john", (1,)))),
        Story(1, (Line("Fred left."), Line("Who left?", "fred,john", (1,))))]))
    assert read_story(path, index=1) == [
        ("fred", None), ("left", None), (".", None), ("who", None), ("left", None),
        ("?", None), ("-", "fred"), ("-", "john")]


@pytest.mark.parametrize("content, message", [
    (b"Mary went.\nWhere? ?\n", r"story.txt:2: .*no words before"),
    (b"Mary went.\n", r"story.txt: no question in it"),
    (b"", r"story.txt: no question in it"),
    (b"caf\xe9?\n", r"story.txt:1: byte 0xe9 is not UTF-8"),
    (b"1 Who left?\tjohn\t\n", r"story.txt: it has 1 stories.* not 3"),
    (b"1 Who left?\tjohn\n3 Ann left.\n", r"story.txt:2: expected a line .* 1 or 2"),
    (b"Who? " * 40_000, r"story.txt: 120,000 words are too many")])
def test_files_that_are_no_story_are_told(tmp_path, content, message):
    path = tmp_path / "story.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_story(path, index=3)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="No such file.*give another"):
        read_story(tmp_path / "none.txt")


# --------------------------------------------------------------------- the talk

def tell(reading, answer):
    print(conversation.describe(answer))


def test_questions_are_answered_as_they_come(reader, capsys):
    lines = ["Mary went to the kitchen.", "Where is Mary?", "John took the milk.",
             "Where is the milk? - -"]
    found = conversation.converse(reader, VOCABULARY, lines, True, tell)
    tokens = [pair for line in lines for pair in line_tokens(line)]
    expected, = reader.read({"A typed story": tokens})
    assert found.words == expected.words and found.top == expected.top
    first, second = expected.answers()
    output = capsys.readouterr().out.splitlines()
    assert len(output) == 5  # each question once: itself, and a line for each word
    assert output[0] == f"where is mary ? {first.answer}"
    assert output[2] == f"where is the milk ? {second.answer}"
    best = expected.top[second.steps[1]][0]
    assert output[4].split()[:2] == [best[0], f"{best[1]:.3f}"]


def test_a_bad_line_is_asked_for_again_or_ends_it(reader, capsys):
    lines = ["Mary went to the attic.", "Where is Mary?"]
    found = conversation.converse(reader, VOCABULARY, lines, True, tell)
    assert found.words == tuple("where is mary ? -".split())
    output = capsys.readouterr().out
    assert "line 1" in output and "'attic'" in output and "again" in output
    with pytest.raises(DataError, match="line 1: .*'attic'"):
        conversation.converse(reader, VOCABULARY, lines, False, tell)
    assert conversation.converse(reader, VOCABULARY, ["Mary went."], True, tell) is None


def test_answers_are_told_right_or_wrong(reader):
    tokens = line_tokens("Where is Mary?")
    given = reader.read({"": tokens})[0].given(4)
    for right, verdict in ((given, "(right)"), ("milk", "(wrong, it is: milk)")):
        reading, = reader.read({"": [*tokens[:4], ("-", right)]})
        answer, = reading.answers()
        text = conversation.describe(answer).splitlines()
        assert text[0] == f"where is mary ? {given}  {verdict}"
        assert text[1].split()[:2] == [given, f"{reading.top[4][0][1]:.3f}"]
        marked = conversation.describe(answer, lambda text, *styles:
                                       f"<{' '.join(styles)}>{text}</>")
        colour = "green" if right == given else "red"
        assert marked.splitlines()[0] == (
            f"where is mary ? <bold {colour}>{given}  {verdict}</>")


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream, environment, coloured", [
    (Screen(), {}, True), (Screen(), {"TERM": "xterm"}, True),
    (io.StringIO(), {}, False), (Screen(), {"NO_COLOR": "1"}, False),
    (Screen(), {"NO_COLOR": ""}, True), (Screen(), {"TERM": "dumb"}, False)])
def test_colour_where_a_terminal_has_it(stream, environment, coloured, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    expected = "\033[1;32mhallway\033[0m" if coloured else "hallway"
    assert terminal.painter(stream)("hallway", "bold", "green") == expected


# ------------------------------------------------------------------- the script

@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ScriptServer(tmp_path_factory.mktemp("ask")) as server:
        yield server


def test_the_script_shows_a_story_of_the_data(server, checkpoint, data, stories,
                                              tmp_path):
    code, output = server.run(
        "ask", f"--checkpoint_file={checkpoint}", f"--data_dir={data}", "--task=8",
        "--index=1", f"--output={tmp_path}/look")
    assert code == 0, output
    asked = [line for line in stories[8][1].lines if line.answer is not None]
    assert output.count("(right)") + output.count("(wrong") == len(asked)
    assert Image.open(tmp_path / "look.png").size[0] > 800
    html = (tmp_path / "look.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])
    data, = data["readings"]
    assert data["title"] == "Task 8 (lists/sets), test story 1"
    assert data["words"][-1] == "-"


@pytest.mark.parametrize("flags, title", [
    (["--data_dir=data"], "Task 8 (lists/sets), train story 1"),
    (["--data=simulated"], "Task 8 (lists/sets), simulated train story 1")])
def test_a_simulated_story_is_called_one(server, checkpoint, data, flags, title):
    flags = [flag.replace("=data", f"={data}") for flag in flags]
    code, output = server.run("ask", f"--checkpoint_file={checkpoint}", "--task=8",
                              "--index=1", "--split=train", "--json", *flags)
    assert code == 0, output
    assert {json.loads(line)["story"] for line in output.splitlines()} == {title}


def test_what_a_user_can_mend_takes_one_line(server, checkpoint, data, tmp_path):
    story = tmp_path / "story.txt"
    story.write_text("Mary went to the attic. Where is the sofa?\n")
    known = tmp_path / "known.txt"
    known.write_text("Where is Mary?\n")
    asked = f"--checkpoint_file={checkpoint}"
    listener = socket.create_server(("127.0.0.1", 0))
    taken = listener.getsockname()[1]
    for flags, message in (
            ([f"--checkpoint_file={checkpoint},{checkpoint}"], "with --serve only"),
            ([asked, "--serve", f"--port={taken}"], f"--port={taken}: Address already"),
            ([f"--checkpoint_file={tmp_path}/none", "--serve"], "no such checkpoint"),
            (["--checkpoint_file=nobody"], "no published model"),
            ([f"--checkpoint_file={tmp_path}/none"], "no such checkpoint"),
            ([f"--checkpoint_file={ROOT}/results/best.keras"], "babi.load() reads it"),
            ([asked, "--task=1", f"--story_file={story}"], "give one"),
            ([asked, "--task=21"], "task"),
            ([asked, "--serve", "--task=3"], "--task is about a single story"),
            ([asked, "--serve", "--json"], "--json is about a single story"),
            ([asked, "--index=2"], "give --task or --story_file"),
            ([asked, "--split=train", f"--story_file={known}"], "give --task"),
            ([asked, "--task=1", "--index=3", f"--data_dir={data}"], "so 0 to 2"),
            ([asked, f"--story_file={known}", "--index=1"], "so the index is 0, not 1"),
            ([asked, "--task=1", "--data=simulated", "--variant=en"],
             "--variant is about official data; leave it out with --data=simulated"),
            ([asked, f"--story_file={story}"],
             "story.txt: the model does not know 'attic', 'sofa'; it knows the 159"),
            ([asked, "--task="], "--task= names none"),
            ([asked, f"--story_file={known}", f"--output={tmp_path}/no/look"],
             f"--output: {tmp_path}/no/look: not a file in a folder that is there"),
            ([asked, f"--output={tmp_path}/"], f"--output: {tmp_path}/: not a file")):
        code, output = server.run("ask", *flags)
        assert code == 1, (flags, output)
        lines = [line for line in output.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 and message in lines[0], output
        assert "Traceback" not in output
    listener.close()


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def test_json_says_what_the_answers_are(server, reader, checkpoint, data, stories):
    flags = [f"--checkpoint_file={checkpoint}", "--task=8", f"--data_dir={data}"]
    code, output = server.run("ask", *flags, "--json")
    assert code == 0, output
    expected, = reader.read({"Task 8 (lists/sets), test story 0": story_tokens(
        stories[8][0])})
    lines = list(map(json.loads, output.splitlines()))
    assert len(lines) == len(expected.answers()) > 0
    for line, answer in zip(lines, expected.answers()):
        assert line.pop("story") == expected.title
        likely = line.pop("likely")
        assert [[tuple(pair) for pair in words] for words in likely] == [
            [(word, pytest.approx(share, rel=1e-4)) for word, share in words]
            for words in answer.likely]
        assert line == {"question": answer.question, "answer": answer.answer,
                        "probability": pytest.approx(answer.probability, rel=1e-4),
                        "right": answer.right, "steps": list(answer.steps)}


def test_the_script_serves_the_page(server, checkpoint, data, stack):
    process = server.start(
        "ask", f"--checkpoint_file={checkpoint},{checkpoint.parent}", "--serve",
        "--port=0", "--noopen", f"--data_dir={data}")
    stack.callback(process.send, signal.SIGKILL)  # whatever else happens
    address = wait_for(lambda: re.search(r"http://localhost:\d+/", process.output()))[0]
    mind = f"{checkpoint.parent.name}/model.ckpt-7"
    with urllib.request.urlopen(address, timeout=30) as page:
        assert f'"id": "{mind}"' in page.read().decode()
    request = urllib.request.Request(
        f"{address}ask", headers={"Content-Type": "application/json"},
        data=json.dumps({"minds": [mind], "task": 8, "index": 1}).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["stories"] == 2
    stack.pop_all()
    process.send(signal.SIGINT)
    assert process.wait() == 0 and "Traceback" not in process.output()


def test_without_a_model_named_the_published_one_answers_a_typed_story():
    done = subprocess.run(
        [sys.executable, ROOT / "babi" / "ask.py", "--json"], capture_output=True,
        input="John moved to the hallway.\nWhere is John?\n", text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["answer"] == "hallway" and answer["probability"] > 0.9
    assert answer["story"] == "A typed story" and answer["right"] is None


def test_a_reader_that_has_left_ends_it_quietly(checkpoint):
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$0" "$@" | true', sys.executable,
         ROOT / "babi" / "ask.py", f"--checkpoint_file={checkpoint}"],
        input="Mary went to the kitchen.\nWhere is Mary?\n", capture_output=True,
        text=True)
    assert done.returncode == 141 and "Broken" not in done.stderr, done.stderr


@pytest.mark.parametrize("stdin, message", [
    ("Mary went to the kitchen.\n", "no question was asked; end a sentence with '?'"),
    ("", "no question was asked"), (None, "standard input is closed")])
def test_input_without_a_question_is_told(checkpoint, stdin, message):
    closed = "exec 0<&-; " if stdin is None else ""
    done = subprocess.run(
        ["bash", "-c", f'{closed}exec "{sys.executable}" "{ROOT}/babi/ask.py" '
                       f'--checkpoint_file="{checkpoint}"'],
        input=stdin, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: standard input")
    assert message in done.stderr and "Traceback" not in done.stderr
