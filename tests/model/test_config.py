"""Settings: ranges, the record in a run directory, and hostile records."""

import dataclasses
import json
import pathlib
import random

import pytest
from absl import flags

from babi import command_line
from babi.checks import ConfigError
from babi.config import ADJUSTABLE, FIXED, Config, differences
from babi.model.record import RECORD_FILE, RunRecord
from babi.phases import phases_of
from babi.presets import PRESETS
from babi_data import mutate

ROOT = pathlib.Path(__file__).resolve().parents[2]

RECORD = RunRecord(Config(tasks=(1, 19), learning_rate=3e-4, packed_rows=4),
                   {"name": "tasks.tar.gz", "sha256": "ab" * 32},
                   {"tensorflow": "2.21.0"}, ("at iteration 5: --rho: 0.9 -> 0.95",))


def test_the_defaults_are_those_of_the_paper():
    """And what the paper has not is left out: 0, False or none."""
    values = dataclasses.asdict(Config())
    paper = {"tasks": tuple(range(1, 21)), "data": "official", "variant": "en-10k",
             "batch_size": 1, "sampling": "stories", "controller": "lstm",
             "controller_units": 256, "memory_size": 256, "word_size": 64,
             "num_read_heads": 4, "num_write_heads": 1, "clip_value": 20.0,
             "temporal_links": True, "weight_stddev": 0.1, "optimizer": "rmsprop",
             "learning_rate": 1e-4, "momentum": 0.9, "rho": 0.9, "epsilon": 1e-10,
             "learning_rate_schedule": "constant", "max_grad_norm": 10.0,
             "num_training_iterations": 590_000}
    assert {name: values[name] for name in paper} == paper
    left_out = {name for name, value in values.items()
                if value in (0, False, "none") and name not in paper}
    # Of packed rows, of a schedule, of tasks retold; and what no weight hangs on.
    assert set(values) - set(paper) - left_out == {
        "row_length", "decay_rate", "retold_apart", "seed", "report_interval",
        "checkpoint_interval", "max_checkpoints", "validation_interval",
        "validation_stories", "visualise_interval", "max_bad_steps", "jit"}


@pytest.mark.parametrize("setting, value", [
    ("memory_size", 0), ("memory_size", 10**9), ("memory_size", 2.0),
    ("memory_size", True), ("learning_rate", 0.0), ("learning_rate", float("nan")),
    ("learning_rate", float("inf")), ("learning_rate", "1"), ("momentum", 1.0),
    ("epsilon", 1e-60), ("learning_rate", 1e300), ("clip_value", 1e-50),
    ("optimizer", "sgd"), ("tasks", ()), ("tasks", (2, 1)), ("tasks", (1, 1)),
    ("tasks", (21,)), ("tasks", "1"), ("seed", -1), ("jit", 1), ("variant", ""),
    ("sampling", ["stories"]), ("max_bad_steps", 0), ("simulator_seed", 10 ** 400),
    ("num_training_iterations", 2 ** 63)])
def test_a_setting_out_of_range_is_named_with_what_is_expected(setting, value):
    with pytest.raises(ConfigError, match=f"^--{setting}=.* is expected$"):
        Config(**{setting: value})


def read(*arguments):
    """The settings of flags of the command line."""
    values = flags.FlagValues()
    command_line.define_flags(values)
    values(["train", *arguments])
    return command_line.from_flags(values)


def test_flags_override_the_preset():
    assert read() == read("--preset=paper") == Config()
    joint = read("--preset=joint")
    assert (joint.optimizer, joint.word_loss, joint.seed) == ("adam", 0.1, 1)
    assert dataclasses.asdict(joint) == dataclasses.asdict(Config()) | PRESETS["joint"]
    changed = read("--preset=joint", "--word_loss=0", "--tasks=1-20", "--seed=2")
    assert changed == dataclasses.replace(joint, word_loss=0.0, seed=2)


def test_a_preset_follows_the_choice_of_simulated_stories():
    joint = Config(**PRESETS["joint"])
    assert read("--preset=joint", "--data=simulated") == joint.on_simulated_stories()
    with pytest.raises(ConfigError, match="leave it out with --data=simulated$"):
        read("--preset=joint", "--data=simulated", "--fill_tasks=simulated")


def test_what_a_preset_has_set_is_said_to_be_the_presets():
    with pytest.raises(ConfigError, match=r"--task_weights names task 14, .* \("
                       r"--preset=joint has it: give another --task_weights, or"):
        read("--preset=joint", "--tasks=1,2,3")
    with pytest.raises(ConfigError, match="train on it too$"):
        read("--preset=joint", "--tasks=1", "--task_weights=2:1")


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_can_be_followed(name):
    settings = Config(**PRESETS[name])
    starts = [phase.start for phase in phases_of(settings)]
    assert starts[-1] < settings.num_training_iterations


def test_the_lstm_is_trained_as_joint_is_but_for_its_memory():
    shape = dict(controller_units=384, memory_size=1, word_size=1, num_read_heads=1)
    joint, lstm = (phases_of(Config(**PRESETS[name])) for name in ("joint", "lstm"))
    assert len(lstm) == len(joint)
    for theirs, its in zip(joint, lstm):
        assert its.start == theirs.start
        assert dataclasses.replace(its.settings, phases="none") == dataclasses.replace(
            theirs.settings, phases="none", **shape)


