"""When the loops are compiled: at once, or when it pays.

To compile them takes seconds for each shape. Where they are to be compiled only if it
pays, they are traced once, and that graph is first run as it is, operation by
operation: it begins at once, and each run takes longer. When the runs of a shape have
cost about half of what it takes to compile them, they are compiled. Either way the
numbers are the same, to rounding, and one can go back through what the other has kept.

Who traces a graph does not know how often, and for which shapes, it will be run. So the
runs are counted where they are made, in a table of the process that the graph names:
nothing of it is kept on a layer, traced again, or saved and exported with a model. Each
layer counts for itself, so that two that do the same give the same bits.
"""

import itertools

import tensorflow as tf

# The name of the table.
_TABLE = "dnc/steps"

_LAYER_NUMBERS = itertools.count(1)

# A shape is compiled when so many steps of a small size were run. Forward and back one
# takes 1.8 ms on a core without AVX-512, compiled 0.4; to compile the loops takes 8 s.
STEPS = 2500

# Elements of M and L, in all rows, with which a step takes twice as long as with few.
# One of 16 rows and 256 slots, 1.3 million, takes 48 ms, 7 compiled.
ELEMENTS = 50_000


class Half:
    """One of the loops, as a graph that is run as it is or compiled.

    Args:
      run: the loop, a function of structures of tensors.
    """

    def __init__(self, run):
        self._graph = tf.function(run, autograph=False)
        self._compiled = tf.function(
            lambda *arguments: self._graph(*arguments), autograph=False,
            jit_compile=True)
        # Traced apart: what is traced to be compiled is slow if it is not.
        self._always = tf.function(run, autograph=False, jit_compile=True)

    def __call__(self, compiled, *arguments):
        """What the loop returns.

        Args:
          compiled: whether to compile it: True, or a boolean tensor.
        """
        if compiled is True:
            return self._always(*arguments)
        return tf.cond(compiled, lambda: self._compiled(*arguments),
                       lambda: self._graph(*arguments))


def layer_number(always):
    """A number to count a layer's runs by; None if its loops are compiled at once.

    So they are where there is a GPU, which operation by operation waits for launches.

    Args:
      always: whether they are in any case.
    """
    if always or tf.config.get_visible_devices("GPU"):
        return None
    return next(_LAYER_NUMBERS)


def pays(number, sequence, matrices):
    """Notes a run; whether it pays by now to compile the loops for its shape.

    Args:
      number: the `layer_number`, int64.
      sequence: `[T, B, ...]`, what is gone through.
      matrices: the tensors `[B, ...]` that a step goes through.
    """
    # Named in the graph, not captured by it: it is made where the graph runs.
    table = tf.raw_ops.MutableHashTableV2(
        key_dtype=tf.int64, value_dtype=tf.float32, shared_name=_TABLE)
    steps, rows = tf.unstack(tf.shape(sequence, tf.int64)[:2])
    key = (number * 2 ** 21 + steps) * 2 ** 21 + rows
    elements = tf.add_n([tf.size(matrix, tf.int64) for matrix in matrices])
    cost = tf.cast(steps, tf.float32) * (1 + tf.cast(elements, tf.float32) / ELEMENTS)
    spent = cost + tf.raw_ops.LookupTableFindV2(
        table_handle=table, keys=key, default_value=tf.constant(0.0))
    tf.raw_ops.LookupTableInsertV2(table_handle=table, keys=key, values=spent)
    return spent > STEPS
