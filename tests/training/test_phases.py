"""Phases of a run: what they are made of, and a run that goes through them."""

import dataclasses
import re

import pytest

from babi.checks import ConfigError
from babi.config import Config
from babi.model import checkpoints, trained
from babi.phases import changed_later, phase_at, phases_of
from babi.training.optimizer import LearningRate, build_optimizer
from small_runs import assert_same_training, run_to, training

RUN = dict(packed_rows=2, learning_rate=1e-3, warmup_steps=10, memory_size=8)


def test_each_phase_goes_on_with_the_settings_of_the_one_before():
    config = Config(**RUN, phases="20 memory_size=16 word_loss=0.5; 30 row_length=96; "
                                  "50 learning_rate_schedule=cosine decay_steps=40")
    phases = phases_of(config)
    assert [phase.start for phase in phases] == [0, 20, 30, 50]
    assert [phase.settings.memory_size for phase in phases] == [8, 16, 16, 16]
    assert [phase.settings.row_length for phase in phases] == [480, 480, 96, 96]
    assert [phase.settings.word_loss for phase in phases] == [0, 0.5, 0.5, 0.5]
    assert [phase.settings.warmup_steps for phase in phases] == [10, 10, 10, 0]
    assert [phase.rate_start for phase in phases] == [0, 0, 0, 50]
    assert [phase_at(phases, n) for n in (0, 19, 20, 29, 49, 50, 999)] == [
        0, 0, 1, 1, 2, 3, 3]
    assert phases_of(Config()) == [(0, Config(), 0)]
    assert changed_later(config, ["memory_size", "row_length", "packed_rows"]) == {
        "memory_size": 20, "row_length": 30}


def test_the_rate_is_counted_from_the_phase_that_names_it():
    rate = LearningRate(2.0, "cosine", decay_steps=40, decay_rate=0.5, start=50)
    plain = LearningRate(2.0, "cosine", decay_steps=40, decay_rate=0.5)
    for step in (0, 13, 40, 99):
        assert float(rate(50 + step)) == pytest.approx(float(plain(step)))
    assert float(rate(90)) == pytest.approx(1.0)
    assert LearningRate.from_config(rate.get_config())(70) == rate(70)
    phase = phases_of(Config(**RUN, phases="7 learning_rate=0.5 warmup_steps=4"))[1]
    optimizer = build_optimizer(phase.settings, [], phase.rate_start)
    optimizer.iterations.assign(8)
    assert float(optimizer.learning_rate) == pytest.approx(0.25)


@pytest.mark.parametrize("text, fault", [
    ("", "does not begin with a number of updates"),
    ("memory_size=4", "'memory_size=4' does not begin with a number"),
    ("20 memory_size=4;", "'' does not begin with a number"),
    ("20 memory_size=4; 20 word_loss=1", "at 20 does not come after the one at 20"),
    ("0 memory_size=4", "at 0 does not come after the one at 0"),
    ("20", "the phase at 20 changes nothing"),
    ("20 word_size=4", "'word_size' can't change within a run; these can: learning_"),
    ("20 memory_size=few", "memory_size='few' is not a value such as 8"),
    ("20 memory_size=0", "--memory_size=0: a whole number, at least 1"),
    ("20 thin_task_16=1", "thin_task_16='1' is not a value such as False"),
    ("20 task_weights=2:3,2:4", "--task_weights: '2:4' is not a task and its weight"),
    ("20 memory_size=4 memory_size=8", "the phase at 20 names memory_size twice"),
    ("20 packed_rows=0", "has packed_rows=0: stories in rows can't go on in padded"),
    ("20 learning_rate_schedule=cosine", "needs --decay_steps")])
def test_phases_that_cannot_be_followed_get_one_line(text, fault):
    with pytest.raises(ConfigError, match=fault) as caught:
        Config(**RUN, phases=text or " ")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="--phases needs --packed_rows"):
        Config(phases="20 memory_size=4")


def test_a_run_stopped_before_at_and_after_its_phases_ends_with_the_same_bits(
        server, folder, data):  # noqa: F811
    flags = ["--phases=4 memory_size=7 row_length=96 word_loss=0.2; "
             "8 bypass_dropout=0.4 task_weights=1:3", "--validation_interval=0"]

    def train(name, iterations):
        code, output = server.run(*training(
            folder / name, data, f"--num_training_iterations={iterations}", *flags))
        assert code == 0, output
        return output

    output = train("whole", 12)
    assert re.search(r"4  phase 2 of 3: --row_length: 128 -> 96; --memory_size: 5 -> 7;"
                     r" --word_loss: 0.0 -> 0.2; batches 1x96", output)
    for iterations in (3, 4, 6, 8, 9, 12):
        train("parts", iterations)
    assert_same_training(folder / "whole" / "model.ckpt-12",
                         folder / "parts" / "model.ckpt-12")
    # What comes next may fail, as for want of memory: nothing is lost then.
    assert checkpoints.iterations(folder / "whole") == [4, 8, 12]
    # A model is tested with what it was last trained with.
    for iteration, slots, steps in ((4, 5, 128), (6, 7, 96), (12, 7, 96)):
        model = trained.load(folder / "parts" / f"model.ckpt-{iteration}", jit=False)
        assert model.model.dnc.cell.memory_size == slots
        assert model.settings.row_length == steps


