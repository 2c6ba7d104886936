"""The London Underground's interchange stations of zone 1, as a graph to walk in.

The paper's own list was never published. This is the 26 stations at which lines of
separate tracks meet; stations between them are skipped, and lines that share another's
tracks left out. Positions are a schematic of our own.
"""

import itertools

from examples.common import matching
from examples.graphs import asking
from examples.graphs.random_graphs import distinct_labels
from examples.graphs.traversal import random_walk, traversal_episode

LENGTHS = tuple(range(1, 8))  # steps of the walks that are asked
SLOTS = 160  # for the 106 triples, the query and the answer, with room to spare

STATIONS = {  # name: (x, y), y upwards
    "Paddington": (1.0, 6.0), "Baker Street": (3.0, 7.0), "Euston": (6.0, 7.6),
    "King's Cross St. Pancras": (8.0, 7.6), "Warren Street": (5.2, 6.7),
    "Notting Hill Gate": (0.0, 4.4), "Bond Street": (3.4, 4.9),
    "Oxford Circus": (4.7, 5.2), "Tottenham Court Road": (6.3, 5.5),
    "Holborn": (7.9, 5.5), "Bank": (10.2, 4.7), "Liverpool Street": (11.5, 5.9),
    "Moorgate": (10.2, 6.5), "Green Park": (4.4, 3.7), "Piccadilly Circus": (5.5, 4.2),
    "Leicester Square": (6.6, 4.5), "Charing Cross": (6.7, 3.5),
    "Embankment": (7.4, 2.8), "Westminster": (6.0, 2.3), "Victoria": (3.9, 1.9),
    "South Kensington": (2.0, 1.9), "Gloucester Road": (0.9, 2.2),
    "Earl's Court": (-0.4, 1.6), "Waterloo": (8.1, 1.8), "London Bridge": (10.3, 2.6),
    "Elephant & Castle": (9.3, 0.8),
}

LINES = {  # name: (stations, the direction along them, and back)
    "Bakerloo": (("Paddington", "Baker Street", "Oxford Circus", "Piccadilly Circus",
                  "Charing Cross", "Embankment", "Waterloo", "Elephant & Castle"),
                 "S", "N"),
    "Central": (("Notting Hill Gate", "Bond Street", "Oxford Circus",
                 "Tottenham Court Road", "Holborn", "Bank", "Liverpool Street"),
                "E", "W"),
    "Circle": (("Paddington", "Baker Street", "King's Cross St. Pancras", "Moorgate",
                "Liverpool Street", "Embankment", "Westminster", "Victoria",
                "South Kensington", "Gloucester Road", "Notting Hill Gate",
                "Paddington"), "clockwise", "anticlockwise"),
    "Jubilee": (("Baker Street", "Bond Street", "Green Park", "Westminster", "Waterloo",
                 "London Bridge"), "S", "N"),
    "Northern (Charing Cross)": (
        ("Euston", "Warren Street", "Tottenham Court Road", "Leicester Square",
         "Charing Cross", "Embankment", "Waterloo"), "S", "N"),
    "Northern (Bank)": (("Euston", "King's Cross St. Pancras", "Moorgate", "Bank",
                         "London Bridge", "Elephant & Castle"), "S", "N"),
    "Piccadilly": (("Earl's Court", "Gloucester Road", "South Kensington", "Green Park",
                    "Piccadilly Circus", "Leicester Square", "Holborn",
                    "King's Cross St. Pancras"), "E", "W"),
    "Victoria": (("King's Cross St. Pancras", "Euston", "Warren Street",
                  "Oxford Circus", "Green Park", "Victoria"), "S", "N"),
    "Waterloo & City": (("Waterloo", "Bank"), "E", "W"),
}

COLOURS = {
    "Bakerloo": "#a65a2a", "Central": "#d8262c", "Circle": "#f2c500",
    "Jubilee": "#8b9297", "Northern (Charing Cross)": "#222222",
    "Northern (Bank)": "#555555", "Piccadilly": "#1c3f94", "Victoria": "#1a9ad6",
    "Waterloo & City": "#79c7b0",
}


def rides():
    """All edges: list of (station, "line direction", next station)."""
    found = []
    for line, (stations, along, back) in LINES.items():
        for here, there in itertools.pairwise(stations):
            found.append((here, f"{line} {along}", there))
            found.append((there, f"{line} {back}", here))
    return found


RIDES = tuple(rides())
DIRECTIONS = tuple(dict.fromkeys(ride[1] for ride in RIDES))


def line_of(direction):
    """The line of a direction such as "Victoria N"."""
    return direction.rsplit(" ", 1)[0]


def number(rng):
    """An `asking.Numbered`: numbers drawn for stations and directions."""
    return asking.Numbered(
        RIDES, *(dict(zip(names, distinct_labels(len(names), rng).tolist()))
                 for names in (STATIONS, DIRECTIONS)), rng)


def draw_episode(steps, rng):
    """The `Episode` of a random walk."""
    triples = number(rng).triples
    return traversal_episode(triples, random_walk(triples, steps, rng))


def look(model, walk, rng):
    """Asks one walk, with numbers drawn anew.

    Args:
      model: `GraphReader` around a `DNC`, with SLOTS slots.
      walk: list of rides: see `follow`.
      rng: `numpy.random.Generator`.

    Returns:
      An `asking.Look`.
    """
    numbered = number(rng)
    names = [f"asked {place}: {direction}"
             for place, (_, direction, _) in enumerate(walk, 1)]
    names[0] = f"asked 1: {walk[0][0]}, {walk[0][1]}"
    names += [f"answer {place}" for place in range(1, len(walk) + 1)]
    episode = traversal_episode(numbered.triples, numbered.number(walk))
    return asking.look(model, numbered, walk, episode, [*names, "the end"])


def follow(start, directions):
    """The rides from a station in the directions asked for.

    Raises:
      ValueError: no such station, or no such direction from where one is.
    """
    walk = []
    start = matching(start, STATIONS)
    if start not in STATIONS:
        raise ValueError(f"no station {start!r}; there are {', '.join(STATIONS)}")
    for direction in directions:
        ways = {way: there for here, way, there in RIDES if here == start}
        direction = matching(direction, ways)
        if direction not in ways:
            raise ValueError(f"no {direction!r} from {start}; from there go "
                             f"{', '.join(ways)}")
        walk.append((start, direction, ways[direction]))
        start = ways[direction]
    if not walk:
        raise ValueError("no direction given")
    return walk
