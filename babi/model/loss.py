"""The loss: of the answers, and of the words that are read."""

import tensorflow as tf


def mean_cross_entropy(logits, targets, counted, count=None):
    """Mean cross-entropy over the steps that count, a scalar; 0 if there are none.

    Args:
      logits: `[B, T, V]`.
      targets: `[B, T]` whole numbers: the right word of each step.
      counted: `[B, T]` booleans: True at the steps that count, as those of answers.
      count: how many steps count, where these rows are a part of a batch; None: those
        of these rows.
    """
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=targets, logits=logits)
    each = tf.where(counted, each, 0.0)
    if count is None:
        count = tf.math.count_nonzero(counted, dtype=each.dtype)
    return tf.reduce_sum(each) / tf.maximum(count, 1.0)
