"""What memory holds before the first move: the goal's letter, a plan (Figures 4d, 4e).

Of each episode a vector: the mean of the slots that are read at the question, with what
they held before it. From it, a logistic regression says which letter is asked for and
which actions follow.
"""

import numpy as np

from dnc.trajectory import Recorder
from examples.shrdlu.boards import ACTIONS
from examples.shrdlu.puzzles import make_batch

READ = 0.01  # a slot is read where a head's weight is larger (paper's Methods)
FITTED = 0.8  # the share of the episodes that a regression is fitted to


def record(model, puzzles, rows, length, most):
    """What is in memory before the question, what is asked, and what is done then.

    Args:
      model: `BlockPlayer` with a memory.
      puzzles: list of `Puzzle`, a multiple of `rows`.
      rows: of a batch.
      length, most: see `puzzles.make_batch`.

    Returns:
      (vectors `[K, word_size]`, letters `[K]` of the goals, actions `[K, M]`).
    """
    vectors, actions = [], []
    letters = np.array([puzzle.asked for puzzle in puzzles])
    recorder = Recorder(model.layer.cell, memory=True)
    for first in range(0, len(puzzles), rows):
        inputs = make_batch(puzzles[first:first + rows], length, most)
        seen = recorder(inputs["steps"], mask=inputs["mask"])
        memory = seen.memory[:, -2].numpy()  # [B, N, W], before the question
        read = seen.read_weighting[:, -1].numpy().max(axis=1) > READ  # [B, N]
        total = np.einsum("bn,bnw->bw", read, memory)
        vectors.append(total / np.maximum(1, read.sum(axis=1, keepdims=True)))
        actions.append(model.predict_on_batch(inputs)["actions"])
    return np.concatenate(vectors), letters, np.concatenate(actions)


def principal(vectors):
    """The two principal components of vectors `[K, F]`: `[K, 2]`."""
    centred = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:2].T


def decode(vectors, labels, rng, splits=20):
    """How often a logistic regression is right about episodes it was not fitted to.

    Args:
      vectors: `[K, F]`.
      labels: `[K]` from 0 on.
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
        weights = fit(features[fitted], labels[fitted], classes=labels.max() + 1)
        right.append((features[asked] @ weights).argmax(axis=1) == labels[asked])
        most = np.bincount(labels[fitted]).argmax()
        frequent.append(labels[asked] == most)
    return float(np.mean(right)), float(np.mean(frequent))


def fit(features, labels, steps=30, classes=ACTIONS):
    """Weights `[F, classes]` of a multinomial logistic regression: Newton's method,
    each step halved until the sum becomes less.

    They make the sum of -log p(label) and half the squares of all weights least.

    Args:
      features: `[K, F]`, the constant among them.
      labels: `[K]`.
      steps: of Newton's method.
      classes: above all labels.
    """
    count = features.shape[1]
    target, weights = np.eye(classes)[labels], np.zeros((count, classes))

    def total(weights):
        shares = _softmax(features @ weights)[np.arange(len(labels)), labels]
        return (weights ** 2).sum() / 2 - np.log(np.maximum(shares, 1e-300)).sum()

    for _ in range(steps):
        share = _softmax(features @ weights)
        slope = features.T @ (share - target) + weights
        each = (features[:, :, np.newaxis] * share[:, np.newaxis]).reshape(
            -1, weights.size)  # [K, F * classes]
        curve = np.eye(weights.size) - each.T @ each
        for label in range(classes):
            curve[label::classes, label::classes] += (
                each[:, label::classes].T @ features)
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
