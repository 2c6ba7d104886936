"""The network of the graph experiments: a DNC, or an LSTM alone, in a Keras model.

The LSTM has layer norm, as the DNC of the walks has.
"""

import keras
import tensorflow as tf

from dnc import DNC
from dnc.controllers import NormalisedLSTMCell
from examples.graphs.encoding import FEATURES
from examples.graphs.voices import digits_of, scores_of
from examples.lessons.network import Standing, set_free_gates, widen


class GraphReader(Standing):
    """Reads a graph and a query, and names a triple at each step.

    Args:
      plan: `training.Plan`, which says what the network is like.
      slots: of the memory.
      return_state: of the DNC, for what goes on step by step.

    Attributes:
      slots: 0 for an LSTM alone.
      layer: the `DNC`, or an `RNN` of an LSTM cell.
    """

    def __init__(self, plan, slots, return_state=False):
        super().__init__(name="graph_reader")
        self.slots = slots if plan.read_heads else 0
        self.free_gates = plan.free_gates  # their first bias
        if self.slots:
            initializer = keras.initializers.RandomNormal(stddev=0.05)
            self.layer = DNC(
                scores_of(plan.voices), return_sequences=True,
                return_state=return_state, name="core",
                controller=["lstm"] * plan.layers if plan.layers > 1 else "lstm",
                controller_units=plan.units, memory_size=slots,
                word_size=plan.word_size, num_read_heads=plan.read_heads,
                layer_norm=plan.layer_norm, use_bias=bool(plan.free_gates),
                kernel_initializer=initializer, recurrent_initializer=initializer)
        else:
            self.layer = keras.layers.RNN(
                [ResetLSTMCell(plan.units)], return_sequences=True, name="core")
            self.digits = keras.layers.Dense(scores_of(0), name="digits")
        self.add_standing()

    def build(self, input_shape=None):
        if self.slots:
            self.layer.build((None, None, FEATURES))
            # Nine digits at once weigh as much as one word of N(0, 0.6).
            widen(self.layer.cell, {(0, FEATURES): 0.2})
            if self.layer.cell.use_bias:
                set_free_gates(self.layer.cell, self.free_gates)
        else:
            self.layer.build((None, None, FEATURES + 1))
            self.digits.build((None, None, self.layer.cell.output_size))
        self.built = True

    def call(self, inputs, training=None):
        """Scores of the ten values of each digit.

        Args:
          inputs: {"steps": `[B, T, FEATURES]`, "resets": `[B, T]`: 1 where an episode
            begins, from a memory without anything in it}.
          training: passed to the layers.

        Returns:
          logits `[B, T, DIGITS, 10]`.
        """
        steps, resets = inputs["steps"], inputs["resets"]
        if self.slots:
            scores = self.layer(steps, resets=resets > 0, training=training)
        else:
            steps = tf.concat([steps, resets[:, :, tf.newaxis]], axis=2)
            scores = self.digits(self.layer(steps, training=training))
        return digits_of(scores)


class ResetLSTMCell(NormalisedLSTMCell):
    """An LSTM cell that starts anew where the last of its inputs is 1."""

    def build(self, input_shape):
        super().build((*input_shape[:-1], input_shape[-1] - 1))

    def call(self, inputs, states, training=False):
        kept = 1 - inputs[:, -1:]
        return super().call(inputs[:, :-1], [state * kept for state in states],
                            training=training)
