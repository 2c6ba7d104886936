"""A network that finds paths: each of its choices is its next input."""

import keras
import numpy as np
import tensorflow as tf

from examples.graphs.encoding import DIGITS
from examples.graphs.network import GraphReader
from examples.graphs.rows import Epoch, batches_of
from examples.graphs.shortest import SPARE, make_batch
from examples.graphs.training import Plan


def play(step, states, inputs):
    """Answers: at each step one edge out of where one is, until the goal is reached.

    The choice is among these edges alone; an edge is as likely as its nine digits
    together. The most likely one is taken, or in training at some steps the planner's.
    Gradients go through the likelihoods, not through the choices.

    Args:
      step: function of features `[B, FEATURES]` and states that gives scores
        `[B, 10 * DIGITS]` and the next states.
      states: those before the first step of the answer.
      inputs: of `shortest.make_batch`.

    Returns:
      {"taken": `[B, L]` numbers of the edges taken, -1 behind the end; "arrived": `[B]`
      whether the goal was reached; "likelihood": `[B, L]` logarithm of that of all
      edges together that begin a shortest path, 0 behind the end}.
    """
    edges = _edges(inputs)
    here, goal = inputs["start"], inputs["goal"]
    shown, going = tf.zeros_like(edges[:, 0]), here >= 0
    taken, likelihoods = [], []
    for number in range(inputs["planner"].shape[1]):
        flags = tf.stack([tf.fill(tf.shape(here), float(number == 0)),
                          tf.ones(tf.shape(here))], axis=1)
        scores, states = step(tf.concat([shown, flags], axis=1), states)
        legal = inputs["source"] == here[:, tf.newaxis]
        likelihood = renormalised(scores, edges, legal)
        best = tf.gather(inputs["best"], here, axis=1, batch_dims=1)
        going &= best >= 0
        good = legal & (inputs["levels"][..., -1] > 0)
        likelihoods.append(tf.where(going, tf.reduce_logsumexp(
            tf.where(good, likelihood, -1e9), axis=1), 0.0))
        choice = tf.where(inputs["planner"][:, number], best,
                          tf.argmax(likelihood, axis=1, output_type=tf.int32))
        taken.append(tf.where(going, choice, -1))
        choice = tf.maximum(taken[-1], 0)
        here = tf.where(going, tf.gather(
            inputs["destination"], choice, axis=1, batch_dims=1), here)
        shown = tf.gather(edges, choice, axis=1, batch_dims=1)
        going &= (here != goal) & (number + 1 < inputs["limit"])
    return {"taken": tf.stack(taken, axis=1), "arrived": here == goal,
            "likelihood": tf.stack(likelihoods, axis=1)}


def renormalised(scores, edges, legal):
    """Logarithms of how likely each edge is, of those that are legal.

    Args:
      scores: `[B, 10 * DIGITS]` of the ten values of each digit, or `[B, K, ...]`.
      edges: `[B, E, 10 * DIGITS]` digits of the edges, each one of ten.
      legal: `[B, E]` booleans, or `[B, K, E]` or `[B, 1, E]`.

    Returns:
      `[B, E]` or `[B, K, E]`, very low where an edge is not legal.
    """
    digits = tf.nn.log_softmax(tf.reshape(scores, (-1, DIGITS, 10)))
    products = tf.einsum("bed,b...d->b...e", edges,
                         tf.reshape(digits, tf.shape(scores)))
    return tf.nn.log_softmax(tf.where(legal, products, -1e9))


def frontiers(scores, inputs, most):
    """How well the frontiers of searches from the goals are named.

    Args:
      scores: `[B, T, 10 * DIGITS]`, the last planning last.
      inputs: of `shortest.make_batch`.
      most: K, steps of a query and its planning with a hint.

    Returns:
      `[B, Q * K]`: for each query the mean logarithm, over the edges of the k-th level,
      of how likely an edge is among all of the graph; 0 where there is no hint.
    """
    step, steps = tf.range(most), tf.shape(scores)[1]
    queries = inputs["levels"].shape[2]
    asked = 1 + inputs["planned"][:, tf.newaxis, tf.newaxis]  # a query and its planning
    place = steps + asked * tf.range(-queries, 0)[:, tf.newaxis] + step  # [B, Q, K]
    place = tf.reshape(tf.minimum(place, steps - 1), (-1, queries * most))
    likelihood = renormalised(tf.gather(scores, place, batch_dims=1), _edges(inputs),
                              inputs["source"][:, tf.newaxis] >= 0)
    frontier = tf.transpose(inputs["levels"][..., tf.newaxis] == step + 1, (0, 2, 3, 1))
    frontier = tf.cast(tf.reshape(frontier, tf.shape(likelihood)), tf.float32)
    mean = tf.reduce_sum(frontier * likelihood, axis=2) / tf.maximum(
        tf.reduce_sum(frontier, axis=2), 1.0)
    hinted = tf.reshape(step < inputs["hints"][..., tf.newaxis], tf.shape(mean))
    return tf.where(hinted, mean, 0.0)


