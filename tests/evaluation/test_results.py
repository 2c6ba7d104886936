"""Tables of several checkpoints: what their columns and remarks are called."""

import pytest

from babi.evaluation import results

CUT = "en-10k/qa3_train.txt is not the official file"


def result(checkpoint, error, *differences):
    data = {"name": "tasks.tar.gz", "variant": "en-10k", "sha256": "ab",
            "differences": list(differences)}
    return results.Result(checkpoint, 5, 9, 3.0, data, data, {1: 1000}, {1: error})


@pytest.mark.parametrize("checkpoints, names", [
    (("best/model.ckpt-5", "joint/model.ckpt-5"), ["best", "joint"]),
    (("s1/model/model.ckpt-5", "s2/model/model.ckpt-5"), ["s1/model", "s2/model"]),
    (("model/best.ckpt-4", "model/model.ckpt-5", "other/model.ckpt-5"),
     ["model/best.ckpt-4", "model/model.ckpt-5", "other"])])
def test_columns_side_by_side_are_told_apart(checkpoints, names):
    found = [result(checkpoint, 2.0 * number)
             for number, checkpoint in enumerate(checkpoints)]
    heading, row, *_ = results.table_rows(found, separate=True)
    assert heading[:len(names) + 1] == ["task", *names]
    assert row[1:len(names) + 1] == [f"{2 * n:.1f}" for n in range(len(names))]


def test_what_is_odd_about_data_is_said_once_of_all_that_learnt_from_them():
    remarks = results.remarks([
        result("best/model.ckpt-5", 1.0, CUT), result("joint/model.ckpt-5", 1.0, CUT),
        result("whole/model.ckpt-5", 1.0)])
    assert [line for line in remarks if CUT in line] == [
        f"training data of best, joint: {CUT}"]
    assert [line.split(":")[0] for line in remarks[:3]] == [
        "best/model.ckpt-5", "joint/model.ckpt-5", "whole/model.ckpt-5"]


def test_a_checkpoint_that_is_named_twice_has_two_lines():
    twice = [result("best/model.ckpt-5", 1.0)] * 2
    assert [line.split(":")[0] for line in results.remarks(twice)].count(
        "best/model.ckpt-5") == 2


def test_markdown_keeps_its_columns_whatever_tasks_are_called():
    names = ["places", "去 哪里", "gifts|x"]
    identity = {"kind": "own", "name": "x", "sha256": "ab", "tasks": names}
    found = results.Result("run/best", 1, 2, 3.0, identity, identity,
                           {1: 4, 2: 1, 3: 1}, {1: 50.0, 2: 0.0, 3: 100.0})
    lines = results.as_markdown([found]).splitlines()
    assert lines[-6:] == ["|---|---:|", "| 1 places | 50.0 |", "| 2 去 哪里 | 0.0 |",
                          "| 3 gifts\\|x | 100.0 |", "| mean error | 50.0 |",
                          "| failed tasks (> 5%) | 2 |"]
