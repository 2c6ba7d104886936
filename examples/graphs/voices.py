"""Voices: read heads that each say what they read, in the place of one sum.

An output of a DNC is linear in what is read, and so is the score of a digit. An edge is
right if all of its digits are, which no sum over several things read can say: what two
of them have in part scores as high as what one has in whole. So there can be several
voices. Each scores the digits, and to it an edge is as likely as its digits together;
to all of them it is as likely as to one of them, in shares that the network says too (a
mixture of products of softmaxes, after Yang et al. 2018). A voice may listen to all
heads; `take_over` has each begin with a head of its own.
"""

import keras
import numpy as np
import tensorflow as tf

from dnc import interface
from dnc.controllers import layers_of
from dnc.variants import present
from examples.graphs.encoding import DIGITS


def scores_of(voices):
    """How many scores a network has with so many voices besides the first."""
    return (1 + voices) * 10 * DIGITS + voices


def voices_of(scores):
    """What each voice says, and how much it counts.

    Scores of V voices are 10 * DIGITS numbers for each, then V - 1 for how much all but
    the first count.

    Args:
      scores: `[..., V * 10 * DIGITS + V - 1]`.

    Returns:
      logarithms of how likely each value of a digit is, `[..., V, 10 * DIGITS]`, and of
      the voices' shares, `[..., V]`.
    """
    count = (scores.shape[-1] + 1) // (10 * DIGITS + 1)
    said, more = scores[..., :10 * DIGITS * count], scores[..., 10 * DIGITS * count:]
    digits = tf.nn.log_softmax(tf.reshape(said, (-1, DIGITS, 10)))
    shape = tf.concat([tf.shape(scores)[:-1], [count, 10 * DIGITS]], axis=0)
    shares = tf.concat([tf.zeros_like(scores[..., :1]), more], axis=-1)
    return tf.reshape(digits, shape), tf.nn.log_softmax(shares)


def digits_of(scores):
    """Logits `[..., DIGITS, 10]` of the digits, all voices together, of their scores:
    see `voices_of`."""
    if scores.shape[-1] > 10 * DIGITS:
        said, shares = voices_of(scores)
        scores = tf.reduce_logsumexp(said + shares[..., tf.newaxis], axis=-2)
    return tf.reshape(scores, tf.concat([tf.shape(scores)[:-1], [DIGITS, 10]], axis=0))


def take_over(model, learnt, rng, noise=0.5):
    """Gives a `GraphReader` what another has learnt that has a single voice.

    Read heads that it has more begin as copies of the other's last, with noise in their
    keys, and only the voices that it has more listen to them: each of these begins with
    what the first says, but hears one of the new heads in the place of all. As the new
    heads free what they read too, more is freed than by the last alone.

    Args:
      model, learnt: `GraphReader` around a `DNC` of the same sizes, but that the first
        has as many heads more as voices.
      rng: `numpy.random.Generator`, of the noise.
      noise: its standard deviation, as a share of that of the keys' weights.
    """
    cell, known = model.layer.cell, learnt.layer.cell
    inputs, outputs = layers_of(cell.controller)[0].kernel, cell.output_kernel
    for old, new in zip(learnt.layer.weights, model.layer.weights, strict=True):
        weight = keras.ops.convert_to_numpy(old)
        if new is inputs:
            weight = np.pad(weight, [(0, new.shape[0] - old.shape[0]), (0, 0)])
        elif new is outputs:
            weight = _with_voices(weight, known, cell)
        elif new is cell.interface_kernel:
            weight = _with_heads(weight, known, cell, noise, rng)
        new.assign(weight)


def _with_voices(kernel, known, cell):
    """An output map with a voice more for each head that a cell has more."""
    units, word = known.controller_output_size, known.word_size
    more = cell.num_read_heads - known.num_read_heads
    voices = [np.pad(kernel, [(0, more * word), (0, 0)])]
    for number in range(more):
        heard = units + (known.num_read_heads + number) * word
        voices.append(np.zeros_like(voices[0]))
        voices[-1][:units] = kernel[:units]
        voices[-1][heard:heard + word] = kernel[-word:]
    return np.concatenate([*voices, np.zeros((len(voices[0]), more))], axis=1)


def _with_heads(kernel, known, cell, noise, rng):
    """An interface map with more read heads, copies of the last."""
    more, fields = cell.num_read_heads - known.num_read_heads, []
    shapes = interface.shapes(cell.word_size, cell.num_read_heads, 1)
    for name, field in present(interface.split(
            kernel, known.word_size, known.num_read_heads, 1)).items():
        field = field.numpy()
        if field.shape[1:] != getattr(shapes, name):
            heads = np.repeat(field[:, -1:], more, axis=1)
            if name == "read_keys":
                heads = heads + noise * heads.std() * rng.normal(size=heads.shape)
            field = np.concatenate([field, heads], axis=1)
        fields.append(field.reshape(len(kernel), -1))
    return np.concatenate(fields, axis=1)
