"""How contestants are measured: their turns, times and memory, and their failures."""

import os
import pathlib
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import contestants, worker
from benchmarks.contestants import Point
from benchmarks.measure import Limits, environment, first_gpu, measure_point
from small_measurements import POINT, TASK

ROOT = pathlib.Path(__file__).parents[2]

LIMITS = Limits(rounds=3, seconds=5.0, answer_seconds=30.0, memory_bytes=None,
                inference=True)

# A contestant whose steps take as long, and whose memory is as much, as it is told.
FAKE = f"""
import pathlib, sys, time
sys.path[0] = {str(ROOT / "benchmarks")!r}
import worker
caches = pathlib.Path(__file__).with_name("caches")
seconds, megabytes, fault = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
made = []

def build(spec):
    print("a library's chatter")
    if fault == "build":
        raise ImportError("no such library")

    def train(count):
        if fault == "hang":
            time.sleep(60)
        if fault == "crash" and made:
            sys.exit("out of luck")
        if fault == "caches":
            if caches.exists() and caches.read_text() != spec["contestant"]:
                time.sleep(1.0)
            caches.write_text(spec["contestant"])
        if not made:
            made.append(b"x" * (megabytes << 20))
            if fault == "compile":
                made[0] = b""
        if fault == "half full":
            time.sleep(seconds * count)
            return 1.0, count * spec["batch"] * spec["steps"] / 2
        time.sleep(seconds * count)
        return float("nan") if fault == "nan" else spec["batch"] + 0.5

    def infer(count):
        time.sleep(seconds / 2 * count)
        return 0.0

    return {{"train": train, "infer": infer}}, ["numpy"]

worker.serve(build)
"""


def fake(path, seconds=0.01, megabytes=1, fault="none"):
    """The command of a fake contestant."""
    script = path / "fake.py"
    script.write_text(FAKE)
    return [sys.executable, str(script), str(seconds), str(megabytes), fault]


def measure(commands, **limits):
    lines = []
    found = measure_point(
        POINT, commands, TASK, LIMITS._replace(**limits), lines.append)
    assert len(lines) == len(commands)
    return {one.contestant: one for one in found}


def test_measures_time_memory_and_takes_turns(tmp_path):
    found = measure({"ours": fake(tmp_path, 0.02),
                     "plain": fake(tmp_path, 0.04, megabytes=200)})
    ours, plain = found["ours"], found["plain"]
    assert ours.versions == plain.versions == {"numpy": np.__version__}
    for one, seconds in ((ours, 0.02), (plain, 0.04)):
        assert len(one.train_rounds) == len(one.infer_rounds) == LIMITS.rounds
        # A busy machine makes a sleep longer, never shorter.
        for rounds, expected in (
                (one.train_rounds, seconds), (one.infer_rounds, seconds / 2)):
            assert 0.99 * expected <= min(rounds) < expected + 0.2, rounds
        assert one.first_step >= seconds and one.loss == 2.5 and not one.note
        assert one.peak_bytes >= one.idle_bytes > 10**6
    assert 150e6 < plain.peak_bytes - plain.idle_bytes < 500e6
    assert ours.peak_bytes - ours.idle_bytes < 50e6


def test_what_the_others_left_in_the_caches_is_not_timed(tmp_path):
    command = fake(tmp_path, fault="caches")
    found = measure({"ours": command, "plain": command}, inference=False)
    assert all(max(one.train_rounds) < 0.9 for one in found.values())


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK),
                    reason="this system does not let a peak of memory be forgotten")
def test_the_memory_of_steps_is_without_that_of_the_compilation(tmp_path):
    found = measure({"ours": fake(tmp_path, 0.01, 200, "compile"),
                     "plain": fake(tmp_path, 0.01, 200)}, rounds=1)
    ours, plain = found["ours"], found["plain"]
    assert ours.peak_bytes - ours.step_bytes > 150e6
    assert 150e6 < ours.peak_bytes - ours.idle_bytes
    assert abs(plain.peak_bytes - plain.step_bytes) < 20e6


def test_where_rows_are_not_full_their_tokens_count(tmp_path):
    found = measure({"one_core": fake(tmp_path, 0.1, fault="half full")},
                    inference=False, turn_steps=3, rounds=1)["one_core"]
    seconds, = found.train_rounds
    assert 0.2 <= seconds < 0.4
    assert found.tokens_per_second == pytest.approx(10 / seconds)


def test_slow_contestants_get_fewer_turns(tmp_path):
    found = measure({"ours": fake(tmp_path, 0.01), "plain": fake(tmp_path, 0.5)},
                    seconds=1.0, rounds=4, inference=False)
    assert 1 <= len(found["plain"].train_rounds) < len(found["ours"].train_rounds)
    assert found["plain"].infer_rounds == []


