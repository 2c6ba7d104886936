"""The network of the graph experiments: a DNC, or an LSTM alone, in a Keras model."""

import keras
import tensorflow as tf

from dnc import DNC
from dnc.controllers import layers_of
from examples.graphs.encoding import FEATURES
from examples.graphs.voices import digits_of, scores_of


class Standing(keras.Model):
    """A model that knows where its training stands.

    It is among the weights: whatever saves and loads them, as Keras's own callbacks
    do, keeps both together.

    Attributes:
      lesson: number of the lesson; int32 variable.
      seconds, processor: of training so far, by the clock and of the processors;
        float32 variables.
    """

    def add_standing(self):
        """Makes these weights; to be called when the layers are there."""
        for name, dtype in (("lesson", "int32"), ("seconds", "float32"),
                            ("processor", "float32")):
            setattr(self, name, self.add_weight(
                shape=(), dtype=dtype, trainable=False, initializer="zeros",
                name=name))


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
        if self.slots:
            initializer = keras.initializers.RandomNormal(stddev=0.05)
            self.layer = DNC(
                scores_of(plan.voices), return_sequences=True,
                return_state=return_state, name="core",
                controller=["lstm"] * plan.layers if plan.layers > 1 else "lstm",
                controller_units=plan.units, memory_size=slots,
                word_size=plan.word_size, num_read_heads=plan.read_heads,
                layer_norm=plan.layer_norm,
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


class ResetLSTMCell(keras.layers.LSTMCell):
    """An LSTM cell that starts anew where the last of its inputs is 1."""

    def build(self, input_shape):
        super().build((*input_shape[:-1], input_shape[-1] - 1))

    def call(self, inputs, states, training=False):
        kept = 1 - inputs[:, -1:]
        return super().call(inputs[:, :-1], [state * kept for state in states],
                            training=training)


def widen(cell, inputs):
    """Larger first weights for what is seen and what is read.

    With these the memory comes into use sooner; `docs/reproduction.md` has the trials.

    Args:
      cell: a built `DNCCell`.
      inputs: {(first feature, end): standard deviation of its weights}.
    """
    kernel = layers_of(cell.controller)[0].kernel
    for (first, end), stddev in inputs.items():
        _redraw(kernel, first, end, stddev)
    features = max(end for _, end in inputs)
    _redraw(kernel, features, features + cell.num_read_heads * cell.word_size, 0.5)
    _redraw(cell.output_kernel, cell.controller_output_size,
            cell.output_kernel.shape[0], 0.5)


def _redraw(kernel, first, end, stddev):
    """Draws the rows from `first` to `end` anew, from N(0, stddev)."""
    values = keras.ops.convert_to_numpy(kernel).copy()
    values[first:end] = keras.random.normal(values[first:end].shape, stddev=stddev)
    kernel.assign(values)


def compile_reader(model, rate, updates, lowest):
    """Adam with a warm-up, then a rate that falls by a cosine to a share of it."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=updates, alpha=lowest, warmup_target=rate, warmup_steps=300)
    model.compile(
        keras.optimizers.Adam(schedule, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        jit_compile=True)
    model.optimizer.build(model.trainable_variables)