@pytest.mark.parametrize("name", ["best", "joint", "simulated"])
def test_a_preset_is_what_the_published_run_did(name):
    """Phase by phase; a seed, and who shared the work, are not the preset's."""
    def done(config):
        return [(phase.start, dataclasses.replace(
            phase.settings, seed=1, strategy="none", phases="none"))
            for phase in phases_of(config)]

    published = RunRecord.read(ROOT / "results" / name).config
    assert done(Config(**PRESETS[name])) == done(published)


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_can_be_followed_without_official_stories(name):
    settings = Config(**PRESETS[name])
    simulated = settings.on_simulated_stories()
    assert simulated.data == "simulated" and simulated.fill_tasks == "none"
    for phase in phases_of(simulated):
        official = [of_all.settings for of_all in phases_of(settings)
                    if of_all.start <= phase.start][-1]
        assert phase.settings.task_weights == official.task_weights
        assert phase.settings.retell_task_16 == official.retell_task_16
        assert not (phase.settings.exchange_names or phase.settings.thin_task_16)
    assert simulated.on_simulated_stories() == simulated


def test_a_decay_needs_its_length():
    with pytest.raises(ConfigError, match="--decay_steps"):
        Config(learning_rate_schedule="cosine")
    Config(learning_rate_schedule="cosine", decay_steps=1)


@pytest.mark.parametrize("settings, message", [
    ({"controller": "lstm,rnn"}, "'rnn' is none of lstm, gru, feedforward"),
    ({"controller": "lstm,gru", "layer_norm": True}, "--layer_norm is of the LSTM")])
def test_a_controller_that_can_not_be_is_told(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**settings)
    Config(controller="lstm,lstm", layer_norm=True)


def test_sharpened_links_need_temporal_links():
    with pytest.raises(ConfigError, match="--notemporal_links"):
        Config(sharpened_links=True, temporal_links=False)


def test_a_record_is_read_as_it_was_written(tmp_path):
    RECORD.write(tmp_path)
    assert RunRecord.read(tmp_path) == RECORD
    settings = json.loads((tmp_path / RECORD_FILE).read_text())["settings"]
    assert settings.keys() == {field.name for field in dataclasses.fields(Config)}


def test_a_record_may_have_whole_numbers_without_a_point():
    record = json.loads(RECORD.to_json())
    assert record["settings"]["max_grad_norm"] == RECORD.config.max_grad_norm
    record["settings"]["max_grad_norm"] = 2
    config = RunRecord.from_json(json.dumps(record), "config.json").config
    assert type(config.max_grad_norm) is float and config.max_grad_norm == 2.0


def test_a_missing_record_is_told():
    with pytest.raises(ConfigError, match="config.json of its run beside it"):
        RunRecord.read("/nowhere")


@pytest.mark.parametrize("change, message", [
    ({"memory_sise": 4}, "'?memory_sise'? is unknown"),
    ({"memory_size": -4}, "--memory_size=-4: a whole number, at least 1"),
    ({"memory_size": None}, "memory_size"), ({"tasks": [1, [2]]}, "--tasks"),
    ({"epsilon": 10**400}, "--epsilon")])
def test_a_changed_record_is_refused_by_the_setting(change, message):
    record = json.loads(RECORD.to_json())
    record["settings"] |= change
    with pytest.raises(ConfigError, match=f"^run/config.json: .*{message}"):
        RunRecord.from_json(json.dumps(record), "run/config.json")


def test_a_record_of_another_version_is_refused():
    record = json.loads(RECORD.to_json())
    del record["settings"]["rho"]
    with pytest.raises(ConfigError, match="the setting rho is missing"):
        RunRecord.from_json(json.dumps(record), "config.json")


def test_a_record_older_than_a_setting_has_what_was_done_before_it():
    record = json.loads(RECORD.to_json())
    for name in ("initial_weights", "input_stddev", "word_loss", "task_weights",
                 "phases", "layer_norm", "temporal_links"):
        del record["settings"][name]
    config = RunRecord.from_json(json.dumps(record), "config.json").config
    assert config == dataclasses.replace(
        RECORD.config, initial_weights="none", input_stddev=0.0, word_loss=0.0,
        task_weights="none", phases="none")


def test_mutated_records_are_refused_on_one_line_or_right(tmp_path):
    rng, refused = random.Random(1), 0
    whole = RECORD.to_json().encode()
    for _ in range(1500):
        mutated = mutate(whole, rng)
        (tmp_path / RECORD_FILE).write_bytes(mutated)
        try:
            found = json.loads(RunRecord.read(tmp_path).to_json())["settings"]
            asked = json.loads(mutated.decode(errors="replace"))["settings"]
            assert asked.items() <= found.items()
        except ConfigError as error:
            refused += 1
            assert RECORD_FILE in str(error) and "\n" not in str(error)
    assert refused > 500
    for hostile in (b"[" * 200_000, b"9" * 10_000, b"\xff\xfe", b"", b"{}", b"null"):
        (tmp_path / RECORD_FILE).write_bytes(hostile)
        with pytest.raises(ConfigError):
            RunRecord.read(tmp_path)


def test_differences_are_told_by_what_may_be_done_about_them():
    old = Config()
    new = dataclasses.replace(old, word_size=8, rho=0.5, max_checkpoints=2)
    assert differences(old, new, (FIXED,)) == ["--word_size: 64 -> 8"]
    assert differences(old, new, (ADJUSTABLE,)) == ["--rho: 0.9 -> 0.5"]
    assert len(differences(old, new)) == 2 and not differences(old, old)


def test_long_settings_are_told_from_where_they_differ_or_whole():
    start = "; ".join(f"{number}000 word_loss=0.{number}" for number in range(1, 9))
    one, other = (Config(packed_rows=2, phases=f"{start}; 9000 memory_size={slots}")
                  for slots in (16, 32))
    assert differences(one, other) == [
        "--phases: ...8; 9000 memory_size=16 -> ...8; 9000 memory_size=32"]
    assert differences(one, other, whole=True) == [
        f"--phases: {one.phases} -> {other.phases}"]
    assert differences(one, Config(packed_rows=2)) == [
        f"--phases: {start[:60]}... -> none"]
