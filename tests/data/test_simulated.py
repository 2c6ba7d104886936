"""Training on simulated stories: what is read, resumed, recorded and tested."""

import dataclasses
import pathlib
import random
import weakref
from collections import Counter

import numpy as np
import pytest

from babi.checks import ConfigError
from babi.config import Config
from babi.data.encoding import Encoder, story_length
from babi.data.run_data import load
from babi.data.retelling import retold
from babi.data.simulated import SimulatedSource, data_name
from babi.data.streams import GeneratedStream
from babi.data.vocabulary import Vocabulary
from babi.evaluation.results import Result, as_markdown, as_text
from babi.model import checkpoints
from babi.model.record import RunRecord
from babi.program.progress import Progress
from babi.simulator import (OFFICIAL_STORIES, Options, generate_story, options_for,
                            split_of)
from babi.stories.download import NoDataError
from babi.stories.story import DataError, count_questions
from babi.training.start import open_run
from babi_data import make_stories, make_story, write_stories
from small_runs import assert_same_training
from training_process import ScriptServer

ROOT = pathlib.Path(__file__).resolve().parents[2]

TINY = dict(controller_units=3, memory_size=3, word_size=2, num_read_heads=1,
            packed_rows=1, row_length=24, jit=False, deterministic=True,
            validation_stories=2, validation_interval=0, checkpoint_interval=1,
            visualise_interval=0)


def simulated(**settings):
    return Config(**({"data": "simulated", "packed_rows": 2, "validation_stories": 3}
                     | settings))


def words_of(example, vocabulary):
    return vocabulary.decode(example.inputs), vocabulary.decode(example.targets)


def encoded(story, vocabulary):
    return words_of(Encoder(vocabulary).encode(story), vocabulary)


def batch_examples(batch):
    """{(task, story number): input ids} of a batch."""
    return {(story.task, story.index): tuple(
        batch.arrays.inputs[story.row, story.start:story.start + story.length])
        for story in batch.stories}


def test_training_reads_the_stories_of_the_chosen_tasks_without_repeats():
    config = simulated(tasks=(1, 15, 19), simulator_seed=5)
    data = load(config)
    assert data.vocabulary == Vocabulary.english() and len(data.vocabulary) == 159
    seen, batches = {}, data.training(config)
    for _ in range(20):
        found = batch_examples(next(batches))
        assert not {index for _, index in found} & {index for _, index in seen}
        seen |= found
    assert len(seen) > 150
    for task in (1, 15, 19):
        texts = {tuple(data.vocabulary.decode(ids))
                 for (of, _), ids in seen.items() if of == task}
        first = [tuple(encoded(generate_story(task, 5, number), data.vocabulary)[0])
                 for number in range(2 * OFFICIAL_STORIES[task])]
        assert texts and texts < set(first)


def test_tasks_can_be_drawn_evenly_or_by_weights():
    source = SimulatedSource((4, 15, 19), seed=2)
    vocabulary = Vocabulary.english()
    examples = source.training_stream(Encoder(vocabulary), "tasks")
    for turn in range(20):
        found = [examples.example(3 * turn + place) for place in range(3)]
        assert sorted(example.task for example in found) == [4, 15, 19]
        for example in found:
            assert words_of(example, vocabulary) == encoded(
                generate_story(example.task, 2, turn), vocabulary)

    def drawn(sampling, weights, positions=1000):
        stream = source.training_stream(Encoder(vocabulary), sampling, weights)
        return Counter(stream.task(position) for position in range(positions))

    shares = drawn("stories", {})
    assert shares[4] / shares[15] == pytest.approx(4.0, rel=0.2)
    assert drawn("tasks", {4: 2.5, 15: 0, 19: 0.5}, 60) == {4: 50, 19: 10}
    shares = drawn("stories", {15: 8})
    assert shares[4] / shares[15] == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("change, right", [(None, 0.5), (retold, 0.25)])
def test_task_16_can_be_read_without_its_short_cut(change, right):
    """How often the color said last is the answer."""
    vocabulary, known = Vocabulary.english(), {"gray", "white", "yellow", "green"}
    examples = SimulatedSource((16,), seed=1).training_stream(
        Encoder(vocabulary), "stories", None, change)
    last = []
    for position in range(600):
        words, answers = words_of(examples.example(position), vocabulary)
        colors = [word for word in words if word in known]
        last.append(colors[-1] == answers[-1])
    assert np.mean(last) == pytest.approx(right, abs=0.07)


