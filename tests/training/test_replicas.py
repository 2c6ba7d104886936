"""Several replicas: sharing rows, the same weights as one, lost workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from babi.checks import MULTI_WORKER
from babi.data.batches import Batch
from babi.model import checkpoints
from babi.training.replicas import ClusterError, prepare, share_of_rows
from training_process import ROOT, ScriptServer

SMALL = ("--data=simulated", "--tasks=1,20", "--controller_units=8",
         "--memory_size=6", "--word_size=4", "--num_read_heads=2", "--row_length=192",
         "--validation_interval=0", "--visualise_interval=0", "--learning_rate=1e-3",
         "--weight_stddev=0.05", "--epsilon=1e-3", "--validation_stories=4",
         "--report_interval=5", "--word_loss=0.3")
# Adding up in another order changes the last bits; the updates carry them on.
ROUNDING = 2e-5


def make_batch(rng, rows=5, steps=7):
    """A batch with questions numbered row after row, as `assemble` numbers them."""
    answers = rng.random((rows, steps)) < 0.4
    return Batch(
        inputs=rng.integers(1, 99, (rows, steps), dtype=np.int32),
        targets=np.where(answers, 7, 0).astype(np.int32), answers=answers,
        mask=rng.random((rows, steps)) < 0.9, resets=rng.random((rows, steps)) < 0.2,
        questions=np.where(answers, np.cumsum(answers).reshape(rows, steps) - 1,
                           -1).astype(np.int32),
        tasks=rng.integers(0, 21, (rows, steps), dtype=np.int32))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_the_shares_are_the_batch(rng, count):
    batch = make_batch(rng)
    shares = [share_of_rows(batch, replica, count) for replica in range(count)]
    assert len({share.mask.shape for share in shares}) == 1
    for name in Batch._fields:
        whole = np.concatenate([getattr(share, name) for share in shares])
        assert whole.dtype == getattr(batch, name).dtype
        if name != "questions":
            np.testing.assert_array_equal(whole[:5], getattr(batch, name))
        assert not whole[5:].any() or (name == "questions" and (whole[5:] == -1).all())
    for share in shares:
        asked = share.questions[share.answers]
        assert sorted(asked) == list(range(len(asked)))
        assert (share.questions[~share.answers] == -1).all()


@pytest.mark.parametrize("text", [
    None, "", "{", "[]", '{"cluster": {}}',
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": -1}}',
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "0"}}',
    '{"cluster": {"worker": "a:1"}, "task": {"type": 3, "index": 0}}',
    '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}'])
def test_a_cluster_that_cannot_be_is_refused(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ClusterError, match="TF_CONFIG.*set it") as error:
        prepare(MULTI_WORKER, 4, 32)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rows, slots, asked, threads", [
    (8, 32, None, 1), (6, 64, None, 1), (1, 256, None, 0), (8, 32, "3", 0)])
def test_little_work_is_left_to_one_thread(rows, slots, asked, threads):
    """Not so where somebody has asked for a number of threads; 0: TensorFlow's own."""
    code = ("import sys, tensorflow as tf; from babi.training import replicas; "
            f"replicas.prepare('none', {rows}, {slots}); "
            "print(tf.config.threading.get_intra_op_parallelism_threads())")
    environment = {name: value for name, value in os.environ.items()
                   if name != "TF_NUM_INTRAOP_THREADS"}
    if asked:
        environment["TF_NUM_INTRAOP_THREADS"] = asked
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, timeout=99,
                          env=environment, capture_output=True)
    assert done.stdout.split() == [str(threads)], done.stderr


def difference(one, other, iteration):
    """The largest difference of two runs' arrays at an iteration, and their data."""
    ours, theirs = (checkpoints.read(run / f"model.ckpt-{iteration}")
                    for run in (one, other))
    assert ours.keys() == theirs.keys()
    states = [json.loads(arrays.pop("run_state")) for arrays in (ours, theirs)]
    assert states[0]["data"] == states[1]["data"]
    return max(np.abs(np.asarray(ours[name], float) - theirs[name]).max()
               for name in ours if not name.startswith("metrics"))


@pytest.mark.parametrize("rows", [4, pytest.param(3, marks=pytest.mark.slow)])
def test_mirrored_gives_the_weights_of_one_and_goes_on_as_one(tmp_path, rows):
    cores = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
             else os.cpu_count())
    if cores < 2:
        pytest.skip("one core is one replica")
    arguments = (*SMALL, f"--packed_rows={rows}", "--nojit", "--validation_interval=6",
                 f"--visualise_interval={6 * (rows < 4)}")
    with ScriptServer(tmp_path) as server:
        for run, order in (("one", ("none", "mirrored")),
                           ("many", ("mirrored", "none"))):
            for steps, strategy in zip((6, 12), order):
                code, output = server.run(
                    "train", *arguments, f"--checkpoint_dir={run}",
                    f"--num_training_iterations={steps}", f"--strategy={strategy}")
                assert code == 0, output
                assert "Traceback" not in output
                assert ("replicas" in output) == (strategy == "mirrored")
            assert "Going on from iteration 6" in output
    assert difference(tmp_path / "one", tmp_path / "many", 12) < ROUNDING


