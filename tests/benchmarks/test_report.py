"""What the benchmark writes, shows, draws and calls slower."""

import dataclasses

import pytest

from benchmarks import contestants, picture, report
from benchmarks.contestants import Point
from benchmarks.results import Measurement, Results, ResultsError
from small_measurements import POINT, measured, results_of


def test_results_survive_their_file(tmp_path):
    results = results_of(
        dataclasses.replace(measured(versions={"tensorflow": "2"}),
                            train_rounds=[0.3, 0.1, 0.2], infer_rounds=[]),
        Measurement("peer", POINT, note="needs more than 1 GB"))
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
        Measurement("eager", POINT, note="took more than 3 s"))
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
        Measurement("peer_gru", POINT, note="took more than 3 s"))
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
    (line, kept), = report.bounds(results_of(measured(point=at_one)))
    assert not kept and "NOT JUDGED" in line
    failed = Measurement("ours", contestants.MEMORY_ALONE, note="needs more than 1 GB")
    (line, kept), = report.bounds(results_of(failed))
    assert not kept and "needs more than 1 GB" in line
    untold = measured(point=contestants.MEMORY_OF_PEER, step=None)
    (line, kept), = report.bounds(results_of(untold))
    assert not kept and line.endswith("NOT JUDGED, as it was not measured of both")


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


def test_a_loss_that_is_not_finite_any_more_is_a_regression():
    old = results_of(dataclasses.replace(measured(), loss=5.0))
    new = results_of(dataclasses.replace(measured(), loss=None,
                                         note="it is not finite"))
    assert [line for line, worse in report.compare(old, new, 0.1) if worse] == [
        f"{POINT}: ours: it is not finite"]
    assert not any(verdicts(old, old)) and not any(verdicts(new, new))


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
    for pair in ({}, {"gpu": "G"}), ({"gpu": "G"}, {}):
        with pytest.raises(ResultsError, match="settings: gpu"):
            report.compare(*(results_of(measured(), **task) for task in pair), 0.1)
    with pytest.raises(ResultsError, match="no point in common"):
        report.compare(results_of(measured(point=Point(1, 1, 1))),
                       results_of(measured()), 0.1)


def test_the_machine_is_described_with_its_gpu():
    assert "Machine: P, 2 of 2 cores" in report.describe(results_of(measured()))
    assert "Machine: G, whose memory it is; P, 2" in report.describe(
        results_of(measured(), gpu="G"))


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
