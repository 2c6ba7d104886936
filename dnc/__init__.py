"""The Differentiable Neural Computer (Graves et al., Nature 2016) for Keras."""

import os
import sys


def _check_backend(name):
    """Raises ImportError unless it is the backend of Keras that this computes with."""
    if name != "tensorflow":
        raise ImportError(
            f"dnc computes with TensorFlow, and Keras is set to its backend {name!r}: "
            f"set KERAS_BACKEND=tensorflow before Keras is imported, or \"backend\" in "
            f"~/.keras/keras.json")


if "keras" not in sys.modules:  # Keras itself fails darkly if the backend is not there
    _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow")

import keras  # noqa: E402

_check_backend(keras.config.backend())

from dnc.cell import DNCCell  # noqa: E402
from dnc.layer import DNC  # noqa: E402

__all__ = ["DNC", "DNCCell"]

__version__ = "1.0.0"
