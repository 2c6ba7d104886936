"""Walking through a graph by the labels of its edges, and the lessons that teach it."""

from typing import NamedTuple

import numpy as np

from examples.graphs.encoding import BLANK, END, Question, make_episode
from examples.graphs.random_graphs import edges_from, random_graph


class Lesson(NamedTuple):
    """What the graphs and the walks of a lesson are like; ranges with both ends.

    Attributes:
      nodes: (least, most) of a graph.
      out_degree: (least, most) edges out of a node.
      walk: (least, most) steps of the walk asked for.
      slots: of the memory that it is trained with.
      length: steps of a row of training, which holds one episode or several.
    """

    nodes: tuple
    out_degree: tuple
    walk: tuple
    slots: int = 256
    length: int = 288

    @property
    def hardest(self):
        """The same with the longest walks alone: by these it is complete."""
        return self._replace(walk=(self.walk[1], self.walk[1]))

    def draw(self, rng):
        """A random `Episode`."""
        nodes, steps = (
            rng.integers(least, most + 1) for least, most in (self.nodes, self.walk))
        triples = random_graph(nodes, self.out_degree, rng)
        return traversal_episode(triples, random_walk(triples, steps, rng))


# Extended Data Table 3, lessons 1 to 14.
PAPER = tuple(Lesson(*ranges) for ranges in (
    ((3, 10), (2, 4), (1, 1)), ((3, 10), (2, 4), (1, 2)), ((5, 10), (2, 4), (1, 3)),
    ((5, 10), (2, 4), (1, 4)), ((10, 15), (2, 4), (1, 4)), ((10, 15), (2, 4), (1, 5)),
    ((10, 20), (2, 4), (1, 5)), ((10, 20), (2, 4), (1, 6)), ((10, 30), (2, 4), (1, 6)),
    ((10, 30), (2, 4), (1, 7)), ((10, 30), (2, 4), (1, 8)), ((10, 30), (2, 4), (1, 9)),
    ((10, 40), (2, 6), (1, 10)), ((10, 40), (2, 6), (1, 20))))

# What the paper's networks reached after lesson 10, and after the last: walks of seven
# steps on its Underground, in percent.
PAPER_AFTER_LESSON_10, PAPER_AT_THE_END = 72.8, 98.8

# An hour's way to the sizes of the paper's lesson 10 and beyond. It begins with a
# lesson for the first look-up. The walks become long while the graphs are tiny: a step
# costs the less the fewer slots there are, and no weight depends on their number.
HOUR = (
    Lesson((3, 4), (1, 2), (1, 1), 16, 64),
    Lesson((3, 4), (2, 3), (1, 2), 32, 64),
    Lesson((3, 4), (2, 3), (1, 4), 32, 64),
    Lesson((3, 4), (2, 3), (1, 8), 32, 96),
    Lesson((3, 6), (2, 4), (1, 10), 48, 96),
    Lesson((5, 10), (2, 4), (1, 9), 64, 128),
    Lesson((10, 20), (2, 4), (1, 9), 112, 192),
    Lesson((10, 30), (2, 4), (1, 8), 144, 224),
    Lesson((10, 26), (2, 6), (1, 8), 160, 224),
)


def random_walk(triples, steps, rng):
    """A random walk: `[steps, 3]`, the triples along it, each edge equally likely."""
    edges = edges_from(triples)
    node = rng.choice(list(edges))
    walk = []
    for _ in range(steps):
        label, destination = list(edges[node].items())[rng.integers(len(edges[node]))]
        walk.append((node, label, destination))
        node = destination
    return np.array(walk)


def traversal_episode(triples, walk):
    """The episode that asks for a walk.

    The query is (start, edge, blank), then (blank, edge, blank) for each further step;
    the answer, without input, the complete triples along the walk, then (END, END,
    END).

    Args:
      triples: `[E, 3]` labels of the graph, in the order they are shown.
      walk: `[K, 3]` triples along the walk.

    Returns:
      An `Episode` of E + 2 K + 1 steps.
    """
    query = np.full_like(walk, BLANK)
    query[0, 0] = walk[0, 0]
    query[:, 1] = walk[:, 1]
    return make_episode(triples, Question(query, np.vstack([walk, [(END,) * 3]])))
