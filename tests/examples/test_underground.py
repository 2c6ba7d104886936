"""examples/underground.py: training that resumes, the score, pictures, the command."""

import argparse
import csv
import os
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from dnc.controllers import layers_of
from examples import underground
from examples.common import claim, locked, read_log, save
from examples.graphs import asking, inference, london
from examples.graphs import training
from examples.graphs.encoding import ANSWER_DUE, to_digits
from examples.graphs.rows import pack
from examples.graphs.traversal import HOUR, Lesson
from examples.lessons import curriculum, program
from examples.lessons.epochs import stream
from examples.lessons.pictures import draw_learning
from stopped_runs import numbers, run
from test_graphs import solve

EASY = (Lesson((3, 4), (1, 2), (1, 1), 16, 24), Lesson((3, 5), (1, 2), (1, 2), 20, 24),
        Lesson((3, 6), (1, 2), (1, 3), 20, 24))
SMALL = {"lstm": training.Plan(EASY, 8, read_heads=0, rows=2, updates=3),
         "dnc": training.Plan(EASY, 8, 4, 1, rows=2, updates=3)}


class Oracle:
    """Answers from nothing but its inputs, as a network would; errs where told."""

    def __init__(self, wrong=()):
        self.wrong, self.asked = wrong, 0

    def predict_on_batch(self, inputs):
        logits = np.zeros((*inputs["resets"].shape, 9, 10))
        for row, (steps, resets) in enumerate(zip(inputs["steps"], inputs["resets"])):
            starts = [*np.flatnonzero(resets), len(steps)]
            for start, end in zip(starts, starts[1:]):
                due = start + np.flatnonzero(steps[start:end, ANSWER_DUE])
                digits = to_digits(solve(steps[start:due[-1] + 1]))
                if self.asked in self.wrong:
                    digits[-1, 8] = 5  # one digit of the end
                self.asked += 1
                for step, values in zip(due, digits):
                    logits[row, step, np.arange(9), values] = 1.0
        return logits


def test_an_oracle_scores_everything(rng):
    for lesson in (HOUR[1], HOUR[4]):
        shares = training.evaluate(Oracle(), stream([lesson], 0, rng), (4, 96), 50)
        assert shares == {"right": 1.0, "source": 1.0, "edge": 1.0, "destination": 1.0}
    erring = Oracle(wrong={3, 7})
    right = training.evaluate(erring, stream([HOUR[1]], 0, rng), (4, 96), 20)["right"]
    assert right == pytest.approx(1 - 2 / erring.asked)
    right = asking.right_by_length(Oracle(), london.draw_episode, london.LENGTHS, rng,
                                   10)
    assert right == dict.fromkeys(range(1, 8), 1.0)


def test_random_answers_score_nothing(rng):
    class Guessing:
        def predict_on_batch(self, inputs):
            return rng.random((*inputs["resets"].shape, 9, 10))

    shares = training.evaluate(Guessing(), stream([HOUR[1]], 0, rng), (8, 96), 400)
    assert shares["right"] == 0 and shares["source"] < 0.02


@pytest.fixture
def easy(monkeypatch):
    """Each lesson counts as complete after one epoch."""
    monkeypatch.setattr(training, "COMPLETE", 0.0)


