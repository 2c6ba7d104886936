"""Checkpoints: complete or absent, whole or refused."""

import os
import random

import numpy as np
import pytest
import tensorflow as tf

from babi.model import checkpoints
from babi.model.checkpoints import CheckpointError, RunCheckpoints
from small_runs import small_files


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {"model/kernel": rng.normal(size=(7, 5)).astype(np.float32),
            "model/bias": rng.normal(size=5).astype(np.float32),
            "iteration": np.int64(rng.integers(1 << 40)),
            "run_state": b'{"position": 3}'}


EXPECTED = {"model/kernel": ((7, 5), np.float32), "model/bias": ((5,), np.float32),
            "iteration": ((), np.int64), "run_state": ((), np.bytes_)}


def assert_same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        if isinstance(array, bytes):
            assert found[name] == array
        else:
            assert found[name].dtype == array.dtype
            assert found[name].tobytes() == array.tobytes(), name


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def pair(name):
    return [f"{name}.data-00000-of-00001", f"{name}.index"]


def test_what_is_written_is_read_bit_for_bit(tmp_path):
    stored = arrays()
    stored["model/bias"][:3] = [np.nan, np.inf, -0.0]
    checkpoints.write(tmp_path / "model.ckpt-5", stored)
    assert files(tmp_path) == pair("model.ckpt-5")
    assert_same(checkpoints.read(tmp_path / "model.ckpt-5"), stored)


def test_tensorflow_reads_it_too(tmp_path):
    checkpoints.write(tmp_path / "model.ckpt-5", arrays())
    assert dict(tf.train.list_variables(str(tmp_path / "model.ckpt-5"))) == {
        "model/kernel": [7, 5], "model/bias": [5], "iteration": [], "run_state": []}


def test_damage_is_found_or_harmless(tmp_path):
    """Bytes changed, cut or added anywhere: an error, or the true arrays."""
    prefix = tmp_path / "model.ckpt-1"
    checkpoints.write(prefix, arrays())
    rng = random.Random(1)
    refused = 0
    for _ in range(200):
        path = tmp_path / rng.choice(pair("model.ckpt-1"))
        whole = path.read_bytes()
        place = rng.randrange(len(whole))
        kind = rng.choice(["flip", "cut", "add"])
        if kind == "flip":
            damaged = bytearray(whole)
            damaged[place] ^= 1 << rng.randrange(8)
        elif kind == "cut":
            damaged = whole[:place]
        else:
            damaged = whole[:place] + rng.randbytes(4) + whole[place:]
        path.write_bytes(damaged)
        try:
            assert_same(checkpoints.read(prefix), arrays())
        except CheckpointError as error:
            refused += 1
            assert str(prefix) in str(error) and "\n" not in str(error)
        path.write_bytes(whole)
    assert refused > 150


@pytest.mark.parametrize("missing", [0, 1])
def test_half_a_checkpoint_is_none(tmp_path, missing):
    prefix = tmp_path / "model.ckpt-1"
    checkpoints.write(prefix, arrays())
    (tmp_path / pair("model.ckpt-1")[missing]).unlink()
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        checkpoints.read(prefix)
    if missing == 1:
        assert checkpoints.iterations(tmp_path) == []


@pytest.mark.parametrize("change, message", [
    ({"model/kernel": np.zeros((7, 6), np.float32)}, r"\(7, 6\).*expected.*\(7, 5\)"),
    ({"model/bias": np.zeros(5, np.float64)}, "float64.*expected float32"),
    ({"run_state": np.float32(1)}, "run_state"),
    ({"model/bias": None}, "has no 'model/bias'")])
def test_a_checkpoint_of_another_model_is_refused(change, message):
    found = {name: array for name, array in (arrays() | change).items()
             if array is not None}
    with pytest.raises(CheckpointError, match=message):
        checkpoints.check(found, EXPECTED, "model.ckpt-1")
    checkpoints.check(arrays(), EXPECTED, "model.ckpt-1")


def test_the_newest_are_kept_and_the_best_besides(tmp_path):
    run = RunCheckpoints(tmp_path, max_checkpoints=2)
    for iteration in (10, 20, 30, 40):
        run.save(iteration, arrays(iteration))
        if iteration in (10, 30):
            run.save_best(iteration, arrays(iteration))
    assert files(tmp_path) == sorted(
        pair("model.ckpt-30") + pair("model.ckpt-40") + pair("best.ckpt-30"))
    assert_same(checkpoints.read(checkpoints.resolve(tmp_path / "best")), arrays(30))
    assert_same(checkpoints.read(checkpoints.resolve(tmp_path)), arrays(40))
    run.save_best(50, arrays(50))
    iteration, found = RunCheckpoints(tmp_path, 2).newest(EXPECTED, pytest.fail)
    assert iteration == 50
    assert_same(found, arrays(50))


