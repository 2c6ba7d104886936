"""The backward half of the fast path: the loop over segments, and what is after it."""

from typing import NamedTuple

import tensorflow as tf

from dnc.fast_path.arrays import read, rooms, tensor_array, write
from dnc.fast_path.controllers import UnitWeights
from dnc.fast_path.forward import normal
from dnc.fast_path.state import Backflow, Decay, Units, Weights
from dnc.fast_path.step_back import StepBack
from dnc.fast_path.xla import materialise_all

# Rooms are numbered from here on, apart from those of the forward loop: see `rooms`.
_NUMBER = 100


def run(past, segments, adjoints):
    """The loop backward.

    Args:
      past: `Past`.
      segments: `segments.Segments`.
      adjoints: of hidden `[T, B, U]`, reads `[T, B, R * W]` and the fields of the
        final `Carry`.

    Returns:
      list of the gradients of projected, the `Weights` and the initial `Carry`.
    """
    d_hidden, d_reads, *d_final = adjoints
    initial, units = past.initial, past.records.units
    weighting = initial.write_weighting
    later = Decay(tf.ones_like(weighting), tf.zeros_like(weighting))
    adjoint = Backflow(tf.nest.pack_sequence_as(initial, d_final),
                       later if past.step.linked else ())

    # The adjoints of a step's units take the units' place: see `forward.run`. Those of
    # what is normalised get a place of their own, as both are needed after the loop.
    def place(unit, norm):
        return tensor_array(tf.zeros_like(unit) if norm else unit)

    gates = [place(unit, layer.norm) for unit, layer in zip(
        units.gates, past.weights.controller)]
    places = Units(gates, place(units.vector, past.weights.interface_norm), ())
    matrices = rooms(segments.part + 1, initial.matrices(), _NUMBER)
    walk = _Walk(past, segments, (d_hidden, d_reads))
    count = tf.shape(past.records.hidden)[0] // segments.segment
    _, (adjoint, places, _) = tf.while_loop(
        lambda s, _: s >= 0, walk.segment,
        (count - 1, _Carried(adjoint, places, matrices)))
    d_units = tf.nest.map_structure(lambda array: array.stack(), places)
    return [*weight_gradients(past, d_units), adjoint.whole()]


class _Carried(NamedTuple):
    """What the loops backward carry from step to step.

    Attributes:
      adjoint: `Backflow`.
      units: `Units` of arrays `[T, ...]`, the adjoints of the steps that were gone
        back through; of those to come the units themselves, where not normalised.
      matrices: list of arrays `[part + 1, ...]`, those around the part's steps.
    """

    adjoint: Backflow
    units: Units
    matrices: list


