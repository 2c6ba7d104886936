"""The interface vector: what the controller says to the memory at each step.

The controller's output is mapped to one vector per step, `xi_t = W_xi h_t`, which
is cut into the parameters of the read and write heads. In the paper's order, for
R read heads, H write heads and words of size W:

  R read keys (W each), R read strengths, H write keys, H write strengths,
  H erase vectors, H write vectors, R free gates, H allocation gates,
  H write gates, R read modes (1 + 2H each: backward, content, forward)

which for H = 1 makes `W*R + 3W + 5R + 3` numbers. A variant (`dnc.variants`) leaves
fields out, which are then None, or adds some at the end.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from dnc.variants import PAPER, present


class Interface(NamedTuple):
    """The parameters of all heads at one step, after their activations.

    Attributes:
      read_keys: `[B, R, W]`, k^r.
      read_strengths: `[B, R]`, beta^r, in [1, inf).
      write_keys: `[B, H, W]`, k^w.
      write_strengths: `[B, H]`, beta^w, in [1, inf).
      erase_vectors: `[B, H, W]`, e, in [0, 1].
      write_vectors: `[B, H, W]`, v.
      free_gates: `[B, R]`, f, in [0, 1].
      allocation_gates: `[B, H]`, g^a, in [0, 1].
      write_gates: `[B, H]`, g^w, in [0, 1].
      read_modes: `[B, R, 1 + 2H]`, pi, sums to 1: backward (H), content, forward
        (H); None without temporal links.
      read_masks: `[B, R, W]`, write_masks: `[B, H, W]`, m, in [0, 1]; None without
        masked content look-up.
      link_sharpness: `[B, R, 2H]`, s, in [1, inf): backward (H), forward (H); None
        without sharpened links.
    """

    read_keys: tf.Tensor
    read_strengths: tf.Tensor
    write_keys: tf.Tensor
    write_strengths: tf.Tensor
    erase_vectors: tf.Tensor
    write_vectors: tf.Tensor
    free_gates: tf.Tensor
    allocation_gates: tf.Tensor
    write_gates: tf.Tensor
    read_modes: tf.Tensor | None = None
    read_masks: tf.Tensor | None = None
    write_masks: tf.Tensor | None = None
    link_sharpness: tf.Tensor | None = None


def oneplus(x):
    """1 + log(1 + e^x), in [1, inf)."""
    return 1 + tf.nn.softplus(x)


# What a strength may be: the paper's oneplus, or the softplus of the authors'
# released code, which lets a look-up be blunter than cosine similarity itself.
STRENGTH_ACTIVATIONS = {"oneplus": oneplus, "softplus": tf.nn.softplus}


# Those of the fields that a variant adds or leaves out.
_ACTIVATIONS = {"read_modes": tf.nn.softmax, "read_masks": tf.sigmoid,
                "write_masks": tf.sigmoid, "link_sharpness": oneplus}


def shapes(word_size, num_read_heads, num_write_heads, variants=PAPER):
    """The shape of each field for one sample, an `Interface` of tuples of ints."""
    R, H, linked = num_read_heads, num_write_heads, variants.temporal_links
    read_words, write_words = (R, word_size), (H, word_size)
    return Interface(
        read_keys=read_words,
        read_strengths=(R,),
        write_keys=write_words,
        write_strengths=(H,),
        erase_vectors=write_words,
        write_vectors=write_words,
        free_gates=(R,),
        allocation_gates=(H,),
        write_gates=(H,),
        read_modes=(R, 1 + 2 * H) if linked else None,
        read_masks=read_words if variants.masked_content else None,
        write_masks=write_words if variants.masked_content else None,
        link_sharpness=(R, 2 * H) if variants.sharpened_links else None)


def size(*dimensions):
    """The length of the interface vector; arguments as of `shapes`."""
    return sum(map(math.prod, present(shapes(*dimensions)).values()))


def split(vector, *dimensions):
    """Cuts the vector into its fields, before any activation.

    Args:
      vector: `[B, size(*dimensions)]`.
      *dimensions: as of `shapes`.

    Returns:
      `Interface`.
    """
    fields = present(shapes(*dimensions))
    pieces = tf.split(vector, list(map(math.prod, fields.values())), axis=1)
    return Interface(**{
        name: tf.reshape(piece, (-1,) + shape)
        for piece, (name, shape) in zip(pieces, fields.items())})


def activate(raw, strength_activation="oneplus"):
    """Brings each field into its range: strengths, gates, erase vectors and so on.

    Args:
      raw: `Interface` as `split` gives it.
      strength_activation: a key of `STRENGTH_ACTIVATIONS`.

    Returns:
      `Interface`.
    """
    strength = STRENGTH_ACTIVATIONS[strength_activation]
    others = {name: activation(getattr(raw, name))
              for name, activation in _ACTIVATIONS.items()
              if getattr(raw, name) is not None}
    # They stand side by side in the vector: one pass for all.
    gates = raw.free_gates, raw.allocation_gates, raw.write_gates
    free_gates, allocation_gates, write_gates = tf.split(
        tf.sigmoid(tf.concat(gates, axis=1)), [gate.shape[1] for gate in gates], axis=1)
    return raw._replace(
        read_strengths=strength(raw.read_strengths),
        write_strengths=strength(raw.write_strengths),
        erase_vectors=tf.sigmoid(raw.erase_vectors),
        free_gates=free_gates,
        allocation_gates=allocation_gates,
        write_gates=write_gates,
        **others)
