"""A trained model in other hands: by name, as a `.keras` file, as a SavedModel."""

import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import babi
from babi.data import typed
from babi.data.encoding import Encoder
from babi.data.streams import StoryStream
from babi.data.vocabulary import Vocabulary
from babi.evaluation.evaluator import Evaluator
from babi.inspection.reading import Reader
from babi.model import published, serving, trained
from babi.model.answerer import QuestionAnswerer
from babi.simulator import generate_story
from babi.stories.story import DataError
from small_runs import small_checkpoint
from training_process import ROOT, ScriptServer

TEXT = ("Mary got the milk. John moved to the hallway. Where is John? "
        "What is Mary carrying? - -")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(checkpoint, folder of its export), of a small model with random weights."""
    prefix = small_checkpoint(tmp_path_factory.mktemp("run"))
    folder = tmp_path_factory.mktemp("published") / "small"
    published.export(prefix, folder)
    return prefix, folder


@pytest.fixture(scope="module")
def expected(exported):
    """[(question, answer, probability, likely words)], by the recorder's plain step."""
    model = trained.load(exported[0], jit=False)
    reading, = Reader(model.model, model.vocabulary).read(
        {"": typed.line_tokens(TEXT)})
    return [(answer.question, answer.answer,
             np.prod([reading.top[step][0][1] for step in answer.steps]),
             [list(reading.top[step]) for step in answer.steps])
            for answer in reading.answers()]


def other_process(program, folder, *arguments, **environment):
    """The JSON that a Python program prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)],
                          env=os.environ | {"PYTHONUTF8": "1"} | environment,
                          cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_answers(found, expected):
    assert len(found) == len(expected) == 2
    for (question, answer, probability, likely, *_), wanted in zip(found, expected):
        assert (question, answer) == wanted[:2]
        assert probability == pytest.approx(wanted[2], rel=1e-4)
        for words, others in zip(likely, wanted[3], strict=True):
            assert [word for word, _ in words] == [word for word, _ in others]
            assert [share for _, share in words] == pytest.approx(
                [share for _, share in others], rel=1e-4)


@pytest.mark.parametrize("order, absent", [
    ("babi, keras", ("babi.model.answerer", "dnc")),
    ("keras, babi", ("babi.model.answerer", "dnc")), ("keras, dnc", "babi"),
    ("dnc, keras", "babi")])
def test_a_keras_file_answers_where_either_was_imported(exported, expected, order,
                                                        absent):
    found = other_process(f"""
import json, sys
sys.path.insert(0, {str(ROOT)!r})
import {order}
assert not any(name.startswith({absent!r}) for name in sys.modules)
model = keras.saving.load_model(sys.argv[1])
print(json.dumps(model.answer({TEXT!r})))
""", exported[1], published.keras_file(exported[1]))
    assert_answers(found, expected)


def test_importing_babi_takes_no_tensorflow():
    assert other_process(f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import babi
print("true" if {{"tensorflow", "keras", "numpy"}} & set(sys.modules) else "false")
""", ROOT) is False


def test_a_saved_model_takes_text_and_needs_tensorflow_alone(exported, expected):
    found = other_process(f"""
import json, sys
import tensorflow as tf
serve = tf.saved_model.load("saved_model").signatures["serving_default"]
found = serve(texts=tf.constant([{TEXT!r}, "Where IS the sofa in İ ÌÍĨ É?", "",
                                 "Where is he?"]))
assert not any(name.split(".")[0] in ("babi", "dnc") for name in sys.modules)
print(json.dumps({{name: value.numpy().tolist() for name, value in found.items()}},
                 default=bytes.decode))
""", exported[1], LC_ALL="tr_TR.UTF-8")  # where the small I has no dot
    assert found["unknown"] == ["", "sofa i̇ ìíĩ é", "", ""]
    assert found["questions"][:3] == [[0, 1, 1], [-1, -1, -1], [-1, -1, -1]]
    assert found["answers"][1] == ["", "", ""] and found["questions"][3] == [0, -1, -1]
    words = found["answers"][0]
    assert [words[0], " ".join(words[1:])] == [answer for _, answer, _, _ in expected]
    likely = [words for _, _, _, of_question in expected for words in of_question]
    for step, words in enumerate(likely):
        assert found["likely"][0][step] == [word for word, _ in words]
        assert found["likely_probabilities"][0][step] == pytest.approx(
            [share for _, share in words], rel=1e-4)
        assert found["probabilities"][0][step] == pytest.approx(words[0][1], rel=1e-4)


@pytest.mark.parametrize("fault", [
    tf.errors.ResourceExhaustedError(None, None, "No space left"), OSError("full")])
