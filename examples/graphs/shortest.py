"""Shortest paths through graphs: the planner, the lessons and the batches they make."""

from typing import NamedTuple

import numpy as np

from examples.graphs.encoding import BLANK, Episode, Question, blank, make_episode
from examples.graphs.encoding import to_digits
from examples.graphs.random_graphs import random_graph
from examples.graphs.rows import fill

PLANNING = 10  # steps between question and answer
FAR = 1000  # the distance to where no path leads
BETA = 0.8  # DAgger: how often a training step goes on where the planner would
ELSEWHERE = 8  # places of each graph that training with hints asks besides
SPARE = 2  # steps more than the distance after which training gives an answer up


class Survey(NamedTuple):
    """A graph with its nodes numbered, and all distances.

    Attributes:
      triples: `[E, 3]` labels.
      source, destination: `[E]` numbers of nodes, 0 to n - 1.
      distances: `[n, n]` edges of a shortest path from one node to another; FAR where
        there is none.
      nodes: `[n]` labels.
    """

    triples: np.ndarray
    source: np.ndarray
    destination: np.ndarray
    distances: np.ndarray
    nodes: np.ndarray


def survey(triples):
    """The `Survey` of triples `[E, 3]`: breadth first, from all nodes at once."""
    nodes = np.unique(triples[:, [0, 2]])
    source, destination = np.searchsorted(nodes, triples[:, [0, 2]]).T
    adjacent = np.zeros((len(nodes), len(nodes)))
    adjacent[source, destination] = 1
    distances = np.full(adjacent.shape, FAR)
    reached, steps = np.eye(len(nodes)) > 0, 0
    while reached.any():
        distances[reached] = steps
        steps += 1
        reached = (reached @ adjacent > 0) & (distances == FAR)
    return Survey(triples, source, destination, distances, nodes)


class Route(NamedTuple):
    """A shortest path that is asked for.

    Attributes:
      episode: `Episode` of description, query and planning; the answer is played.
      survey: `Survey` of the graph.
      start, goal: numbers of nodes.
      levels: `[E]`, of an edge that begins a shortest path to the goal that path's
        edges, of others 0. Edges of one level are the frontier of a search back from
        the goal.
      best: `[n]` number of the edge that the planner takes from a node, one of a level;
        -1 at the goal and where no path leads there.
    """

    episode: Episode
    survey: Survey
    start: int
    goal: int
    levels: np.ndarray
    best: np.ndarray

    @property
    def distance(self):
        """Edges of a shortest path."""
        return int(self.survey.distances[self.start, self.goal])

    @property
    def planned(self):
        """Steps of planning, the last of the episode."""
        return len(self.episode.shown) - int(self.episode.begins.nonzero()[0][-1])


def make_route(surveyed, start, goal, planning=PLANNING):
    """The `Route` from node to node of a `Survey`.

    A query is one step, (start, blank, goal).

    Args:
      surveyed: `Survey`.
      start, goal: numbers of nodes.
      planning: steps without input after the query.
    """
    away = surveyed.distances[:, goal]
    here, there = away[surveyed.source], away[surveyed.destination]
    levels = np.where((here == there + 1) & (here < FAR), here, 0)
    best = np.full(len(surveyed.nodes), -1)
    edges = np.flatnonzero(levels)
    best[surveyed.source[edges]] = edges  # of several the one that is shown last
    query = np.array([(surveyed.nodes[start], BLANK, surveyed.nodes[goal])])
    episode = make_episode(surveyed.triples, Question(query, blank(0), blank(planning)))
    return Route(episode, surveyed, start, goal, levels, best)


def played(route, taken):
    """The `Episode` of a route with its answer, each edge the input after it.

    Args:
      route: `Route`.
      taken: `[A]` numbers of the edges that the answer took.
    """
    asked, answer = route.episode, route.survey.triples[taken]
    begins = np.arange(len(answer)) == 0
    return Episode(
        np.vstack([asked.shown, blank(1), answer[:-1]]),
        np.vstack([asked.due, answer]), np.concatenate([asked.begins, begins]),
        np.vstack([asked.hints, blank(len(answer))]))


