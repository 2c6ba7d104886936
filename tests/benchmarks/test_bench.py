"""The benchmark: what it plans, measures, writes, and calls slower."""

import dataclasses
import os
import pathlib
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from absl import flags

from babi import command_line
from babi.config import Config
from babi.phases import phases_of
from babi.presets import PRESETS
from babi.program.errors import UsageError
from benchmarks import contestants, picture, report, variants
from benchmarks.contestants import Point
from benchmarks.measure import Limits, doomed, measure_point
from benchmarks.results import Measurement, Results, ResultsError
from dnc import DNCCell

ROOT = pathlib.Path(__file__).parents[2]
TASK = {"units": 4, "words": 3, "heads": 2, "vocabulary": 5, "threads": 2}
LIMITS = Limits(rounds=3, seconds=5.0, answer_seconds=30.0, memory_bytes=None,
                inference=True)
POINT = Point(2, 5, 8)

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


def measured(contestant="ours", point=POINT, train=0.1, infer=0.05, peak=10**9,
             step=10**9, **rest):
    """A `Measurement` as of one round."""
    return Measurement(contestant, point, [train], [infer],
                       first_step=2.0, loss=1.5, idle_bytes=1, peak_bytes=peak,
                       step_bytes=step, **rest)


def results_of(*measurements, **task):
    settings = {"task": TASK | task, "reference": list(POINT)}
    machine = {"processor": "P", "cores": 2, "system": "S"}
    return Results(settings, machine, measurements=list(measurements))


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


def test_training_has_the_sizes_of_the_recipes():
    sizes = {(phase.settings.packed_rows, phase.settings.row_length,
              phase.settings.memory_size) for name in ("joint", "simulated")
             for phase in phases_of(Config(**PRESETS[name]))}
    assert sizes == {point for point, _ in contestants.PLANS["training"]}


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


def test_slow_contestants_get_fewer_turns(tmp_path):
    found = measure({"ours": fake(tmp_path, 0.01), "plain": fake(tmp_path, 0.5)},
                    seconds=1.0, rounds=4, inference=False)
    assert 1 <= len(found["plain"].train_rounds) < len(found["ours"].train_rounds)
    assert found["plain"].infer_rounds == []


@pytest.mark.parametrize("fault, megabytes, part, limit", [
    ("hang", 1, "took more than 3 s", True),
    ("crash", 1, "ended with code 1: out of luck", False),
    ("build", 1, "ended with code 1: ImportError: no such library", False),
    ("none", 600, "needs more than 0.2 GB", True),
])
def test_a_failing_contestant_leaves_the_others_alone(
        tmp_path, fault, megabytes, part, limit):
    started = time.monotonic()
    found = measure({"eager": fake(tmp_path, 1.0 if megabytes > 1 else 0.0,
                                   megabytes, fault), "ours": fake(tmp_path)},
                    answer_seconds=3.0, memory_bytes=200 << 20, rounds=1)
    assert time.monotonic() - started < 25
    assert part in found["eager"].note and found["eager"].limit == limit
    assert found["eager"].train_rounds == []
    assert len(found["ours"].train_rounds) == 1 and not found["ours"].note


def test_a_loss_that_is_not_finite_is_said(tmp_path):
    found = measure({"ours": fake(tmp_path, fault="nan")}, rounds=1)
    assert found["ours"].note == "the loss is not finite"
    assert found["ours"].loss is None and len(found["ours"].train_rounds) == 1


def test_larger_points_are_left_out_after_a_limit():
    met = Measurement("plain", Point(1, 500, 256), note="took too long", limit=True)
    crashed = Measurement("eager", Point(1, 1, 1), note="ended")
    larger, smaller = Point(1, 1000, 256), Point(4, 100, 256)
    left_out = doomed("plain", larger, [met, crashed])
    assert left_out.limit and left_out.point == larger
    assert left_out.note == f"left out: took too long at {met.point}"
    again = doomed("plain", Point(2, 1000, 256), [left_out])
    assert again.note == left_out.note
    assert doomed("plain", smaller, [met]) is None
    assert doomed("eager", larger, [met, crashed]) is None


def test_results_survive_their_file(tmp_path):
    results = results_of(
        dataclasses.replace(measured(versions={"tensorflow": "2"}),
                            train_rounds=[0.3, 0.1, 0.2], infer_rounds=[]),
        Measurement("peer", POINT, note="needs more than 1 GB", limit=True))
    path = tmp_path / "folder" / "results.json"
    results.write(path)
    assert Results.read(path) == results
    assert results.find("ours", POINT).train_seconds == 0.2
    assert results.find("ours", POINT).tokens_per_second == pytest.approx(50)
    assert '"train_seconds": 0.2' in path.read_text()


