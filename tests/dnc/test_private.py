"""The names of others that are not public: there, and used in one place."""

import importlib
import inspect
import pathlib

import keras
from tensorflow.python.eager import forwardprop_util
from tensorflow.python.framework import op_callbacks
from tensorflow.python.ops import control_flow_util

from dnc import private

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_private_names_are_still_there():
    """Where one is not any more, dnc/private.py is to be mended."""
    assert callable(op_callbacks.should_invoke_op_callbacks)
    assert "tensors" in inspect.signature(forwardprop_util.pack_tangents).parameters
    assert list(inspect.signature(keras.src.backend.rnn).parameters)[:3] == [
        "step_function", "inputs", "initial_states"]
    assert {"go_backwards", "mask", "unroll", "input_length", "zero_output_for_mask",
            "return_all_outputs"} <= inspect.signature(
                keras.src.backend.rnn).parameters.keys()
    assert callable(control_flow_util.GraphOrParentsInXlaContext)


def test_callers_are_still_called_so():
    for modules in private._CALLERS.values():
        for name in modules:
            if not name.startswith("tf2onnx"):  # need not be installed
                importlib.import_module(name.removesuffix("."))


def test_private_names_are_used_in_one_place():
    users = {
        str(path.relative_to(ROOT))
        for folder in ("dnc", "babi", "benchmarks", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if any(name in path.read_text() for name in ("keras.src", "tensorflow.python"))}
    assert users == {"dnc/private.py"}
