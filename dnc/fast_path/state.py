"""What the loops of the fast path carry and keep: named tuples of tensors.

Memory and link matrix go together as *matrices*: a list of M and, where there are
temporal links, the `xla.halves` of L.

Dimensions: T steps, B batch, N slots, W word size, R read heads, H write heads, U
units of a layer of the controller, X interface size.
"""

from typing import NamedTuple

import tensorflow as tf

from dnc.fast_path.xla import halves


class Weights(NamedTuple):
    """What the loop needs of the weights, as tensors.

    Attributes:
      controller: list of `controllers.UnitWeights`, a layer each; of the first one's
        kernel only the rows of `[reads; its output]`.
      interface: `[U, X]`, W_xi; centred before a normalisation: see
        `dnc.normalisation`.
      interface_bias: `[X]`, zeros where there is none.
      interface_norm: gain and shift of the interface vector's normalisation, each
        `[X]`; () without.
    """

    controller: list
    interface: tf.Tensor
    interface_bias: tf.Tensor
    interface_norm: tuple


class Carry(NamedTuple):
    """The state inside the loop; also the adjoint of that state.

    What a variant leaves out is (), which `tf.nest` takes for nothing.

    Attributes:
      controller: list of tuples, the states `[B, U]` of each layer, its output first.
      reads: `[B, R * W]`, the read vectors side by side.
      usage: `[B, N]`.
      precedence: `[B, H, N]`; () without temporal links.
      write_weighting: `[B, H, N]`.
      read_weighting: `[B, R, N]`.
      norms: `[B, N]`, the squared norms of the slots; () with masked look-ups, each of
        which has norms of its own.
      memory: `[B, W, N]`, transposed.
      link: `[B, H, N, N]`, or the list of its `halves`; () without temporal links.
    """

    controller: list
    reads: tf.Tensor
    usage: tf.Tensor
    precedence: tf.Tensor
    write_weighting: tf.Tensor
    read_weighting: tf.Tensor
    norms: tf.Tensor
    memory: tf.Tensor
    link: tf.Tensor

    @property
    def hidden(self):
        """`[B, U]`, the controller's output."""
        return self.controller[-1][0]

    def small(self):
        """All but memory and link."""
        return self[:-2]

    def matrices(self):
        """[M, the `halves` of L, if there is one]."""
        link = self.link
        return [self.memory, *(link if isinstance(link, tuple) else halves(link))]


# The fields of `Carry` that a masked step must be kept from changing.
MASKED = ("controller", "reads", "usage", "write_weighting", "read_weighting")


class StepFactors(NamedTuple):
    """Mask and resets as factors of each step; None where 1 throughout.

    Attributes:
      valid: `[T, B]`, 1 at a step to take, 0 at a masked one.
      kept: `[T, B]`, 0 at a step that starts from the zero state.
    """

    valid: tf.Tensor | None
    kept: tf.Tensor | None


class Records(NamedTuple):
    """What the forward loop keeps for the backward one.

    Attributes:
      controller: as in `Carry`, `[T, B, U]`, after each step.
      reads: `[T, B, R * W]`, after each step.
      units: `Units` of each step.
      slots: `Slots` of each step.
      matrices: list of `[T / segment + 1, ...]`, before each segment and after the
        last.
    """

    controller: list
    reads: tf.Tensor
    units: "Units"
    slots: "Slots"
    matrices: list

    hidden = Carry.hidden  # of all steps, `[T, B, U]`


class Units(NamedTuple):
    """What is kept of a step besides the state after it.

    Attributes:
      gates: list of `[B, blocks * U]`, the pre-activations of each layer of the
        controller, before any normalisation.
      vector: `[B, X]`, the interface vector, likewise.
      directions: (backward, forward) before they are sharpened, each `[B, R, H, N]`; ()
        where they are not.
    """

    gates: list
    vector: tf.Tensor
    directions: tuple


class Slots(NamedTuple):
    """The vectors over slots that are kept of a step.

    Attributes:
      usage, norms: `[B, N]`, after the step.
      precedence, write_weighting: `[B, H, N]`, after the step; see `Carry`.
      read_weighting: `[B, R, N]`, after the step.
    """

    usage: tf.Tensor
    norms: tf.Tensor
    precedence: tf.Tensor
    write_weighting: tf.Tensor
    read_weighting: tf.Tensor

    @classmethod
    def of(cls, carry):
        """Those of a `Carry`."""
        return cls(*(getattr(carry, name) for name in cls._fields))


class Writing(NamedTuple):
    """What a step writes.

    Attributes:
      usage: `[B, N]`, u.
      weighting: `[B, H, N]`, w^w.
      written: `[B, H, N]`, w^w with zeros in masked rows.
      precedence: `[B, H, N]`, after the step; () without temporal links.
      retention: `[B, N]`, psi with ones in masked rows; () without deallocation.
    """

    usage: tf.Tensor
    weighting: tf.Tensor
    written: tf.Tensor
    precedence: tf.Tensor
    retention: tf.Tensor


class Decay(NamedTuple):
    """The factor kept (1 - w[i] - w[j]) of a step on the link matrix.

    Attributes:
      row: `[B, H, N]`, kept (1 - w); kept is 0 where a new story begins.
      column: `[B, H, N]`, kept w.
    """

    row: tf.Tensor
    column: tf.Tensor

    def of(self, link, resets=False):
        """`link` `[B, H, N, N]` times the factor; 0 where that is 0, with resets."""
        factors = self.row[..., tf.newaxis] - self.column[:, :, tf.newaxis]
        if resets:  # 0 times what is not finite would not be 0
            return tf.where(factors != 0, factors * link, 0)
        return factors * link


class Backflow(NamedTuple):
    """The adjoint of the state after a step, on its way back through that step.

    Attributes:
      state: `Carry` of adjoints. That of the link still lacks the decay of the later
        step: it comes in where the link's adjoint is written anyway.
      decay: `Decay` of the later step; () without temporal links.
    """

    state: Carry
    decay: Decay

    def whole(self):
        """The adjoint `Carry` with nothing lacking."""
        if isinstance(self.state.link, tuple):
            return self.state
        return self.state._replace(link=self.decay.of(self.state.link))


def factor(per_row, tensor):
    """`[B]` shaped to multiply `tensor` `[B, ...]`."""
    return tf.reshape(per_row, [-1] + [1] * (len(tensor.shape) - 1))
