"""What a run tells of itself: means over its updates, and the weights it asks."""

import re

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from babi.evaluation.evaluator import Evaluator
from babi.inspection.events import FOLDER
from babi.model import checkpoints
from babi.model.answerer import AVERAGE, named_weights
from babi.stories.story import DataError
from babi.training.trainer import Trainer
from small_runs import run_to


def told(folder, name):
    """The values of a run's events."""
    events = EventAccumulator(str(folder / FOLDER), size_guidance={"tensors": 0})
    return np.array([float(tf.make_ndarray(point.tensor_proto))
                     for point in events.Reload().Tensors(name)])


def reports(folder, interval):
    """(training loss, gradient norm) of each report of a run of six updates."""
    said = []
    run_to(folder, 6, said, report_interval=interval, validation_interval=0,
           learning_rate=1e-2)
    losses = told(folder, "training/loss")
    norms = [float(re.search(r"gradient ([\d.]+)", line)[1]) for line in said
             if "gradient" in line]
    return losses, norms


def test_a_report_tells_the_means_of_the_updates_since_the_one_before(tmp_path):
    each, norms = reports(tmp_path / "each", 1)
    threes, norms_of_threes = reports(tmp_path / "threes", 3)
    assert len(each) == 6 and len(set(each.tolist())) == 6
    np.testing.assert_allclose(threes, each.reshape(2, 3).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(
        norms_of_threes, np.reshape(norms, (2, 3)).mean(axis=1), atol=0.011)


def test_what_is_right_and_what_is_wrong_make_a_hundred(tmp_path):
    said = []
    run_to(tmp_path, 4, said, report_interval=2, validation_interval=0,
           learning_rate=1e-1, packed_rows=4)
    right = [float(share) for share in re.findall(
        r"questions right ([\d.]+)%", "\n".join(said))]
    wrong = told(tmp_path, "training/question error")
    assert len(right) == 2 and any(wrong > 0)
    np.testing.assert_allclose(np.add(right, wrong), 100, atol=0.051)


def test_a_report_of_steps_that_were_skipped_claims_nothing(tmp_path):
    said = []
    run_to(tmp_path, 3, said, report_interval=1, validation_interval=0,
           learning_rate=1e37, optimizer="adam")
    first, *others = [line for line in said if "stories/s" in line]
    assert "loss" in first and len(others) == 2
    assert all("/3  no update  " in line and "right" not in line for line in others)
    assert len(told(tmp_path, "training/loss")) == 1


def test_numbers_that_are_not_finite_are_not_saved(tmp_path, monkeypatch):
    run_to(tmp_path, 2, validation_interval=0)
    arrays = Trainer.arrays
    monkeypatch.setattr(Trainer, "arrays", lambda self: {
        name: np.full_like(array, np.nan) if "interface_kernel" in name else array
        for name, array in arrays(self).items()})
    with pytest.raises(DataError, match="interface_kernel has numbers that are not"):
        run_to(tmp_path, 4, validation_interval=0)
    assert checkpoints.iterations(tmp_path, checkpoints.PREFIX) == [2]


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_what_is_held_out_is_asked_of_the_weights_that_are_tested(
        tmp_path, monkeypatch, momentum):
    """Of their averages, where a run has these."""
    evaluate, asked = Evaluator.evaluate, []
    monkeypatch.setattr(Evaluator, "evaluate", lambda self, *args, **kwargs: (
        asked.append({name: weight.numpy()
                      for name, weight in named_weights(self._model).items()}),
        evaluate(self, *args, **kwargs))[1])
    run_to(tmp_path, 3, validation_interval=3, learning_rate=1e-2,
           ema_momentum=momentum)
    weights, = asked
    saved = checkpoints.read(tmp_path / "model.ckpt-3")
    for name, array in weights.items():
        kept = saved[(AVERAGE if momentum else "") + name]
        assert array.tobytes() == kept.tobytes(), name
    if momentum:
        assert any((weights[name] != saved[name]).any() for name in weights)
