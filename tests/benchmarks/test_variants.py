"""The comparison of the variants: its flags, its runs, its table."""

import json
import pathlib
import signal
import subprocess
import sys
import types

import pytest
from absl import flags

from babi import command_line
from babi.program.errors import UsageError
from benchmarks import contestants, variants
from dnc import DNCCell

ROOT = pathlib.Path(__file__).parents[2]


def test_each_variant_of_ours_can_be_made():
    for arguments in contestants.VARIANTS.values():
        assert DNCCell(2, **arguments).get_config()
    for settings in variants.VARIANTS.values():
        values = flags.FlagValues()
        command_line.define_flags(values)
        values(["train", *variants.flags_of(settings)])
        found = command_line.from_flags(values)
        for name, value in settings.items():
            assert getattr(found, name) == (
                ",".join(value) if isinstance(value, list) else value)


def test_a_variant_that_is_not_known_is_told():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "variants.py"), "--variants=nets"],
        capture_output=True, text=True)
    assert done.returncode == 1 and "'nets' is none of paper" in done.stderr


def test_table_of_errors_has_mean_and_spread():
    table = variants.as_markdown({"paper": [10.0, 12.0], "gru": [9.0]})
    assert table.endswith("| paper | 11.0 | 1.4 | 10.0, 12.0 |\n"
                          "| gru | 9.0 | - | 9.0 |\n")


def test_an_interrupted_training_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "babi").mkdir()
    (tmp_path / "babi" / "train.py").write_text(
        "import pathlib, sys, time; time.sleep(2); pathlib.Path(sys.argv[1]).touch()")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    def interrupt(*_):
        raise KeyboardInterrupt

    popen, before = subprocess.Popen, signal.signal(signal.SIGALRM, interrupt)

    def start(command):
        process = popen(command)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    try:
        with pytest.raises(KeyboardInterrupt):
            variants._script("train", str(tmp_path / "saved"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert (tmp_path / "saved").exists()


def test_a_comparison_that_is_stopped_asks_no_unfinished_model(tmp_path, monkeypatch):
    ran = []

    def script(name, *arguments):
        ran.append(name)
        if name == "test":
            output = [a for a in arguments if a.startswith("--output=")][0]
            pathlib.Path(output.removeprefix("--output=")).write_text(
                '{"results": [{"mean_error": 12.5}]}')

    for name, value in (("_RUNS_DIR", str(tmp_path)), ("_UPDATES", 30),
                        ("_DATA_DIR", None), ("_TRAIN_FLAGS", "")):
        monkeypatch.setattr(variants, name, types.SimpleNamespace(value=value))
    monkeypatch.setattr(variants, "_script", script)
    (tmp_path / "gru-2").mkdir()
    with pytest.raises(UsageError, match="gru-2: stopped before.*goes on"):
        variants._train_and_test("gru", 2)
    assert ran == ["train"]
    (tmp_path / "gru-2" / "model.ckpt-30.index").touch()
    for _ in range(2):  # what is done is not done again
        variants._train_and_test("gru", 2)
    assert ran == ["train", "train", "test"]
    assert variants.errors_in(tmp_path) == {"gru": [12.5]}
    monkeypatch.setattr(variants, "_TRAIN_FLAGS",
                        types.SimpleNamespace(value="--tasks=1"))
    assert variants.errors_in(tmp_path) == {}  # of other flags
    monkeypatch.setattr(variants, "_TRAIN_FLAGS", types.SimpleNamespace(value=""))
    monkeypatch.setattr(variants, "_DATA_DIR", types.SimpleNamespace(value="/other"))
    assert variants.errors_in(tmp_path) == {}  # of other data


def test_the_table_has_all_that_is_there(tmp_path, monkeypatch):
    for name, value in (("_UPDATES", 30), ("_TRAIN_FLAGS", ""), ("_DATA_DIR", None)):
        monkeypatch.setattr(variants, name, types.SimpleNamespace(value=value))
    for name, error in (("ADNC-MD-2", 3.0), ("paper-10", 5.0), ("paper-9", 4.0),
                        ("ADNC-1", 2.0), ("nets-1", 1.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "held_out-30.json").write_text(
            json.dumps({"results": [{"mean_error": error}]}))
    (tmp_path / "gru-1").mkdir()
    assert variants.errors_in(tmp_path) == {
        "paper": [4.0, 5.0], "ADNC": [2.0], "ADNC-MD": [3.0]}
