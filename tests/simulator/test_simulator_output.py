"""`python3 -m babi.simulator`: the official files, whole, and never mixed."""

import json
import pathlib
import subprocess
import sys

import pytest

from babi.simulator import Options, split_of
from babi.simulator.output import stories_with_questions, write_files
from babi.stories.download import open_source
from babi.stories.story import count_questions, parse_stories
from babi.stories.tasks import TASK_NAMES

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = "tasks_1-20_v1-2/en-10k"
SIZES = {"train": 40, "test": 15}


def write(folder, tasks=(1, 4, 20), seed=0, options=Options(), **arguments):
    return write_files(folder, tasks, SIZES, seed, options, **arguments)


def contents(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def test_files_have_official_names_and_sizes(tmp_path):
    folder = write(tmp_path, tasks=tuple(TASK_NAMES))
    assert folder == tmp_path / FOLDER
    names = {f"qa{task}_{name}_{split}.txt" for task, name in TASK_NAMES.items()
             for split in SIZES}
    assert set(contents(folder)) == names | {"simulated.json"}
    for task, name in TASK_NAMES.items():
        for split, size in SIZES.items():
            path = folder / f"qa{task}_{name}_{split}.txt"
            stories = parse_stories(path.read_bytes(), path.name, task)
            assert count_questions(stories) == size


def test_files_can_be_trained_on(tmp_path):
    write(tmp_path, variant="en-10k-simulated")
    source = open_source(tmp_path, "en-10k-simulated")
    for split, size in SIZES.items():
        for stories in source.stories(split, (1, 4, 20)).values():
            assert count_questions(stories) == size


@pytest.mark.parametrize("task", [4, 18, 20])
@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_no_story_is_in_training_and_test(task, size):
    """Not even the last story of a file, which is cut to have so many questions."""
    files = {split: list(stories_with_questions(task, seed, size, split=split))
             for seed, split in ((0, "train"), (1, "test"))}
    for split, stories in files.items():
        assert count_questions(stories) == size
        assert all(split_of(story.lines) == split for story in stories)
        assert stories[-1].lines[-1].answer is not None
    assert not ({story.lines for story in files["train"]}
                & {story.lines for story in files["test"]})


def test_the_same_settings_give_the_same_files(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    other = write(tmp_path / "three", seed=1)
    assert contents(one) == contents(two)
    name = "qa1_single-supporting-fact_train.txt"
    assert contents(one)[name] != contents(other)[name]


def test_options_are_for_the_tasks_that_they_apply_to(tmp_path):
    """Task 15 has no places and stays as it is; tasks 1 and 4 change."""
    options = Options(num_places=9)
    folder = write(tmp_path / "more", tasks=[1, 4, 15], options=options)
    official = contents(write(tmp_path / "official", tasks=[1, 4, 15]))
    for name, content in contents(folder).items():
        assert (content == official[name]) == name.startswith("qa15"), name


def test_options_reach_the_stories(tmp_path):
    folder = write(tmp_path, tasks=[1], options=Options(length_factor=3))
    path = folder / "qa1_single-supporting-fact_train.txt"
    for story in parse_stories(path.read_bytes(), path.name, 1):
        assert len(story.lines) == 5 * (6 + 1)
    assert json.loads((folder / "simulated.json").read_text()) == {
        "generator": "babi.simulator", "version": 2, "seed": 0,
        "num_questions": SIZES, "options": {"length_factor": 3}}


def test_an_interrupted_run_is_finished(tmp_path):
    whole = contents(write(tmp_path / "whole"))

    def interrupt(questions):
        left[0] -= questions
        if left[0] < 0:
            raise KeyboardInterrupt
    left = [70]
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "part", progress=interrupt)
    part = contents(tmp_path / "part" / FOLDER)
    assert 1 < len(part) < len(whole)
    assert all(whole[name] == data for name, data in part.items())  # no half file
    assert contents(write(tmp_path / "part")) == whole


def test_tasks_can_be_added(tmp_path):
    write(tmp_path / "one", tasks=[1])
    assert contents(write(tmp_path / "one")) == contents(write(tmp_path / "two"))


def test_files_of_others_are_left_alone(tmp_path):
    folder = write(tmp_path)
    before = contents(folder)
    with pytest.raises(ValueError, match="has stories of other settings"):
        write(tmp_path, seed=1)
    changed = folder / "qa4_two-arg-relations_test.txt"
    changed.write_bytes(b"mine")
    with pytest.raises(ValueError, match="was changed since it was generated"):
        write(tmp_path)
    assert contents(folder) == before | {changed.name: b"mine"}

    official = tmp_path / "official" / FOLDER
    official.mkdir(parents=True)
    (official / changed.name).write_bytes(b"true")
    with pytest.raises(ValueError, match="not generated, such as qa4_two-arg"):
        write(tmp_path / "official")
    assert contents(official) == {changed.name: b"true"}


def test_arguments_out_of_range_are_errors(tmp_path):
    with pytest.raises(ValueError, match="num_questions: got 0 for the split 'test'"):
        write_files(tmp_path, [1], {"train": 5, "test": 0}, 0)
    for variant in ("../x", "..", ".", ""):
        with pytest.raises(ValueError, match=f"variant: '{variant}' is not the name"):
            write(tmp_path, variant=variant)
    assert not list(tmp_path.iterdir())


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "babi.simulator", *arguments],
                          cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_the_command_writes_what_its_flags_say(tmp_path):
    done = run(f"--output_dir={tmp_path}/flags", "--tasks=1,4,20", "--seed=0",
               "--num_questions=40", "--num_test_questions=15", "--variant=few")
    assert done.returncode == 0, done.stderr
    assert "145/165" in done.stdout or "165/165" in done.stdout  # the progress bar
    assert done.stdout.splitlines()[-1].startswith("3 tasks written to ")
    written = (tmp_path / "flags" / FOLDER).with_name("few")
    assert contents(written) == contents(write(tmp_path / "call"))


@pytest.mark.parametrize("flags,words", [
    (["--tasks=21"], "tasks: '21' is outside 1 to 20"),
    (["--num_actors=1"], "num_actors: got 1, expected a whole number from 2 to 21"),
    (["--tasks=19", "--num_objects=2"], "num_objects: applies to none of the chosen"),
    (["--num_questions=0"], "--num_questions"),
    (["--tasks=14", "--questions_per_story=9"], "task 14: questions_per_story=9 with"),
    (["--questions_per_story=2000"], "questions_per_story: got 2000, expected a"),
    (["--num_test_questions=200"], "200: en-10k has 1,000; give the folder another"),
    (["--seed=x"], "--seed"),
    (["here"], "'here' is not a flag"),
])
def test_wrong_flags_are_one_line(tmp_path, flags, words):
    done = run(f"--output_dir={tmp_path}", *flags)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(f"--output_dir={tmp_path}/file")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        f"error: {tmp_path}/file/{FOLDER}: Not a directory; give another --output_dir"]
