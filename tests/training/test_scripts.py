"""The scripts as a user runs them: interrupted, killed, misused, out of room."""

import dataclasses
import errno
import hashlib
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from babi.data.run_data import load
from babi.data.simulated import data_name
from babi.model import checkpoints
from babi.model.record import RunRecord
from babi.program.files import sync_folder
from babi.stories.story import count_questions, format_stories
from babi.training import failures, start
from babi.training.feeding import StopRequest
from babi_data import file_name, make_stories
from small_runs import SMALL, assert_same_training, training, wait_for
from training_process import ROOT

KILLS = 4


def kill_and_resume(server, folder, data, kills, seed):
    """Trains once undisturbed and once killed again and again; compares the ends."""
    rng = random.Random(seed)
    broken = folder / "broken"

    def command(directory, last):
        return training(directory, data, f"--num_training_iterations={last}",
                        "--checkpoint_interval=1", "--max_checkpoints=2",
                        "--report_interval=4", "--validation_interval=0")

    def newest():
        return max(checkpoints.iterations(broken), default=0)

    for _ in range(kills):
        process, goal = server.start(*command(broken, 1_000_000)), (
            newest() + rng.randint(1, 5))
        # Every step writes a checkpoint, so that many kills hit one being written.
        wait_for(lambda: newest() >= goal)
        time.sleep(rng.uniform(0, 0.05))
        process.send(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    last = newest() + 2
    for name in ("broken", "whole"):
        code, output = server.run(*command(folder / name, last))
        assert code == 0, output
    assert_same_training(folder / "whole" / f"model.ckpt-{last}",
                         broken / f"model.ckpt-{last}")
    assert not list(broken.glob(".saving*"))


def test_killed_at_any_moment_training_ends_with_the_same_bits(server, folder, data):
    kill_and_resume(server, folder, data, KILLS, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_many_times_training_ends_with_the_same_bits(
        server, tmp_path, data, seed):
    kill_and_resume(server, tmp_path, data, 25, seed)


@pytest.fixture(scope="module")
def run(server, folder, data):
    """A run with validation that SIGTERM stopped and a second start ended.

    Returns (directory, iteration of the stop, both outputs).
    """
    directory = folder / "run"
    flags = ["--report_interval=5", "--validation_interval=5",
             "--checkpoint_interval=1000"]
    process = server.start(*training(
        directory, data, "--num_training_iterations=100000", *flags))
    wait_for(lambda: "15/100,000" in process.output())
    process.send(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM, process.output()
    stopped = max(checkpoints.iterations(directory))
    code, second = server.run(*training(
        directory, data, f"--num_training_iterations={stopped + 3}", *flags))
    assert code == 0, second
    return directory, stopped, process.output(), second


def test_sigterm_saves_and_the_next_start_goes_on(run):
    directory, stopped, first, second = run
    assert stopped >= 15
    assert f"SIGTERM: stopped after iteration {stopped:,}." in first
    assert f"Going on from iteration {stopped:,}," in second
    assert f"Finished: {stopped + 3:,} iterations." in second
    log = (directory / "train.log").read_text()
    assert "Going on from" in log and "SIGTERM" in log
    assert max(checkpoints.iterations(directory)) == stopped + 3


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT"])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_signal_saves_unless_it_was_to_be_ignored(name, ignored):
    number = signal.Signals[name]
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with StopRequest() as stop:
            signal.raise_signal(number)
            assert stop.name == (None if ignored else name)
        assert signal.getsignal(number) == (
            signal.SIG_IGN if ignored else signal.SIG_DFL)
    finally:
        signal.signal(number, before)


def test_a_second_interrupt_is_not_waited_for():
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.name == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_screen_that_is_gone_ends_nothing(folder, data):
    """As `train.py | head -1`: the reader leaves after a line, the run does not."""
    reader = subprocess.Popen(
        ["bash", "-c", 'set -o pipefail; "$0" "$@" | head -1', sys.executable,
         str(ROOT / "babi" / "train.py"), *training(
             folder / "piped", data, "--num_training_iterations=6",
             "--report_interval=1")[1:]], stdout=subprocess.PIPE, text=True)
    output, _ = reader.communicate()
    assert reader.returncode == 0 and output.count("\n") == 1
    log = (folder / "piped" / "train.log").read_text()
    assert "6/6" in log and "Finished: 6 iterations." in log


def test_reports_tell_loss_speed_and_validation(run):
    line = r"5/100,000  loss \d+\.\d+  questions right [\d.]+%.* stories/s.* tokens/s.*"
    assert re.search(line + "real tokens  left", run[2])
    errors = [float(error) for error in re.findall(
        r"mean question error ([\d.]+)% \(best so far\)", run[2] + run[3])]
    assert errors == sorted(errors, reverse=True) and errors


def test_the_record_says_what_was_run(run, data):
    record = json.loads((run[0] / "config.json").read_text())
    assert record["settings"]["memory_size"] == 5
    assert record["settings"]["tasks"] == [1, 8]
    assert record["data"]["variant"] == "en-small"
    assert len(record["data"]["sha256"]) == 64
    assert {"tensorflow", "keras", "numpy", "python"} <= set(record["packages"])


@pytest.mark.parametrize("flags, expected", [
    (["--word_size=7"], ["--word_size: 4 -> 7", "another --checkpoint_dir"]),
    (["--tasks=1", "--seed=9"], ["--tasks: 1,8 -> 1", "--seed: 1 -> 9"]),
    (["--learning_rate=0.5"], ["--learning_rate: 0.0001 -> 0.5",
                               "--change_settings"]),
    (["--epsilon=0"], ["--epsilon=0.0", "more than 0"]),
    (["--checkpoint_dir="], ["--checkpoint_dir= names none"]),
    ([f"--checkpoint_dir={'long' * 99}"], ["--checkpoint_dir=", "File name too long"]),
    (["--data_dir=/nowhere"], ["/nowhere: no such folder or archive"]),
    (["--batch_size=many"], ["batch_size", "many"]),
    (["surplus"], ["'surplus' is not a flag"])])
def test_misuse_gets_one_line_and_touches_nothing(server, run, data, flags, expected):
    before = {path.name: path.read_bytes() for path in run[0].iterdir()
              if path.is_file()}
    code, output = server.run(*training(run[0], data, *flags))
    assert code == 1
    assert output.startswith("error: ") and output.count("\n") == 1, output
    for text in expected:
        assert text in output
    assert before == {path.name: path.read_bytes() for path in run[0].iterdir()
                      if path.is_file()}


def test_a_run_may_start_from_the_weights_of_another(server, run, data, folder):
    """Of another size of memory too; iteration and optimizer start afresh."""
    source, target = checkpoints.resolve(run[0]), folder / "second"
    flags = [f"--initial_weights={run[0]}", "--memory_size=9", "--tasks=1",
             "--checkpoint_interval=1", "--report_interval=1"]
    code, output = server.run(*training(
        target, data, *flags, "--num_training_iterations=0"))
    assert code == 0 and f"Starting from the weights of {run[0]}." in output, output
    assert "may know stories" not in output  # the same ones are held out
    identity = RunRecord.read(target).data
    assert [start["sha256"] for start in identity["starts"]] == [identity["sha256"]]
    assert data_name(identity).count(identity["sha256"][:12]) == 2
    code, output = server.run(*training(
        folder / "other seed", data, *flags, "--seed=2", "--num_training_iterations=0"))
    assert code == 0 and "with --seed=1: they may know stories" in output, output
    old, new = checkpoints.read(source), checkpoints.read(target / "model.ckpt-0")
    assert sorted(old) == sorted(new)
    for name in new:
        if name.startswith("model/"):
            np.testing.assert_array_equal(new[name], old[name], err_msg=name)
        elif name not in ("run_state", "optimizer/learning_rate"):
            assert not np.any(new[name]), name
    states = [json.loads(arrays["run_state"]) for arrays in (old, new)]
    for name in ("stories", "tokens", "seconds"):  # those of both runs are counted
        assert states[0][name] == states[1][name] > 0
    code, output = server.run(*training(
        target, data, *flags, "--num_training_iterations=1"))
    assert code == 0 and "Going on from iteration 0" in output, output
    changed = checkpoints.read(target / "model.ckpt-1")
    name = "model/dnc/cell/output_kernel"
    assert np.any(changed[name] != old[name])
    flags[1] = "--memory_size=12"  # may grow in the same run too
    code, output = server.run(*training(
        target, data, *flags, "--num_training_iterations=2"))
    assert code == 1 and "--memory_size: 9 -> 12" in output, output
    code, output = server.run(*training(
        target, data, *flags, "--num_training_iterations=2", "--change_settings"))
    assert code == 0 and "at iteration 1 or before it: --memory_size: 9" in output


@pytest.mark.parametrize("flags, expected", [
    (["--word_size=5"], ["another model", "--word_size: 4 -> 5"]),
    (["--deallocation"], ["another model", "--deallocation: False -> True"]),
    (["--initial_weights=/nowhere"], ["/nowhere"])])
def test_weights_that_do_not_fit_are_refused_before_anything_is_written(
        server, run, data, folder, flags, expected):
    code, output = server.run(*training(
        folder / "third", data, f"--initial_weights={run[0]}", *flags))
    assert code == 1 and output.startswith("error: ") and output.count("\n") == 1
    for text in expected:
        assert text in output
    assert not (folder / "third").exists()


def test_test_and_export_agree_from_any_folder(server, run, data, folder):
    """Run from another folder: same questions, same errors, from either copy."""
    directory, stopped, *_ = run
    prefix = directory / f"model.ckpt-{stopped + 3}"
    code, output = server.run("test", f"--checkpoint_file={prefix}", "--nojit",
                              f"--data_dir={data}", f"--output={folder / 'table'}")
    assert code == 0, output
    table = json.loads((folder / "table.json").read_text())
    result, = table["results"]
    stories = make_stories({1: 10, 8: 10}, seed=2)
    assert result["questions"] == {
        str(task): count_questions(of_task) for task, of_task in stories.items()}
    assert result["iteration"] == stopped + 3 and result["stories"] > 0
    markdown = (folder / "table.md").read_text()
    assert f"| 1 single supporting fact | {result['errors']['1']:.1f} |" in markdown
    assert "9.0 +- 12.6" in markdown and "9.0 +- 12.6" in output
    code, output = server.run("export", f"--checkpoint_file={prefix}",
                              f"--output_dir={folder / 'published'}")
    assert code == 0 and output == f"Written: {folder / 'published' / prefix.name}\n"
    assert not any(name.startswith("optimizer") for name in checkpoints.read(
        folder / "published" / prefix.name))
    listed = (folder / "published" / "SHA256SUMS").read_text().splitlines()
    sums = dict(line.split("  ")[::-1] for line in listed)
    files = {str(path.relative_to(folder / "published"))
             for path in (folder / "published").rglob("*") if path.is_file()}
    assert set(sums) == files - {"SHA256SUMS"} | {"../published.keras"}
    for name, digest in sums.items():
        data_of_it = (folder / "published" / name).read_bytes()
        assert hashlib.sha256(data_of_it).hexdigest() == digest
    assert {"saved_model/saved_model.pb", f"{prefix.name}.index"} < files
    both = f"{folder / 'published'},{prefix}"
    code, output = server.run("test", f"--checkpoint_file={both}", "--nojit",
                              f"--data_dir={data}", f"--output={folder / 'both'}")
    assert code == 0, output
    again = json.loads((folder / "both.json").read_text())
    assert [one["errors"] for one in again["results"]] == [result["errors"]] * 2
    assert again["summary"]["mean_error"] == {
        "mean": pytest.approx(result["mean_error"]), "deviation": 0.0}
    (folder / "link.md").symlink_to("real.md")
    (folder / "real.md").write_bytes(
        b"a\r\n<!-- results -->\r\n<!-- end of results -->")
    (folder / "real.md").chmod(0o664)
    code, output = server.run("test", f"--checkpoint_file={both}", "--nojit",
                              f"--data_dir={data}", "--separate",
                              f"--insert_into={folder / 'link.md'}")
    assert "names exchanged" not in output
    inserted = (folder / "real.md").read_bytes()
    assert (folder / "link.md").is_symlink() and inserted.startswith(b"a\r\n<!--")
    assert b"| task | published | run |" in inserted
    assert inserted.count(b"\n") == inserted.count(b"\r\n") > 10
    assert (folder / "real.md").stat().st_mode & 0o777 == 0o664
    heading, = (line for line in output.splitlines() if line.startswith("task "))
    assert heading.split()[:3] == ["task", "published", "run"]
    row, = (line for line in output.splitlines() if line.startswith("1 single"))
    assert row.split()[4:6] == [f"{result['errors']['1']:.1f}"] * 2


def test_held_out_stories_are_those_the_run_did_not_train_on(
        server, run, data, folder):
    directory = run[0]
    code, output = server.run("test", f"--checkpoint_file={directory}", "--nojit",
                              f"--data_dir={data}", "--held_out",
                              f"--output={folder / 'held'}")
    assert code == 0, output
    result, = json.loads((folder / "held.json").read_text())["results"]
    record = RunRecord.read(directory)
    run_data = load(dataclasses.replace(record.config, validation_stories=0), data)
    held = [run_data.validation.example(n) for n in range(run_data.validation.count)]
    assert sum(result["questions"].values()) == sum(
        example.questions.max() + 1 for example in held) > 0
    assert "held-out training questions" in output and result["held_out"]
    other = shutil.copytree(data, folder / "other data")
    (other / "en-small" / file_name(8, "train")).write_text(
        format_stories(make_stories({8: 30}, 3)[8]))
    code, output = server.run("test", f"--checkpoint_file={directory}", "--nojit",
                              f"--data_dir={other}", "--held_out")
    assert code == 1 and output.startswith("error: --held_out: ")
    assert "not on these data; give those, with --data_dir and --variant\n" in output
    assert output.count("\n") == 1
    code, output = server.run("test", f"--checkpoint_file={directory}", "--held_out",
                              "--data=simulated")
    assert code == 1 and "--held_out is about official stories" in output


def test_numbers_that_explode_stop_training_and_can_be_replayed(server, folder, data):
    directory = folder / "exploding"
    code, output = server.run(*training(
        directory, data, "--learning_rate=1e38", "--num_training_iterations=50",
        "--max_bad_steps=3", "--checkpoint_interval=1", "--validation_interval=0"))
    assert code == 1
    assert output.count("skipped: loss nan") == 3
    assert re.search(r"skipped: .*; task [18] story \d+", output)
    last = output.splitlines()[-1]
    assert last.startswith("error: no finite loss and gradient in 3 steps in a row")
    newest = checkpoints.read(checkpoints.resolve(directory))
    assert all(np.isfinite(array).all() for name, array in newest.items()
               if name.startswith(("model/", "optimizer/")))
    step, = directory.glob("failed-step-*.npz")
    kept = failures.read(step).arrays["iteration"]
    assert kept == int(step.stem.split("-")[-1]) - 1  # which its dropout hangs on
    code, output = server.run("training.replay", f"--step={step}")
    assert code == 0, output
    assert "As in training: loss nan" in output and "update skipped" in output
    assert re.search(r"first not finite in row 0 at step \d+", output)


def test_without_room_training_goes_on_and_saves_later(server, folder, data):
    """Files may not grow beyond 20 kB, a checkpoint is larger."""
    directory = folder / "full"
    flags = ["--num_training_iterations=6", "--checkpoint_interval=2",
             "--report_interval=2", "--validation_interval=0"]
    code, output = server.run(*training(directory, data, *flags),
                              limits={"RLIMIT_FSIZE": 20_000})
    assert code == 1
    assert output.count("Training goes on and will try again") == 4
    assert output.splitlines()[-1].startswith("error: ")
    assert "6/6" in output and checkpoints.iterations(directory) == []
    code, output = server.run(*training(directory, data, *flags))
    assert code == 0 and checkpoints.iterations(directory) == [2, 4, 6]
    (directory / "model.ckpt-6.index").write_bytes(b"damaged")
    code, output = server.run(*training(directory, data, *flags))
    assert code == 0 and "model.ckpt-6: damaged" in output
    assert "Going on from iteration 4," in output
    assert "6/6" in output and checkpoints.iterations(directory) == [2, 4, 6]
    assert checkpoints.read(directory / "model.ckpt-6")["iteration"] == 6


def test_two_trainings_in_one_directory_are_refused(run, data):
    import fcntl
    with open(run[0] / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = subprocess.run(
            [sys.executable, ROOT / "babi" / "train.py", f"--checkpoint_dir={run[0]}",
             f"--data_dir={data}", *SMALL],
            cwd=pathlib.Path("/"), capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].endswith("another --checkpoint_dir")
    assert "another process is training in it" in found.stderr


def test_eager_training_compares_itself_first_whatever_the_size(server, folder, data):
    _, *flags = training(folder / "eager", data, "--num_training_iterations=1",
                         "--validation_interval=0", "--compared_steps=1")
    code, output = server.run("train_eager", *flags)
    assert code == 0, output
    assert re.search(r"A step takes .* eagerly .* the losses differ by 0", output)
    assert checkpoints.iterations(folder / "eager") == [1]
    code, output = server.run("train_eager", *flags, "--strategy=mirrored")
    assert code == 1 and "give --strategy=none" in output
    assert "A step takes" not in output


def test_file_systems_without_locks_or_lasting_renames_are_worked_on(
        tmp_path, monkeypatch):
    def lacks(*arguments):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr("fcntl.flock", lacks)
    monkeypatch.setattr("os.fsync", lacks)
    said = []
    with start._locked(tmp_path / "run", said.append):
        sync_folder(tmp_path)
    assert len(said) == 1 and "let no other process train in it" in said[0]