def free_ports(count):
    """Numbers of ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_workers(folder, count, *arguments, own=lambda index: ()):
    """Starts workers on this machine; returns processes with `log`, their output.

    Args:
      own: flags of the worker of an index.
    """
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    workers = []
    for index in range(count):
        cluster = {"cluster": {"worker": addresses},
                   "task": {"type": "worker", "index": index}}
        log = folder / f"worker-{index}.txt"
        with open(log, "w") as file:
            worker = subprocess.Popen(
                [sys.executable, ROOT / "babi" / "train.py",
                 f"--strategy={MULTI_WORKER}", *arguments, *own(index)], cwd=folder,
                stdout=file, stderr=subprocess.STDOUT, env=os.environ | {
                    "TF_CONFIG": json.dumps(cluster), "CUDA_VISIBLE_DEVICES": "-1"})
        worker.log = log
        workers.append(worker)
    return workers


def finish(workers, seconds=240):
    """Waits for workers; the exit codes."""
    try:
        return [worker.wait(seconds) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()


def wait_for(text, workers, seconds=180):
    """Waits until the chief has said something."""
    end = time.monotonic() + seconds
    while text not in workers[0].log.read_text():
        assert time.monotonic() < end and workers[0].poll() is None, (
            workers[0].log.read_text())
        time.sleep(0.2)


def run_alone(folder, arguments):
    with ScriptServer(folder) as server:
        code, output = server.run("train", *arguments, "--checkpoint_dir=one")
    assert code == 0, output


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_workers_give_the_weights_of_one(tmp_path, count):
    arguments = (*SMALL, "--packed_rows=4", "--num_training_iterations=12")
    run_alone(tmp_path, arguments)
    workers = start_workers(tmp_path, count, *arguments, "--checkpoint_dir=many")
    assert finish(workers) == [0] * count, [w.log.read_text() for w in workers]
    assert difference(tmp_path / "one", tmp_path / "many", 12) < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_lost_worker_ends_the_others_and_all_go_on_together(tmp_path, victim):
    arguments = (*SMALL, "--packed_rows=4", "--checkpoint_dir=many",
                 "--checkpoint_interval=10")
    workers = start_workers(
        tmp_path, 2, *arguments, "--num_training_iterations=1000000")
    wait_for("20/1,000,000", workers)
    workers[victim].kill()
    killed = time.monotonic()
    other = workers[1 - victim]
    assert finish([other], 90) == [1]
    assert time.monotonic() - killed < 60
    last = other.log.read_text().splitlines()[-1]
    assert "another worker does not answer" in last and "same command" in last
    reached = checkpoints.iterations(tmp_path / "many")[-1]
    workers = start_workers(tmp_path, 2, *arguments,
                            f"--num_training_iterations={reached + 10}")
    assert finish(workers) == [0, 0]
    assert f"Going on from iteration {reached:,}" in workers[1].log.read_text()
    run_alone(tmp_path, (*SMALL, "--packed_rows=4",
                         f"--num_training_iterations={reached + 10}"))
    # Hundreds of steps may have carried the rounding on.
    assert difference(tmp_path / "one", tmp_path / "many", reached + 10) < 0.1


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all_after_the_same_step(tmp_path):
    workers = start_workers(tmp_path, 2, *SMALL, "--packed_rows=4",
                            "--checkpoint_dir=many")
    wait_for("20/590,000", workers)
    workers[1].send_signal(signal.SIGTERM)
    assert finish(workers) == [128 + signal.SIGTERM] * 2
    ends = [worker.log.read_text().splitlines()[-1] for worker in workers]
    assert ends[0].startswith("Another worker: stopped after iteration")
    assert ends[1].startswith("SIGTERM: stopped") and (
        ends[0].split()[-8:] == ends[1].split()[-8:])


@pytest.mark.slow
def test_a_worker_with_other_settings_than_the_chief_is_refused(tmp_path):
    workers = start_workers(
        tmp_path, 2, *SMALL, "--packed_rows=4", "--checkpoint_dir=many",
        own=lambda index: [f"--seed={1 + index}"])
    assert finish(workers) == [1, 1]
    last = workers[1].log.read_text().splitlines()[-1]
    assert last.startswith("error: worker 1: not the chief's run: --seed: 1 -> 2")
    assert "another worker does not answer" in workers[0].log.read_text()
    assert checkpoints.iterations(tmp_path / "many") == []
