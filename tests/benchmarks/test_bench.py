"""The benchmark as a whole: what it plans, measures, compares with and refuses."""

import os
import pathlib
import subprocess
import sys

import pytest

from babi.config import Config
from babi.phases import phases_of
from babi.presets import PRESETS
from benchmarks import contestants
from benchmarks.results import Results

ROOT = pathlib.Path(__file__).parents[2]


def test_points_vary_one_axis_at_a_time():
    found = contestants.around(contestants.REFERENCE, contestants.AXES)
    assert len(found) == len(set(found)) == 1 + 3 + 3 + 4
    for point in found:
        differing = [a != b for a, b in zip(point, contestants.REFERENCE)]
        assert sum(differing) <= 1
    assert {point.steps for point in found} == {50, 100, 500, 1000}
    assert {point.batch for point in found} == {1, 4, 16, 32}
    assert {point.slots for point in found} == {64, 128, 256, 512, 1024}
    assert len(set(contestants.grid(contestants.AXES))) == 4 * 4 * 5


def test_training_has_the_sizes_of_the_recipes():
    sizes = {(phase.settings.packed_rows, phase.settings.row_length,
              phase.settings.memory_size) for name in ("joint", "simulated")
             for phase in phases_of(Config(**PRESETS[name]))}
    assert sizes == {point for point, _ in contestants.PLANS["training"]}


def run(*arguments, contestants="eager"):
    """Runs bench.py on a tiny model."""
    return subprocess.run(
        [sys.executable, "benchmarks/bench.py", f"--contestants={contestants}",
         "--reference=1,2,4", "--batch=1", "--steps=2", "--slots=4", "--units=3",
         "--words=2", "--heads=1", "--vocabulary=5", "--rounds=2", "--seconds=1",
         *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_real_measurement_is_shown_and_written(tmp_path):
    path = tmp_path / "results.json"
    first = run(f"--output={path}", "--noinference")
    assert first.returncode == 0, first.stderr
    results = Results.read(path)
    one, = results.measurements
    assert len(one.train_rounds) >= 1 and not one.note
    # Between certain and uniform guessing among 5 words, at small random weights.
    assert one.loss == pytest.approx(1.609, abs=0.2)
    assert 100e6 < one.idle_bytes <= one.peak_bytes < 3e9
    assert "tensorflow" in one.versions
    assert f"{1e3 * one.train_seconds:,.1f}" in first.stdout
    again = run(f"--results={path}", f"--compare={tmp_path / 'no'}")
    assert again.returncode == 1 and again.stderr.startswith("error: ")
    again = run(f"--output={path}", f"--compare={path}")
    assert again.returncode == 1 and "it would be replaced" in again.stderr
    assert Results.read(path).measurements == results.measurements
    again = run(f"--results={path}")
    assert again.stdout == first.stdout


def test_the_stories_of_training_are_measured(tmp_path):
    path = tmp_path / "results.json"
    done = run(f"--output={path}", "--training", "--seconds=0.1", contestants="stories")
    assert done.returncode == 0, done.stderr
    found = Results.read(path).measurements
    assert [one.point for one in found] == [
        point for point, _ in contestants.PLANS["training"]]
    for one in found:
        assert f"{one.tokens_per_second:,.0f}" in done.stdout
        assert 100 < one.tokens_per_second < 10**7


@pytest.mark.slow
def test_ours_and_plain_compute_the_same(tmp_path):
    path = tmp_path / "results.json"
    done = run(f"--output={path}", contestants="ours,plain,eager")
    assert done.returncode == 0, done.stderr
    losses = [one.loss for one in Results.read(path).measurements]
    assert len(losses) == 3
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    assert "do not compute the same" not in done.stdout


@pytest.mark.parametrize("arguments, part", [
    (["--steps=0"], "--steps"),
    (["--reference=1,2"], "--reference"),
    (["--contestants=theirs"], "theirs"),
    (["--contestants=peer", "--peer_python=/no/python"], "make bench-peer"),
    (["--quick", "--grid"], "--quick and --grid"),
    (["--quick", "--first-call"], "--quick and --first-call"),
    (["--results=/no/results.json"], "/no/results.json"),
    (["--device=gpu"], "--device=gpu: TensorFlow sees none"),
])
def test_wrong_use_is_one_line(tmp_path, monkeypatch, arguments, part):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    done = run(f"--output={tmp_path / 'results.json'}", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert part in done.stderr
    assert os.listdir(tmp_path) == []
