"""Relations between the nodes of a graph: what they mean is learnt by heart.

A relation is a sequence of edge labels with a number of its own. The network is asked
for the node that stands in a relation to another, and never told what the relation is:
it has to find out from its errors. See the paper's Methods, "Graph task descriptions".
"""

from typing import NamedTuple

import numpy as np

from examples.graphs import family
from examples.graphs.encoding import BLANK, Question, blank, make_episode
from examples.graphs.random_graphs import edges_from, random_graph

EDGES = 10  # labels of edges: 0 to 9
OF_EACH = 100  # relations of each length
LENGTHS = (2, 3, 4, 5)  # labels in a relation
FAMILIAR = 50
QUESTIONS = 3  # about each graph
PLANNING = 10  # steps between question and answer


def _draw_relations():
    """{sequence of edge labels: the relation's label}.

    Relations of two labels are 10 to 109, of three 110 to 209, and so on. Of those of
    three or more some, FAMILIAR, are sequences that occur in the family tree, because
    a hundred random ones of a thousand or more would leave little to ask there.
    An edge alone counts as a relation of one label, its own.
    """
    rng = np.random.RandomState(2016)  # whose numbers no version of NumPy changes
    relations = {(label,): label for label in range(EDGES)}
    for number, length in enumerate(LENGTHS):
        known = sorted({family.numbers_of(chain) for chain in family.chains(length)})
        chosen = [known[place] for place in rng.permutation(len(known))[:FAMILIAR]]
        for code in rng.permutation(EDGES ** length):
            sequence = tuple(int(digit) for digit in f"{code:0{length}}")
            if len(chosen) < OF_EACH and sequence not in chosen:
                chosen.append(sequence)
        first = EDGES + number * OF_EACH
        for sequence, label in zip(chosen, rng.permutation(OF_EACH)):
            relations[sequence] = int(first + label)
    return relations


RELATIONS = _draw_relations()
SEQUENCE_OF = {label: sequence for sequence, label in RELATIONS.items()}


class Lesson(NamedTuple):
    """What the graphs and the relations of a lesson are like; ranges with both ends.

    Attributes:
      nodes: (least, most) of a graph.
      out_degree: (least, most) edges out of a node.
      steps: (least, most) labels of a relation.
      planning: (least, most) steps between question and answer, the same in an episode.
      slots: of the memory that it is trained with.
      length: steps of a row of training, which holds one episode or several.
      hints: True if training also wants the chain named, edge by edge, while planning.
      labels: (least, most) of all EDGES that a graph's edges have. With few of them
        many edges have the same, as in a family.
    """

    nodes: tuple
    out_degree: tuple
    steps: tuple
    planning: tuple = (PLANNING, PLANNING)
    slots: int = 128
    length: int = 256
    hints: bool = False
    labels: tuple = (EDGES, EDGES)

    @property
    def hardest(self):
        """The lesson itself: it is complete by all its episodes alike."""
        return self

    def draw(self, rng):
        """A random `Episode`."""
        planning = rng.integers(self.planning[0], self.planning[1] + 1)
        lengths = rng.integers(self.steps[0], self.steps[1] + 1, size=QUESTIONS)
        while True:  # until there is a chain of each length
            nodes = rng.integers(self.nodes[0], self.nodes[1] + 1)
            count = rng.integers(self.labels[0], self.labels[1] + 1)
            labels = np.arange(EDGES)
            if count < EDGES:
                labels = rng.permutation(labels)[:count]
            triples = random_graph(nodes, self.out_degree, rng, labels)
            found = chains(triples, max(lengths))
            if all(found[length] for length in lengths):
                break
        asked = [found[length][rng.integers(len(found[length]))] for length in lengths]
        return inference_episode(triples, asked, planning, self.hints)


