"""What all scripts share: how they start."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]

START = """
import gc
import sys

import pytest
from babi.program import scripts
scripts.start_tensorflow()
import keras
print("matplotlib" in sys.modules, keras.layers.RNN.__name__)
print(gc.isenabled(), gc.get_freeze_count() > 100_000)
import matplotlib.pyplot
print(matplotlib.pyplot.figure is not None)
"""


def test_tensorflow_starts_silently_without_pyplot_and_is_not_collected():
    done = subprocess.run([sys.executable, "-c", START], cwd=ROOT, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "RNN", "True", "True", "True"]
    assert done.stderr == ""


@pytest.mark.parametrize("script, expected", [
    ("babi/train.py", {"learning_rate", "preset", "data_dir", "stories",
                       "checkpoint_dir"}),
    ("babi/train_eager.py", {"learning_rate", "data_dir", "stories", "compared_steps"}),
    ("babi/test.py", {"checkpoint_file", "data_dir", "stories", "held_out"}),
    ("babi/ask.py", {"checkpoint_file", "data_dir", "stories", "serve"}),
    ("-m babi.inspection.board", {"run", "output_dir", "memory_size"}),
    ("-m babi.inspection.graph", {"output_dir", "memory_size"})])
def test_help_names_the_flags_wherever_they_are_defined(script, expected):
    done = subprocess.run([sys.executable, *script.split(), "--help"], cwd=ROOT,
                          text=True, capture_output=True, timeout=60)
    assert done.returncode == 0
    named = set(re.findall(r"^  --(?:\[no\])?(\w+):", done.stdout, re.M))
    assert expected <= named
    if "optimizer" in named:  # what a setting may be is said with it
        assert re.search(r"--optimizer: the optimizer \(rmsprop, adam\)", done.stdout)


@pytest.mark.parametrize("command, said", [
    ("-m babi.simulator", "error: --output_dir is missing; give it\n"),
    ("babi/ask.py where", "error: 'where' is not a flag; flags start with --, a story "
                          "comes by --story_file or from standard input\n")])
def test_what_is_missing_or_no_flag_is_told_in_a_line(command, said):
    done = subprocess.run([sys.executable, *command.split()], cwd=ROOT, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1 and (done.stdout, done.stderr) == ("", said)


@pytest.mark.parametrize("command", [
    ("babi/train.py", "--checkpoint_dir=run"), ("babi/ask.py", "--json"),
    ("babi/test.py", "--checkpoint_file=run"),
    ("-m", "babi.simulator", "--output_dir=stories")], ids=" ".join)
def test_an_interrupt_before_the_work_is_told_in_one_line(command, tmp_path):
    """Ctrl-C comes while TensorFlow is imported, which takes seconds."""
    (tmp_path / "tensorflow.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, *(str(ROOT / word) if word.endswith(".py") else word
                           for word in command)],
        cwd=tmp_path, text=True, capture_output=True, timeout=60,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert done.returncode == 130, done.stderr
    assert done.stderr == "Interrupted.\n" and not done.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("script", ["underground", "repeat_copy", "copy_task"])
def test_an_interrupt_before_an_example_is_told_in_one_line(script, tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{script}.py")], cwd=tmp_path,
        text=True, capture_output=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stderr, done.stdout) == (130, "Stopped.\n", "")


def test_what_may_not_be_read_is_told_and_names_are_shown_on_any_screen():
    """Whoever runs the tests as root may read all."""
    program = """
from babi.program import scripts

def main():
    print("\\N{SNOWMAN}")
    raise PermissionError(13, "Permission denied", "/root/model")

scripts.run(main)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True,
                          capture_output=True, timeout=60,
                          env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1 and done.stdout == "\\u2603\n"
    assert done.stderr == ("error: /root/model: Permission denied; mend its "
                           "permissions, or give another\n")
