"""A graph whose nodes and edges have names: asked of a network, and looked into."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dnc.trajectory import origins
from examples.graphs.encoding import END, Episode, to_digits, to_labels
from examples.graphs.rows import pack
from examples.graphs.training import evaluate
from examples.graphs.voices import digits_of
from examples.lessons.pictures import RIGHT, WRONG

ROWS = 10  # of a batch of questions
THE_END = ("the end", None, None)  # in the place of an edge


class Numbered:
    """A graph with numbers for its names.

    Args:
      named: list of edges (node, edge, node).
      nodes, edges: {name: label}; further names may be among them.
      rng: `numpy.random.Generator`, for the order of the triples.

    Attributes:
      triples: `[E, 3]` labels, in random order.
    """

    def __init__(self, named, nodes, edges, rng):
        self._nodes, self._edges = nodes, edges
        self._node_of = {label: name for name, label in nodes.items()}
        self._edge_of = {label: name for name, label in edges.items()}
        self.triples = rng.permutation(self.number(named))

    def number(self, named):
        """Edges (node, edge, node) as labels `[K, 3]`."""
        return np.array([(self._nodes[here], self._edges[edge], self._nodes[there])
                         for here, edge, there in named]).reshape(-1, 3)

    def label(self, node):
        """The label of a node's name."""
        return self._nodes[node]

    def name(self, triples):
        """Labels `[K, 3]` as edges, or THE_END; None for what names nothing here."""
        return [THE_END if here == edge == there == END else (
                    self._node_of.get(here), self._edge_of.get(edge),
                    self._node_of.get(there))
                for here, edge, there in np.asarray(triples).tolist()]


def right_by_length(model, draw, lengths, rng, count=100):
    """{length: share of the questions of that length answered without a mistake}.

    Args:
      model: `GraphReader` with enough slots.
      draw: function of length and `rng` that gives an `Episode`.
      lengths: of the walks or relations asked for.
      rng: `numpy.random.Generator`.
      count: questions of each length, rounded up to whole batches.
    """
    def episodes(length):
        while True:
            yield draw(length, rng)

    shape = ROWS, max(len(draw(length, rng).shown) for length in lengths)
    return {length: evaluate(model, episodes(length), shape, count)["right"]
            for length in lengths}


class Look(NamedTuple):
    """A question that was asked, the answer, and what the memory did meanwhile.

    Attributes:
      numbered: `Numbered`.
      asked: the edges asked for, one after the other, by name.
      episode: `Episode` of one question.
      names: what is shown or due at each step, in words.
      answer: the edges answered, or THE_END; None for what names nothing.
      right: for each step of the answer whether it is what was due.
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`, with memory.
      holders: {step: `[N]`, the step whose writing makes up most of each slot, -1 for
        a slot with next to nothing in it}, for the steps from the query on.
      strengths: {step: `[R, T]`, how strongly each head reads what was written at
        each step}, likewise.
    """

    numbered: Numbered
    asked: list
    episode: Episode
    names: list
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

    def shown(self, step):
        """The edge shown at a step of the description."""
        return self.numbered.name(self.episode.shown[step:step + 1])[0]


def edge_text(edge):
    """An edge in words, or the end; ? for what names nothing."""
    if edge == THE_END:
        return "the end"
    here, label, there = (part or "?" for part in edge)
    return f"{here}, {label}, {there}"


def look(model, numbered, asked, episode, names):
    """Asks one question and looks into the memory.

    Args:
      model: `GraphReader` around a `DNC`, with enough slots.
      numbered, asked, episode: as in `Look`.
      names: of the steps after the description, in words.

    Returns:
      A `Look`.
    """
    features = pack([episode], 1, len(episode.shown)).inputs["steps"]
    trajectory = model.layer.trajectory(features, memory=True).sample(0)
    digits = digits_of(tf.constant(trajectory.outputs)).numpy().argmax(axis=-1)
    answered, due = to_labels(digits)[episode.answers], episode.due[episode.answers]
    described, count = len(numbered.triples), len(episode.shown)
    holders = {step: held for step, held in enumerate(_holders(trajectory))
               if step >= described}
    strengths = {step: np.stack([
        np.bincount(held[held >= 0], shares[held >= 0], count)
        for shares in trajectory.read_weighting[step]])
        for step, held in holders.items()}
    described = map(edge_text, numbered.name(episode.shown[:described]))
    return Look(numbered, asked, episode, [*described, *names], numbered.name(answered),
                (answered == due).all(axis=1).tolist(), trajectory, holders, strengths)


def print_answers(look):
    """The edges of an answer, ticked or crossed, and an end that is none."""
    for step, edge, right in zip(look.answering, look.answer, look.right):
        if look.episode.due[step, 0] != END:
            print(f"  {RIGHT if right else WRONG} {edge_text(edge)}")
        elif not right:
            print(f"  {WRONG} the end")


def _holders(trajectory, least=0.05):
    """For each step `[N]`: see `Look.holders`; next to nothing is less than `least`."""
    for slots, steps, shares in origins(trajectory, least):
        held = np.full(trajectory.usage.shape[1], -1)
        order = np.argsort(shares, kind="stable")  # the largest of a slot comes last
        held[slots[order]] = steps[order]
        yield held


class Decoder:
    """Reads triples out of what the network writes.

    A linear map from write vectors to the digits of the triple that is shown at that
    step, by ridge regression (the paper: nine logistic regressions), applied to slots
    and to read keys. Only labels that the episode has are considered.

    Args:
      model: `GraphReader` around a `DNC`.
      episodes: list of `Episode`, of equal length, whose write vectors it is fitted to.
      ridge: strength of the penalty.
    """

    def __init__(self, model, episodes, ridge=0.1):
        rows, count = len(episodes), len(episodes[0].shown)
        inputs = pack(episodes, rows, count).inputs["steps"]
        written = model.layer.trajectory(inputs).interface.write_vectors[:, :, 0]
        shown = np.flatnonzero(episodes[0].begins)[1]  # steps of the description
        vectors = np.asarray(written)[:, :shown].reshape(rows * shown, -1)
        digits = inputs[:, :shown, :90].reshape(rows * shown, 90)
        vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
        gram = vectors.T @ vectors + ridge * np.eye(vectors.shape[1])
        self._map = np.linalg.solve(gram, vectors.T @ digits)

    def __call__(self, vectors, numbered):
        """The edges that vectors `[K, W]` speak of, by name."""
        vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
        scores = (vectors @ self._map).reshape(len(vectors), 3, 3, 10)
        edges = []
        for field, candidates in enumerate(numbered.triples.T):
            labels = np.unique(candidates)
            digits = to_digits(labels[:, np.newaxis].repeat(3, 1))[:, :3]
            total = sum(scores[:, field, place][:, digits[:, place]]
                        for place in range(3))
            edges.append(labels[total.argmax(axis=1)])
        return numbered.name(np.stack(edges, axis=1))
