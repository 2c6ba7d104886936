"""Walks on the Underground: asked of a network, and counted by their length."""

from typing import NamedTuple

import numpy as np

from dnc.trajectory import provenance
from examples.graphs import london
from examples.graphs.encoding import Episode, to_digits, to_labels
from examples.graphs.rows import pack
from examples.graphs.training import evaluate
from examples.graphs.traversal import random_walk, traversal_episode

LENGTHS = tuple(range(1, 8))  # steps of the walks that are asked
ROWS = 10  # of a batch of questions
SLOTS = 128  # hold the 106 triples, the query and the answer


def right_by_length(model, rng, count=100, lengths=LENGTHS):
    """{length: share of random walks of that length answered without a mistake}.

    Stations and directions get new numbers for each walk, and a new order.

    Args:
      model: `GraphReader` with SLOTS slots.
      rng: `numpy.random.Generator`.
      count: walks of each length, rounded up to whole batches.
      lengths: steps of the walks.
    """
    def episodes(steps):
        while True:
            triples = london.Numbered(rng).triples
            yield traversal_episode(triples, random_walk(triples, steps, rng))

    shape = ROWS, len(london.RIDES) + 2 * max(lengths) + 1
    return {steps: evaluate(model, episodes(steps), shape, count)["right"]
            for steps in lengths}


class Look(NamedTuple):
    """A walk that was asked, the answer, and what the memory did meanwhile.

    Attributes:
      numbered: `london.Numbered`.
      walk: the rides asked for.
      episode: `Episode`.
      answer: the rides answered, None for what names nothing; the last ends it.
      right: for each step of the answer whether it is what was due.
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`, with memory.
      holders: {step: `[N]`, the step whose writing makes up most of each slot}, for
        the steps from the query on.
      strengths: {step: `[R, T]`, how strongly each head reads what was written at
        each step}, likewise.
    """

    numbered: london.Numbered
    walk: list
    episode: Episode
    answer: list
    right: list
    trajectory: object
    holders: dict
    strengths: dict

    @property
    def query(self):
        """Numbers of the steps of the query."""
        return np.flatnonzero(np.cumsum(self.episode.begins) == 2)

    @property
    def answering(self):
        """Numbers of the steps of the answer."""
        return np.flatnonzero(self.episode.answers)

    def name(self, step):
        """What is shown or due at a step, in words."""
        if step in self.query:
            number = step - self.query[0]
            start = f"{self.walk[0][0]}, " if number == 0 else ""
            return f"asked {number + 1}: {start}{self.walk[number][1]}"
        if step in self.answering:
            number = step - self.answering[0] + 1
            return "the end" if number > len(self.walk) else f"answer {number}"
        return ride_text(self.numbered.name(self.episode.shown[step:step + 1])[0])


def ride_text(ride):
    """A ride in words; ? for what names nothing."""
    here, direction, there = (part or "?" for part in ride)
    return f"{here}, {direction}, {there}"


def look(model, walk, rng):
    """Asks one walk and looks into the memory.

    Args:
      model: `GraphReader` around a `DNC`, with SLOTS slots.
      walk: list of rides: see `london.follow`.
      rng: gives the numbers and the order of the triples.

    Returns:
      A `Look`.
    """
    numbered = london.Numbered(rng)
    labels = numbered.number(walk)
    episode = traversal_episode(numbered.triples, labels)
    features = pack([episode], 1, len(episode.shown)).inputs["steps"]
    trajectory = model.layer.trajectory(features, memory=True).sample(0)
    digits = trajectory.outputs.reshape(len(features[0]), 9, 10).argmax(axis=-1)
    answered, due = to_labels(digits)[episode.answers], episode.due[episode.answers]
    slots = range(model.slots)
    holders = {step: np.array([provenance(trajectory, step, slot).argmax()
                               for slot in slots])
               for step in range(len(london.RIDES), len(episode.shown))}
    strengths = {step: np.stack([
        np.bincount(holders[step], shares, len(episode.shown))
        for shares in trajectory.read_weighting[step]]) for step in holders}
    return Look(numbered, walk, episode, numbered.name(answered),
                (answered == due).all(axis=1).tolist(), trajectory, holders, strengths)


class Decoder:
    """Reads triples out of what the network writes.

    A linear map from write vectors to the digits of the triple that is shown at that
    step, by ridge regression (the paper: nine logistic regressions), applied to slots
    and to read keys. Only labels that the episode has are considered.

    Args:
      model: `GraphReader` around a `DNC`.
      rng: gives the walks whose write vectors it is fitted to.
      rows: how many of them, of 106 triples each.
      ridge: strength of the penalty.
    """

    def __init__(self, model, rng, rows=24, ridge=0.1):
        numbered = [london.Numbered(rng) for _ in range(rows)]
        episodes = [traversal_episode(graph.triples, random_walk(graph.triples, 1, rng))
                    for graph in numbered]
        count = len(episodes[0].shown)
        inputs = pack(episodes, rows, count).inputs["steps"]
        written = model.layer.trajectory(inputs).interface.write_vectors[:, :, 0]
        shown = len(london.RIDES)
        vectors = np.asarray(written)[:, :shown].reshape(rows * shown, -1)
        digits = inputs[:, :shown, :90].reshape(rows * shown, 90)
        vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
        gram = vectors.T @ vectors + ridge * np.eye(vectors.shape[1])
        self._map = np.linalg.solve(gram, vectors.T @ digits)

    def __call__(self, vectors, numbered):
        """The rides that vectors `[K, W]` speak of."""
        vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
        scores = (vectors @ self._map).reshape(len(vectors), 3, 3, 10)
        rides = []
        for field, candidates in enumerate(numbered.triples.T):
            labels = np.unique(candidates)
            digits = to_digits(labels[:, np.newaxis].repeat(3, 1))[:, :3]
            total = sum(scores[:, field, place][:, digits[:, place]]
                        for place in range(3))
            rides.append(labels[total.argmax(axis=1)])
        return numbered.name(np.stack(rides, axis=1))
