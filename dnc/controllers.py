"""Controllers that Keras has not."""

import keras
import tensorflow as tf

from dnc.normalisation import normalised


@keras.saving.register_keras_serializable("dnc")
class NormalisedLSTMCell(keras.layers.LSTMCell):
    """An LSTM with layer normalisation of its gates (Ba et al. 2016).

    Each of the four pre-activation vectors, a = W [x_t; h_{t-1}] without bias, is
    normalised over its units; then i_t = sigmoid(gamma * norm(a) + b), and so on as in
    Keras's LSTM. The gain gamma starts at 1, and the bias as Keras's, at 1 for the
    forget gate.

    Args:
      units and the others: as of `keras.layers.LSTMCell`; no dropout.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(
            name="gain", shape=(4 * self.units,), initializer="ones")

    def call(self, inputs, states, training=False):
        """One step: `[B, I]`, [h, c] to (h, [h, c]), each `[B, units]`."""
        hidden, cell = states
        gates = (tf.matmul(inputs, tf.cast(self.kernel, inputs.dtype))
                 + tf.matmul(hidden, tf.cast(self.recurrent_kernel, hidden.dtype)))
        # Means and variances are taken in the precision of the variables.
        gates = normalised(
            tf.cast(gates, self.variable_dtype), *self.normalisation(), 4)
        write, forget, candidate, expose = tf.split(
            tf.cast(gates, hidden.dtype), 4, axis=1)
        gate = self.recurrent_activation
        cell = gate(forget) * cell + gate(write) * self.activation(candidate)
        hidden = gate(expose) * self.activation(cell)
        return hidden, [hidden, cell]

    def normalisation(self):
        """Gain and shift (the bias, or zeros) of the gates, each `[4 * units]`."""
        gain = tf.convert_to_tensor(self.gain, self.variable_dtype)
        bias = tf.convert_to_tensor(self.bias) if self.use_bias else tf.zeros_like(gain)
        return gain, bias