def test_an_export_that_fails_leaves_nothing(exported, tmp_path, monkeypatch, fault):
    def refuse(model, path):
        path.mkdir()
        raise fault

    monkeypatch.setattr(published.serving, "save", refuse)
    with pytest.raises(type(fault)):
        published.export(exported[0], tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_for_an_export_is_told_in_one_line(exported, tmp_path):
    prefix = exported[0]
    checkpoint = os.path.getsize(f"{prefix}.data-00000-of-00001")
    with ScriptServer(tmp_path) as server:
        code, output = server.run(
            "export", f"--checkpoint_file={prefix}", f"--output_dir={tmp_path / 'new'}",
            limits={"RLIMIT_FSIZE": checkpoint + 2000})
    assert code == 1 and output.count("\n") == 1, output
    assert re.match("error: --output_dir: .*; give another$", output.strip())
    assert [path.name for path in tmp_path.iterdir()] == ["output-1.txt"]


def test_a_saved_model_holds_each_weight_once(exported):
    shapes = tf.train.load_checkpoint(
        exported[1] / "saved_model" / "variables" / "variables"
    ).get_variable_to_shape_map()
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    weights = trained.load(exported[0], jit=False).model.weights
    assert sorted(shapes.values()) == sorted(list(weight.shape) for weight in weights)


@pytest.mark.parametrize("text", [
    TEXT, "1 Mary went\n2 Where is Mary?\n", "What has she?--", "what has she ? - - -",
    "John left. Where is he? Mary went", "a well-known fact", "12 apples. 13 pears",
    "ÉMILE WENT\r\nTo the Café?", "\t 3  He has 4 apples", "a\n\n\nb? - -\nc?", "",
    "who? - who? who? - -\nwho?", "小明 去 厨房。\n２ 小明　在 哪里？ - -",
    "\ufeffA\xadda\u200bleft\xa0home\u2060\n\u200f٣ أين مريم؟",
    "John has a well-\nWho a-b-?", "a\rb\u2028c\x85d\x0be\x0cf\x1cWho?"])
def test_the_served_graph_reads_text_as_the_program_does(text):
    tokens = [word for line in text.splitlines() for word, _ in typed.line_tokens(line)]
    found = serving.tokenize(tf.constant([text])).to_list()
    assert [word.decode() for word in found[0]] == tokens


def test_load_takes_a_checkpoint_a_file_or_a_name(exported, expected):
    prefix, folder = exported
    for path in (prefix, prefix.parent, folder.with_name("small.keras")):
        model = babi.load(path)
        assert isinstance(model, QuestionAnswerer)
        assert_answers(json.loads(json.dumps(model.answer(TEXT))), expected)
    by_name = published.load("small", folder.parent)
    assert_answers(json.loads(json.dumps(by_name.answer(TEXT))), expected)


def test_a_run_here_comes_before_a_published_one_of_its_name(
        exported, tmp_path, monkeypatch):
    _, folder = exported
    monkeypatch.chdir(tmp_path)
    assert published.find("small", folder.parent) == folder
    (tmp_path / "small").mkdir()
    small_checkpoint(tmp_path / "small")
    assert published.find("small", folder.parent) == pathlib.Path("small")


def test_the_published_one_answers():
    answer, = babi.load().answer("John moved to the hallway. Where is John?")
    assert answer.answer == "hallway" and 0.9 < answer.probability <= 1
    assert answer.likely[0][0] == ("hallway", answer.probability)
    one_file = keras.saving.load_model(published.FOLDER / "best.keras")
    again, = one_file.answer("John moved to the hallway. Where is John?")
    assert again.probability == pytest.approx(answer.probability, rel=1e-5)


@pytest.mark.parametrize("name", ["best", "joint", "simulated"])
def test_the_published_ones_answer_all_tasks(name):
    model = trained.load(published.find(name), jit=False)
    stories = {task: [generate_story(task, 0, index, split="test")
                      for index in range(4)] for task in range(1, 21)}
    stream = StoryStream(stories, Encoder(model.vocabulary), 0, epochs=1)
    scores, _ = Evaluator(model.model, jit=False).evaluate(stream, 320)
    errors = scores.question_errors()
    assert len(errors) == 20 and np.mean(list(errors.values())) < 5


def test_what_is_no_model_is_told(exported, tmp_path):
    prefix, folder = exported
    assert published.find(prefix.parent) == prefix.parent
    assert published.find("small", folder.parent) == folder
    with pytest.raises(DataError, match="nobody: no published model .* has small"):
        published.find("nobody", folder.parent)
    with pytest.raises(DataError, match="a checkout of the repository has them in"):
        published.find("nobody", tmp_path)
    with pytest.raises(DataError, match="/nowhere/best: no such checkpoint"):
        published.find("/nowhere/best", folder.parent)
    assert published.checkpoint("small", folder.parent) == folder
    (tmp_path / "bad.keras").write_bytes(b"PK nonsense")
    with pytest.raises(DataError, match=r"bad.keras: babi.load\(\) reads it; give a"):
        published.export(tmp_path / "bad.keras", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as file:
        file.writestr("config.json", "{}")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(
        tmp_path / "other.keras")
    for name, message in (("bad", "not a model that can be read"), ("empty", "not a"),
                          ("other", "a Sequential, not a question answerer")):
        with pytest.raises(DataError, match=message) as fault:
            babi.load(tmp_path / f"{name}.keras")
        assert "\n" not in str(fault.value)


def test_texts_that_cannot_be_answered_are_told(exported):
    model = babi.load(exported[0])
    with pytest.raises(DataError, match="does not know 'hallwey' .nearest: hallway"):
        model.answer("John moved to the hallwey. Where is John?")
    with pytest.raises(DataError, match="no question in it"):
        model.answer("John moved to the hallway.")
    with pytest.raises(DataError, match="and 3 other words"):
        typed.check_words([(f"word{n}", None) for n in range(13)],
                          Vocabulary.english(), "text")
    with pytest.raises(ValueError, match="has no words"):
        QuestionAnswerer(5, memory_size=3, word_size=2, num_read_heads=1).answer("a?")
