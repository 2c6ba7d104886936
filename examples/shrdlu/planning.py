"""The plan that is in memory before the first move (paper, Figure 4d).

Of each episode a vector: the mean of the slots that are read at the question, with what
they held before it. From it, a logistic regression says which actions follow.
"""

import numpy as np

from dnc.trajectory import Recorder
from examples.shrdlu.boards import ACTIONS
from examples.shrdlu.puzzles import make_batch

READ = 0.01  # a slot is read where a head's weight is larger (paper's Methods)
FITTED = 0.8  # the share of the episodes that a regression is fitted to


def record(model, puzzles, rows, length, most):
    """What is in memory before the question, and what is done after it.

    Args:
      model: `BlockPlayer` with a memory.
      puzzles: list of `Puzzle`, a multiple of `rows`.
      rows: of a batch.
      length, most: see `puzzles.make_batch`.

    Returns:
      (vectors `[K, word_size]`, actions `[K, M]`).
    """
    vectors, actions = [], []
    recorder = Recorder(model.layer.cell, memory=True)
    for first in range(0, len(puzzles), rows):
        inputs = make_batch(puzzles[first:first + rows], length, most)
        seen = recorder(inputs["steps"], inputs["mask"])
        memory = seen.memory[:, -2].numpy()  # [B, N, W], before the question
        read = seen.read_weighting[:, -1].numpy().max(axis=1) > READ  # [B, N]
        total = np.einsum("bn,bnw->bw", read, memory)
        vectors.append(total / np.maximum(1, read.sum(axis=1, keepdims=True)))
        actions.append(model.predict_on_batch(inputs)["actions"])
    return np.concatenate(vectors), np.concatenate(actions)


def decode(vectors, labels, rng, splits=20):
    """How often a logistic regression is right about episodes it was not fitted to.

    Args:
      vectors: `[K, F]`.
      labels: `[K]` from 0 to ACTIONS - 1.
      rng: `numpy.random.Generator` of the splits.
      splits: how many, at random.

    Returns:
      (share of right ones, share of the most frequent label), over all splits.
    """
    features = np.hstack([vectors, np.ones((len(vectors), 1))])
    right, frequent = [], []
    for _ in range(splits):
        order = rng.permutation(len(labels))
        fitted, asked = np.split(order, [round(FITTED * len(labels))])
        weights = fit(features[fitted], labels[fitted])
        right.append((features[asked] @ weights).argmax(axis=1) == labels[asked])
        most = np.bincount(labels[fitted]).argmax()
        frequent.append(labels[asked] == most)
    return float(np.mean(right)), float(np.mean(frequent))


def fit(features, labels, steps=30):
    """Weights `[F, ACTIONS]` of a multinomial logistic regression: Newton's method,
    each step halved until the sum becomes less.

    They make the sum of -log p(label) and half the squares of all weights least.

    Args:
      features: `[K, F]`, the constant among them.
      labels: `[K]`.
      steps: of Newton's method.
    """
    count = features.shape[1]
    target, weights = np.eye(ACTIONS)[labels], np.zeros((count, ACTIONS))

    def total(weights):
        shares = _softmax(features @ weights)[np.arange(len(labels)), labels]
        return (weights ** 2).sum() / 2 - np.log(np.maximum(shares, 1e-300)).sum()

    for _ in range(steps):
        share = _softmax(features @ weights)
        slope = features.T @ (share - target) + weights
        each = (features[:, :, np.newaxis] * share[:, np.newaxis]).reshape(
            -1, weights.size)  # [K, F * ACTIONS]
        curve = np.eye(weights.size) - each.T @ each
        for action in range(ACTIONS):
            curve[action::ACTIONS, action::ACTIONS] += (
                each[:, action::ACTIONS].T @ features)
        step = np.linalg.solve(curve, slope.ravel()).reshape(weights.shape)
        while total(weights - step) > total(weights) and np.abs(step).max() > 1e-6:
            step /= 2
        weights = weights - step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def _softmax(scores):
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
