"""Content look-ups in the transposed memory, and what flows back from them."""

from typing import NamedTuple

import tensorflow as tf

from dnc import addressing
from dnc.fast_path.xla import weigh_columns, weigh_rows


class Query(NamedTuple):
    """What some heads look for.

    Attributes:
      keys: `[B, K, W]`.
      strengths: `[B, K]`.
      masks: `[B, K, W]`; None without masked content look-up.
    """

    keys: tf.Tensor
    strengths: tf.Tensor
    masks: tf.Tensor | None

    @classmethod
    def to_read(cls, interface):
        """That of the read heads."""
        return cls(
            interface.read_keys, interface.read_strengths, interface.read_masks)

    @classmethod
    def to_write(cls, interface):
        """That of the write heads."""
        return cls(
            interface.write_keys, interface.write_strengths, interface.write_masks)

    @property
    def probes(self):
        """`dnc.addressing.Probes`."""
        return addressing.probes(self.keys, self.masks)

    def look_up(self, memory, norms):
        """(products with the slots `[B, K, N]`, squared norms of the slots).

        Args:
          memory: `[B, W, N]`.
          norms: `[B, N]`, its squared norms, returned where there are no masks; else
            those returned are `[B, K, N]`.
        """
        queries, weights, _ = self.probes
        if weights is not None:
            norms = weigh_rows(weights, tf.square(memory))
        return weigh_rows(queries, memory), norms

    def content(self, found):
        """The content weightings `[B, K, N]`, of what `look_up` found."""
        return addressing.sharpened_softmax(*found, self.probes.keys, self.strengths)

    def products_adjoint(self, memory, d_found):
        """What flows from the products with the memory to keys and masks.

        With the queries q = k m^2, q M has the adjoint dq; with m^2 M^2, where M^2 is
        taken element by element, d(m^2): dk = m^2 dq, dm = 2 m (k dq + d(m^2)).

        Args:
          memory: `[B, W, N]`.
          d_found: adjoints of what `look_up` found.

        Returns:
          (dk, dm), each `[B, K, W]`; dm is None without masks.
        """
        d_similarity, d_norms = d_found
        d_queries = weigh_columns(d_similarity, memory)
        if self.masks is None:
            return d_queries, None
        d_weights = weigh_columns(d_norms, tf.square(memory))
        return (tf.square(self.masks) * d_queries,
                2 * self.masks * (self.keys * d_queries + d_weights))

    def norms_adjoint(self, memory, d_norms):
        """What flows from |M[i]|^2 or |M[i] * m|^2 to the memory `[B, W, N]`.

        Args:
          memory: `[B, W, N]`.
          d_norms: `[B, N]`; with masks `[B, K, N]`.
        """
        if self.masks is None:
            return 2 * memory * d_norms[:, tf.newaxis]
        return 2 * memory * tf.matmul(self.probes.weights, d_norms, transpose_a=True)