@pytest.mark.parametrize("content", [
    "", "[]", "{}", '{"format": 3}', '{"format": 1, "measurements": []}',
    '{"format": 3, "measurements": [], "settings": {}, "machine": {}}'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(ResultsError, match="not a file of results"):
        Results.read(path)


def test_table():
    results = results_of(
        measured(train=0.1, infer=0.02, peak=10**9, step=3 * 10**8),
        measured("plain", train=0.4, infer=0.04),
        measured("peer", train=1.0, infer=0.2, peak=4 * 10**9, step=2 * 10**9),
        Measurement("eager", POINT, note="took more than 3 s", limit=True))
    lines = report.table(results).split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:6]]
    assert len({len(line) for line in lines[:6]}) == 1
    assert rows[0] == ["batch", "steps", "slots", "contestant", *report.HEADINGS]
    assert rows[2] == ["2", "5", "8", "ours", "100.0", "0.100", "0.250", "100", "20.0",
                       "0.100", "0.500", "0.30", "0.150", "1.00", "0.250", "2.0"]
    assert [row[3] for row in rows[2:]] == ["ours", "plain", "eager", "peer"]
    assert rows[4][4:] == ["-"] * 12
    assert rows[5][5:7] == ["-", "2.500"]
    assert lines[-1] == f"{POINT}, eager: took more than 3 s."


def test_table_of_variants_sets_each_beside_ours():
    results = results_of(
        measured(train=0.1, infer=0.02, step=10**9),
        measured("no_links", train=0.05, infer=0.01, step=4 * 10**8),
        Measurement("peer_gru", POINT, note="took more than 3 s", limit=True))
    lines = report.table(results).split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:5]]
    assert rows[2][3:] == ["ours", "100.0", "-", "20.0", "-", "1.00", "-"]
    assert rows[3][3:] == ["no_links", "50.0", "0.500", "10.0", "0.500", "0.40",
                           "0.400"]
    assert rows[4][3:] == ["peer_gru", *["-"] * 6]
    assert lines[-1] == f"{POINT}, peer_gru: took more than 3 s."


def test_table_of_training_sets_each_beside_one_core():
    results = results_of(
        measured("one_core", train=0.1), measured("mirrored", train=0.05),
        measured("stories", train=0.01))
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in report.table(results).split("\n")]
    assert [row[3:6] for row in rows[2:]] == [
        ["one_core", "100", "-"], ["mirrored", "200", "2.000"],
        ["stories", "1,000", "10.000"]]


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


def test_bounds():
    at_one, at_sixteen = contestants.QUICK
    results = results_of(
        measured(point=at_one, train=0.09), measured("peer", at_one, train=1.0),
        measured(point=at_sixteen, train=0.3), measured("peer", at_sixteen, train=1.0),
        measured(point=contestants.MEMORY_OF_PEER, step=2, peak=9), measured(
            "peer", contestants.MEMORY_OF_PEER, step=10, peak=10),
        measured(point=contestants.MEMORY_ALONE, peak=int(2.6e9)))
    assert [kept for _, kept in report.bounds(results)] == [True, False, True, False]
    assert "NOT KEPT" in report.bounds(results)[3][0]
    assert report.bounds(results_of(measured(point=at_one))) == []
    failed = Measurement("ours", contestants.MEMORY_ALONE, note="needs more than 1 GB")
    (line, kept), = report.bounds(results_of(failed))
    assert not kept and "needs more than 1 GB" in line
    untold = measured(point=contestants.MEMORY_OF_PEER, step=None)
    assert report.bounds(results_of(untold)) == []


def test_contestants_that_compute_something_else_are_named():
    plain = dataclasses.replace(measured("plain"), loss=1.6)
    peer = dataclasses.replace(measured("peer"), loss=9.0)
    line, = report.disagreements(results_of(measured(), plain, peer))
    assert "plain" in line and "1.6" in line
    assert not report.disagreements(results_of(measured(), measured("plain"), peer))


def verdicts(old, new):
    return [worse for _, worse in report.compare(old, new, tolerance=0.1)]


