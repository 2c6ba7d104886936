"""TensorBoard events of runs that were killed: each step is told once."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator)

from babi.inspection.events import FOLDER, Events
from small_runs import next_events


def write(folder, start, stop, loss):
    """Events of a run that is killed: it writes each step and does not close."""
    with next_events(folder / FOLDER):
        events = Events(folder, start, pytest.fail)
        for iteration in range(start + 1, stop + 1):
            events.write(iteration, {"training/loss": loss + iteration})


def losses(folder):
    """(step, loss) of each point, as TensorBoard shows them."""
    events = EventAccumulator(str(folder / FOLDER), size_guidance={"tensors": 0})
    events.Reload()
    return [(point.step, float(tf.make_ndarray(point.tensor_proto)))
            for point in events.Tensors("training/loss")]


@pytest.mark.parametrize("checkpoint", [0, 1, 20])
def test_a_run_started_again_takes_back_what_it_repeats(checkpoint, tmp_path):
    write(tmp_path, 0, 22, 1000.0)
    write(tmp_path, checkpoint, 30, 2000.0)
    assert losses(tmp_path) == [
        (step, step + (1000.0 if step <= checkpoint else 2000.0))
        for step in range(1, 31)]


def test_so_does_one_that_has_not_come_as_far_yet(tmp_path):
    write(tmp_path, 0, 22, 1000.0)
    write(tmp_path, 0, 5, 2000.0)
    write(tmp_path, 0, 3, 3000.0)
    assert losses(tmp_path) == [(step, 3000.0 + step) for step in (1, 2, 3)]
