"""What all experiments share: files of weights, logs."""

import functools

import numpy as np
import pytest

from examples.common import drawn, load, read_log, save
from examples.lessons import program
from examples.lessons.pictures import draw_learning
from small_runs import small_files
from stopped_runs import numbers
from test_underground import SMALL


def test_without_room_a_save_is_told_and_the_last_one_kept(tmp_path, monkeypatch):
    """HDF5 would print its exceptions by the page, and end the process."""
    plan = SMALL["dnc"]
    model, path = plan.build(16), tmp_path / "some.weights.h5"
    plan.compile(model, 0)
    save(model, path)
    before = path.read_bytes()
    assert len(before) < sum(weight.nbytes for weight in numbers(
        [*model.weights, *model.optimizer.variables])) + (1 << 20)
    with small_files(100_000), pytest.raises(
            OSError, match="some.weights.h5: can't be saved .File too large.; make "
                           "room, and give the same command again"):
        save(model, path)
    assert path.read_bytes() == before and [path] == list(tmp_path.iterdir())

    for error, reason in ((RuntimeError(""), "RuntimeError"), (OSError("gone"), "gone"),
                          (OSError(28, "No space left"), "No space left")):
        def refuse(path, error=error):
            path.write_bytes(b"half")
            raise error

        monkeypatch.setattr(model, "save_weights", refuse)
        with pytest.raises(OSError, match=f"can't be saved .{reason}.; make room"):
            save(model, path)
        assert path.read_bytes() == before and [path] == list(tmp_path.iterdir())


def test_half_a_row_of_a_log_is_cut_off_before_the_next(tmp_path, capsys):
    path = tmp_path / program.LOG
    path.write_text("epoch,lesson,right\n0,0,0.2\n1,0,0.")
    log = program.Log(path, begun=True)
    log.on_train_begin()
    log.on_epoch_end(1, {"lesson": 0, "right": 0.5})
    log.on_train_end()
    assert read_log(path, ("epoch", "right")) == {"epoch": [0, 1], "right": [0.2, 0.5]}
    draw = functools.partial(draw_learning, path, 250, "title")
    assert list(drawn([path], draw)) == ["learning.png"]
    path.write_text("epoch,lesson,right\n0,0\n")
    assert drawn([path], draw) == {}
    assert "damaged; move it away; learning.png is left" in capsys.readouterr().out
    path.unlink()
    assert drawn([path], draw) == {} and not capsys.readouterr().out


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_of_weights_is_told_in_a_line(tmp_path, seed):
    """Cut off, or with bytes that are others: HDF5 has several exceptions for it."""
    model, path = SMALL["lstm"].build(16), tmp_path / "some.weights.h5"
    save(model, path)
    rng, data = np.random.default_rng(seed), bytearray(path.read_bytes())
    if seed % 2:
        del data[rng.integers(1, len(data) - 1):]
    else:
        for place in rng.integers(100, len(data), size=150):
            data[place] = rng.integers(256)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="some.weights.h5: damaged, or of") as caught:
        load(model, path)
    assert "\n" not in str(caught.value)