def test_compare_finds_each_regression():
    old = results_of(measured())
    for name, change in ({}, [False] * 4), (
            {"train": 0.109}, [False] * 4), (
            {"train": 0.12}, [True, False, False, False]), (
            {"infer": 0.06}, [False, True, False, False]), (
            {"step": int(1.2e9)}, [False, False, True, False]), (
            {"peak": int(1.2e9)}, [False, False, False, True]):
        assert verdicts(old, results_of(measured(**name))) == change, name
    failed = Measurement("ours", POINT, note="ended with code 1")
    assert verdicts(old, results_of(failed)) == [True, True, True, True]


def test_compare_names_what_became_slower_in_training():
    old = results_of(measured("one_core"), measured("mirrored"))
    new = results_of(measured("one_core"), measured("mirrored", train=0.2))
    slower, = [line for line, worse in report.compare(old, new, 0.1) if worse]
    assert slower == f"{POINT}: mirrored, training step 2.00 times what it was" \
                     f": REGRESSION"


def test_compare_cancels_the_speed_of_the_machine():
    old = results_of(measured(), measured("peer", train=1.0, infer=1.0))
    slow_machine = results_of(measured(train=0.2, infer=0.1),
                              measured("peer", train=2.0, infer=2.0))
    assert verdicts(old, slow_machine) == [False] * 4
    slower = results_of(measured(train=0.2, infer=0.05),
                        measured("peer", train=1.0, infer=0.5))
    assert verdicts(old, slower) == [True, True, False, False]


def test_compare_refuses_what_can_not_be_compared():
    with pytest.raises(ResultsError, match="words"):
        report.compare(results_of(measured(), words=9), results_of(measured()), 0.1)
    with pytest.raises(ResultsError, match="no point in common"):
        report.compare(results_of(measured(point=Point(1, 1, 1))),
                       results_of(measured()), 0.1)


def test_picture(tmp_path):
    around = contestants.around(POINT, Point((2, 4), (5, 10, 20), (8,)))
    results = results_of(*(measured(point=point) for point in around),
                         measured("peer", around[-1]))
    path = tmp_path / "images" / "bench.png"
    picture.draw(results, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [point.steps for point in picture.along(results, POINT, "steps")] == [
        5, 10, 20]
    assert picture.along(results, POINT, "slots") == [POINT]
    with pytest.raises(ResultsError, match="nothing to draw"):
        picture.draw(results_of(measured()), path)
    with pytest.raises(ResultsError, match="can't be drawn"):
        picture.draw(results, tmp_path / "bench.nonsense")


def run(*arguments, contestants="eager"):
    """Runs bench.py on a tiny model."""
    return subprocess.run(
        [sys.executable, "benchmarks/bench.py", f"--contestants={contestants}",
         "--reference=1,2,4", "--batch=1", "--steps=2", "--slots=4", "--units=3",
         "--words=2", "--heads=1", "--vocabulary=5", "--rounds=2", "--seconds=1",
         *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_a_real_measurement_is_shown_written_and_continued(tmp_path):
    path = tmp_path / "results.json"
    first = run(f"--output={path}", "--noinference")
    assert first.returncode == 0, first.stderr
    results = Results.read(path)
    one, = results.measurements
    assert results.finished and len(one.train_rounds) >= 1 and not one.note
    # Between certain and uniform guessing among 5 words, at small random weights.
    assert one.loss == pytest.approx(1.609, abs=0.2)
    assert 100e6 < one.idle_bytes <= one.peak_bytes < 3e9
    assert "tensorflow" in one.versions
    assert f"{1e3 * one.train_seconds:,.1f}" in first.stdout
    results.finished = False
    results.write(path)
    again = run(f"--output={path}", "--noinference", f"--compare={tmp_path / 'no'}")
    assert again.returncode == 1 and again.stderr.startswith("error: ")
    again = run(f"--output={path}", "--noinference")
    assert "measured before" in again.stderr and again.stdout == first.stdout


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
    (["--results=/no/results.json"], "/no/results.json"),
])
def test_wrong_use_is_one_line(tmp_path, arguments, part):
    done = run(f"--output={tmp_path / 'results.json'}", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert part in done.stderr
    assert os.listdir(tmp_path) == []


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
        variants._error("gru", 2)
    assert ran == ["train"]
    (tmp_path / "gru-2" / "model.ckpt-30.index").touch()
    assert variants._error("gru", 2) == 12.5
    assert variants._error("gru", 2) == 12.5  # what is done is not done again
    assert ran == ["train", "train", "test"]
