"""Episodes of a recall task, one by one and in batches.

A task has `features` and `outputs`, the numbers that come in and the bits that go out
at a step; `shortest` and `longest`, the lengths that it is trained with; `unit`, what
they count, and `title`, in words; `steps(length)`, how long an episode is at most;
`trials()`, what it is asked in the end, {name: (task, length)}; and
`draw(rng, length)`, which gives an `Episode`.
"""

from typing import NamedTuple

import numpy as np


class Episode(NamedTuple):
    """What comes in, what has to go out, and when.

    Attributes:
      inputs: `[T, features]`.
      targets: `[T, outputs]` bits.
      due: `[T]`: 1 at the steps whose targets count, else 0.
      phases: list of (first step, name) of the parts of the episode.
    """

    inputs: np.ndarray
    targets: np.ndarray
    due: np.ndarray
    phases: list


def blank(task, steps):
    """An `Episode` of zeros, without phases."""
    return Episode(np.zeros((steps, task.features), np.float32),
                   np.zeros((steps, task.outputs), np.float32),
                   np.zeros(steps, np.float32), [])


def pad(episodes, steps):
    """Episodes as one batch, with zeros after their ends.

    No mask is needed: nothing counts there, and nothing comes after it.

    Args:
      episodes: list of B `Episode`.
      steps: T, as many as the longest has, or more.

    Returns:
      (inputs `[B, T, features]`, targets `[B, T, outputs]`, due `[B, T]`).
    """
    padded = [np.zeros((len(episodes), steps, *part.shape[1:]), np.float32)
              for part in episodes[0][:3]]
    for row, episode in enumerate(episodes):
        for batch, part in zip(padded, episode):
            batch[row, :len(part)] = part
    return tuple(padded)


def both_lengths(task):
    """The longest length of the training and twice that, as `trials` gives them."""
    return {f"{length} {task.unit}": (task, length)
            for length in (task.longest, 2 * task.longest)}


class Batches:
    """The training batches of an epoch, each the same whenever it is made.

    The lengths are uniform from the task's shortest to a longest, which grows by the
    update in the first part of the training.

    Args:
      task: see above.
      size: episodes in a batch.
      updates: batches in an epoch.
      growing: updates after which the longest length is the task's.
      seed: whole number.

    Attributes:
      epoch: its number, from 0; a callback moves it on.
    """

    def __init__(self, task, size, updates, growing, seed):
        self.task, self.size, self.updates = task, size, updates
        self.growing, self.seed, self.epoch = growing, seed, 0

    def __len__(self):
        return self.updates

    def longest(self, index):
        """The longest length in a batch of the present epoch."""
        done = self.epoch * self.updates + index
        if done >= self.growing:
            return self.task.longest
        lengths = self.task.longest - self.task.shortest + 1
        return self.task.shortest + lengths * done // self.growing

    def __getitem__(self, index):
        rng = np.random.default_rng([self.seed, self.epoch, index])
        lengths = rng.integers(self.task.shortest, self.longest(index), self.size,
                               endpoint=True)
        return pad([self.task.draw(rng, length) for length in lengths],
                   self.task.steps(self.task.longest))
