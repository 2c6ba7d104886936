"""The names of TensorFlow and Keras that this package uses and that are not public.

There is no public name for what they do. They are used here alone, and
tests/dnc/test_private.py says when one is not there any more.
"""

import traceback

import keras
import tensorflow as tf
from tensorflow.python.eager import forwardprop_util
from tensorflow.python.framework import op_callbacks
from tensorflow.python.ops import control_flow_util


_ONNX = "the export to ONNX"
# Modules of those who have a graph made for a use of their own.
_CALLERS = {_ONNX: ("keras.src.export.onnx", "tf2onnx."),
            "tf.vectorized_map": ("tensorflow.python.ops.parallel_for.",)}


def observed(tensors):
    """The name of what looks at operations on these tensors, or None.

    So that a compiled loop does not stand in between:
    `tf.debugging.enable_check_numerics` adds operations that XLA does not have, and
    `tf.autodiff.ForwardAccumulator` needs the derivative of each operation, and
    `tf.vectorized_map` a counterpart of each.

    Args:
      tensors: what goes into the operations.
    """
    if op_callbacks.should_invoke_op_callbacks():
        return "tf.debugging"
    if forwardprop_util.pack_tangents(tensors).tangents:
        return "tf.autodiff.ForwardAccumulator"
    return _caller()


def exported_to_onnx():
    """Whether a graph is being made that is to become a file of ONNX.

    That has no counterpart of some of TensorFlow's operations, nor of the compiled
    loop.
    """
    return _caller() == _ONNX


def _caller():
    """Which of `_CALLERS` has the graph made that is being made, or None.

    There is no public way to be told. `model.export` asks no layer, says nowhere what
    its graph is for, and gives tf2onnx no handlers of operations; `tf.vectorized_map`
    is as silent. So this looks for who has called.
    """
    if tf.executing_eagerly():
        return None
    modules = {frame.f_globals.get("__name__", "")
               for frame, _ in traceback.walk_stack(None)}
    return next((caller for caller, names in _CALLERS.items()
                 if any(module.startswith(names) for module in modules)), None)


def loop(layer, step, sequences, initial_state, mask):
    """The loop of a `keras.layers.RNN` over time, around any function of a step.

    Args:
      layer: the `keras.layers.RNN`, for its options.
      step: (inputs `[B, D]`, states) to (outputs, next states).
      sequences: `[B, T, D]`.
      initial_state: list of states.
      mask: `[B, T]` or None.

    Returns:
      (last outputs, all outputs, final states), as `keras.layers.RNN.inner_loop`.
    """
    return keras.src.backend.rnn(
        step, sequences, initial_state, go_backwards=layer.go_backwards, mask=mask,
        unroll=layer.unroll, input_length=sequences.shape[1],
        zero_output_for_mask=layer.zero_output_for_mask,
        return_all_outputs=layer.return_sequences)


def compiled_around():
    """Whether a function is being traced that XLA will compile as a whole."""
    return control_flow_util.GraphOrParentsInXlaContext(
        tf.compat.v1.get_default_graph())
