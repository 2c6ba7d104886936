"""The question answerer: words in, a distribution over words out, at every step.

Shapes: B rows of a batch, T steps, V words of the vocabulary.
"""

import functools

import keras
import tensorflow as tf

from babi.data.typed import check_words, text_tokens
from babi.data.vocabulary import Vocabulary
from babi.model import answers
from dnc import DNC
from dnc.controllers import layers_of

# The settings of a `config.Config` that are arguments of `DNC` by the same name, and
# that the shapes of the weights, or what is computed with them, depend on.
_OF_SHAPE = ("controller_units", "word_size", "num_read_heads", "num_write_heads",
             "use_bias", "layer_norm", "interface_norm", "masked_content",
             "deallocation", "sharpened_links", "temporal_links")
SHAPE_SETTINGS = ("controller", *_OF_SHAPE)

# Before the name of a weight in a checkpoint: its average over the updates.
AVERAGE = "average/"


@keras.saving.register_keras_serializable("babi")
class QuestionAnswerer(keras.Model):
    """A DNC that reads a story word by word and answers where a `-` stands.

    Args:
      vocabulary: the V words in the order of their numbers, which `answer` needs; or V
        alone.
      **dnc_arguments: arguments of `dnc.DNC`.
    """

    def __init__(self, vocabulary, name="question_answerer", **dnc_arguments):
        super().__init__(name=name)
        self.supports_masking = True
        self.words = None if isinstance(vocabulary, int) else tuple(vocabulary)
        self.vocabulary_size = len(self.words) if self.words else vocabulary
        self._dnc_arguments = dnc_arguments
        self.dnc = DNC(self.vocabulary_size, return_sequences=True, name="dnc",
                       **dnc_arguments)

    def build(self, input_shape=None):
        self.dnc.build((None, None, self.vocabulary_size))
        self.built = True

    def call(self, tokens, mask=None, resets=None, training=None):
        """Scores of the words at each step.

        Args:
          tokens: `[B, T]` whole numbers below V.
          mask: `[B, T]` booleans; False for padding.
          resets: `[B, T]` booleans; True where a story starts.
          training: passed to the layers.

        Returns:
          logits `[B, T, V]`, float32.
        """
        words = tf.one_hot(tokens, self.vocabulary_size)
        logits = self.dnc(words, mask=mask, resets=resets, training=training)
        return tf.cast(logits, tf.float32)

    def answer(self, text):
        """The answers to a text's questions.

        Args:
          text: sentences that end in `.` and questions that end in `?`; a question
            for an answer of two words ends in `? - -`.

        Returns:
          A list of `answers.Answer`s, in the order of the questions.

        Raises:
          DataError: a text without a question, or with words that the model does not
            know.
          ValueError: the model was made without its words.
        """
        if self.words is None:
            raise ValueError("this model has no words, only their number; give it the "
                             "words as `vocabulary`")
        vocabulary = Vocabulary(self.words)
        tokens = text_tokens(text, "text")
        check_words(tokens, vocabulary, "text")
        logits = self._score([vocabulary.encode(word for word, _ in tokens)])
        return answers.of_scores("text", tokens, logits[0], vocabulary).answers()

    @functools.cached_property
    def _score(self):
        """`call` of whole numbers `[B, T]` as one graph, whatever their lengths."""
        return tf.function(
            lambda tokens: self(tokens, training=False), autograph=False,
            input_signature=[tf.TensorSpec([None, None], tf.int32)])

    def get_config(self):
        vocabulary = self.vocabulary_size if self.words is None else list(self.words)
        return {"vocabulary": vocabulary, "name": self.name, **self._dnc_arguments}


def build_model(config, vocabulary):
    """The model of a `config.Config`, with weights.

    Args:
      config: `config.Config`.
      vocabulary: the words, or their number: see `QuestionAnswerer`.
    """
    arguments = {}
    if config.weight_stddev:
        initializer = keras.initializers.RandomNormal(stddev=config.weight_stddev)
        arguments.update(kernel_initializer=initializer,
                         recurrent_initializer=initializer)
    layers = config.controller.split(",")
    model = QuestionAnswerer(
        vocabulary,
        controller=layers[0] if len(layers) == 1 else layers,
        clip_value=config.clip_value or None,
        **{name: getattr(config, name)
           for name in (*_OF_SHAPE, "memory_size", "bypass_dropout")},
        jit=config.jit,
        dtype="mixed_bfloat16" if config.mixed_precision else "float32",
        **arguments)
    model.build()
    cell, size = model.dnc.cell, model.vocabulary_size
    kernel = layers_of(cell.controller)[0].kernel
    _redraw(kernel, slice(0, size), config.input_stddev)
    _redraw(kernel, slice(size, None), config.read_stddev)
    _redraw(cell.output_kernel, slice(cell.controller_output_size, None),
            config.read_stddev)
    return model


def _redraw(kernel, rows, stddev):
    """Draws some rows of a kernel anew, from N(0, stddev); with 0 it is left alone."""
    if stddev:
        block = kernel[rows]
        drawn = keras.initializers.RandomNormal(stddev=stddev)(block.shape)
        before, after = kernel[:rows.start], kernel[rows.start + block.shape[0]:]
        kernel.assign(tf.concat([before, drawn, after], axis=0))


def named_weights(model):
    """{name in a checkpoint: variable} of a model's weights."""
    return {f"model/{path_below_root(variable)}": variable
            for variable in model.weights}


def path_below_root(variable):
    """A Keras variable's path without the name of the object that owns it."""
    return variable.path.split("/", 1)[1]


def set_random_numbers(model, seed, step):
    """Makes the random numbers of a model's next call follow from a seed and a step.

    Args:
      model: `QuestionAnswerer`.
      seed: whole number, scalar.
      step: scalar tensor of whole numbers.
    """
    weights = {id(variable) for variable in model.weights}
    states = [variable for variable in model.variables if id(variable) not in weights]
    for number, state in enumerate(states):
        state.assign(tf.cast(tf.stack([tf.cast(seed, step.dtype) + number, step]),
                             state.dtype))