def test_held_out_and_test_stories_are_of_splits_of_their_own():
    config = simulated(tasks=(4, 20), num_places=8)
    source = SimulatedSource(config.tasks, 0, config.simulator_options())
    for split, of_split in (
            ("valid", source.first_stories("valid", {4: 3, 20: 3})),
            ("test", source.stories("test", (4, 20)))):
        assert all(split_of(story.lines) == split
                   for stories in of_split.values() for story in stories)
        if split == "test":
            assert [count_questions(of_task) for of_task in of_split.values()] == [
                1000, 1000]
    validation = load(config).validation
    assert validation.count == 6 and {
        validation.task(position) for position in range(6)} == {4, 20}
    vocabulary = Vocabulary.english()
    for position in range(6):
        assert words_of(validation.example(position), vocabulary) in [
            encoded(generate_story(validation.task(position), 0, number,
                                   options_for(validation.task(position),
                                               config.simulator_options()),
                                   "valid"), vocabulary)
            for number in range(3)]
    assert load(simulated(tasks=(20,), validation_stories=0)).validation.count == round(
        0.1 * OFFICIAL_STORIES[20])


def test_hardly_a_story_is_cut():
    """Of task 3, whose lengths differ most; the longest of a few are no bound."""
    stream = SimulatedSource((3,), 1).training_stream(
        Encoder(Vocabulary.english()), "stories")
    assert max(story_length(generate_story(3, 1, number))
               for number in range(300)) <= stream.longest < 2_500


def test_options_reach_the_stories():
    configs = (simulated(tasks=(1,)),
               simulated(tasks=(1,), length_factor=3, num_actors=9))
    plain, harder = map(load, configs)
    lengths = [np.mean([story.length for story in next(data.training(config)).stories])
               for data, config in zip((plain, harder), configs)]
    assert lengths[1] > 2 * lengths[0]
    assert harder.identity["options"] == {"length_factor": 3, "num_actors": 9}
    assert harder.identity["sha256"] != plain.identity["sha256"]
    assert "length_factor 3" in data_name(harder.identity)


@pytest.mark.parametrize("rows", [0, 2])
def test_batches_go_on_exactly_where_they_stopped(rows):
    config = simulated(tasks=(4, 5, 16), packed_rows=rows, batch_size=2)
    whole, first = (load(config).training(config) for _ in range(2))
    batches = [next(whole) for _ in range(12)]
    for _ in range(5):
        next(first)
    second = load(config).training(config)
    second.restore(first.state())
    for expected in batches[5:]:
        found = next(second)
        assert found.stories == expected.stories
        for array, other in zip(found.arrays, expected.arrays):
            np.testing.assert_array_equal(array, other)


def test_a_story_without_a_question_that_fits_gives_way_to_another():
    def story_at(position, attempt):  # the first attempts are far too long
        story = make_story(1, random.Random(100 * attempt + position), questions=1)
        return story._replace(lines=story.lines[:-1] * 9 + story.lines[-1:]) if (
            attempt < position % 3) else story

    examples = GeneratedStream(story_at, Encoder(Vocabulary.english()), 30)
    for position in range(10):
        example = examples.example(position)
        assert example.inputs.size == examples.length(position) <= 30
        assert example.index == position
        assert words_of(example, Vocabulary.english()) == encoded(
            story_at(position, position % 3), Vocabulary.english())


def test_a_stream_that_nobody_uses_keeps_no_stories():
    stream = GeneratedStream(lambda position, attempt: generate_story(1, 1, position),
                             Encoder(Vocabulary.english()), 100)
    assert stream.example(3) is stream.example(3)
    left = weakref.ref(stream)
    del stream
    assert left() is None  # without waiting for a collection


@pytest.fixture
def short_files(tmp_path):
    """Official folders with 30 training stories of task 1, and all of task 18."""
    stories = make_stories({1: 30, 18: OFFICIAL_STORIES[18]}, seed=4)
    return write_stories(tmp_path / "data", "en-10k", stories, "train")


def test_a_short_task_is_filled_when_asked_for(short_files):
    plain = Config(tasks=(1, 18), packed_rows=2, validation_stories=0)
    config = dataclasses.replace(plain, fill_tasks="simulated", simulator_seed=7)
    assert "filled" not in load(plain, short_files).identity
    data = load(config, short_files)
    filled = data.identity["filled"]
    assert filled["stories"] == {"1": 1970}  # and task 18 is whole
    assert (filled["version"], filled["seed"]) == (1, 7)
    assert data_name(data.identity).endswith(
        "filled up with simulated stories: 1,970 of task 1 (babi.simulator version 1, "
        "seed 7)")
    assert data.identity["sha256"] == load(plain, short_files).identity["sha256"]
    # Only official stories are held out.
    examples = [data.validation.example(position)
                for position in range(data.validation.count)]
    held = {example.index for example in examples if example.task == 1}
    assert len(held) == 3 and max(held) < 30
    seen, batches = {}, data.training(config)
    while len(seen) < 500:
        seen |= batch_examples(next(batches))
    assert not held & {index for task, index in seen if task == 1}
    added = {key: ids for key, ids in seen.items() if key[0] == 1 and key[1] >= 30}
    assert len(added) > 200
    for (_, index), ids in added.items():
        assert data.vocabulary.decode(ids) == encoded(
            generate_story(1, 7, index - 30), data.vocabulary)[0]


