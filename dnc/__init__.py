"""The Differentiable Neural Computer (Graves et al., Nature 2016) for Keras.

    >>> import keras
    >>> import dnc
    >>> model = keras.Sequential([
    ...     keras.Input([None, 6]),                        # [batch, time, features]
    ...     dnc.DNC(output_size=3, memory_size=16, word_size=8, num_read_heads=2),
    ...     keras.layers.Softmax()])
    >>> model.output_shape
    (None, 3)
    >>> cell = dnc.DNCCell(output_size=3)                  # one step, as LSTMCell
    >>> cell.memory_size, cell.word_size, cell.num_read_heads, cell.num_write_heads
    (256, 64, 4, 1)

Read `interface` (what the controller says), `addressing` (the paper's equations, pure
functions of tensors, on `sums`), `memory` (a step of write, link and read),
`controllers`, `maps` and `normalisation` (what stands around the memory), `cell` (a
whole step), `layer` (a sequence of them), `trajectory` (what they did) and `variants`
(what may be otherwise). `arguments` checks what users give, `private` has what is taken
of TensorFlow and Keras that is not public, and `elsewhere` lets Keras find models that
are built on these. `fast_path` is a house of its own.

The variants that others have published are arguments of `DNCCell` and `DNC`; with the
defaults it is the paper's, but for `clip_value`. Each stands in one place, which the
plain loop and the fast path share. How the next one is added:

1. A flag of the memory: a field of `dnc.variants.Variants`, with its equation and
   source, and in `check` what it does not go with; in `dnc.cell` the argument of that
   name. For training a setting in `babi.config`, what it does not go with in
   `babi.checks` (`_check_model`), and its name in `babi.model.answerer` (`_OF_SHAPE`)
   and `babi.model.record` (`_ADDED`).
2. What it adds to the interface: a field of `dnc.interface.Interface`, its shape in
   `shapes` (None without the variant) and its activation. What it adds to the state, or
   leaves out: likewise in `dnc.memory`. Whether a field is there then says what to do.
3. What it adds to a step: a pure function in `dnc.addressing`, called in
   `dnc.memory.step`; what one wants to see of it, in `dnc.trajectory`.
4. The fast path holds the memory transposed, and uses the same functions on what is
   of size O(N): `fast_path.forward.Step` forward; backward, a tape differentiates
   them, and only what multiplies M or L needs an adjoint by hand, in
   `fast_path.read_back` or `write_back`. What is left out is () in
   `fast_path.state.Carry`.
5. A controller: its Keras cell and name in `dnc.controllers`, and for the fast path its
   step after the matrix product, in `fast_path.controllers`.
6. The equation in `tests/oracle.py`, an entry in the lists of variants of
   `tests/dnc/test_cell.py` and `test_fast_path.py`, a section of `docs/variants.md`,
   and an entry in `benchmarks/contestants.py`.
"""

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
from dnc import elsewhere  # noqa: E402

elsewhere.register()

__all__ = ["DNC", "DNCCell"]

__version__ = "1.1.0.dev0"
