"""The commands of the recall tasks: options, tables, what is shipped."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from examples import repeat_copy
from examples.recall import program, training
from test_recall import KeyValue, SMALL, each


def test_the_scores_by_length_are_those_of_each_length_alone(tmp_path, monkeypatch):
    """Whatever they are padded to; longer ones with twice the memory."""
    folder, task, plan = tmp_path, KeyValue(bits=3, longest=3), SMALL[1]
    keras.utils.set_random_seed(3)
    training.build(task, plan, 4).save_weights(program.weights_of(folder, "dnc"))
    slots = []
    load = program.load_network
    monkeypatch.setattr(program, "load_network", lambda *args: (
        slots.append(args[2]), load(*args))[1])
    scores = program.scores_by_length(task, plan, "dnc", folder, 20)
    assert list(scores) == [2, 3, 4, 5, 6] and slots == [4, 8]
    for length in (2, 6):
        model = load(task, plan, 4 * (1 + (length > 3)),
                     program.weights_of(folder, "dnc"))
        assert scores[length] == training.score(
            model, task, length, np.random.default_rng(5), 20)


def test_a_damaged_log_leaves_its_network_to_be_asked(tmp_path, capsys):
    task, plan = KeyValue(bits=3, longest=3), SMALL[1]
    keras.utils.set_random_seed(3)
    training.build(task, plan, 4).save_weights(program.weights_of(tmp_path, "dnc"))
    (tmp_path / "dnc.csv").write_text("epoch,processor_seconds\n0,none\n")
    program.print_table(task, plan, {"dnc": tmp_path}, 5)
    assert capsys.readouterr().out.endswith(" weights\n")
    (tmp_path / "dnc.csv").write_text("epoch,processor_seconds\n0,30\n1,60\n")
    program.print_table(task, plan, {"dnc": tmp_path}, 5)
    assert capsys.readouterr().out.endswith(
        " weights, 400 updates, 1.5 minutes of a processor\n")


@pytest.mark.parametrize("arguments, said", [
    (["--updates=-200"], "--updates=-200"), (["--updates=250"], "a multiple of 200"),
    (["--show", "--paper"], "--show"), (["--show", "--lstm"], "--show"),
    (["--show", "--updates=200"], "--show"), (["--seed=-1"], "--seed"),
    (["--episodes=-1"], "--episodes"), (["on"], "on"), (["--seed=x"], "--seed"),
    (["--folder=setup.py"], "--folder=setup.py: not a folder"),
    (["--output=setup.py"], "--output=setup.py: not a folder")])
def test_bad_options_are_told_in_a_line(arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(program.RESULTS.parent)
    with pytest.raises(SystemExit) as left:
        program.parse(repeat_copy.EXPERIMENT, "title", arguments)
    assert left.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_is_shown_leaves_ones_own_pictures_alone(tmp_path):
    def output(*arguments):
        return str(program.parse(repeat_copy.EXPERIMENT, "title", arguments).output)

    folder = f"--folder={tmp_path}"
    assert output() == output(folder) == "runs/repeat_copy"
    assert output("--show") == output(folder, "--updates=0") == (
        "runs/repeat_copy/shipped")
    (tmp_path / "minutes").mkdir()
    program.weights_of(tmp_path / "minutes", "lstm").touch()
    assert output(folder, "--updates=0") == "runs/repeat_copy"  # of one's own network


def test_no_updates_train_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [
        "script", "--paper", "--updates=0", f"--folder={tmp_path / 'new'}"])
    with pytest.raises(ValueError, match="nothing was trained there"):
        program.main(repeat_copy.EXPERIMENT, "title")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_there_or_of_another_network_are_told(tmp_path):
    path = tmp_path / "dnc.weights.h5"
    with pytest.raises(ValueError, match="dnc.weights.h5: not there"):
        program.load_network(*SMALL, 4, path)
    training.build(*SMALL, 4).save_weights(path)
    with pytest.raises(ValueError, match="of another network"):
        program.load_network(SMALL[0]._replace(bits=3), SMALL[1], 4, path)


@each
def test_the_shipped_networks_recall(experiment, rng):
    folder, (task, plan) = experiment.shipped, experiment[1:3]
    shares = {}
    for kind in program.KINDS:
        model = program.load_network(task, plan, plan.slots * (kind == "dnc"),
                                     program.weights_of(folder, kind))
        shares[kind] = training.score(model, task, task.longest, rng, 100)[1]
    assert shares["dnc"] > 0.9 and shares["lstm"] < shares["dnc"] - 0.2


@pytest.mark.slow
@each
def test_show_draws_without_training(experiment, tmp_path):
    script = program.RESULTS.parent / "examples" / f"{experiment.name}.py"
    run = subprocess.run(
        [sys.executable, script, "--show", "--episodes=20", f"--output={tmp_path}"],
        capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert "DNC " in run.stdout and "LSTM " in run.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "memory.png", "learning.png", "lengths.png"}
