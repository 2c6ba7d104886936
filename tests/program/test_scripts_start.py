"""What all scripts share: how they start."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]

START = """
import sys
from babi.program import scripts
scripts.start_tensorflow()
import keras
print("matplotlib" in sys.modules, keras.layers.RNN.__name__)
import matplotlib.pyplot
print(matplotlib.pyplot.figure is not None)
"""


def test_tensorflow_starts_silently_and_without_pyplot():
    done = subprocess.run([sys.executable, "-c", START], cwd=ROOT, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "RNN", "True"]
    assert done.stderr == ""
