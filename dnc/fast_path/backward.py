"""The backward half of the fast path: the loop over segments, and what is after it."""

import tensorflow as tf

from dnc.fast_path.arrays import read, rooms, tensor_array, write
from dnc.fast_path.controllers import UnitWeights
from dnc.fast_path.forward import matrices_of, normal
from dnc.fast_path.state import Decay, Weights
from dnc.fast_path.step_back import StepBack
from dnc.fast_path.xla import materialise_all, spread

# Rooms are numbered from here on, apart from those of the forward loop: see `rooms`.
_NUMBER = 100


def run(step, segments, weights, initial, records, adjoints):
    """The loop backward.

    Args:
      step: `Step`.
      segments: `segments.Segments`.
      weights, initial: the `Weights` and the first `Carry` of the forward loop.
      records: `Records` of the forward loop.
      adjoints: of hidden `[T, B, U]`, reads `[T, B, R * W]` and the fields of the
        final `Carry`.

    Returns:
      list of the gradients of projected, the `Weights` and the initial `Carry`.
    """
    d_hidden, d_reads, *d_final = adjoints
    d_final = tf.nest.pack_sequence_as(initial, d_final)
    steps = tf.shape(records.hidden)[0]
    later = Decay(tf.ones_like(initial.write_weighting),
                  tf.zeros_like(initial.write_weighting)) if step.linked else ()

    # The adjoints of a step's units take the units' place: see `forward.run`. Those of
    # what is normalised get a place of their own, as both are needed after the loop.
    def place(unit, norm):
        return tensor_array(tf.zeros_like(unit) if norm else unit)

    gates = [place(unit, layer.norm) for unit, layer in zip(
        records.units.gates, weights.controller)]
    vector = place(records.units.vector, weights.interface_norm)
    memories, *links = rooms(segments.part + 1, matrices_of(initial), _NUMBER)
    walk = _Walk(step, segments, weights, initial, records, d_hidden, d_reads)
    _, adjoint, later, d_gates, d_vector, _, _ = tf.while_loop(
        lambda s, *_: s >= 0, walk.segment,
        (steps // segments.segment - 1, d_final, later, gates, vector, memories, links))
    if step.linked:
        adjoint = adjoint._replace(link=later.of(adjoint.link))
    return [*weight_gradients(
        step, weights, [array.stack() for array in d_gates], d_vector.stack(), records,
        initial), adjoint]


class _Walk:
    """From the last step to the first.

    What is carried from step to step: (adjoint `Carry`, `Decay` of the step after, ()
    without temporal links, arrays of the units `[T, ...]`: gates and interface vector,
    array of the part's memories `[part + 1, ...]`, list of such arrays of the `halves`
    of its links).
    """

    def __init__(self, step, segments, weights, initial, records, d_hidden, d_reads):
        self.step_back = StepBack(step, weights._replace(
            controller=[unit._replace(kernel=spread(tf.transpose(unit.kernel)))
                        for unit in weights.controller],
            interface=spread(tf.transpose(weights.interface))))
        self.segments = segments
        self.initial = initial
        self.records = records
        self.d_hidden = d_hidden
        self.d_reads = d_reads

    def segment(self, s, *carried):
        """Back through segment s, part by part; (s - 1, carried)."""
        length, part, parts = *self.segments, self.segments.parts
        start = s * length
        first = self.records.memory[s], [half[s] for half in self.records.link]
        if parts == 1:
            return s - 1, *self.part(start, *first, *carried)
        kept = self._before_parts(start, *first, carried[3])

        def back(p, *carried):
            before = kept[0].read(p), read(p, kept[1])
            return p - 1, *self.part(start + p * part, *before, *carried)

        _, *carried = tf.while_loop(lambda p, *_: p >= 0, back, (parts - 1, *carried))
        return s - 1, *carried

    def _before_parts(self, start, memory, link, vectors):
        """Arrays of the memories and links before each part of a segment.

        Args:
          start: the segment's first step.
          memory, link: before it, the link in `halves`.
          vectors: array of the interface vectors.
        """
        part, parts = self.segments.part, self.segments.parts

        def keep(p, memory, link, memories, links):
            first = start + p * part
            # After the last part nothing is asked for.
            end = first + tf.where(p < parts - 1, part, 0)
            _, *after = tf.while_loop(
                lambda t, *_: t < end,
                lambda t, memory, link: (
                    t + 1, *self._rebuild(t, vectors, memory, link)),
                (first, memory, link))
            return p + 1, *after, memories.write(p, memory), write(p, links, link)

        memories, *links = rooms(parts, (memory, *link), 2 * _NUMBER)
        _, _, _, *kept = tf.while_loop(
            lambda p, *_: p < parts, keep, (0, memory, link, memories, links))
        return kept

    def part(self, start, memory, link, adjoint, later, gates, vectors, memories,
             links):
        """Rebuilds the steps of a part and goes back through them; what is carried.

        Args:
          start: the part's first step.
          memory, link: before it, the link in `halves`.
        """
        part = self.segments.part

        def rebuild(k, memories, links):
            memory, link = self._rebuild(
                start + k, vectors, memories.read(k), read(k, links))
            return k + 1, memories.write(k + 1, memory), write(k + 1, links, link)

        _, memories, links = tf.while_loop(
            lambda k, *_: k < part, rebuild,
            (0, memories.write(0, memory), write(0, links, link)))
        _, *carried = tf.while_loop(
            lambda t, *_: t >= start, self.step,
            (start + part - 1, adjoint, later, gates, vectors, memories, links))
        return carried

    def _vector(self, t, vectors):
        """The interface vector of step t, from the array or, apart, the records."""
        if self.step_back.weights.interface_norm:
            return self.records.units.vector[t]
        return vectors.read(t)

    def _gates(self, t, gates):
        """List of the gates of step t, likewise."""
        return [kept[t] if layer.norm else array.read(t)
                for kept, layer, array in zip(
                    self.records.units.gates, self.step_back.weights.controller, gates)]

    def _rebuild(self, t, vectors, memory, link):
        return self.step_back.rebuild(
            t, self._vector(t, vectors), self.records, self.initial, memory, link)

    def step(self, t, adjoint, later, gates, vectors, memories, links):
        """Back through step t; (t - 1, carried)."""
        k = t % self.segments.part
        *below, (d_hidden, *others) = adjoint.controller
        adjoint = adjoint._replace(
            controller=[*below, (d_hidden + self.d_hidden[t], *others)],
            reads=adjoint.reads + self.d_reads[t])
        previous = self.step_back.before(
            t, self.records, self.initial, memories.read(k), read(k, links))
        after = memories.read(k + 1), read(k + 1, links)
        adjoint, later, d_gates, d_vector = self.step_back(
            t, *materialise_all(t, (self._gates(t, gates), self._vector(t, vectors))),
            *tf.nest.map_structure(
                lambda rows: rows[t],
                (self.records.units.directions, self.records.slots)),
            previous, after, adjoint, later)
        return (t - 1, adjoint, later, write(t, gates, d_gates),
                vectors.write(t, d_vector), memories, links)


def weight_gradients(step, weights, d_gates, d_vector, records, initial):
    """Gradients of projected and of `Weights`, from those of each step's units.

    Args:
      d_gates: list of `[T, B, blocks * U]`; d_vector: `[T, B, X]`; after their
        normalisation, if any.
    """
    def before(first, sequence):
        sequence = tf.concat([first[tf.newaxis], sequence[:-1]], axis=0)
        return sequence if step.kept is None else sequence * step.kept[:, :, tf.newaxis]

    d_projected, d_layers = None, []
    below = before(initial.reads, records.reads)
    for unit, layer, gates, d_normed, first, states in zip(
            step.controller, weights.controller, records.units.gates, d_gates,
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
        records.units.vector, weights.interface_norm, d_vector)
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
