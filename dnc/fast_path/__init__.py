"""The fast path: a whole sequence as one compiled loop with its own gradient.

Training a DNC by plain automatic differentiation keeps a link matrix of N x N
numbers for every step and row, and spends its time moving them. Here the whole
recurrence is one function with a gradient of its own:

1. Forward, in segments of K steps, keeps for each step only vectors: the
   controller's pre-activations, the interface vector, usage, weightings, norms. The
   memory M and the link matrix L are kept once a segment.
2. Backward walks the segments from the last to the first. It rebuilds the M and L
   of a segment from the kept write weightings (the controller is not run again),
   then steps back through it. What is of size O(N) is differentiated by a
   GradientTape over the same functions that the plain path uses; the adjoints of L
   and M are derived by hand.
3. Weights are constants inside the loop; the gradient of each is one matrix product
   over all steps after it. The input projection is one product before it.

Read `state` (what the loops carry and keep), `forward` (a step, with `controllers` and
`look_up`, and the loop of them, with `arrays`), `segments` (where it is cut), `past`
(the steps seen again), `step_back` with `read_back` and `write_back`, `backward` (the
loop of them), and `loops`, which makes one compiled function of both: `pays` says when,
and `plain` what the gradient of the gradient is. Where a line looks odd, `xla` says
why; `registers`, why there may be slots that are not there.

Memory use is O(T (N + W R) + (T / K + K) N^2), not O(T N^2); long sequences are cut
twice. All is compiled by XLA, once for each shape and for all layers of one
configuration. Arrays are time-major; memory is held transposed, `[B, W, N]`, which
suits both look-ups. Dimensions: T steps, B batch, N slots, W word size, R read heads, H
write heads, U controller units, X interface size.
"""

import math

import tensorflow as tf

from dnc.cell import DNCState
from dnc.controllers import layers_of
from dnc.fast_path import controllers
from dnc.fast_path.loops import Recurrence, loops_of
from dnc.fast_path.pays import layer_number
from dnc.fast_path.registers import fill, present
from dnc.fast_path.segments import cut
from dnc.fast_path.state import Carry, StepFactors, Weights
from dnc.maps import linear
from dnc.memory import MemoryState
from dnc.normalisation import centred


def supports(cell):
    """None if the fast path can run this `DNCCell`, else the reason why not."""
    reason = controllers.unsupported(cell.controller)
    if reason is not None:
        return reason
    if cell.mixed_precision:
        return "it computes in mixed precision"
    if any(layer.compute_dtype != cell.compute_dtype
           for layer in layers_of(cell.controller)):
        return "its controller computes in another precision"
    return None


class FastPath:
    """A `DNCCell` over whole sequences.

    Args:
      cell: a `DNCCell` that `supports` has nothing against. Its weights stay its
        own: they are read at each call.
      always: True compiles for a shape the first time, False when it pays.
    """

    def __init__(self, cell, always):
        self.cell = cell
        self._number = layer_number(always)
        self._loops = loops_of(Recurrence.of(cell))

    def __call__(self, inputs, state, mask=None, resets=None):
        """Runs the cell over a sequence.

        Args:
          inputs: `[B, T, D]`.
          state: `dnc.cell.DNCState` before the first step.
          mask: `[B, T]` booleans or None: steps to take.
          resets: `[B, T]` booleans or None: steps that start from the zero state.

        Returns:
          (hidden `[B, T, U]` after clipping, reads `[B, T, R * W]`, the final
          `DNCState`). A masked step repeats hidden and reads of the step before.
        """
        cell = self.cell
        first, *others = controllers.weights_of(cell.controller)
        of_inputs, kernel = tf.split(first.kernel, [inputs.shape[2], -1])
        projected = linear(tf.transpose(inputs, [1, 0, 2]), of_inputs)
        if not first.norm:
            projected += first.bias
        first = first._replace(kernel=kernel, bias=())
        weights = Weights([first, *others], *_interface_map(cell))

        steps = projected.shape[0] or tf.shape(projected)[0]
        segments = cut(projected.shape[0])
        padding = -steps % segments.segment
        factors = _step_factors(mask, resets, projected, padding)
        projected = tf.pad(projected, [[0, padding], [0, 0], [0, 0]])
        number = None if self._number is None else tf.constant(self._number, tf.int64)
        hidden, reads, final = self._loops(
            number, segments, factors, projected, weights, _enter(cell, state))
        # What comes out of the loop does not know its number of steps.
        hidden, reads = (
            tf.ensure_shape(tf.transpose(sequence[:steps], [1, 0, 2]),
                            [*inputs.shape[:2], None]) for sequence in (hidden, reads))
        return cell.clip(hidden), reads, _leave(cell, final, state)


def _interface_map(cell):
    """(kernel, bias, norm) of the interface, as `Weights` has them."""
    kernel, bias, norm, *_ = cell.weights_as_tensors()
    bias = tf.zeros_like(kernel[0]) if bias is None else bias
    return (centred(kernel), centred(bias), norm) if norm else (kernel, bias, norm)


def _enter(cell, state):
    """`DNCState` of a `DNCCell` as `Carry`."""
    memory = state.memory
    states, controller = list(state.controller), []
    for unit in controllers.units_of(cell.controller):
        own, states = states[:unit.states], states[unit.states:]
        output = tf.zeros((tf.shape(memory.usage)[0], unit.units), memory.usage.dtype)
        controller.append(tuple(own) or (output,))
    reads = tf.reshape(
        state.read_vectors, (-1, math.prod(state.read_vectors.shape[1:])))
    masked = cell.variants.masked_content
    norms = () if masked else fill(tf.reduce_sum(tf.square(memory.memory), axis=2))
    precedence = link = ()
    if memory.link is not None:
        precedence, link = fill(memory.precedence), fill(memory.link, axes=2)
    return Carry(
        controller, reads, fill(memory.usage), precedence, fill(memory.write_weighting),
        fill(memory.read_weighting), norms,
        fill(tf.transpose(memory.memory, [0, 2, 1])), link)


def _leave(cell, carry, like):
    """`Carry` as `DNCState` of a `DNCCell`, in the shapes of the state `like`."""
    slots, link, precedence = cell.memory_size, None, None
    if cell.variants.temporal_links:
        link = present(carry.link, slots, axes=2)
        precedence = present(carry.precedence, slots)
    memory = MemoryState(
        tf.transpose(present(carry.memory, slots), [0, 2, 1]),
        present(carry.usage, slots), link, precedence,
        present(carry.write_weighting, slots), present(carry.read_weighting, slots))
    reads = tf.reshape(carry.reads, tf.shape(like.read_vectors))
    states = [state for unit, own in zip(
        controllers.units_of(cell.controller), carry.controller)
        for state in own[:unit.states]]
    return DNCState(states, memory, reads)


def _step_factors(mask, resets, projected, padding):
    """`StepFactors` of the steps of `projected` and of `padding` more."""
    dtype = projected.dtype
    valid = kept = None
    if mask is not None or not (isinstance(padding, int) and padding == 0):
        if mask is None:
            mask = tf.ones(tf.reverse(tf.shape(projected)[:2], [0]), tf.bool)
        valid = tf.cast(tf.transpose(mask), dtype)
        valid = tf.pad(valid, [[0, padding], [0, 0]])
    if resets is not None:
        kept = 1 - tf.cast(tf.transpose(resets), dtype)
        kept = tf.pad(kept, [[0, padding], [0, 0]])
        if valid is not None:
            kept = 1 - valid * (1 - kept)
    return StepFactors(valid, kept)
