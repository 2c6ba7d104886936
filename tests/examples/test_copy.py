"""examples/copy_task.py: the episodes, the score, the picture, and that it learns."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from examples import copy_task
from examples.copy_task import BITS, RECALL, RECALL_AGAIN, SEQUENCES, WRITE

SCRIPT = Path(copy_task.__file__)


def test_episodes_say_what_to_write_and_what_to_recall(rng):
    inputs, targets, weights = copy_task.make_episodes(40, rng)
    lengths = set()
    for row in range(40):
        told = inputs[row, :, BITS:]
        steps = int(told.sum())
        assert np.all(told[:steps].sum(axis=1) == 1) and not inputs[row, steps:].any()
        phases = told[:steps].argmax(axis=1)
        borders = [0, *(np.flatnonzero(np.diff(phases)) + 1), steps]
        assert len(borders) == 3 * SEQUENCES + 1
        pieces = [slice(*pair) for pair in zip(borders, borders[1:])]
        total = 0
        for written, first, second in zip(*[iter(pieces)] * 3):
            words = inputs[row, written, :BITS]
            assert np.array_equal(targets[row, first], words)
            assert np.array_equal(targets[row, second], words)
            assert not inputs[row, first, :BITS].any()
            assert not inputs[row, second, :BITS].any()
            lengths.add(len(words))
            total += len(words)
        assert total > copy_task.SLOTS  # cannot do without using slots again
        assert np.array_equal(weights[row], told[:, 1] + told[:, 2])
    assert lengths == set(range(copy_task.SHORTEST, copy_task.LONGEST + 1))
    assert 0.4 < inputs[:, :, :BITS][inputs[:, :, WRITE] == 1].mean() < 0.6


class Told:
    """Answers with what it was given."""

    def __init__(self, logits):
        self.logits = logits

    def predict(self, inputs, **_):
        assert len(inputs) == len(self.logits)
        return self.logits


def test_score_counts_whole_sequences():
    seed, count = 5, 4
    inputs, targets, weights = copy_task.make_episodes(
        count, np.random.default_rng(seed))
    right = np.where(targets > 0.5, 3.0, -3.0)

    def score(logits):
        return copy_task.share_right(Told(logits), np.random.default_rng(seed), count)

    assert score(right) == 1.0
    ignored = np.where(weights[:, :, None] > 0, right, -right)
    assert score(ignored) == 1.0
    one = right.copy()
    one[2, np.flatnonzero(inputs[2, :, RECALL_AGAIN])[-1], 3] *= -1
    assert score(one) == pytest.approx(1 - 1 / (SEQUENCES * count))
    one[2, np.flatnonzero(inputs[2, :, RECALL_AGAIN])[-2], 0] *= -1  # same sequence
    assert score(one) == pytest.approx(1 - 1 / (SEQUENCES * count))
    one[0, np.flatnonzero(inputs[0, :, RECALL])[0], 1] *= -1
    assert score(one) == pytest.approx(1 - 2 / (SEQUENCES * count))


@pytest.mark.slow
def test_model_trains_and_is_drawn(rng, tmp_path):
    """A few steps with model.fit lower the loss, twice to the same weights."""
    histories = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model, layer = copy_task.build_model(40)
        history = model.fit(copy_task.batches(np.random.default_rng(3)),
                            steps_per_epoch=20, epochs=2, shuffle=False, verbose=0)
        histories.append(history.history["loss"])
    assert histories[0] == histories[1]
    assert histories[0][1] < histories[0][0] < 0.8
    path = tmp_path / "copy.png"
    copy_task.draw(layer, rng, "title").savefig(path)
    assert Image.open(path).size == (1000, 950)


@pytest.mark.slow
def test_learns_to_use_slots_again(tmp_path):
    """The command itself, for as long as it takes to learn."""
    path = tmp_path / "copy.png"
    run = subprocess.run([sys.executable, SCRIPT, f"--output={path}"],
                         capture_output=True, text=True, timeout=3600)
    assert run.returncode == 0, run.stderr
    share = float(run.stdout.split("sequences, ")[1].split("%")[0])
    assert share > 95 and path.exists()


def test_wrong_flags_are_told_before_training(tmp_path, monkeypatch, capsys):
    (tmp_path / "folder.png").mkdir()
    for flag in ("--steps=0", "--output=/no/such/folder/copy.png", "stray",
                 "--output=copy.txt", f"--output={tmp_path / 'folder.png'}"):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), flag])
        with pytest.raises(SystemExit) as end:
            copy_task.main()
        assert end.value.code == 2, flag
        assert flag in capsys.readouterr().err.splitlines()[-1]