def test_stories_of_a_task_come_as_often_as_asked_for(short_files):
    config = Config(tasks=(1, 18), packed_rows=4, task_weights="1:3.33")
    batches = load(config, short_files).training(config)
    counts, number = Counter(), round(0.9 * 1978)
    while sum(counts.values()) < 3 * (90 + number):
        counts.update((story.task, story.index) for story in next(batches).stories)
    of_task = {task: [count for (of, _), count in counts.items() if of == task]
               for task in (1, 18)}
    assert len(of_task[1]) == 27 and len(of_task[18]) == number
    # Three turns, but for some stories that wait for a row or came early.
    assert abs(sum(of_task[1]) - 3 * 90) < 20
    assert max(of_task[18]) <= 4 and min(of_task[1]) >= 8
    config = Config(tasks=(1, 18), packed_rows=4, task_weights="18:0")
    batches = load(config, short_files).training(config)
    assert {story.task for story in next(batches).stories} == {1}


@pytest.mark.parametrize("settings, expected", [
    ({"num_actors": 6}, "--num_actors is about simulated stories; give --data="),
    ({"data": "simulated", "num_actors": 1}, "num_actors: got 1, expected"),
    ({"data": "simulated", "tasks": (4,), "num_actors": 6}, "applies to none of"),
    ({"data": "simulated", "fill_tasks": "simulated"}, "fills official data"),
    ({"data": "simulated", "variant": "hn"}, "leave out --variant=hn"),
    ({"fill_tasks": "simulated", "variant": "en"}, "leave out --variant=en"),
    ({"task_weights": "15:100"}, "--task_weights: '15:100' is not a task and its"),
    ({"task_weights": "15:-1"}, "--task_weights: '15:-1' is not a task and its weight"),
    ({"task_weights": "2:2,2:3"}, "--task_weights: '2:3' is not .* each task once"),
    ({"task_weights": "2:2", "tasks": (1, 3)}, "names task 2, which --tasks does not"),
    ({"task_weights": "3:0", "tasks": (3,)}, "leaves no task to train on"),
    ({"retell_task_16": True, "variant": "hn"}, "--retell_task_16 is about stories in"),
    ({"thin_task_16": True, "variant": "shuffled"}, "--thin_task_16 is about stories"),
    ({"data": "invented"}, "--data=invented: one of official, simulated")])
def test_settings_that_do_not_go_together_get_one_line(settings, expected):
    with pytest.raises(ConfigError, match=expected) as caught:
        Config(**settings)
    assert "\n" not in str(caught.value)


def test_a_task_that_can_not_follow_the_options_is_told():
    with pytest.raises(DataError, match="applies to none"):
        SimulatedSource((4,), 0, Options(num_actors=6)).stories("test", (4,))
    of_both = SimulatedSource((1, 4), 0, Options(num_actors=6))
    assert set(of_both.stories("test", (4,))) == {4}  # task 1 follows them


@pytest.fixture
def no_data(monkeypatch):
    def fail(variant):
        raise NoDataError("no bAbI data: no network")
    monkeypatch.setattr("babi.stories.download.find_or_download", fail)


def train(directory, iterations, capsys, chosen=False, **settings):
    """Trains on task 4 in a directory; returns what was said."""
    config = Config(**(TINY | {"tasks": (4,), "num_training_iterations": iterations}
                       | settings))
    with open_run(directory, None, config, False, Progress(iterations),
                  data_chosen=chosen) as run:
        run.train()
    return capsys.readouterr().out