def test_tasks_are_drawn_by_their_held_out_error():
    config = Config(tasks=(1, 2, 3), packed_rows=2, error_weights=0.5,
                    task_weights="2:3,3:0")
    assert config.weighted_by({1: 10.0, 2: 5.0, 3: 15.0}).weights() == {
        1: 1.0, 2: 2.25, 3: 0.0}
    assert config.weighted_by({1: 0.0, 2: 0.0, 3: 0.0}) is config
    # Of task 3 nothing may be held out.
    assert config.weighted_by({1: 10.0, 2: 5.0}).weights() == {1: 1.17, 2: 2.5, 3: 0.0}
    led = dataclasses.replace(config, error_weights=1.0)  # what has no error is kept
    assert led.weighted_by({1: 0.0, 2: 0.0, 3: 50.0}).weights() == {
        1: 0.01, 2: 0.01, 3: 0.0}
    assert Config().weighted_by({1: 9.0, 2: 3.0}) == Config()
    for settings in ({"packed_rows": 0}, {"validation_interval": 0}):
        with pytest.raises(ConfigError, match="--error_weights needs validations and"):
            Config(**dict(packed_rows=2, error_weights=0.5) | settings)


def test_a_run_whose_tasks_follow_their_errors_is_resumed_to_the_same_bits(
        server, folder, data):  # noqa: F811
    flags = ["--error_weights=0.9", "--validation_interval=3", "--learning_rate=0.05",
             "--phases=8 task_weights=1:2"]

    def train(name, *stops):
        for iterations in stops:
            code, output = server.run(*training(
                folder / name, data, f"--num_training_iterations={iterations}", *flags))
            assert code == 0, output

    train("led", 10)
    train("led in parts", 2, 3, 5, 8, 10)
    assert_same_training(folder / "led" / "model.ckpt-10",
                         folder / "led in parts" / "model.ckpt-10")


def test_errors_of_the_validation_before_a_phase_are_those_of_the_phase(
        tmp_path, monkeypatch):
    weighted, asked = Config.weighted_by, []
    monkeypatch.setattr(Config, "weighted_by", lambda self, errors: asked.append(
        (self.memory_size, errors)) or weighted(self, errors))
    settings = dict(error_weights=0.5, validation_interval=2, tasks=(4, 20),
                    phases="2 memory_size=4")
    for iterations in (3, 4):  # and when it is gone on with
        run_to(tmp_path, iterations, **settings)
    assert [slots for slots, _ in asked] == [3, 4, 4, 4]
    assert asked[0][1] == asked[1][1] == asked[2][1] and set(asked[0][1]) == {4, 20}


def test_a_run_that_was_killed_goes_on_from_its_best_checkpoint(tmp_path):
    settings = dict(validation_interval=2, learning_rate=1e-2, error_weights=0.5,
                    tasks=(4, 20), checkpoint_interval=1000)
    run_to(tmp_path / "whole", 6, **settings)
    run_to(tmp_path / "killed", 3, **settings)
    for path in (tmp_path / "killed").glob("model.ckpt-*"):
        path.unlink()
    assert checkpoints.iterations(tmp_path / "killed", checkpoints.BEST_PREFIX) == [2]
    said = []
    run_to(tmp_path / "killed", 6, said, **settings)
    assert any(line.startswith("Going on from iteration 2,") for line in said)
    assert_same_training(tmp_path / "whole" / "model.ckpt-6",
                         tmp_path / "killed" / "model.ckpt-6")


def test_the_best_of_other_stories_is_no_better(tmp_path):
    def best():
        return checkpoints.iterations(tmp_path, checkpoints.BEST_PREFIX)

    run_to(tmp_path, 2)
    assert best() == [1]  # the weights hardly move
    run_to(tmp_path, 3, validation_stories=3)
    assert best() == [3]
    run_to(tmp_path, 4, validation_stories=3)
    assert best() == [3]


def test_a_best_checkpoint_that_could_not_be_written_is_tried_again(
        tmp_path, monkeypatch):
    save, refused = checkpoints.RunCheckpoints.save_best, []

    def refuse(self, iteration, arrays):
        refused.append(iteration)
        if iteration < 3:
            raise checkpoints.CheckpointError("no room")
        save(self, iteration, arrays)

    monkeypatch.setattr(checkpoints.RunCheckpoints, "save_best", refuse)
    run_to(tmp_path, 3)
    assert refused == [1, 2, 3]
    assert checkpoints.iterations(tmp_path, checkpoints.BEST_PREFIX) == [3]


def test_a_step_serves_all_phases_that_differ_in_their_data_alone():
    text = ("10 exchange_names=true task_weights=1:2; 20 memory_size=32; "
            "30 row_length=96; 40 learning_rate=1e-3; 50 learning_rate=1e-3")
    first, names, slots, rows, rate, same_rate = phases_of(
        Config(packed_rows=8, phases=text))
    assert names.has_step_of(first) and first.has_step_of(names)
    assert not slots.has_step_of(names)
    assert rows.has_step_of(slots) and not rows.has_step_of(first)
    # A schedule is counted from the phase that names it.
    assert not rate.has_step_of(rows) and not same_rate.has_step_of(rate)