@pytest.mark.parametrize("kind", [
    "lstm", pytest.param("dnc", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_goes_on_the_same(kind, tmp_path, easy):
    """Through three lessons, of which the second has another memory."""
    plan = SMALL[kind]
    whole = run(plan, tmp_path / "whole", 4)
    assert whole[2] == 2
    run(plan, tmp_path / "parts", 2)
    parts = run(plan, tmp_path / "parts", 4)
    assert parts[2] == 2
    for one, other in zip(whole[0] + whole[1], parts[0] + parts[1], strict=True):
        assert np.array_equal(one, other)
    start = numbers(plan.build(16).trainable_variables)
    assert any(not np.array_equal(a, b) for a, b in zip(start, whole[0]))
    assert not list(tmp_path.glob("*/aside*"))


def test_a_training_ends_when_all_lessons_are_complete(tmp_path, easy, capsys):
    plan, args = SMALL["lstm"]._replace(enough=0.0), SimpleNamespace(seed=3, minutes=9)
    for _ in range(2):  # the second has nothing left to do
        model = program.train(args, plan, tmp_path / program.WEIGHTS, 16)
        assert "all lessons are complete" in capsys.readouterr().out
        assert int(model.lesson) == 3
        with open(tmp_path / program.LOG, encoding="utf-8", newline="") as file:
            assert [row["lesson"] for row in csv.DictReader(file)] == ["0", "1", "2"]
    with pytest.raises(ValueError, match="a training whose seed is 3, not 4; choose"):
        curriculum.train(plan, tmp_path, seed=4, verbose=0)
    (tmp_path / curriculum.SAVED).unlink()  # as one is told to, if it is damaged
    before = (tmp_path / program.LOG).read_bytes()
    with pytest.raises(ValueError, match="seed is 3, not 4"):
        program.train(SimpleNamespace(seed=4, minutes=9), plan,
                      tmp_path / program.WEIGHTS, 16)
    assert (tmp_path / program.LOG).read_bytes() == before
    program.train(args, plan._replace(lessons=EASY[:1]), tmp_path / program.WEIGHTS, 16)
    assert read_log(tmp_path / program.LOG, ("lesson",)) == {"lesson": [0]}


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.trainable_variables[0].assign_add(
                np.full(self.model.trainable_variables[0].shape, np.nan))

    plan = SMALL["lstm"]
    curriculum.train(plan, tmp_path, minutes=1e-6, verbose=0)
    before = (tmp_path / curriculum.SAVED).read_bytes()
    with pytest.raises(ValueError, match="weights that are not finite after epoch 2"):
        curriculum.train(plan, tmp_path, callbacks=[Spoil()], verbose=0)
    assert (tmp_path / curriculum.SAVED).read_bytes() == before


def test_a_later_run_goes_on_for_as_many_minutes(tmp_path, easy):
    for epochs in (1, 2):
        model = curriculum.train(SMALL["lstm"], tmp_path, minutes=1e-9, verbose=0)
        assert int(model.optimizer.iterations) == epochs * SMALL["lstm"].updates
    with pytest.raises(ValueError, match="a training whose seed is 1, not 2; choose"):
        curriculum.train(SMALL["lstm"], tmp_path, seed=2, verbose=0)


def test_a_training_that_was_stopped_is_asked_as_far_as_it_has_come(
        tmp_path, easy, capsys):
    plan, shipped = SMALL["lstm"], tmp_path / "shipped"
    args = SimpleNamespace(seed=3, minutes=9, show=False, given=True, folder=tmp_path,
                           lstm=False, paper=False)

    def asked():
        model, folder = program.network_to_ask(args, plan, 16, shipped)
        return numbers(model.trainable_variables), folder, capsys.readouterr().out

    shipped.mkdir()
    model = plan.build(16)
    model.save_weights(shipped / program.WEIGHTS)
    found, folder, said = asked()
    assert all(map(np.array_equal, found, numbers(model.trainable_variables)))
    assert folder == shipped and str(shipped / program.WEIGHTS) in said
    run(plan, tmp_path / "dnc", 2)
    found, folder, said = asked()
    stopped = curriculum.train(plan, tmp_path / "dnc", minutes=0)
    assert all(map(np.array_equal, found, numbers(stopped.trainable_variables)))
    assert folder == tmp_path / "dnc" and "was stopped" in said
    args.show = True
    assert asked()[1] == shipped


def test_a_folder_of_another_network_is_told(tmp_path, easy):
    run(SMALL["lstm"], tmp_path, 1)
    other = SMALL["lstm"]._replace(units=9)
    with pytest.raises(ValueError, match="of another network .*another folder"):
        curriculum.train(other, tmp_path, verbose=0)
    (tmp_path / curriculum.SAVED).write_bytes(b"no such file")
    with pytest.raises(ValueError, match="damaged"):
        curriculum.train(SMALL["lstm"], tmp_path, verbose=0)


def test_the_lstm_starts_anew_with_each_episode(rng):
    model = SMALL["lstm"].build(16)
    rows = pack(stream([HOUR[0]], 0, rng), 1, 60)
    logits = np.asarray(model.predict_on_batch(rows.inputs))
    row, start, episode = rows.places[2]
    alone = pack([episode], 1, len(episode.shown))
    assert np.allclose(np.asarray(model.predict_on_batch(alone.inputs))[0],
                       logits[row, start:start + len(episode.shown)], atol=1e-5)


def test_plans_have_the_sizes_they_promise():
    paper = underground.PAPERS.build(16)
    cell = paper.layer.cell
    assert [layer.units for layer in layers_of(cell.controller)] == [256] * 3
    assert (cell.word_size, cell.num_read_heads) == (50, 5)
    assert all(lesson.slots == 256 for lesson in underground.PAPERS.lessons)
    shapes = [[weight.shape for weight in underground.DNC.build(slots).weights]
              for slots in (16, 128)]
    assert shapes[0] == shapes[1]  # no weight depends on the number of slots
    cell = underground.DNC.build(16).layer.cell
    kernel, = numbers([layers_of(cell.controller)[0].kernel])
    for rows, spread in ((kernel[:92], 0.2), (kernel[92:92 + 256], 0.5)):
        assert rows.std() == pytest.approx(spread, rel=0.03)


def test_the_learning_curve_reads_the_log(tmp_path):
    path = tmp_path / "log.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([
            ("epoch", "lesson", "right"), (0, 0, 0.2), (1, 0, 0.95), (2, 1, 0.6)])
    axes = draw_learning(path, 250, "title").axes[0]
    line = axes.get_lines()[0]
    assert np.allclose(line.get_xdata(), [250, 500, 750])
    assert np.allclose(line.get_ydata(), [20, 95, 60])
    assert axes.get_ylabel() == "new episodes right, %"
    path.write_text("epoch,lesson,right\n0,0,0.1\n0,0,0.3\n")
    assert read_log(path, ("right",)) == {"right": [0.3]}
    for text in ("", "epoch,lesson,right\n"):  # stopped in the first epoch
        path.write_text(text)
        assert read_log(path, ("right",)) == {"right": []}
    assert read_log(tmp_path / "none.csv", ("right",)) == {"right": []}
    for text in ("epoch,lesson\n0,0\n", "epoch,lesson,right\n0,0\n", "a\n\0"):
        path.write_text(text)
        with pytest.raises(ValueError, match="log.csv: damaged"):
            draw_learning(path, 250, "title")


def test_walks_are_read_from_the_command_line():
    walk = underground.parse_walk("King's Cross St. Pancras:Victoria S,  Victoria S")
    assert [ride[2] for ride in walk] == ["Euston", "Warren Street"]
    assert len(underground.parse_walk(underground.WALK.default)) == 4
    assert underground.parse_walk("king's cross st. pancras: VICTORIA s") == walk[:1]


@pytest.mark.parametrize("arguments, said", [
    (["--walk=Victoria"], "give it as"),
    (["--walk=Vitoria: Victoria N"], "no station 'Vitoria'"),
    (["--walk=Victoria: Central E"], "no 'Central E' from Victoria; from there go"),
    (["--minutes=-1"], "--minutes"), (["--minutes=nan"], "--minutes"),
    (["--seed=-1"], "--seed"), (["--paper", "--show"], "--paper"),
    (["--paper", "--lstm"], "--paper"), (["--show", "--lstm"], "--show"),
    (["--walk="], "give it as"), (["--seed=9999999999"], "--seed=9999999999: give a"),
    (["--walks=-1"], "--walks"), (["on"], "on"),
    (["--folder=setup.py"], "--folder=setup.py: not a folder"),
    (["--output=setup.py/a"], "setup.py is a file")])
def test_bad_options_are_told_in_a_line(arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(underground.ROOT)
    with pytest.raises(SystemExit) as left:
        underground.parse_arguments(arguments)
    assert left.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert said in last


def test_a_folder_that_cannot_be_written_to_is_told_before_training(
        tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name, said in (("new/a", f"{tmp_path} can't be written to"),
                       ("nowhere", "not a folder")):
        with pytest.raises(SystemExit):
            underground.parse_arguments([f"--output={tmp_path / name}"])
        assert said in capsys.readouterr().err.splitlines()[-1]


def test_two_trainings_do_not_share_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match="another process is train"):
        curriculum.train(SMALL["lstm"], tmp_path, verbose=0)
    with locked(tmp_path):  # what is there can be asked meanwhile
        curriculum.train(SMALL["lstm"], tmp_path, minutes=0, verbose=0)


def test_no_minutes_leave_no_network_behind(tmp_path, easy):
    args = argparse.Namespace(minutes=0.0, seed=3)
    with pytest.raises(ValueError, match="no training was begun there"):
        program.train(args, SMALL["dnc"], tmp_path / "dnc" / program.WEIGHTS, 16)
    assert not list(tmp_path.iterdir())


def test_two_experiments_do_not_share_a_folder(tmp_path, easy):
    """Both networks of --paper have the same shapes."""
    run(SMALL["lstm"], tmp_path, 1)
    with pytest.raises(ValueError, match="whose experiment is traversal, not infer"):
        claim(tmp_path, seed="3", experiment="inference")
    (tmp_path / "experiment").unlink()  # an earlier version did not write it
    with pytest.raises(ValueError, match="seed is 3, not 4"):
        claim(tmp_path, experiment="inference", seed="4")
    assert not (tmp_path / "experiment").exists()
    (tmp_path / "seed").write_text("")  # there was no room for it
    run(SMALL["lstm"], tmp_path, 2)
    assert (tmp_path / "seed").read_text() == "3\n"


def test_a_network_is_not_asked_as_that_of_another_experiment(tmp_path):
    args = SimpleNamespace(seed=3, minutes=9, show=False, given=True, folder=tmp_path,
                           paper=False)
    ours = SMALL["lstm"]
    run(ours, tmp_path / "dnc", 1)
    theirs = ours._replace(lessons=inference.PAPER[:1])
    for ended in (False, True):
        if ended:
            save(ours.build(16), tmp_path / "dnc" / program.WEIGHTS)
        program.network_to_ask(args, ours, 16, tmp_path)
        with pytest.raises(ValueError, match="experiment is traversal, not inference"):
            program.network_to_ask(args, theirs, 16, tmp_path)
    with pytest.raises(ValueError, match="experiment is traversal, not inference"):
        curriculum.train(theirs, tmp_path / "dnc", minutes=0, verbose=0)


def test_what_is_shown_leaves_ones_own_pictures_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for arguments, output in (
            ([], "runs/underground"), (["--show"], "runs/underground/shipped"),
            (["--walk=Bank: Central W", "--folder=~/a"], "runs/underground/shipped"),
            (["--show", "--output=~/x"], str(tmp_path / "x")),
            (["--show", "--output=runs/underground"], "runs/underground")):
        assert str(underground.parse_arguments(arguments).output) == output
    folder = underground.parse_arguments(["--folder=~/a"]).folder
    assert folder == tmp_path / "a"
    (folder / "dnc").mkdir(parents=True)
    (folder / "dnc" / program.WEIGHTS).touch()
    args = underground.parse_arguments(["--walk=Bank: Central W", "--folder=~/a"])
    assert str(args.output) == "runs/underground"  # of one's own network
    for folder, output in (("~/a", "runs/underground"),
                           ("~/b", "runs/underground/shipped")):
        args = underground.parse_arguments(["--lstm", f"--folder={folder}"])
        assert str(args.output) == output


def test_the_papers_network_is_asked_where_one_was_trained(tmp_path, easy):
    args = SimpleNamespace(seed=3, minutes=9, show=False, given=True, folder=tmp_path,
                           lstm=False, paper=True)
    plan, shipped = SMALL["lstm"], tmp_path / "shipped"
    shipped.mkdir()
    plan.build(16).save_weights(shipped / program.WEIGHTS)
    with pytest.raises(ValueError, match="paper: no training was begun there"):
        program.network_to_ask(args, plan, 16, shipped)
    run(plan, tmp_path / "paper", 1)
    assert program.network_to_ask(args, plan, 16, shipped)[1] == tmp_path / "paper"


def test_the_lstm_has_no_fewer_weights():
    counts = [plan.build(16).count_params()
              for plan in (underground.DNC, underground.LSTM)]
    assert counts[0] <= counts[1] < 1.2 * counts[0]


def test_weights_that_are_not_there_are_told(tmp_path):
    with pytest.raises(ValueError, match="nothing.h5: not there"):
        program.load_network(tmp_path / "nothing.h5", underground.DNC, 16)


@pytest.mark.slow
@pytest.mark.parametrize("network, least, most", [
    ("dnc", 0.9, 1), ("lstm", 0, 0.2)])
def test_the_shipped_networks_walk_or_do_not(network, least, most, rng):
    plan, name = {"dnc": (underground.DNC, program.WEIGHTS),
                  "lstm": (underground.LSTM, underground.LSTM_WEIGHTS)}[network]
    model = program.load_network(underground.SHIPPED / name, plan, london.SLOTS)
    right = asking.right_by_length(model, london.draw_episode, (1, 7), rng)
    assert all(least <= share <= most for share in right.values())