def test_a_run_without_data_trains_on_simulated_stories_and_resumes_bit_for_bit(
        tmp_path, no_data, capsys, monkeypatch):
    official = {"fill_tasks": "simulated", "exchange_names": True,
                "phases": "2 exchange_names=false thin_task_16=true; 4 word_loss=0.1",
                "packed_rows": 2, "row_length": 64}
    plain = official | {"exchange_names": False, "phases": "4 word_loss=0.1"}
    whole = train(tmp_path / "whole", 6, capsys, **plain)
    first = train(tmp_path / "broken", 3, capsys, **official)
    told = "No official bAbI data here"
    assert whole.splitlines()[0].count(told) == first.count(told) == 1
    assert "data simulated stories (babi.simulator version" in first
    # The data may be there again: the run goes on with what it has begun with.
    monkeypatch.setattr("babi.stories.download.find_or_download", None)
    second = train(tmp_path / "broken", 6, capsys, **official)
    assert "Going on from iteration 3," in second and told not in second
    assert_same_training(tmp_path / "whole" / "model.ckpt-6",
                         tmp_path / "broken" / "model.ckpt-6")
    record = RunRecord.read(tmp_path / "broken")
    assert record.config.data == "simulated"
    assert record.data == load(record.config).identity
    weights = [checkpoints.read(tmp_path / "whole" / f"model.ckpt-{iteration}")
               for iteration in (3, 6)]
    assert any((weights[0][name] != weights[1][name]).any() for name in weights[0]
               if name.startswith("model/"))

    monkeypatch.setattr("babi.data.simulated.generate_story", lambda task, seed, *rest:
                        generate_story(task, seed + 1, *rest))
    with pytest.raises(ConfigError, match="was started on other data: simulated st"):
        train(tmp_path / "broken", 7, capsys, **official)


@pytest.mark.parametrize("settings", [
    {"chosen": True}, {"variant": "hn"}])
def test_what_was_asked_for_is_not_replaced(tmp_path, no_data, capsys, settings):
    with pytest.raises(NoDataError):
        train(tmp_path / "run", 1, capsys, **settings)
    assert not (tmp_path / "run").exists()


def test_tables_say_above_all_numbers_which_data_a_model_saw(short_files):
    source = SimulatedSource((1,), 3, Options(num_actors=8))
    filled = load(Config(tasks=(1,), fill_tasks="simulated"), short_files).identity
    official = {"name": "tasks.tar.gz", "variant": "en-10k", "sha256": "ab" * 32}
    for data, expected in ((source.identity(), [
            "trained on simulated stories (babi.simulator version 1, seed 3, "
            "num_actors 8"]), (filled, [
                "trained on data, en-10k", "filled up with simulated stories: 1,970 of "
                "task 1", "training data of model: en-10k/qa1_single-supporting-fact_"
                "train.txt is not the official file"])):
        result = Result("model", 5, 9, 3.0, data, official, {1: 1000}, {1: 2.5})
        for text in (as_text([result]), as_markdown([result])):
            header, table = text.split("LSTM 512")
            for part in expected:
                assert part in header and part not in table
            assert "tested on 1,000 questions of tasks.tar.gz, en-10k" in header
            assert "other data than model was trained on" in header
    told = source.identity() | {"retold": True, "repeated": [16, 17]}
    assert data_name(told).endswith(
        "), task 16 retold without short cuts for a part, those of task 16 and 17 told "
        "again and again for a part")
    same = Result("same", 5, 9, 3.0, official, official, {1: 1000}, {1: 2.5})
    text = as_text([result, same])
    assert "other data than model was trained on" in text and "than same" not in text


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Scripts without a cached copy and without a network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    with ScriptServer(tmp_path) as server:
        yield server


def test_scripts_without_data_go_on_and_say_so(server, tmp_path):
    flags = ["--tasks=4", "--checkpoint_dir=run", "--num_training_iterations=2"] + [
        f"--{name}={value}" for name, value in TINY.items()]
    code, output = server.run("train", *flags, "--data=official")
    assert code == 1 and output.splitlines()[-1].startswith("error: no bAbI data: ")
    assert not (tmp_path / "run").exists()
    code, output = server.run("train", *flags, "--data=simulated", "--data_dir=/tmp")
    assert code == 1 and output.startswith("error: --data_dir has official data;")
    code, output = server.run("train", *flags)
    assert code == 0 and output.count("training on simulated stories") == 1
    code, output = server.run("test", "--checkpoint_file=run", "--nojit")
    assert code == 0
    assert output.count("taking simulated test stories") == 1
    header = output.split("LSTM 512")[0]
    assert "trained on simulated stories (babi.simulator version 1, seed 0" in header
    assert "tested on 1,000 questions of simulated stories" in header
    published = f"--checkpoint_file={ROOT / 'results' / 'joint'}"
    code, output = server.run("ask", published, "--task=4")
    assert code == 0 and output.count("taking simulated test stories") == 1, output
    code, output = server.run("ask", published, "--task=4", "--data=official")
    assert code == 1 and "error: no bAbI data: " in output
    code, output = server.run("test", "--checkpoint_file=run", "--data=official")
    assert code == 1 and output.splitlines()[-1].startswith("error: no bAbI data: ")
