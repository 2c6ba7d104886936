"""What every contestant works on: the model's sizes and the data.

Needs NumPy only, so that the peer's environment can use it.
"""

from typing import NamedTuple

import numpy as np


class Task(NamedTuple):
    """What stays the same over all points.

    Attributes:
      controller_units, word_size, num_read_heads: of the model.
      vocabulary_size: V, inputs and outputs of a step.
      learning_rate, momentum, rho, epsilon: of RMSprop.
      peer_lstm_layers: LSTM layers of the peer's controller.
      threads: cores to use.
      seed: of weights and data.
    """

    controller_units: int
    word_size: int
    num_read_heads: int
    vocabulary_size: int
    learning_rate: float
    momentum: float
    rho: float
    epsilon: float
    peer_lstm_layers: int
    threads: int
    seed: int = 1


def random_sequences(spec):
    """(one-hot words `[B, T, V]` float32, target words `[B, T]` int64), random."""
    size = spec["vocabulary_size"]
    rng = np.random.default_rng(spec["seed"])
    words, targets = rng.integers(size, size=(2, spec["batch"], spec["steps"]))
    return np.eye(size, dtype=np.float32)[words], targets
