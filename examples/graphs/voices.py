"""Voices: several sets of scores of the digits, in the place of one.

An output of a DNC is linear in what is read, and so is the score of a digit. An edge is
right if all of its digits are, which no sum over several things read can say: what two
of them have in part scores as high as what one has in whole. So there can be several
voices. Each scores the digits, and to it an edge is as likely as its digits together;
to all of them it is as likely as to one of them, in shares that the network says too (a
mixture of products of softmaxes, after Yang et al. 2018). Each listens to all heads.
"""

import tensorflow as tf

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
