"""One time step of a Differentiable Neural Computer, as a Keras RNN cell."""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from dnc import controllers
from dnc import interface as interface_vector
from dnc import memory as external_memory
from dnc.arguments import check_states, limit, one_of, positive, share
from dnc.maps import Weights, dropped, fresh, linear
from dnc.memory import MemoryState
from dnc.normalisation import normalised
from dnc.variants import Variants, present


class DNCState(NamedTuple):
    """What a DNC carries from one step to the next.

    Attributes:
      controller: list of tensors, the controller's own states (for an LSTM
        `[B, units]` twice: hidden, cell).
      memory: `MemoryState`.
      read_vectors: `[B, R, W]`, what the read heads last read.
    """

    controller: list
    memory: MemoryState
    read_vectors: tf.Tensor


@keras.saving.register_keras_serializable("dnc")
class DNCCell(keras.layers.Layer):
    """One step: controller, interface, memory, output (paper, Methods).

    Use it as `keras.layers.RNN(DNCCell(...))`, or use `dnc.DNC`, which gives the
    same numbers faster. Shapes: B batch, N memory slots, W word size, R read
    heads, H write heads, D input size.

    As Keras expects of a cell, the state is a flat list of `[B, size]` tensors
    (Keras misreads states of more dimensions in functional models): the
    controller's states, then memory, usage, link, precedence, write weighting,
    read weighting, read vectors. `unpack_state` gives them names and shapes.

    With a mixed precision policy the controller and the linear maps compute in
    half precision; state, addressing and output stay in float32.

        >>> cell = DNCCell(output_size=3, controller_units=8, memory_size=4,
        ...                word_size=2, num_read_heads=1)
        >>> states = cell.get_initial_state(batch_size=2)
        >>> outputs, states = cell(tf.ones([2, 6]), states)
        >>> outputs.shape, cell.unpack_state(states).memory.link.shape
        (TensorShape([2, 3]), TensorShape([2, 1, 4, 4]))

    Args:
      output_size: length of the output y_t.
      controller_units: hidden units of the controller, of each layer of a stack.
      memory_size: N, number of slots.
      word_size: W, numbers in a slot.
      num_read_heads: R.
      num_write_heads: H; 1 in the paper.
      clip_value: the controller's output and the cell's output are clipped to
        [-clip_value, clip_value], as in the authors' code; None for none, as in the
        paper.
      classic_dnc_output: True returns `[h_t; reads]`, of size controller output +
        R * W, without output map.
      controller: another controller than the LSTM: "lstm", "gru", "feedforward", a
        list of them for a stack (see `dnc.controllers`); a Keras RNN cell; or a layer
        from `[B, D + R * W]` to `[B, units]` for a feedforward controller.
      use_bias: adds a bias to the interface and output maps, as in the authors'
        released code; the paper's maps have none.
      strength_activation: "oneplus" (paper) or "softplus" (released code).
      usage_gradient: True (paper) lets gradient through usage to the write
        weightings; False (released code) stops it.
      clip_controller_state: True also clips the controller's states, as the
        released code does.
      kernel_initializer: of the controller's input kernel, W_xi, W_y and W_r.
      recurrent_initializer: of the LSTM's or the GRU's recurrent kernel.
      bypass_dropout: in training, the share of h_t's units that is dropped where h_t
        enters the output map, each unit and step anew: y_t = W_y dropout(h_t) +
        W_r reads (Franke et al. 2018). It starves the way around the memory.
      seed: of the dropout; None takes one from Keras's global seed. As with Keras's
        own dropout, its place in the random numbers is not saved with the weights.
      layer_norm: each of the LSTM's four pre-activation vectors, without bias, is
        normalised over its units to mean 0 and variance 1, times a learned gain: see
        `dnc.controllers.NormalisedLSTMCell` (Ba et al. 2016; in a DNC Franke et al.
        2018).
      interface_norm: the interface vector is normalised over its entries before any
        activation, xi_t = gamma norm(W_xi h_t) + delta, with learned gain gamma (starts
        at 1) and shift delta (at 0); a bias is added before (Franke et al. 2018).
      masked_content, deallocation, sharpened_links, temporal_links: variants of the
        memory; see `dnc.variants.Variants`.
      **kwargs: `name`, `dtype` and the like.

    Raises:
      ValueError: a size is not a positive integer, `clip_value` is not positive, a
        name is not known, `bypass_dropout` is not a share or has no output map, a
        `dtype` has too few bits for the memory, or variants do not go together.
    """

    def __init__(self, output_size, controller_units=256, memory_size=256,
                 word_size=64, num_read_heads=4, num_write_heads=1, clip_value=20.0,
                 classic_dnc_output=False, controller=None, use_bias=False,
                 strength_activation="oneplus", usage_gradient=True,
                 clip_controller_state=False, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bypass_dropout=0.0, seed=None,
                 layer_norm=False, interface_norm=False, masked_content=False,
                 deallocation=False, sharpened_links=False, temporal_links=True,
                 **kwargs):
        policy = keras.dtype_policies.get(
            kwargs.pop("dtype", None) or keras.config.dtype_policy())
        if policy.variable_dtype not in ("float32", "float64"):
            raise ValueError(
                f"a DNC keeps its memory in float32 or float64, got the dtype "
                f"{policy.name!r}; give 'mixed_bfloat16' or 'mixed_float16'")
        # The state is kept in the precision of the variables: see `get_config`.
        super().__init__(dtype=policy.variable_dtype, **kwargs)
        self._policy = policy
        self._output_size = positive("output_size", output_size)
        self.controller_units = positive("controller_units", controller_units)
        self.memory_size = positive("memory_size", memory_size)
        self.word_size = positive("word_size", word_size)
        self.num_read_heads = positive("num_read_heads", num_read_heads)
        self.num_write_heads = positive("num_write_heads", num_write_heads)
        self.clip_value = limit("clip_value", clip_value)
        self.classic_dnc_output = bool(classic_dnc_output)
        self.use_bias = bool(use_bias)
        self.strength_activation = one_of(
            "strength_activation", strength_activation,
            interface_vector.STRENGTH_ACTIVATIONS)
        self.usage_gradient = bool(usage_gradient)
        self.clip_controller_state = bool(clip_controller_state)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bypass_dropout = share("bypass_dropout", bypass_dropout)
        if self.bypass_dropout and self.classic_dnc_output:
            raise ValueError(
                "bypass_dropout drops h_t where it enters the output map, and with "
                "classic_dnc_output there is none; leave out one of the two")
        self.seed = seed
        self._dropout_seeds = (
            keras.random.SeedGenerator(seed) if self.bypass_dropout else None)
        self.layer_norm = bool(layer_norm)
        self.interface_norm = bool(interface_norm)
        self.features = 1  # of the input, once known
        # None, a name or names; a controller of one's own is kept as it is.
        self._named = controllers.names(controller, self.layer_norm)
        self.controller = controller if self._named is controllers.OWN else (
            controllers.build(
                self._named, self.controller_units, self.layer_norm,
                self.kernel_initializer, self.recurrent_initializer, self._policy))
        self.variants = Variants(*map(bool, (
            masked_content, deallocation, sharpened_links, temporal_links))).check()
        # As `interface.shapes` takes them.
        self.dimensions = (self.word_size, self.num_read_heads, self.num_write_heads,
                           self.variants)
        self.memory_shapes = external_memory.shapes(self.memory_size, *self.dimensions)
        if not self.trainable:
            self.controller.trainable = False

    @property
    def mixed_precision(self):
        """Whether the maps compute in another type than the weights have."""
        return self._policy.compute_dtype != self._policy.variable_dtype

    @property
    def controller_output_size(self):
        """Length of the controller's output h_t; of some it hangs on `features`."""
        return controllers.output_size(
            self.controller, self.features + self.num_read_heads * self.word_size)

    @property
    def output_size(self):
        """Length of the output: `output_size`, or that of `[h_t; reads]`."""
        if not self.classic_dnc_output:
            return self._output_size
        return self.controller_output_size + self.num_read_heads * self.word_size

    @property
    def state_size(self):
        """Sizes of the flat states: the controller's, the memory's, the reads'."""
        sizes = keras.tree.flatten(getattr(self.controller, "state_size", []))
        sizes += map(math.prod, present(self.memory_shapes).values())
        return sizes + [self.num_read_heads * self.word_size]

    def get_initial_state(self, batch_size=None):
        """Zeros, `[batch_size, size]` for each size in `state_size`."""
        return [tf.zeros((batch_size, size), self.compute_dtype)
                for size in self.state_size]

    def unpack_state(self, states):
        """The flat list of states as a `DNCState` of full shapes."""
        shapes = present(self.memory_shapes)
        num_controller_states = len(states) - len(shapes) - 1
        *fields, reads = states[num_controller_states:]
        fields = {name: tf.reshape(field, (-1,) + shape)
                  for field, (name, shape) in zip(fields, shapes.items())}
        memory = MemoryState(**{"link": None, "precedence": None} | fields)
        reads = tf.reshape(reads, (-1, self.num_read_heads, self.word_size))
        return DNCState(list(states[:num_controller_states]), memory, reads)

    def pack_state(self, state):
        """The inverse of `unpack_state`."""
        sizes = self.state_size[len(state.controller):]
        tensors = [*present(state.memory).values(), state.read_vectors]
        return list(state.controller) + [
            tf.reshape(tensor, (-1, size)) for tensor, size in zip(tensors, sizes)]

    def build(self, input_shape):
        reads_size = self.num_read_heads * self.word_size
        self.features = input_shape[-1]
        if not self.controller.built:
            self.controller.build((input_shape[0], self.features + reads_size))
        size = interface_vector.size(*self.dimensions)
        hidden_size = self.controller_output_size
        self.interface_kernel = self._kernel("interface_kernel", hidden_size, size)
        self.interface_bias = self._bias("interface_bias", size)
        self.interface_gain = self.interface_shift = None
        if self.interface_norm:
            self.interface_gain = self.add_weight(
                name="interface_gain", shape=(size,), initializer="ones")
            self.interface_shift = self.add_weight(
                name="interface_shift", shape=(size,), initializer="zeros")
        self.output_kernel = self.output_bias = None
        if not self.classic_dnc_output:
            self.output_kernel = self._kernel(
                "output_kernel", hidden_size + reads_size, self._output_size)
            self.output_bias = self._bias("output_bias", self._output_size)
        self.built = True

    def _kernel(self, name, inputs, outputs):
        return self.add_weight(
            name=name, shape=(inputs, outputs),
            initializer=fresh(self.kernel_initializer))

    def _bias(self, name, size):
        if not self.use_bias:
            return None
        return self.add_weight(name=name, shape=(size,), initializer="zeros")

    def weights_as_tensors(self):
        """`Weights` of the maps around the memory."""
        def read(variable):
            return None if variable is None else tf.cast(
                tf.convert_to_tensor(variable), self.compute_dtype)
        norm = (self.interface_gain, self.interface_shift)
        return Weights(
            read(self.interface_kernel), read(self.interface_bias),
            tuple(map(read, norm)) if self.interface_norm else (),
            read(self.output_kernel), read(self.output_bias))

    def call(self, inputs, states, training=None):
        """One time step.

        Args:
          inputs: `[B, D]`.
          states: list of `[B, size]`, as `state_size` and `get_initial_state`.
          training: whether h_t is dropped out; passed to a controller that takes it.

        Returns:
          (output `[B, output_size]`, list of next states).

        Raises:
          ValueError: `inputs` is not of rank 2, or the states are not as described.
        """
        if len(inputs.shape) != 2:
            raise ValueError(
                "DNCCell takes one time step, inputs [batch, features]; got shape "
                f"{tuple(inputs.shape)}. For a sequence use DNC or keras.layers.RNN.")
        check_states(states, self.state_size, inputs.shape[0])
        with tf.name_scope("previous_state"):
            state = self.unpack_state([
                tf.cast(state, self.compute_dtype) for state in states])
        with tf.name_scope("weights"):
            weights = self.weights_as_tensors()
        with tf.name_scope("controller"):
            hidden, controller_state = self.control(inputs, state, training)
        with tf.name_scope("interface"):
            interface = self.interface(self.interface_vector(hidden, weights))
        read_vectors, memory = external_memory.step(
            state.memory, interface, self.usage_gradient, self.variants)
        with tf.name_scope("output"):
            output = self.output(
                self.bypass(hidden, training),
                tf.reshape(read_vectors, (-1, self.state_size[-1])), weights)
        with tf.name_scope("next_state"):
            next_states = self.pack_state(
                DNCState(controller_state, memory, read_vectors))
        return output, next_states

    def control(self, inputs, state, training=None):
        """One step of the controller.

        Args:
          inputs: `[B, D]`.
          state: `DNCState` of the step before.
          training: passed to a controller that takes it.

        Returns:
          (h_t `[B, controller output]`, clipped; list of the controller's next states).
        """
        reads = tf.reshape(state.read_vectors, (-1, self.state_size[-1]))
        joined = tf.concat([tf.cast(inputs, reads.dtype), reads], axis=1)
        hidden, next_states = controllers.step(
            self.controller, joined, state.controller, training)
        next_states = [tf.cast(next_state, self.compute_dtype)
                       for next_state in next_states]
        if self.clip_controller_state:
            next_states = [self.clip(next_state) for next_state in next_states]
        return self.clip(tf.cast(hidden, self.compute_dtype)), next_states

    def clip(self, tensor):
        """`tensor` within [-clip_value, clip_value]."""
        if self.clip_value is None:
            return tensor
        return tf.clip_by_value(tensor, -self.clip_value, self.clip_value)

    def interface_vector(self, hidden, weights):
        """xi_t = W_xi h_t, normalised with `interface_norm`.

        Args:
          hidden: `[B, controller output]`, h_t.
          weights: `Weights`.

        Returns:
          `[B, size of the interface]`.
        """
        vector = self._map(hidden, weights.interface_kernel, weights.interface_bias)
        if not weights.interface_norm:
            return vector
        with tf.name_scope("interface_norm"):
            return normalised(vector, *weights.interface_norm)

    def interface(self, vector):
        """The interface vector xi_t `[B, size]` as an activated `Interface`."""
        return interface_vector.activate(
            interface_vector.split(vector, *self.dimensions), self.strength_activation)

    def bypass(self, hidden, training=None):
        """h_t `[..., controller output]` on its way around the memory: dropped out."""
        if not (self.bypass_dropout and training):
            return hidden
        return dropped(hidden, self.bypass_dropout, self._dropout_seeds.next())

    def output(self, hidden, reads, weights):
        """y_t = W_y h_t + W_r reads, clipped; or `[h_t; reads]`.

        Args:
          hidden: `[..., controller output]`, h_t after `bypass`.
          reads: `[..., R * W]`, the read vectors side by side.
          weights: `Weights`.

        Returns:
          `[..., output_size]`.
        """
        joined = tf.concat([hidden, reads], axis=-1)
        if self.classic_dnc_output:
            return joined
        return self.clip(
            self._map(joined, weights.output_kernel, weights.output_bias))

    def _map(self, tensor, kernel, bias):
        """tensor @ kernel + bias in the policy's compute type."""
        half = self._policy.compute_dtype
        result = tf.cast(
            linear(tf.cast(tensor, half), tf.cast(kernel, half)), tensor.dtype)
        return result if bias is None else result + bias

    def get_config(self):
        config = super().get_config()
        controller = self.controller
        serialize = keras.saving.serialize_keras_object
        config.update(
            output_size=self._output_size, controller_units=self.controller_units,
            memory_size=self.memory_size, word_size=self.word_size,
            num_read_heads=self.num_read_heads,
            num_write_heads=self.num_write_heads, clip_value=self.clip_value,
            classic_dnc_output=self.classic_dnc_output,
            controller=serialize(controller) if self._named is controllers.OWN
            else self._named,
            use_bias=self.use_bias, strength_activation=self.strength_activation,
            usage_gradient=self.usage_gradient,
            clip_controller_state=self.clip_controller_state,
            kernel_initializer=serialize(self.kernel_initializer),
            recurrent_initializer=serialize(self.recurrent_initializer),
            bypass_dropout=self.bypass_dropout, seed=self.seed,
            layer_norm=self.layer_norm, interface_norm=self.interface_norm,
            **self.variants._asdict(),
            dtype=keras.dtype_policies.serialize(self._policy))
        return config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("controller", "dtype"):
            if isinstance(config.get(name), dict):
                config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
