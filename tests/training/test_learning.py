"""What README promises of a training, at its full size."""

import re

import pytest

from babi_data import ARCHIVE, needs_real_data


@pytest.mark.slow
@needs_real_data
def test_quick_learns_task_1_within_5000_iterations(server, tmp_path):
    code, output = server.run(
        "train", "--preset=quick", "--num_training_iterations=5000",
        f"--data_dir={ARCHIVE}", f"--checkpoint_dir={tmp_path / 'quick'}")
    assert code == 0, output
    errors = {int(iteration.replace(",", "")): float(error) for iteration, error in
              re.findall(r"^(\S+)  validation  mean question error ([\d.]+)%", output,
                         re.M)}
    assert errors[1000] > 30 and errors[5000] < 5, errors
