"""One step of the fast path backward.

Names: `d_x` is the adjoint of x, the gradient of the loss with respect to it. The
adjoints of what is N x N or N x W are derived by hand, each in the docstring of its
function in `read_back` and `write_back`; the rest is differentiated by a GradientTape
over the functions of `forward.Step`.
"""

import tensorflow as tf

from dnc.fast_path.forward import normal
from dnc.fast_path.read_back import read_adjoint
from dnc.fast_path.state import MASKED, Backflow, Decay, Units
from dnc.fast_path.write_back import write_adjoint
from dnc.fast_path.xla import materialise, product, spread
from dnc.variants import present


class StepBack:
    """One time step backward.

    Args:
      past: `dnc.fast_path.past.Past`.
    """

    def __init__(self, past):
        self.past = past
        self.step = past.step
        # Of each layer of the controller; kernels as `xla.product` takes them.
        self.layers = [
            (unit, spread(tf.transpose(kernel)), norm) for unit, (kernel, _, norm)
            in zip(past.step.controller, past.weights.controller)]
        self.interface_kernel = spread(tf.transpose(past.weights.interface))

    def __call__(self, t, units, matrices, adjoint):
        """What flows through step t.

        Args:
          t: the step.
          units: its `Units`.
          matrices: (before, after) it.
          adjoint: `Backflow` after it.

        Returns:
          (`Backflow` before the step, `Units` of adjoints after any normalisation).
        """
        with tf.GradientTape() as tape:
            tape.watch(units.vector)
            normed = normal(units.vector, self.past.weights.interface_norm)
            interface = self.step.cell.interface(normed)
        moment = self.past.moment(t, units, interface, *matrices)
        # A masked step takes nothing of it: see `pass_masked`.
        taken = adjoint.state._replace(**{
            name: self.step.mask(t, getattr(adjoint.state, name)) for name in MASKED})

        d_made, d_read_weighting, d_fields = read_adjoint(
            self.step, moment, adjoint._replace(state=taken))
        d_before, d_written_fields = write_adjoint(self.step, moment, d_made)
        d_vector, d_normed = materialise(t, tape.gradient(
            present(interface), [units.vector, normed], d_fields | d_written_fields))
        d_spoken = product(
            d_vector, self.interface_kernel, moment.previous.hidden.shape[1])
        d_gates, d_controller, d_reads = self.control_adjoint(moment, taken, d_spoken)
        d_before = d_before._replace(
            controller=d_controller, reads=d_reads,
            read_weighting=d_before.read_weighting + d_read_weighting)
        d_before = self.pass_masked(d_before, adjoint.state, taken)
        decay = ()
        if self.step.linked:
            decay = Decay(*materialise(t, self.step.decay(t, moment.written)))
        return (Backflow(self.step.restart(t, d_before), decay),
                Units(d_gates, d_normed, ()))

    def pass_masked(self, d_before, adjoint, taken):
        """Adds to the adjoint before a step what a masked step did not take."""
        if self.step.valid is None:
            return d_before
        return d_before._replace(**{
            name: tf.nest.map_structure(
                lambda before, all, part: before + all - part,
                *(getattr(carry, name) for carry in (d_before, adjoint, taken)))
            for name in MASKED})

    def control_adjoint(self, moment, taken, d_spoken):
        """What flows from the controller, from its last layer to its first.

        Args:
          moment: `past.Moment`.
          taken: adjoint `Carry` of what the step made.
          d_spoken: `[B, U]`, adjoint of the output as the interface sees it.

        Returns:
          (list of the adjoints of the gates after their normalisation, adjoints of the
          states before, as in `Carry`, adjoint of the reads before).
        """
        previous = moment.previous
        belows = [previous.reads, *(states[0] for states in previous.controller)]
        layers = list(zip(self.layers, moment.units.gates, previous.controller,
                          taken.controller, belows))
        seen, d_output, d_gates, d_before = self.step.cell.clip, d_spoken, [], []
        for (unit, kernel, norm), made, states, d_states, below in reversed(layers):
            with tf.GradientTape() as tape:
                tape.watch((made, states))
                normed = normal(made, norm, unit.blocks)
                after = unit.step(normed, states)
                outputs = [*self.step.clip_states(after), seen(after[0])]
            d_made, d_normed, (d_own, *d_others) = tape.gradient(
                outputs, (made, normed, states), [*d_states, d_output],
                unconnected_gradients="zero")
            d_made, d_normed = materialise(moment.t, [d_made, d_normed])
            sizes = [below.shape[1]] + [unit.units] * unit.recurrent
            d_output, *d_recurrent = tf.split(
                product(d_made, kernel, sum(sizes)), sizes, axis=1)
            d_gates.insert(0, d_normed)
            d_before.insert(0, (sum(d_recurrent, d_own), *d_others))
            seen = tf.identity
        return d_gates, d_before, d_output
