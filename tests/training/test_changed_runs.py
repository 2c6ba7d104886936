"""Runs that go on with other settings than they were started with."""

import re

from babi.model import trained
from small_runs import training


def test_a_checkpoint_is_what_it_was_whatever_the_run_went_on_with(
        server, folder, data):
    for iterations, *flags in ((2, "--exchange_names"),
                               (4, "--memory_size=9", "--change_settings")):
        code, output = server.run(*training(
            folder / "larger", data, f"--num_training_iterations={iterations}",
            "--validation_interval=0", *flags))
        assert code == 0, output
    for iteration, slots in ((2, 5), (4, 9)):
        model = trained.load(folder / "larger" / f"model.ckpt-{iteration}", jit=False)
        assert (model.model.dnc.cell.memory_size, model.settings.memory_size) == (
            slots, slots)
        assert model.state.told == {"exchanged": True, "retold": False, "repeated": []}


def test_a_change_that_the_checkpoints_do_not_allow_leaves_the_run_as_it_was(
        server, folder, data):
    """Without momentum an optimizer keeps less, so that none can be taken up."""
    def train(*flags):
        return server.run(*training(folder / "changed", data, "--momentum=0",
                                    "--validation_interval=0", *flags))

    assert train("--num_training_iterations=2")[0] == 0
    record = (folder / "changed" / "config.json").read_bytes()
    code, output = train("--num_training_iterations=4", "--momentum=0.9",
                         "--change_settings")
    assert code == 1 and "made by another model" in output
    assert "--momentum" not in output + (folder / "changed" / "train.log").read_text()
    assert (folder / "changed" / "config.json").read_bytes() == record
    code, output = train("--num_training_iterations=4")
    assert code == 0 and "Going on from iteration 2," in output


def test_a_run_on_other_data_is_not_taken_for_the_one_that_is_there(
        server, folder, data):
    code, output = server.run(*training(folder / "official", data, "--seed=3",
                                        "--num_training_iterations=1",
                                        "--validation_interval=0"))
    assert code == 0, output
    code, output = server.run("train", f"--checkpoint_dir={folder / 'official'}",
                              "--preset=simulated", "--strategy=none",
                              "--memory_size=16")
    line, fault = output.splitlines()
    assert code == 1 and fault.startswith("error: ")
    assert re.match(r"--memory_size holds to update [\d,]+: from there the preset's "
                    r"--phases give another", line)
    assert f"{folder / 'official'}: this run was started with other" in output
    assert "--data: official -> simulated" in output
    assert "give the run's, or another --checkpoint_dir" in output
