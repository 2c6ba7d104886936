"""Shortest paths asked for on the London Underground."""

import numpy as np

from examples.common import matching
from examples.graphs import asking, london
from examples.graphs.finder import evaluate
from examples.graphs.shortest import (PLANNING, SPARE, make_batch, make_route,
                                      played, survey)

DISTANCES = (1, 2, 3, 4, 5, 6)  # edges of the shortest paths that are asked
PAPER_DISTANCE = 4
MOST = DISTANCES[-1] + SPARE  # steps of an answer, to whatever is asked
SLOTS = 160  # for the 106 triples, the query, ten steps of planning and the answer

_STATIONS = list(london.STATIONS)


def _all_distances():
    """{(station, station): edges of a shortest path between them}."""
    places = np.array([(_STATIONS.index(here), 0, _STATIONS.index(there))
                       for here, _, there in london.RIDES])
    distances = survey(places).distances
    return {(here, there): int(distances[number, other])
            for number, here in enumerate(_STATIONS)
            for other, there in enumerate(_STATIONS)}


_DISTANCES = _all_distances()


def slots(planning):
    """Slots of the memory that paths are asked with; `planning` as for `route`."""
    return SLOTS if planning else SLOTS + len(london.RIDES) - PLANNING


def pairs(distance):
    """All pairs of stations at a distance."""
    return [pair for pair, apart in _DISTANCES.items() if apart == distance]


def route(numbered, start, goal, planning=PLANNING):
    """The `Route` between two stations of a `london.number`.

    Args:
      numbered: `asking.Numbered`.
      start, goal: names of stations.
      planning: steps of planning; None: as many as there are triples.
    """
    surveyed = survey(numbered.triples)
    ends = np.searchsorted(surveyed.nodes, [numbered.label(start),
                                            numbered.label(goal)])
    return make_route(surveyed, *ends, planning or len(numbered.triples))


def right_by_distance(model, planning, rng, count=100):
    """{distance: share of its pairs between which a shortest path is found}.

    All pairs are asked equally often, each with numbers of its own.

    Args:
      model: `PathFinder` with `slots(planning)` slots.
      planning: see `route`.
      rng: `numpy.random.Generator`.
      count: ask at least so many of each distance.
    """
    right = {}
    for distance in DISTANCES:
        asked = pairs(distance)
        asked *= -(-count // len(asked))
        routes = [route(london.number(rng), *pair, planning) for pair in asked]
        length = len(routes[0].episode.shown)
        shares = evaluate(model, routes, asking.ROWS, length, MOST)
        right[distance] = shares["right"]
    return right


def chance_by_distance(looks_ahead=False):
    """{distance: chance of a shortest path for who takes any edge at each step}.

    Args:
      looks_ahead: whether the edge to the goal is taken where there is one.
    """
    out = {here: [there for start, _, there in london.RIDES if start == here]
           for here in _STATIONS}

    def chance(here, goal):
        away = _DISTANCES[here, goal]
        if here == goal or (looks_ahead and away == 1):
            return 1.0
        return sum(chance(there, goal) for there in out[here]
                   if _DISTANCES[there, goal] == away - 1) / len(out[here])

    return {distance: float(np.mean([chance(*pair) for pair in pairs(distance)]))
            for distance in DISTANCES}


def look(model, start, goal, planning, rng):
    """Asks for one path, with numbers drawn anew.

    Args:
      model: `PathFinder` with `slots` for the planning.
      start, goal: names of stations.
      planning: see `route`.
      rng: `numpy.random.Generator`.

    Returns:
      An `asking.Look`: asked for is one shortest path; a step of the answer is right
      if it comes nearer to the goal.
    """
    numbered = london.number(rng)
    asked = route(numbered, start, goal, planning)
    length = len(asked.episode.shown)
    inputs, _, _ = make_batch([asked], length, MOST)
    taken = np.asarray(model.predict_on_batch(inputs)["taken"][0])
    taken = taken[taken >= 0]
    away = asked.survey.distances[:, asked.goal]
    shortest, node = [], asked.start
    while node != asked.goal:
        shortest.append(asked.best[node])
        node = asked.survey.destination[shortest[-1]]
    planned = int(asked.episode.begins.nonzero()[0][2])
    names = [f"asked: {start} to {goal}",
             *(f"planning {step}" for step in range(1, length - planned + 1)),
             *(f"answer {step}" for step in range(1, len(taken) + 1))]
    triples = numbered.triples
    seen = asking.look(model, numbered, numbered.name(triples[shortest]),
                       played(asked, taken), names)
    return seen._replace(
        answer=numbered.name(triples[taken]),
        right=[bool(away[there] < away[here]) for here, there in zip(
            asked.survey.source[taken], asked.survey.destination[taken])])


def ends(start, goals):
    """(start, goal) of the names of stations.

    Raises:
      ValueError: not one goal, no such station, or the same twice.
    """
    if len(goals) != 1:
        raise ValueError("give one goal")
    start, goal = (matching(name, london.STATIONS) for name in (start, *goals))
    for name in (start, goal):
        if name not in london.STATIONS:
            raise ValueError(
                f"no station {name!r}; there are {', '.join(london.STATIONS)}")
    if start == goal:
        raise ValueError("start and goal are the same")
    return start, goal