class _Walk:
    """From the last step to the first.

    Args:
      past: `Past`.
      segments: `segments.Segments`.
      d_outputs: adjoints of hidden and reads, as for `run`.
    """

    def __init__(self, past, segments, d_outputs):
        self.past = past
        self.segments = segments
        self.d_hidden, self.d_reads = d_outputs
        self.step_back = StepBack(past)

    def segment(self, s, carried):
        """Back through segment s, part by part; (s - 1, carried)."""
        length, part, parts = *self.segments, self.segments.parts
        start = s * length
        first = [kept[s] for kept in self.past.records.matrices]
        if parts == 1:
            return s - 1, self.part(start, first, carried)
        kept = self.before_parts(start, first, carried.units)

        def back(p, carried):
            return p - 1, self.part(start + p * part, read(p, kept), carried)

        _, carried = tf.while_loop(lambda p, _: p >= 0, back, (parts - 1, carried))
        return s - 1, carried

    def before_parts(self, start, first, units):
        """Arrays of the matrices before each part of a segment.

        Args:
          start: the segment's first step.
          first: the matrices before it.
          units: as in `_Carried`.
        """
        part, parts = self.segments.part, self.segments.parts

        def rebuild(t, matrices):
            return t + 1, self.past.rebuild(t, self.vector(t, units), matrices)

        def keep(p, matrices, kept):
            first = start + p * part
            # After the last part nothing is asked for.
            end = first + tf.where(p < parts - 1, part, 0)
            _, after = tf.while_loop(lambda t, _: t < end, rebuild, (first, matrices))
            return p + 1, after, write(p, kept, matrices)

        _, _, kept = tf.while_loop(
            lambda p, *_: p < parts, keep, (0, first, rooms(parts, first, 2 * _NUMBER)))
        return kept

    def part(self, start, first, carried):
        """Rebuilds the steps of a part and goes back through them; what is carried.

        Args:
          start: the part's first step.
          first: the matrices before it.
        """
        part = self.segments.part

        def rebuild(k, matrices):
            t = start + k
            after = self.past.rebuild(
                t, self.vector(t, carried.units), read(k, matrices))
            return k + 1, write(k + 1, matrices, after)

        _, matrices = tf.while_loop(
            lambda k, _: k < part, rebuild, (0, write(0, carried.matrices, first)))
        _, carried = tf.while_loop(
            lambda t, _: t >= start, self.step,
            (start + part - 1, carried._replace(matrices=matrices)))
        return carried

    def vector(self, t, units):
        """The interface vector of step t, from where it still is.

        Args:
          units: as in `_Carried`.
        """
        if self.past.weights.interface_norm:
            return self.past.records.units.vector[t]
        return units.vector.read(t)

    def units(self, t, units):
        """`Units` of step t, likewise."""
        records = self.past.records.units
        gates = [kept[t] if layer.norm else array.read(t) for kept, layer, array in zip(
            records.gates, self.past.weights.controller, units.gates)]
        gates, vector = materialise_all(t, (gates, self.vector(t, units)))
        return Units(gates, vector, tuple(rows[t] for rows in records.directions))

    def step(self, t, carried):
        """Back through step t; (t - 1, carried)."""
        state, k = carried.adjoint.state, t % self.segments.part
        *below, (d_hidden, *others) = state.controller
        state = state._replace(
            controller=[*below, (d_hidden + self.d_hidden[t], *others)],
            reads=state.reads + self.d_reads[t])
        around = read(k, carried.matrices), read(k + 1, carried.matrices)
        adjoint, d_units = self.step_back(
            t, self.units(t, carried.units), around,
            carried.adjoint._replace(state=state))
        units = tf.nest.map_structure(
            lambda array, adjoint: array.write(t, adjoint), carried.units, d_units)
        return t - 1, _Carried(adjoint, units, carried.matrices)


def weight_gradients(past, d_units):
    """Gradients of projected and of `Weights`, from those of each step's units.

    Args:
      past: `Past`.
      d_units: `Units` of adjoints `[T, ...]`, after any normalisation.
    """
    step, weights, initial, records = past

    def before(first, sequence):
        sequence = tf.concat([first[tf.newaxis], sequence[:-1]], axis=0)
        return sequence if step.kept is None else sequence * step.kept[:, :, tf.newaxis]

    d_projected, d_layers = None, []
    below = before(initial.reads, records.reads)
    for unit, layer, gates, d_normed, first, states in zip(
            step.controller, weights.controller, records.units.gates, d_units.gates,
            initial.controller, records.controller):
        d_made, *d_norm = norm_gradients(gates, layer.norm, d_normed, unit.blocks)
        own = tf.nest.map_structure(before, first, states)
        joined = tf.concat([below, own[0]], axis=2) if unit.recurrent else below
        # That of the first layer is in `projected`.
        d_bias = tf.reduce_sum(d_made, axis=[0, 1]) if d_layers else ()
        d_layers.append(UnitWeights(outer(joined, d_made), d_bias, tuple(d_norm)))
        d_projected = d_made if d_projected is None else d_projected
        # As the next layer had it: what is kept of it may be clipped.
        below = unit.step(normal(gates, layer.norm, unit.blocks), own)[0]
    d_vector, *d_norm = norm_gradients(
        records.units.vector, weights.interface_norm, d_units.vector)
    spoken = step.cell.clip(records.hidden)
    return d_projected, Weights(
        d_layers, outer(spoken, d_vector), tf.reduce_sum(d_vector, axis=[0, 1]),
        tuple(d_norm))


def norm_gradients(units, norm, adjoint, blocks=1):
    """List of the adjoints before a normalisation, and of its gain and its shift.

    Args:
      units: `[T, B, blocks * U]`, before it.
      norm: (gain, shift), or () where there is no normalisation.
      adjoint: `[T, B, blocks * U]`, after it.
    """
    with tf.GradientTape() as tape:
        tape.watch((units, norm))
        normed = normal(units, norm, blocks)
    return tape.gradient(normed, [units, *norm], adjoint)


def outer(left, right):
    """The sum over steps and batch of left^T right: `[T, B, I]`, `[T, B, J]`."""
    return tf.matmul(
        tf.reshape(left, (-1, left.shape[2])), tf.reshape(right, (-1, right.shape[2])),
        transpose_a=True)