def test_a_damaged_newest_one_is_named_and_the_one_before_it_used(tmp_path):
    run = RunCheckpoints(tmp_path, max_checkpoints=3)
    for iteration in (10, 20, 30):
        run.save(iteration, arrays(iteration))
    data = tmp_path / "model.ckpt-30.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-60] + bytes(60))
    checkpoints.write(tmp_path / "model.ckpt-20", {"foreign": np.zeros(3)})
    lines = []
    run = RunCheckpoints(tmp_path, max_checkpoints=1)
    iteration, found = run.newest(EXPECTED, lines.append)
    assert iteration == 10
    assert_same(found, arrays(10))
    assert len(lines) == 2
    assert "model.ckpt-30: damaged" in lines[0]
    assert "model.ckpt-20: made by another model" in lines[1]
    # A checkpoint written now is the newest, and nothing is lost.
    broken = data.read_bytes()
    run.save(15, arrays(15))
    assert checkpoints.iterations(tmp_path) == [15]
    assert checkpoints.resolve(tmp_path) == tmp_path / "model.ckpt-15"
    assert checkpoints.iterations(tmp_path, "unused.ckpt") == [20, 30]
    assert (tmp_path / data.name.replace("model", "unused")).read_bytes() == broken


def test_without_any_good_checkpoint_training_does_not_start_anew(tmp_path):
    assert RunCheckpoints(tmp_path, 3).newest(EXPECTED, print) is None
    (tmp_path / "model.ckpt-7.index").write_bytes(b"nothing")
    (tmp_path / "model.ckpt-7.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(CheckpointError, match="none of its 1 checkpoints"):
        RunCheckpoints(tmp_path, 3).newest(EXPECTED, lambda line: None)


@pytest.mark.parametrize("crash_at", range(4))
def test_a_crash_in_the_middle_of_writing_loses_nothing(
        tmp_path, monkeypatch, crash_at):
    """Power fails before, between and after the two renames."""
    run = RunCheckpoints(tmp_path, max_checkpoints=1)
    run.save(10, arrays(10))
    calls = []

    def fail_late(source, target, original=os.replace):
        if len(calls) == crash_at:
            raise KeyboardInterrupt
        calls.append(target)
        original(source, target)

    monkeypatch.setattr(os, "replace", fail_late)
    # What a killed process cannot do: clean up behind itself.
    monkeypatch.setattr(checkpoints.shutil, "rmtree", lambda *args, **kwargs: None)
    try:
        run.save(20, arrays(20))
        run.save(30, arrays(30))
    except KeyboardInterrupt:
        pass
    monkeypatch.undo()
    complete = (10, 10, 20, 20)[crash_at]
    run = RunCheckpoints(tmp_path, max_checkpoints=1)
    run.remove_drafts()
    iteration, found = run.newest(EXPECTED, lambda line: pytest.fail(line))
    assert iteration == complete
    assert_same(found, arrays(complete))
    assert not list(tmp_path.glob(".saving*"))


def test_a_full_disk_leaves_what_is_there(tmp_path):
    run = RunCheckpoints(tmp_path, max_checkpoints=1)
    run.save(10, arrays(10))
    before = files(tmp_path)
    big = arrays(20) | {"model/big": np.ones((100, 100))}
    with small_files(1024):
        with pytest.raises(CheckpointError, match="model.ckpt-20: not written"):
            run.save(20, big)
        with pytest.raises(CheckpointError, match="best.ckpt-20: not written"):
            run.save_best(20, big)
    assert files(tmp_path) == before
    run.save(20, big)  # room again
    assert_same(checkpoints.read(tmp_path / "model.ckpt-20"), big)


@pytest.mark.parametrize("asked, found", [
    ("model.ckpt-20", "model.ckpt-20"), ("model.ckpt-20.index", "model.ckpt-20"),
    ("model.ckpt-20.data-00000-of-00001", "model.ckpt-20"), (".", "model.ckpt-30"),
    ("best", "best.ckpt-20"), ("best.ckpt-20", "best.ckpt-20")])
def test_a_checkpoint_is_found_by_the_names_that_users_give(tmp_path, asked, found):
    run = RunCheckpoints(tmp_path, max_checkpoints=5)
    for iteration in (20, 30):
        run.save(iteration, arrays(iteration))
    run.save_best(20, arrays(20))
    assert checkpoints.resolve(tmp_path / asked) == tmp_path / found


def test_a_checkpoint_that_is_not_there_is_told_with_those_that_are(tmp_path):
    checkpoints.write(tmp_path / "model.ckpt-20", arrays())
    with pytest.raises(CheckpointError, match=r"no such checkpoint; in .*ckpt-20;"):
        checkpoints.resolve(tmp_path / "model.ckpt-21")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        checkpoints.resolve(tmp_path / "absent" / "best")
    below = tmp_path / "runs" / "some"
    below.mkdir(parents=True)
    checkpoints.write(below / "model.ckpt-20", arrays())
    with pytest.raises(CheckpointError, match=f"; there are some in {below}; give"):
        checkpoints.resolve(below.parent)