class Lesson(NamedTuple):
    """What the graphs and the paths of a lesson are like; ranges with both ends.

    Attributes:
      nodes: (least, most) of a graph.
      out_degree: (least, most) edges out of a node.
      distance: (least, most) edges of a shortest path from start to goal.
      planning: (least, most) steps of planning; None: as many as the graph has triples.
      slots: of the memory that it is trained with.
      length: steps of a row of training, which holds one episode up to the answer; a
        graph that is too large for it is drawn anew.
      hints: whether training has the frontiers named while planning, and asks at
        ELSEWHERE more places of each graph.
      complete: the lesson is when a share of `finder.evaluate`, or without answers of
        `finder.evaluate_searches`, is so large.
      answers: whether paths are asked; else the frontiers are all there is to learn.
      rows: of a batch; 0: as the plan says.
    """

    nodes: tuple
    out_degree: tuple
    distance: tuple
    planning: tuple = (PLANNING, PLANNING)
    slots: int = 128
    length: int = 161
    hints: bool = False
    complete: tuple = ("near", 0.8)
    answers: bool = True
    rows: int = 0

    @property
    def most(self):
        """Steps of the longest answer."""
        return self.distance[1] + SPARE if self.answers else 0

    @property
    def levels(self):
        """Frontiers that are named while planning."""
        return self.distance[1] if self.hints else 0

    def draw(self, rng):
        """A random `Route`, all distances equally likely."""
        distance = rng.integers(self.distance[0], self.distance[1] + 1)
        while True:  # until the graph fits and has two nodes so far apart
            nodes = rng.integers(self.nodes[0], self.nodes[1] + 1)
            surveyed = survey(random_graph(nodes, self.out_degree, rng))
            planning = len(surveyed.triples)
            if self.planning:
                planning = rng.integers(self.planning[0], self.planning[1] + 1)
            pairs = np.argwhere(surveyed.distances == distance)
            if len(pairs) and len(surveyed.triples) + 1 + planning <= self.length:
                break
        return make_route(surveyed, *pairs[rng.integers(len(pairs))], planning)


# Extended Data Table 5, lessons 1 to 15.
PAPER = tuple(Lesson(*ranges) for ranges in (
    ((5, 10), (1, 2), (2, 2)), ((5, 20), (1, 2), (2, 2)), ((10, 20), (1, 2), (2, 2)),
    ((10, 20), (1, 2), (2, 3)), ((10, 20), (1, 3), (2, 3)), ((10, 20), (2, 3), (2, 3)),
    ((10, 20), (2, 3), (2, 4)), ((10, 20), (2, 4), (2, 4)), ((10, 25), (2, 4), (2, 4)),
    ((10, 25), (2, 4), (2, 5)), ((10, 25), (2, 4), (2, 5)), ((15, 25), (2, 4), (2, 5)),
    ((15, 25), (2, 5), (2, 5)), ((20, 25), (2, 5), (2, 5)), ((20, 25), (2, 6), (2, 5))))

# What the paper's networks reached after each of them, in percent: on its Underground,
# pairs of stations at distance four, and in graphs of the last lesson.
PAPERS_UNDERGROUND = (8.2, 4.0, 4.0, 9.5, 14.4, 14.2, 28.3, 29.2, 34.4, 32.3, 33.8,
                      34.9, 40.9, 50.7, 55.3)
PAPERS_FINAL = (11.2, 12.7, 13.2, 13.7, 22.8, 27.6, 34.0, 39.7, 41.1, 40.0, 44.0, 47.2,
                54.3, 54.0, 64.0)

# With hints the network learns to search back from the goal, a level at each step from
# the query on: at first nothing else, in tiny graphs, many of them in a batch, until
# each level is named; then it answers too. Frontiers are of one edge or two at first,
# planning is short, and the memory hardly larger than a lesson needs.
HOUR = tuple(
    lesson._replace(hints=True, complete=("right", share), answers=answers, rows=rows)
    for answers, share, rows, lesson in (
        (False, 0.9, 48, Lesson((3, 4), (1, 2), (1, 1), (1, 1), 16, 10)),
        (False, 0.9, 48, Lesson((3, 5), (1, 2), (1, 2), (1, 2), 16, 13)),
        (False, 0.9, 48, Lesson((4, 8), (1, 2), (1, 3), (2, 4), 24, 21)),
        (False, 0.75, 32, Lesson((6, 12), (1, 3), (1, 4), (3, 6), 40, 36)),
        (True, 0.8, 24, Lesson((6, 12), (1, 3), (1, 4), (4, 8), 64, 48)),
        (True, 0.75, 16, Lesson((8, 14), (2, 4), (1, 4), (4, 10), 80, 66)),
        (True, 0.65, 16, Lesson((10, 20), (2, 4), (1, 4), (8, 10), 112, 92)),
        (True, 0.85, 16, Lesson((20, 26), (2, 6), (2, 4), (10, 10), 136, 126)),
    ))