def _edges(inputs):
    """Digits of the edges, each one of ten: `[B, E, 10 * DIGITS]`."""
    one_hot = tf.one_hot(inputs["digits"], 10)
    return tf.reshape(one_hot, (tf.shape(one_hot)[0], -1, 10 * DIGITS))


@keras.saving.register_keras_serializable("graphs")
class PathFinder(GraphReader):
    """A `GraphReader` that answers step by step, on from what it chose before."""

    def call(self, inputs, training=None):
        """What `play` returns of the batch, and of the steps before "read": logits
        `[B, T, DIGITS, 10]`, and "frontiers": see there.

        Args:
          inputs: of `shortest.make_batch`.
          training: passed to the layer.
        """
        scores, *states = self.layer(
            inputs["steps"], resets=inputs["resets"] > 0, training=training)
        answer = play(self.layer.cell, states, inputs)
        read = tf.reshape(scores, (-1, tf.shape(scores)[1], DIGITS, 10))
        most = inputs["planner"].shape[1] - SPARE
        return {**answer, "read": read, "frontiers": frontiers(scores, inputs, most)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None,
                     training=True):
        """What the answer costs, a step, and a hint, and what is read."""
        loss = super().compute_loss(x, y, y_pred["read"], sample_weight, training)
        for likelihood, counted in ((y_pred["likelihood"], y_pred["taken"] >= 0),
                                    (y_pred["frontiers"], y_pred["frontiers"] < 0)):
            steps = tf.reduce_sum(tf.cast(counted, tf.float32))
            loss -= tf.reduce_sum(likelihood) / tf.maximum(steps, 1.0)
        return loss


class Guess:
    """Random edges out of where one is, to compare with.

    Args:
      rng: `numpy.random.Generator`.
      looks_ahead: True takes an edge to the goal where there is one.
    """

    def __init__(self, rng, looks_ahead=False):
        self.rng, self.looks_ahead = rng, looks_ahead

    def predict_on_batch(self, inputs):
        """What `play` returns of the batch."""
        steps = inputs["steps"]
        shown = [steps[:, :, place:place + 30].any(axis=2) for place in (0, 30, 60)]
        queries = shown[0] & ~shown[1] & shown[2]  # of which the last counts
        query = queries.shape[1] - 1 - queries[:, ::-1].argmax(axis=1)
        goal = steps[np.arange(len(steps)), query, 60:90]

        def step(features, states):
            scores = self.rng.normal(size=(len(steps), 10 * DIGITS))
            if self.looks_ahead:
                scores[:, 60:] += 1000 * goal
            return tf.constant(scores, tf.float32), states

        return {name: value.numpy() for name, value in play(step, (), inputs).items()}


class PathPlan(Plan):
    """A `Plan` of `shortest.Lesson`; none of its episodes is of an earlier lesson."""

    def build(self, slots):
        model = PathFinder(self.units, slots, self.word_size, self.read_heads,
                           self.layer_norm, return_state=True)
        model.build()
        return model

    def shape(self, lesson):
        return (*super().shape(lesson), self.lessons[lesson].most)

    def epoch(self, lesson, seed):
        return Paths(self.lessons, self.updates, self.rows,
                     self.lessons[lesson].length, seed)

    def examine(self, model, lesson, rng, count):
        lesson = self.lessons[lesson]
        routes = [lesson.draw(rng) for _ in range(-(-count // self.rows) * self.rows)]
        return evaluate(model, routes, self.rows, lesson.length, lesson.most)

    def is_complete(self, lesson, shares):
        share, least = self.lessons[lesson].complete
        return shares[share] >= least


class Paths(Epoch):
    """The training batches of an epoch of paths."""

    def __getitem__(self, index):
        rng = np.random.default_rng([self.seed, self.number, index])
        lesson = self.lessons[self.lesson]
        routes = [lesson.draw(rng) for _ in range(self.shape[0])]
        return make_batch(routes, self.shape[1], lesson.most, rng)


def evaluate(model, routes, rows, length, most):
    """How good the paths are that a network finds.

    Args:
      model: `PathFinder`.
      routes: list of `Route`.
      rows: of a batch; the last is filled up with routes that do not count.
      length, most: see `shortest.make_batch`.

    Returns:
      {"right": share of paths as short as can be, "near": at most one step longer,
      "nearer": share of all steps that come nearer to the goal}.
    """
    right, near, nearer = [], [], []
    for batch, filled in batches_of(routes, rows):
        inputs, _, _ = make_batch(filled, length, most)
        answer = model.predict_on_batch(inputs)
        for route, taken, arrived in zip(batch, answer["taken"], answer["arrived"]):
            taken = taken[taken >= 0]
            away = route.survey.distances[:, route.goal]
            longer = len(taken) - route.distance
            right.append(arrived and longer == 0)
            near.append(arrived and longer <= 1)
            nearer += [away[route.survey.destination[edge]]
                       < away[route.survey.source[edge]] for edge in taken]
    return {"right": float(np.mean(right)), "near": float(np.mean(near)),
            "nearer": float(np.mean(nearer))}