# The paper's lessons, Extended Data Table 4.
PAPER = tuple(Lesson(*ranges) for ranges in (
    ((3, 3), (2, 2), (2, 2)), ((3, 5), (2, 2), (2, 2)), ((4, 6), (2, 4), (2, 2)),
    ((4, 6), (2, 4), (2, 2)), ((6, 12), (2, 4), (2, 2)), ((12, 18), (2, 4), (2, 2)),
    ((4, 6), (2, 4), (2, 3)), ((6, 12), (2, 4), (2, 3)), ((12, 18), (2, 4), (2, 3)),
    ((4, 6), (2, 4), (2, 4)), ((4, 6), (2, 4), (2, 4)), ((6, 12), (2, 4), (2, 4)),
    ((12, 18), (2, 4), (2, 4)), ((4, 6), (2, 4), (2, 5)), ((6, 12), (2, 4), (2, 5)),
    ((12, 18), (2, 4), (2, 5)), ((20, 25), (2, 4), (2, 5))))

# What the paper's networks reached on its own family tree, relations of four labels,
# after lessons 13 and 17, in percent.
PAPER_AFTER_LESSON_13, PAPER_AT_THE_END = 43.6, 81.8

# An hour's way to relations of five labels. It begins with a lesson for the first
# look-up, with the edges themselves as relations; hints help four lessons to find the
# chain, label by label, and then go. Planning is short at first. The memory has a slot
# for each step of a row, so that nothing has to be freed.
HOUR = (
    Lesson((3, 4), (2, 2), (1, 1), (1, 2), 64, 64),
    Lesson((4, 6), (2, 4), (2, 2), (2, 3), 64, 64, True),
    Lesson((4, 6), (2, 4), (2, 3), (3, 5), 64, 64, True),
    Lesson((4, 6), (2, 4), (2, 4), (4, 6), 64, 64, True),
    Lesson((4, 7), (2, 4), (2, 5), (5, 7), 64, 64, True),
    Lesson((4, 7), (2, 4), (2, 5), (5, 10), 64, 64),
    Lesson((4, 7), (2, 4), (1, 5), (5, 10), 64, 64),
    Lesson((6, 12), (2, 4), (1, 5), (5, 10), 128, 128),
    Lesson((12, 18), (2, 4), (1, 5), (5, 10), 128, 128),
    Lesson((16, 22), (2, 4), (1, 5), (5, 10), 128, 128, labels=(5, EDGES)),
    Lesson((14, 18), (1, 5), (1, 5), (5, 10), 128, 128, labels=(5, 7)),
)


def chains(triples, longest):
    """All chains of a graph that make a relation.

    Args:
      triples: `[E, 3]` labels.
      longest: the most labels of a relation.

    Returns:
      {number of labels: list of chains}, each a list of triples from node to node.
    """
    edges = edges_from(triples)
    found, paths = {}, [[(source, label, end)] for source, ways in edges.items()
                        for label, end in ways.items()]
    for length in range(1, longest + 1):
        found[length] = [path for path in paths
                         if tuple(label for _, label, _ in path) in RELATIONS]
        paths = [[*path, (path[-1][2], label, end)] for path in paths
                 for label, end in edges.get(path[-1][2], {}).items()
                 if (*(edge for _, edge, _ in path), label) in _BEGINNINGS]
    return found


_BEGINNINGS = {sequence[:end] for sequence in RELATIONS
               for end in range(1, len(sequence) + 1)}


def inference_episode(triples, asked, planning=PLANNING, hints=False):
    """The episode that asks, one after the other, for the ends of chains.

    A query is one step (start, relation, blank); the answer, after the planning, one
    step (start, relation, end).

    Args:
      triples: `[E, 3]` labels of the graph, in the order they are shown.
      asked: list of chains.
      planning: steps between query and answer.
      hints: see `Lesson`; then planning is no shorter than a chain.

    Returns:
      An `Episode` of E + (planning + 2) steps for each chain.
    """
    questions = []
    for chain in asked:
        relation = RELATIONS[tuple(label for _, label, _ in chain)]
        start, end = chain[0][0], chain[-1][2]
        named = blank(planning)
        if hints:
            named[:len(chain)] = chain
        questions.append(Question(np.array([(start, relation, BLANK)]),
                                  np.array([(start, relation, end)]), named))
    return make_episode(triples, *questions)
