"""Labels and triples as the network sees them: three digits, each one of ten.

A label is a number from 0 to 999, a triple is (source, edge, destination). A step of an
episode shows a triple, or a part of one, as 90 numbers, and two flags: see the paper's
Methods, "Graph task descriptions".
"""

from typing import NamedTuple

import numpy as np

LABELS = 1000
BLANK = -1  # a label that is not shown: thirty zeros
END = 0  # ends an answer, as the triple (END, END, END); no node has it
DIGITS = 9  # of a triple
FEATURES = 10 * DIGITS + 2
# Where the flags stand: a new phase begins; an answer is due.
NEW_PHASE, ANSWER_DUE = 10 * DIGITS, 10 * DIGITS + 1

_ONE_HOT = np.vstack([np.eye(10, dtype=np.float32), np.zeros((1, 10), np.float32)])


class Episode(NamedTuple):
    """A graph, a query and the answer that is due, step by step.

    Attributes:
      shown: `[T, 3]` labels that the network is shown, BLANK where none is.
      due: `[T, 3]` labels of the triple that is due at a step, BLANK where none is.
      begins: `[T]` booleans: True at the first step of each phase.
      hints: `[T, 3]` labels of what training also wants named while planning.
    """

    shown: np.ndarray
    due: np.ndarray
    begins: np.ndarray
    hints: np.ndarray

    @property
    def answers(self):
        """`[T]` booleans: True at the steps of the answer."""
        return self.due[:, 0] != BLANK


class Question(NamedTuple):
    """What is asked about a graph.

    Attributes:
      query: `[Q, 3]` labels that are shown.
      answer: `[A, 3]` labels that are due.
      planning: `[P, 3]` labels: hints at the steps between them, which have no input;
        BLANK where there is none.
    """

    query: np.ndarray
    answer: np.ndarray
    planning: np.ndarray = np.empty((0, 3), int)


def make_episode(triples, *questions):
    """The episode of the phases description, then query, planning, answer of each.

    Args:
      triples: `[E, 3]` labels of the graph, in the order they are shown.
      questions: `Question`, one after the other.

    Returns:
      An `Episode` of E steps and those of the questions.
    """
    shown, due, hints = [triples], [blank(len(triples))], [blank(len(triples))]
    for query, answer, planning in questions:
        shown += [query, blank(len(planning)), blank(len(answer))]
        due += [blank(len(query)), blank(len(planning)), answer]
        hints += [blank(len(query)), planning, blank(len(answer))]
    begins = [np.arange(len(phase)) == 0 for phase in shown]
    return Episode(np.vstack(shown), np.vstack(due), np.concatenate(begins),
                   np.vstack(hints))


def blank(steps):
    """`[steps, 3]` labels of which none is shown."""
    return np.full((steps, 3), BLANK)


def to_digits(labels):
    """Labels `[..., 3]` as digits `[..., 9]`, hundreds first; BLANK as three BLANK."""
    labels = np.asarray(labels)[..., np.newaxis]
    digits = np.where(labels == BLANK, BLANK, labels // np.array([100, 10, 1]) % 10)
    return digits.reshape(*digits.shape[:-2], DIGITS)


def to_labels(digits):
    """Digits `[..., 9]` as labels `[..., 3]`: the other way round."""
    digits = np.asarray(digits).reshape(*np.shape(digits)[:-1], 3, 3)
    labels = digits @ np.array([100, 10, 1])
    return np.where((digits == BLANK).any(axis=-1), BLANK, labels)


def to_features(shown, begins, answers):
    """What the network is given.

    Args:
      shown: `[..., T, 3]` labels.
      begins, answers: `[..., T]` booleans, as in `Episode`.

    Returns:
      `[..., T, FEATURES]`, float32: the digits one after the other, each one of ten,
      then the flags.
    """
    one_hot = _ONE_HOT[to_digits(shown)]  # BLANK, -1, picks the row of zeros
    flat = one_hot.reshape(*one_hot.shape[:-2], 10 * DIGITS)
    flags = np.stack([begins, answers], axis=-1).astype(np.float32)
    return np.concatenate([flat, flags], axis=-1)
