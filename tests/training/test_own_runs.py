"""Stories of one's own, from training to the table: tasks by name, and misuse."""

import dataclasses
import json
import re
import shutil
import zipfile

import pytest

from babi.checks import ConfigError
from babi.config import Config
from babi.data import run_data
from babi.data.vocabulary import Vocabulary
from babi.model import checkpoints
from babi.model.record import RunRecord
from babi.stories.own import open_own
from babi.stories.story import DataError
from small_runs import assert_same_training

SMALL = ["--controller_units=6", "--memory_size=5", "--word_size=4",
         "--num_read_heads=2", "--packed_rows=1", "--row_length=64", "--nojit",
         "--deterministic", "--report_interval=2"]
PEOPLE = "Ada", "Ben", "小明"


def story(number, question="Where is"):
    who, other = PEOPLE[number % 3], PEOPLE[(number + 1) % 3]
    return (f"1 {who} went to the yard.\n2 {other} went to the attic.\n"
            f"3 {question} {who}?\tthe yard\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def stories(folder):
    """Three tasks: with test stories, with many to keep some of, with a single one."""
    place = folder / "stories"
    place.mkdir()
    (place / "places_train.txt").write_text("".join(map(story, range(12))))
    (place / "places_test.txt").write_text("".join(map(story, range(4))) + (
        "1 Who left?\tZoe\n"))
    (place / "去 哪里.jsonl").write_text("\n".join(json.dumps(
        {"story": [f"{who} went to the yard."], "question": f"Is {who} here?",
         "answer": "no"}) for who in PEOPLE * 7), encoding="utf-8")
    (place / "gifts|x").write_text(story(0, "What has"))
    return place


def train(server, directory, stories, *flags):
    return server.run("train", f"--checkpoint_dir={directory}", f"--stories={stories}",
                      *SMALL, *flags)


@pytest.fixture(scope="module")
def run(server, folder, stories):
    """(directory, output) of a run of six iterations, interrupted after three."""
    flags = ["--validation_interval=2", "--visualise_interval=3"]
    whole = train(server, folder / "whole", stories, "--num_training_iterations=6",
                  *flags)
    assert whole[0] == 0, whole[1]
    for last in (3, 6):
        code, output = train(server, folder / "run", stories,
                             f"--num_training_iterations={last}", *flags)
        assert code == 0, output
    assert_same_training(folder / "run" / "model.ckpt-6",
                         folder / "whole" / "model.ckpt-6")
    return folder / "run", whole[1]


def one_line(server, script, *flags):
    """The one line of a script that can't do what the flags ask for."""
    code, output = server.run(script, *flags)
    assert code == 1 and "Traceback" not in output, output
    line, = (line for line in output.splitlines() if line.startswith("error: "))
    return line


def test_training_says_what_it_trains_on(run, stories):
    directory, output = run
    assert "tasks 1 gifts|x, 2 places, 3 去 哪里; batches" in output
    assert ("kept for the test, and not trained on: 2 of the 21 stories of "
            "去 哪里") in output
    assert "too few stories to keep one for the test: gifts|x" in output
    assert ("no story to train on has, so that they can't be learned: left, who, "
            "zoe") in output
    assert "missing from font" not in output
    assert "validation  mean question error" in output
    record = RunRecord.read(directory)
    assert record.data["tasks"] == ["gifts|x", "places", "去 哪里"]
    assert record.data["stories"] == str(stories) and not record.data["test_stories"]
    assert record.config.tasks == (1, 2, 3) and record.config.data == "own"
    words = Vocabulary.load(directory / "vocabulary.json").words
    assert {"小明", "zoe", "yard", "-", ".", "?"} < set(words)
    assert "hallway" not in words
    data = run_data.load(record.config, open_own(stories))
    held = {data.validation.key(n) for n in range(data.validation.count)}
    assert {task: sum(key[0] == task for key in held) for task in (1, 2, 3)} == {
        1: 0, 2: 1, 3: 2}


def test_the_table_names_the_tasks_and_nobody_elses(run, server, stories, folder):
    directory, _ = run
    code, output = server.run("test", f"--checkpoint_file={directory}", "--nojit",
                              f"--output={folder / 'table'}")
    assert code == 0, output
    assert "Too few stories to keep one for the test: gifts|x" in output
    assert "stories, stories of one's own (sha256" in output and "DNC1" not in output
    assert re.search(r"^2 places +\d", output, re.M)
    assert re.search(r"^mean error of 2 tasks +\d", output, re.M)
    result, = json.loads((folder / "table.json").read_text())["results"]
    assert result["questions"] == {"2": 5, "3": 2}
    assert result["test_data"]["tasks"][2] == "去 哪里"
    assert "| 3 去 哪里 | " in (folder / "table.md").read_text()
    code, output = server.run("test", f"--checkpoint_file={directory}", "--nojit",
                              "--tasks=places", "--held_out",
                              f"--output={folder / 'held'}")
    assert code == 0, output
    result, = json.loads((folder / "held.json").read_text())["results"]
    assert result["questions"] == {"2": 1} and result["held_out"]
    (folder / "more.txt").write_text("".join(map(story, range(9))))
    code, output = server.run(
        "test", f"--checkpoint_file={directory}", "--nojit", "--tasks=2",
        f"--stories={stories}", f"--test_stories={stories}")
    assert code == 0 and "tested on 5 questions" in output, output


def test_a_table_says_what_the_stories_at_hand_can_tell(run, server, stories, folder):
    """Not what those that the run was started with could."""
    asked = [f"--checkpoint_file={run[0]}", "--nojit", "--tasks=places"]
    told = "training data of run: "
    code, before = server.run("test", *asked)
    assert code == 0, before
    for remark in ("test stories that are among those to train on, word for word: 4 of "
                   "places", "held-out stories that are among those trained on, word "
                   "for word: 1 of places",
                   "words of test stories that no story to train on has, so that they "
                   "can't be learned: left, who, zoe"):
        assert told + remark in before
    assert before.count(told) == 3  # what is kept of other tasks is not tested
    trained = folder / "trained"
    trained.mkdir()
    (trained / "places.txt").write_text("".join(map(story, range(3))))
    code, after = server.run("test", *asked, f"--test_stories={trained}")
    assert code == 0 and after.count(told) == 2, after
    assert "word for word: 3 of places" in after and "zoe" not in after
    other = shutil.copytree(stories, folder / "other")
    (other / "places_train.txt").write_text(story(3))
    code, after = server.run("test", *asked, f"--stories={other}")
    assert code == 0 and told + "other stories than those trained on are at" in after


def test_a_table_that_can_not_be_written_is_told_before_the_test(run, server, folder):
    for output in (".", "..", "/", folder / "none" / "table"):
        line = one_line(server, "test", f"--checkpoint_file={run[0]}",
                        f"--output={output}")
        assert "not a file in a folder that is there; give another file" in line
    (folder / "no place.md").write_text("Text.")
    for name, fault in (("none.md", "No such file or directory; give another file"),
                        ("no place.md", "it must have one line")):
        line = one_line(server, "test", f"--checkpoint_file={run[0]}",
                        f"--insert_into={folder / name}")
        assert f"--insert_into: {folder / name}: {fault}" in line


def test_who_may_know_what_is_kept_is_told_and_not_tested(
        run, server, stories, folder):
    """A second run has one story less in a file of which it keeps some."""
    other = shutil.copytree(stories, folder / "fewer")
    path = other / "去 哪里.jsonl"
    path.write_text(path.read_text(encoding="utf-8").partition("\n")[2],
                    encoding="utf-8")
    code, output = train(
        server, folder / "second", other, f"--initial_weights={run[0]}",
        "--num_training_iterations=1", "--validation_interval=0")
    assert code == 0, output
    assert "they may know stories that are held out or kept for the test here" in output
    line = one_line(server, "test", "--nojit",
                    f"--checkpoint_file={run[0]},{folder / 'second'}")
    assert "other stories of 去 哪里 than those of the run, which may have" in line


def test_a_story_is_asked_for_by_name(run, server, folder, tmp_path):
    directory, _ = run
    for task in ("去 哪里", "3"):
        code, output = server.run(
            "ask", f"--checkpoint_file={directory}", f"--task={task}", "--index=1",
            f"--output={tmp_path / 'look'}")
        assert code == 0 and output.count("here ? ") == 1, output
        html = (tmp_path / "look.html").read_text(encoding="utf-8")
        assert "Task 3 (去 哪里), test story 1" in html
    (tmp_path / "mine.txt").write_text(
        "1 小明 went to the yard.\n2 Where is 小明？\tyard")
    code, output = server.run("ask", f"--checkpoint_file={directory}",
                              f"--story_file={tmp_path / 'mine.txt'}")
    assert code == 0 and "where is 小明 ? " in output, output
    for flags, fault in ((["--task=who"], "'who' is neither the name nor the number"),
                         (["--task=places", "--index=5"], "task places has 5 test"),
                         (["--task=gifts|x"], "no test stories of gifts|x"),
                         (["--task=1-2"], "--task=1-2 names several tasks")):
        assert fault in one_line(server, "ask", f"--checkpoint_file={directory}",
                                 *flags)


def test_stories_that_were_moved_are_found_and_others_refused(
        run, server, stories, folder, tmp_path):
    directory = shutil.copytree(run[0], tmp_path / "run")
    moved = shutil.copytree(stories, tmp_path / "moved")
    code, output = train(server, directory, moved, "--num_training_iterations=7")
    assert code == 0 and "Going on from iteration 6" in output, output
    record = json.loads((directory / "config.json").read_text())
    record["data"]["stories"] = "/nowhere"
    (directory / "config.json").write_text(json.dumps(record))
    asked = f"--checkpoint_file={directory}"
    for script, flags in (("test", ["--nojit"]), ("ask", ["--task=places"])):
        assert "/nowhere: No such file" in one_line(server, script, asked, *flags)
        code, output = server.run(script, asked, *flags, f"--stories={moved}")
        assert code == 0, output
    tests = moved / "places_test.txt"
    for text, fault in ((tests.read_text().replace("Zoe", "Zeno"), "have other words"),
                        (tests.read_text(), "")):
        tests.write_text(text)
        code, output = train(server, directory, moved, "--num_training_iterations=7")
        assert code == bool(fault), output
        assert fault in output and "vocabulary.json" not in output
    (moved / "gifts|x").write_text(story(1, "What has"))
    before = {path.name: path.read_bytes() for path in directory.iterdir()
              if path.is_file()}
    line = one_line(server, "train", f"--checkpoint_dir={directory}",
                    f"--stories={moved}", *SMALL)
    assert "this run was started on other data: stories, stories of one's own" in line
    for script, flags in (("test", ["--nojit"]), ("test", ["--held_out"]),
                          ("ask", ["--task=places"])):
        assert "other stories of gifts|x than those of the run" in one_line(
            server, script, asked, f"--stories={moved}", *flags)
    (moved / "gifts|x").write_text(story(0, "What has"))
    with open(moved / "places_train.txt", "a") as file:
        file.write(story(5))
    line = one_line(server, "test", asked, f"--stories={moved}", "--held_out")
    assert "was trained on" in line and "--test_stories only if it had them" in line
    (moved / "places_test.txt").unlink()
    assert "other stories of places than those of the run" in one_line(
        server, "test", asked, f"--stories={moved}")
    (tmp_path / "places.txt").write_text("1 Mary left.\n2 Who left ?\tMary\n")
    assert ("test stories of places: the model does not know 'mary'; it knows the" in
            one_line(server, "test", asked, "--tasks=places", f"--stories={stories}",
                     f"--test_stories={tmp_path / 'places.txt'}"))
    for flag in ("stories", "test_stories"):
        assert "stories of no name" in one_line(server, "test", asked, f"--{flag}=")
    (moved / "more.txt").write_text(story(2))
    assert "other tasks than those of the run" in one_line(
        server, "test", asked, f"--stories={moved}")
    for flags in ([], ["--data=official"]):
        line = one_line(server, "train", f"--checkpoint_dir={directory}", *SMALL,
                        *flags)
        assert line.endswith("give them again: --stories=/nowhere")
    assert before == {path.name: path.read_bytes() for path in directory.iterdir()
                      if path.is_file()}


def test_a_published_model_does_not_say_where_its_stories_lie(
        run, server, stories, folder, tmp_path):
    tests = shutil.copy(stories / "places_test.txt", folder / "places.txt")
    code, output = train(
        server, folder / "next", stories, "--num_training_iterations=1",
        f"--initial_weights={run[0] / 'best'}", f"--test_stories={tests}",
        "--validation_interval=1")
    assert code == 0, output
    assert str(folder) in (folder / "next" / "config.json").read_text()
    code, output = server.run("export", f"--checkpoint_file={folder / 'next' / 'best'}",
                              f"--output_dir={tmp_path / 'out'}", "--nosaved_model")
    assert code == 0, output
    for path in (tmp_path / "out").rglob("*.*"):
        content = path.read_bytes()
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as file:
                content = b"".join(map(file.read, file.namelist()))
        assert bytes(folder) not in content, path
    record = RunRecord.read(tmp_path / "out")
    assert record.data["stories"] == "stories"
    assert record.data["test_stories"] == "places.txt"
    assert record.config.initial_weights == "run/best"
    asked = f"--checkpoint_file={tmp_path / 'out'}"
    for flags, missing in (([], "stories"), ([f"--stories={stories}"], "places.txt")):
        assert (f"error: {missing}: a published model does not say where the stories"
                in one_line(server, "test", asked, *flags))
    code, output = server.run("test", asked, "--nojit", f"--stories={stories}",
                              f"--test_stories={tests}")
    assert code == 0, output
    assert "tested on 7 questions of places.txt, test stories of one's own\n" in output


@pytest.mark.parametrize("flags, fault", [
    (["--data=official"], "--stories and --data both say what to train on"),
    (["--data_dir=/x"], "--stories and --data_dir both say what to train on"),
    (["--fill_tasks=simulated"], "--fill_tasks is about the bAbI tasks; leave it out"),
    (["--exchange_names"], "--exchange_names is about the bAbI tasks"),
    (["--thin_task_16"], "--thin_task_16 is about the bAbI tasks"),
    (["--variant=en"], "--variant is about the bAbI tasks"),
    (["--num_actors=3"], "--num_actors is about simulated stories"),
    (["--phases=5 exchange_names=true"], "--phases: --exchange_names is about the"),
    (["--preset=joint"], "--preset=joint is made for the bAbI tasks (its fill_tasks)"),
    (["--preset=simulated"], "--preset=simulated is made for the bAbI tasks"),
    (["--tasks=4"], "tasks: '4' is outside 1 to 3"),
    (["--tasks=place"], "'place' is neither the name nor the number of a task"),
    (["--tasks=1,2", "--task_weights=3:2"], "names task 3, which --tasks does not"),
    (["--test_stories=/none"], "/none: No such file"),
    (["--stories=~nobody-here"], "~nobody-here: No such file"),
    (["--stories="], "stories of no name; give a file or a folder"),
    (["--stories=/none"], "/none: No such file")], ids=str)
def test_what_does_not_go_with_own_stories_is_one_line(
        server, stories, tmp_path, flags, fault):
    line = one_line(server, "train", f"--checkpoint_dir={tmp_path / 'run'}",
                    f"--stories={stories}", *SMALL, *flags)
    assert fault in line and not (tmp_path / "run").exists()


def test_flags_of_own_stories_without_them_are_one_line(server, run, tmp_path):
    for flag, fault in (("--data=own", "--stories=FILE_OR_FOLDER"),
                        ("--test_stories=x", "give them with --stories")):
        assert fault in one_line(server, "train", f"--checkpoint_dir={tmp_path}",
                                 flag)
    asked = f"--checkpoint_file={run[0]}"
    for flag in ("data_dir=/x", "data=simulated", "variant=en"):
        assert f"--{flag.split('=')[0]} is about the bAbI tasks" in one_line(
            server, "test", asked, f"--{flag}")
    assert "'x' is neither the name" in one_line(server, "test", asked, "--tasks=x")


def test_a_preset_and_a_choice_of_tasks_by_name(server, stories, tmp_path):
    code, output = server.run(
        "train", f"--checkpoint_dir={tmp_path}", f"--stories={stories}",
        "--preset=quick", "--nojit", "--num_training_iterations=1", "--tasks=places,3",
        "--task_weights=2:3", "--error_weights=0.5", "--validation_interval=1")
    assert code == 0, output
    config = RunRecord.read(tmp_path).config
    assert config.tasks == (2, 3) and config.weights() == {2: 3.0}
    assert config.controller_units == 64 and config.data == "own"


def test_more_tasks_than_babi_has_and_task_numbers_of_three_figures(server, tmp_path):
    place = tmp_path / "stories"
    place.mkdir()
    for number in range(120):
        (place / f"t{number}.txt").write_text(story(number) * 2)
    code, output = train(server, tmp_path / "run", place, "--sampling=tasks",
                         "--task_weights=120:50", "--num_training_iterations=4",
                         "--validation_interval=0")
    assert code == 0 and "119 t118, 120 t119; batches" in output, output
    assert checkpoints.read(tmp_path / "run" / "model.ckpt-4")[
        "metrics/questions"].shape == (121,)
    code, output = server.run("test", f"--checkpoint_file={tmp_path / 'run'}",
                              "--nojit")
    assert code == 0 and "tested on 120 questions" in output, output
    assert re.search(r"^120 t119 +\d", output, re.M)


def test_a_record_that_does_not_say_which_stories_is_refused(run):
    text = RunRecord.read(run[0]).to_json()
    for change in ({"tasks": None}, {"tasks": ["a"]}, {"tasks": [1, 2, 3]},
                   {"stories": 7}, {"test_stories": []}, {"files": None}):
        record = json.loads(text)
        record["data"] |= change
        with pytest.raises(ConfigError, match="config: it does not say what stories"):
            RunRecord.from_json(json.dumps(record), "config")
    record = json.loads(text)
    record["settings"]["data"] = "official"
    with pytest.raises(ConfigError, match="it does not say what stories"):
        RunRecord.from_json(json.dumps(record), "config")


def test_too_many_different_words_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(story(0) + story(1))
    config = Config(data="own", tasks=(1,))
    source = open_own(tmp_path)
    size = len(run_data.load(config, source).vocabulary)
    monkeypatch.setattr(run_data, "_MAX_OWN_WORDS", size)
    assert run_data.load(config, source).identity["vocabulary_size"] == size
    monkeypatch.setattr(run_data, "_MAX_OWN_WORDS", size - 1)
    with pytest.raises(DataError, match=f"{size} different words, and each is an"):
        run_data.load(config, source)


def test_settings_of_own_data_keep_to_their_numbers():
    config = Config(data="own", tasks=(1, 21, 999), task_weights="999:2,21:0")
    assert config.weights() == {999: 2.0, 21: 0.0}
    for change in ({"tasks": (1000,)}, {"data": "official"}, {"tasks": (0,)}):
        with pytest.raises(ConfigError, match="--tasks=.* task numbers from 1 to "):
            dataclasses.replace(config, **change)
