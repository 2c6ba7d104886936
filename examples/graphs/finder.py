"""A network that finds paths: each of its choices is its next input."""

import numpy as np
import tensorflow as tf

from examples.graphs.encoding import DIGITS
from examples.graphs.network import GraphReader
from examples.graphs.shortest import make_batch
from examples.graphs.training import Plan
from examples.graphs.voices import digits_of, voices_of
from examples.lessons.epochs import Epoch, batches_of


def play(step, states, inputs):
    """Answers: at each step one edge out of where one is, until the goal is reached.

    The choice is among these edges alone; an edge is as likely as its nine digits
    together. The most likely one is taken, or in training at some steps the planner's.
    Gradients go through the likelihoods, not through the choices.

    Args:
      step: function of features `[B, FEATURES]` and states that gives scores (see
        `voices.voices_of`) `[B, ...]` and the next states.
      states: those before the first step of the answer.
      inputs: of `shortest.make_batch`.

    Returns:
      {"taken": `[B, L]` numbers of the edges taken, -1 behind the end; "arrived": `[B]`
      whether the goal was reached; "likelihood": `[B, L]` logarithm of that of all
      edges together that begin a shortest path, 0 behind the end}.
    """
    edges, levels = _edges(inputs), inputs["levels"]
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
        likelihoods.append(tf.where(going, tf.reduce_logsumexp(
            tf.where(legal & (levels > 0), likelihood, -1e9), axis=1), 0.0))
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

    To a voice an edge is as likely as its nine digits together; the voices are mixed,
    and the mixture is what is renormalised.

    Args:
      scores: `[B, ...]`, see `voices.voices_of`, or `[B, K, ...]`.
      edges: `[B, E, 10 * DIGITS]` digits of the edges, each one of ten.
      legal: `[B, E]` booleans, or `[B, K, E]` or `[B, 1, E]`.

    Returns:
      `[B, E]` or `[B, K, E]`, very low where an edge is not legal.
    """
    said, shares = voices_of(scores)
    products = tf.einsum("bed,b...vd->b...ve", edges, said) + shares[..., tf.newaxis]
    return tf.nn.log_softmax(tf.where(
        legal, tf.reduce_logsumexp(products, axis=-2), -1e9))


def answer_elsewhere(step, states, inputs):
    """The second step of an answer, from other edges than that of the first.

    Args:
      step, states: as in `play`.
      inputs: of `shortest.make_batch`, with "elsewhere".

    Returns:
      `[B, K]`, as "likelihood" of `play`, as if each of these edges had been taken; 0
      where there is no choice, as every edge that leads on is right, or none.
    """
    edges, count = _edges(inputs), inputs["elsewhere"].shape[1]
    flags = tf.ones_like(edges[:, 0, :2])
    _, states = step(tf.concat([tf.zeros_like(edges[:, 0]), flags], axis=1), states)
    shown = tf.gather(edges, inputs["elsewhere"], axis=1, batch_dims=1)
    shown = tf.reshape(shown, (-1, 10 * DIGITS))
    flags = tf.tile([[0.0, 1.0]], (tf.shape(shown)[0], 1))
    scores, _ = step(tf.concat([shown, flags], axis=1),
                     [tf.repeat(state, count, axis=0) for state in states])
    here = tf.gather(inputs["destination"], inputs["elsewhere"], axis=1, batch_dims=1)
    legal = inputs["source"][:, tf.newaxis] == here[..., tf.newaxis]
    good = legal & (inputs["levels"][:, tf.newaxis] > 0)
    likelihood = renormalised(tf.reshape(scores, (-1, count, scores.shape[-1])), edges,
                              legal)
    choice = tf.reduce_any(good, axis=2) & tf.reduce_any(legal & ~good, axis=2)
    return tf.where(choice, tf.minimum(tf.reduce_logsumexp(
        tf.where(good, likelihood, -1e9), axis=2), -1e-9), 0.0)


def frontiers(scores, inputs):
    """How well the frontiers of the search from the goal are named.

    Args:
      scores: `[B, T, ...]`, see `voices.voices_of`, the last planning last.
      inputs: of `shortest.make_batch`.

    Returns:
      {"frontiers": `[B, K]`: for each level the mean logarithm, over its edges, of how
      likely an edge is among all of the graph; 0 where there is none, or no step to
      name it; "named": `[B, K]` booleans: whether the likeliest edge is of the level}.
    """
    hinted = inputs["hinted"]
    likelihood = renormalised(
        tf.gather(scores, tf.maximum(hinted, 0), batch_dims=1), _edges(inputs),
        inputs["source"][:, tf.newaxis] >= 0)
    level = tf.range(hinted.shape[1])[:, tf.newaxis] + 1
    frontier = tf.cast(inputs["levels"][:, tf.newaxis] == level, tf.float32)
    mean = tf.math.divide_no_nan(tf.reduce_sum(frontier * likelihood, axis=2),
                                 tf.reduce_sum(frontier, axis=2))
    best = tf.gather(frontier, tf.argmax(likelihood, axis=2), axis=2, batch_dims=2)
    return {"frontiers": tf.where(hinted >= 0, mean, 0.0), "named": best > 0}


def _edges(inputs):
    """Digits of the edges, each one of ten: `[B, E, 10 * DIGITS]`."""
    one_hot = tf.one_hot(inputs["digits"], 10)
    return tf.reshape(one_hot, (tf.shape(one_hot)[0], -1, 10 * DIGITS))


class PathFinder(GraphReader):
    """A `GraphReader` that answers step by step, on from what it chose before."""

    def call(self, inputs, training=None):
        """What `play` returns of the batch, if paths are asked, and of the steps before
        "read": logits `[B, T, DIGITS, 10]`, and what `frontiers` returns, if there are
        levels; with "elsewhere" among the inputs, "elsewhere": see `answer_elsewhere`.

        Args:
          inputs: of `shortest.make_batch`.
          training: passed to the layer.
        """
        scores, *states = self.layer(
            inputs["steps"], resets=inputs["resets"] > 0, training=training)
        result = {"read": digits_of(scores)}
        if inputs["planner"].shape[1]:
            result |= play(self.layer.cell, states, inputs)
        if "elsewhere" in inputs:
            result["elsewhere"] = answer_elsewhere(self.layer.cell, states, inputs)
        if inputs["hinted"].shape[1]:
            result |= frontiers(scores, inputs)
        return result

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None,
                     training=True):
        """What a step of the answer costs, here and elsewhere, a hint, and what is
        read."""
        loss = super().compute_loss(x, y, y_pred["read"], sample_weight, training)
        for name in ("likelihood", "elsewhere", "frontiers"):
            if name in y_pred:
                likelihood = y_pred[name]
                counted = (y_pred["taken"] >= 0 if name == "likelihood"
                           else likelihood < 0)
                loss -= tf.math.divide_no_nan(
                    tf.reduce_sum(likelihood),
                    tf.reduce_sum(tf.cast(counted, tf.float32)))
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
        query = (shown[0] & ~shown[1] & shown[2]).argmax(axis=1)
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
        model = PathFinder(self, slots, return_state=True)
        model.build()
        return model

    def shape(self, lesson):
        drawn = self.lessons[lesson]
        return (*super().shape(lesson), drawn.most, drawn.levels, drawn.rows)

    def epoch(self, lesson, seed):
        return Paths(self.lessons, self.updates, self._rows(lesson),
                     self.lessons[lesson].length, seed)

    def examine(self, model, lesson, rng, count):
        drawn, rows = self.lessons[lesson], self._rows(lesson)
        routes = [drawn.draw(rng) for _ in range(-(-count // rows) * rows)]
        if drawn.answers:
            return evaluate(model, routes, rows, drawn.length, drawn.most)
        return evaluate_searches(model, routes, rows, drawn.length, drawn.levels)

    def is_complete(self, lesson, shares):
        share, least = self.lessons[lesson].complete
        return shares[share] >= least

    def _rows(self, lesson):
        """Those of a batch of a lesson."""
        return self.lessons[lesson].rows or self.rows


class Paths(Epoch):
    """The training batches of an epoch of paths."""

    def batch(self, rng):
        lesson = self.lessons[self.lesson]
        routes = [lesson.draw(rng) for _ in range(self.shape[0])]
        return make_batch(routes, self.shape[1], lesson.most, rng, lesson.levels)


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


def evaluate_searches(model, routes, rows, length, levels):
    """How well a network names the frontiers of the search from the goal.

    Args:
      model, routes, rows, length: see `evaluate`.
      levels: see `shortest.make_batch`.

    Returns:
      {"right": share of the searches that name an edge of the frontier at every level
      that there is, "near": at all but one at most, "nearer": share of all levels}.
    """
    missed, named = [], []
    for batch, filled in batches_of(routes, rows):
        inputs, _, _ = make_batch(filled, length, 0, levels=levels)
        result = model.predict_on_batch(inputs)
        for hits, there in zip(result["named"][:len(batch)],
                               result["frontiers"][:len(batch)] < 0):
            missed.append((there & ~hits).sum())
            named += hits[there].tolist()
    missed = np.array(missed)
    return {"right": float(np.mean(missed == 0)), "near": float(np.mean(missed <= 1)),
            "nearer": float(np.mean(named))}
