"""Hardly any stories: what splits, packing and batching can leave empty."""

import itertools
import random

import numpy as np
import pytest
from babi_data import make_stories, make_story, write_stories

from babi.config import Config
from babi.data import run_data
from babi.data.encoding import Encoder
from babi.data.streams import StoryStream, hold_out
from babi.data.vocabulary import Vocabulary
from babi.stories.download import open_source
from babi.stories.story import DataError, Line, Story
from training_process import ScriptServer

SMALL = {"controller_units": 6, "memory_size": 5, "word_size": 4, "num_read_heads": 2,
         "jit": False, "deterministic": True, "variant": "en-few"}
LONG = Story(1, (*[Line(f"John went to the {place}.") for place in ("hall", "office")]
                 * 59, Line("Where is John?", "office", (118,)),
                 Line("Where is John?", "office", (118,))))


def test_one_of_two_to_fourteen_stories_is_held_out_and_never_the_only_one():
    for count in range(15):
        training, validation = hold_out({1: count}, seed=3)
        assert validation[1].size == (0 if count < 2 else 1), count
        assert sorted([*training[1], *validation[1]]) == list(range(count))


@pytest.mark.parametrize("packed_rows", [0, 3])
@pytest.mark.parametrize("stories", [
    {1: 1}, {1: 2}, {1: 3}, {1: 1, 8: 2}, {1: [LONG]}], ids=str)
def test_trains_on_what_is_there_and_validates_on_a_story_if_there_are_two(
        stories, packed_rows, tmp_path):
    if not isinstance(stories[1], list):
        stories = make_stories(stories, seed=3)
    config = Config(tasks=tuple(stories), packed_rows=packed_rows, row_length=16,
                    **SMALL)
    data = run_data.load(config, write_stories(
        tmp_path, "en-few", stories, "train"))
    held = {} if data.validation is None else {
        data.validation.key(n) for n in range(data.validation.count)}
    expected = sum(len(of_task) > 1 for of_task in stories.values())
    assert len(held) == expected and (data.validation is None) == (not expected)
    trained = {(story.task, story.index) for batch in
               itertools.islice(data.training(config), 8) for story in batch.stories}
    everything = {(task, n) for task, of_task in stories.items()
                  for n in range(len(of_task))}
    assert trained == everything - set(held)


def test_a_small_weight_leaves_no_task_of_few_stories_out(tmp_path):
    data_dir = write_stories(tmp_path, "en-few", make_stories({1: 1, 8: 3}, seed=3),
                             "train")
    for weights, expected in (("1:0.2", {1, 8}), ("1:0.2,8:0.1", {1, 8}),
                              ("1:0.0", {8})):
        config = Config(tasks=(1, 8), task_weights=weights, **SMALL)
        data = run_data.load(config, data_dir)
        assert {story.task for batch in itertools.islice(data.training(config), 8)
                for story in batch.stories} == expected


def test_nothing_at_all_is_one_line(tmp_path):
    encoder = Encoder(Vocabulary.english())
    for stories in ({}, {1: []}, {1: [], 2: []}):
        with pytest.raises(DataError, match="^a stream needs at least one story; "):
            StoryStream(stories, encoder, 1)
    folder = write_stories(tmp_path, "en-few", {1: [LONG], 8: []}, "train")
    with pytest.raises(DataError, match="qa8_.*: the file is empty; get it anew"):
        run_data.load(Config(tasks=(1, 8), **SMALL), folder)
    data = run_data.load(Config(tasks=(1,), **SMALL), folder)
    with pytest.raises(DataError, match="^nothing was held out of so few stories; "):
        run_data.stream_of_held_out(open_source(folder, "en-few"), (1,),
                                    data.vocabulary, Config(tasks=(1,), **SMALL))


def test_a_single_story_trains_and_says_that_nothing_is_validated(tmp_path):
    rng = random.Random(1)
    write_stories(tmp_path / "data", "en-few", {1: [make_story(1, rng)]}, "train")
    flags = [f"--{name}={value}" for name, value in SMALL.items()]
    with ScriptServer(tmp_path) as server:
        code, output = server.run(
            "train", f"--checkpoint_dir={tmp_path / 'run'}",
            f"--data_dir={tmp_path / 'data'}", "--tasks=1", *flags,
            "--num_training_iterations=2", "--validation_interval=1",
            "--visualise_interval=1", "--report_interval=1")
    assert code == 0, output
    assert output.count("too few stories to hold one out: nothing is validated") == 1
    assert "validation  mean" not in output and "Finished: 2 iterations." in output
    assert not np.any([path.name.startswith("best") for path in
                       (tmp_path / "run").iterdir()])
