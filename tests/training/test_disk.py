"""Training on a disk that fills up or becomes read-only: a real file system of its own.

But for the failed step they need a user who may mount one, and skip elsewhere.
"""

import subprocess
import sys

import numpy as np
import pytest

from babi.data.batches import Batch
from babi.model import checkpoints
from babi.model.record import RunRecord
from babi.training import failures
from babi.training.failures import FailedStep
from small_runs import CONFIG, SMALL, small_files, wait_for
from training_process import ScriptServer

ENDLESS = (*SMALL, "--data=simulated", "--variant=en-10k", "--tasks=1",
           "--num_training_iterations=1000000", "--checkpoint_interval=20",
           "--report_interval=10", "--validation_interval=0",
           "--visualise_interval=0", "--max_checkpoints=2")


def mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True)
    return done.returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or not mount("-t", "tmpfs", "-o", "size=4m", "tmpfs",
                                            folder):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder])


def fill(folder):
    """Writes until the disk is full; a function that makes room again."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return path.unlink


def forbid(folder):
    """Makes a folder read-only; a function that ends it."""
    assert mount("--bind", folder, folder)
    assert mount("-o", "remount,bind,ro", folder)
    return lambda: subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("obstruct, reason", [
    pytest.param(fill, "No space left", marks=pytest.mark.slow),
    (forbid, "Read-only file system")])
def test_training_goes_on_and_saves_when_the_disk_allows(tmp_path, disk, obstruct,
                                                         reason):
    run = disk / "run"
    with ScriptServer(tmp_path) as server:
        process = server.start("train", *ENDLESS, f"--checkpoint_dir={run}")
        try:
            wait_for(lambda: checkpoints.iterations(run))
            mend = obstruct(disk)
            before = wait_for(lambda: checkpoints.iterations(run))
            wait_for(lambda: "Training goes on and will try again" in process.output())
            refused = process.output().splitlines()
            assert any("not written" in line and reason in line for line in refused)
            kept = checkpoints.iterations(run)
            assert kept[-1] >= before[-1]
            assert checkpoints.read(run / f"model.ckpt-{kept[-1]}")["iteration"] == (
                kept[-1])
            mend()
            wait_for(lambda: checkpoints.iterations(run)[-1] > kept[-1])
            process.send(15)
        except BaseException:
            process.send(9)
            raise
        finally:
            code = process.wait()
        assert code == 128 + 15 and "Traceback" not in process.output()
        last = checkpoints.iterations(run)[-1]
        code, output = server.run("train", *ENDLESS[:-8], "--data=simulated",
                                  "--variant=en-10k", "--tasks=1",
                                  f"--num_training_iterations={last + 1}",
                                  "--validation_interval=0", "--visualise_interval=0",
                                  f"--checkpoint_dir={run}")
        assert code == 0 and f"Going on from iteration {last:,}" in output


def test_a_failed_step_is_kept_whole_or_not_at_all(tmp_path):
    path = tmp_path / "failed-step-3.npz"
    step = FailedStep(RunRecord(CONFIG, {}, {}), Batch(*[np.ones((1, 2))] * 7),
                      {"model/big": np.ones((100, 100))}, ["task 1 story 2"], 5)
    with small_files(20_000), pytest.raises(OSError):
        failures.write(path, step)
    assert not list(tmp_path.iterdir())
    failures.write(path, step)
    found = failures.read(path)
    assert found.stories == step.stories and found.record == step.record
    np.testing.assert_array_equal(found.arrays["model/big"], step.arrays["model/big"])


def test_a_read_only_directory_is_refused_in_one_line(tmp_path, disk):
    mend = forbid(disk)
    try:
        with ScriptServer(tmp_path) as server:
            code, output = server.run("train", *ENDLESS,
                                      f"--checkpoint_dir={disk / 'run'}")
    finally:
        mend()
    assert code == 1
    assert output.splitlines()[-1].startswith("error: ")
    assert "Read-only file system" in output and "--checkpoint_dir" in output
    assert list(disk.iterdir()) == []
