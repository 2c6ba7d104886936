"""Who looks at each operation, so that a compiled loop must not stand in between.

TensorFlow has no public way to ask; these private names of it are used here alone.
"""

from tensorflow.python.eager import forwardprop_util
from tensorflow.python.framework import op_callbacks


def observed(tensors):
    """The name of what looks at operations on these tensors, or None.

    `tf.debugging.enable_check_numerics` adds operations that XLA does not have, and
    `tf.autodiff.ForwardAccumulator` needs the derivative of each operation.

    Args:
      tensors: what goes into the operations.
    """
    if op_callbacks.should_invoke_op_callbacks():
        return "tf.debugging"
    if forwardprop_util.pack_tangents(tensors).tangents:
        return "tf.autodiff.ForwardAccumulator"
    return None