def planned_by_triples(lessons):
    """Lessons with as many steps of planning as triples, and slots for these."""
    planned = []
    for lesson in lessons:
        more = lesson.length - 1 - 2 * lesson.planning[1]
        planned.append(lesson._replace(
            planning=None, length=lesson.length + more, slots=lesson.slots + more))
    return tuple(planned)


def make_batch(routes, length, most, rng=None, levels=0):
    """A batch to be played: see `finder.play`.

    Args:
      routes: list of `Route`, one in each row, so that all answers begin together.
      length: T, steps of a row.
      most: L, steps of the longest answer; 0: none is asked.
      rng: `numpy.random.Generator` of the mixture in training; without it the network
        goes its own way.
      levels: K, of the search from the goal: the k-th step from the query on, the query
        being the first, is to name the frontier of level k.

    Returns:
      (inputs, targets, weights). Targets and weights of the T steps before the answer
      are as in `Rows`. Inputs: {"steps", "resets": as in `Rows`; "digits": `[B, E, 9]`,
      "source", "destination": `[B, E]`, "levels": `[B, E]`, of the edges, -1 where
      there is none; "best": `[B, n]`; "start", "goal": `[B]`; "hinted": `[B, K]`, the
      step that is to name a level, -1 where planning is too short; "limit": `[B]`, the
      most steps of an answer; "planner": `[B, L]` booleans: where the planner chooses
      the next position; in training with levels and answers "elsewhere":
      `[B, ELSEWHERE]` edges, see `finder.answer_elsewhere`}.
    """
    filled = fill([(row, length - len(route.episode.shown), route.episode)
                   for row, route in enumerate(routes)], len(routes), length)
    planner, more = np.zeros((len(routes), most), bool), {}
    if rng is not None:
        planner = rng.random(planner.shape) < BETA
    if rng is not None and levels and most:
        more["elsewhere"] = np.stack([_elsewhere(route, levels, rng)
                                      for route in routes])
    surveys = [route.survey for route in routes]
    hinted = np.arange(levels) + [[length - 1 - route.planned] for route in routes]
    each = {"start": [route.start for route in routes],
            "goal": [route.goal for route in routes],
            "hinted": np.where(hinted < length, hinted, -1),
            "limit": [min(most, route.distance + SPARE) for route in routes]}
    inputs = {
        **filled.inputs,
        "digits": _padded([to_digits(each.triples) for each in surveys], length),
        "source": _padded([each.source for each in surveys], length),
        "destination": _padded([each.destination for each in surveys], length),
        "levels": _padded([route.levels for route in routes], length),
        "best": _padded([route.best for route in routes], length),
        "planner": planner, **more,
        **{name: np.array(value, np.int32) for name, value in each.items()}}
    return inputs, filled.targets, filled.weights


def _elsewhere(route, most, rng):
    """Edges that lead to where the goal is at most so far away, and not to it."""
    away = route.survey.distances[route.survey.destination, route.goal]
    edges = np.flatnonzero((away > 0) & (away <= most))
    if not len(edges):  # then one to the goal, from where nothing is asked
        edges = np.flatnonzero(away == 0)
    return rng.choice(edges, ELSEWHERE).astype(np.int32)


def _padded(arrays, length):
    """Arrays `[K, ...]` of different K as one `[B, length, ...]`, int32, -1 behind."""
    result = np.full((len(arrays), length, *arrays[0].shape[1:]), -1, np.int32)
    for row, array in zip(result, arrays):
        row[:len(array)] = array
    return result