@pytest.mark.parametrize("fault, megabytes, part", [
    ("hang", 1, "took more than 8 s"),
    ("crash", 1, "ended with code 1: out of luck"),
    ("build", 1, "ended with code 1: ImportError: no such library"),
    ("none", 600, "needs more than 0.2 GB"),
])
def test_a_failing_contestant_leaves_the_others_alone(
        tmp_path, fault, megabytes, part):
    limit = 8.0 if fault == "hang" else 30.0  # also for the start of the healthy one
    started = time.monotonic()
    found = measure({"eager": fake(tmp_path, 1.0 if megabytes > 1 else 0.0,
                                   megabytes, fault), "ours": fake(tmp_path)},
                    answer_seconds=limit, memory_bytes=200 << 20, rounds=1)
    assert time.monotonic() - started < limit + 25
    assert part in found["eager"].note
    assert found["eager"].train_rounds == []
    assert len(found["ours"].train_rounds) == 1 and not found["ours"].note


def test_a_loss_that_is_not_finite_is_said(tmp_path):
    found = measure({"ours": fake(tmp_path, fault="nan")}, rounds=1)
    assert found["ours"].note == "the loss is not finite"
    assert found["ours"].loss is None and len(found["ours"].train_rounds) == 1


@pytest.mark.slow
def test_real_training_takes_the_same_step_however_it_is_run(monkeypatch):
    names = ["one_core", "all_cores", "mirrored"]
    for name in names:
        contestant = contestants.ALL[name]
        monkeypatch.setitem(contestants.ALL, name, contestant._replace(
            arguments=contestant.arguments | {
                "jit": False, "bypass_dropout": 0.0}))
    worker = [sys.executable, str(ROOT / "benchmarks" / "worker.py"), "training"]
    found = measure_point(
        Point(2, 960, 4), dict.fromkeys(names, worker), TASK,
        LIMITS._replace(rounds=1, inference=False, turn_steps=1, answer_seconds=300.0),
        print)
    assert [one.note for one in found] == [""] * 3
    assert all(len(one.train_rounds) == 1 for one in found)
    # Uniform guessing among some 160 words, at small random weights.
    assert found[0].loss == pytest.approx(5.1, abs=0.3)
    assert [one.loss for one in found] == pytest.approx([found[0].loss] * 3, rel=1e-4)


def test_a_worker_sees_the_first_gpu_or_none(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    found = environment({"threads": 2})
    assert found["CUDA_VISIBLE_DEVICES"] == "-1" and "PYTHONPATH" not in found
    assert found["OMP_NUM_THREADS"] == found["TF_NUM_INTRAOP_THREADS"] == "2"
    assert environment({"threads": 1, "gpu": "a GPU"})["CUDA_VISIBLE_DEVICES"] == "3"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    pages = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    monkeypatch.setattr("benchmarks.measure.huge_pages_in", lambda variables: pages)
    assert environment({"threads": 2})["GLIBC_TUNABLES"] == pages["GLIBC_TUNABLES"]
    training = environment({"threads": 2, "arguments": {"strategy": "none"}})
    assert "TF_NUM_INTRAOP_THREADS" not in training  # it chooses for itself
    assert environment({"threads": 1, "gpu": "a GPU"})["CUDA_VISIBLE_DEVICES"] == "0"


def test_no_gpu_where_there_is_no_driver_or_none_to_be_seen(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    for where in (None, "/usr/bin/nvidia-smi"):
        monkeypatch.setattr("shutil.which", lambda name: where)
        assert first_gpu() == ""


@pytest.mark.parametrize("library", ["torch", "tensorflow"])
def test_on_a_gpu_memory_is_the_gpus(library, monkeypatch):
    """Told by the library that has taken it; either forgets its peak when asked."""
    peak, forgotten = 7, []
    if library == "torch":
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(
            max_memory_allocated=lambda: peak,
            reset_peak_memory_stats=lambda: forgotten.append("first"))))
    else:
        monkeypatch.delitem(sys.modules, "torch", raising=False)
        found = tf.config.experimental
        monkeypatch.setattr(found, "get_memory_info", lambda device: {
            "GPU:0": {"current": 3, "peak": peak}}[device])
        monkeypatch.setattr(found, "reset_memory_stats", forgotten.append)
    forget, peak_bytes = worker._memory("a GPU")
    assert peak_bytes() == 7 and forget() and len(forgotten) == 1
    assert worker._memory(None)[1]() > 50e6  # this process's own
