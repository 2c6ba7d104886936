"""The steps that the forward loop took, as the backward loop sees them again."""

from typing import NamedTuple

import tensorflow as tf

from dnc.fast_path.forward import Step, normal
from dnc.fast_path.state import Carry, Records, Slots, Units, Weights
from dnc.fast_path.xla import each_half, materialise_all
from dnc.interface import Interface


class Moment(NamedTuple):
    """A step of the past.

    Attributes:
      t: its number.
      units: its `Units`.
      slots: its `Slots`.
      interface: its `Interface`.
      written: `[B, H, N]`, w^w, 0 in masked rows.
      previous: `Carry` before it; the link in `halves`.
      memory: `[B, W, N]`, after it.
      link: `halves` of `[B, H, N, N]`, after it; [] without temporal links.
    """

    t: tf.Tensor
    units: Units
    slots: Slots
    interface: Interface
    written: tf.Tensor
    previous: Carry
    memory: tf.Tensor
    link: list


class Past(NamedTuple):
    """What the forward loop was given, and what it kept.

    Attributes:
      step: its `forward.Step`.
      weights, initial: its `Weights` and first `Carry`.
      records: its `Records`.
    """

    step: Step
    weights: Weights
    initial: Carry
    records: Records

    def before(self, t, matrices):
        """The `Carry` before step t, with the matrices before it; link in `halves`."""
        def at(sequence, first):
            return tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], first)
        records, initial = self.records, self.initial
        controller, reads, slots = tf.nest.map_structure(
            at, (records.controller, records.reads, records.slots),
            (initial.controller, initial.reads, Slots.of(initial)))
        memory, *link = matrices
        return self.step.restart(t, Carry(
            controller, reads, memory=memory, link=link, **slots._asdict()))

    def moment(self, t, units, interface, before, after):
        """`Moment` of step t.

        Args:
          units: its `Units`.
          interface: its `Interface`.
          before, after: the matrices around it.
        """
        slots = tf.nest.map_structure(lambda rows: rows[t], self.records.slots)
        memory, *link = after
        return Moment(
            t, units, slots, interface, self.step.mask(t, slots.write_weighting),
            self.before(t, before), memory, link)

    def rebuild(self, t, vector, matrices):
        """The matrices after step t, from those before it.

        Args:
          vector: `[B, X]`, the step's interface vector before any normalisation.
        """
        previous = self.before(t, matrices)
        interface = self.step.cell.interface(
            normal(vector, self.weights.interface_norm))
        written = self.step.mask(t, self.records.slots.write_weighting[t])
        linked = ()
        if self.step.linked:
            linked = previous.precedence, *self.step.decay(t, written)
        retention = self.step.retention(t, previous, interface)
        (written, erase_vectors, write_vectors, linked, retention) = materialise_all(
            t, (written, interface.erase_vectors, interface.write_vectors, linked,
                retention))
        interface = interface._replace(
            erase_vectors=erase_vectors, write_vectors=write_vectors)
        memory = self.step.write_memory(previous.memory, interface, written, retention)
        if not self.step.linked:
            return [memory]
        precedence, row, column = linked

        def write_link(link, written, row, precedence, column):
            return self.step.write_link(link, (written, row), (precedence, column))

        return [memory, *each_half(
            write_link, previous.link, written, row, precedence, column)]
