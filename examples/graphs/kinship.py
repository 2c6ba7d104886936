"""The family tree asked for relations."""

from examples.common import matching
from examples.graphs import asking, family
from examples.graphs.inference import LENGTHS as OF_RELATIONS
from examples.graphs.inference import (PLANNING, QUESTIONS, RELATIONS, SEQUENCE_OF,
                                       inference_episode)
from examples.graphs.random_graphs import distinct_labels

LENGTHS = (1, *OF_RELATIONS)  # labels of the relations that are asked
SLOTS = 96  # hold the 58 triples and the questions

_NAMES = {", ".join(family.LABELS[label] for label in sequence): number
          for number, sequence in SEQUENCE_OF.items()}
_CHAINS = {length: [chain for chain in family.chains(length)
                    if family.numbers_of(chain) in RELATIONS] for length in LENGTHS}


def number(rng):
    """An `asking.Numbered`: numbers drawn for the persons."""
    persons = dict(zip(family.PERSONS, distinct_labels(
        len(family.PERSONS), rng).tolist()))
    return asking.Numbered(family.EDGES, persons, _NAMES, rng)


def relation_name(chain):
    """The labels of a chain, in words."""
    return ", ".join(label for _, label, _ in chain)


def draw_episode(length, rng):
    """The `Episode` of random relations, each (person, relation) equally often."""
    numbered, chains = number(rng), _CHAINS[length]
    return inference_episode(numbered.triples, [
        numbered.number(chains[rng.integers(len(chains))]).tolist()
        for _ in range(QUESTIONS)])


def look(model, chain, rng):
    """Asks for the end of one chain, with numbers drawn anew.

    Args:
      model: `GraphReader` around a `DNC`, with SLOTS slots.
      chain: list of edges: see `follow`.
      rng: `numpy.random.Generator`.

    Returns:
      An `asking.Look`.
    """
    numbered = number(rng)
    episode = inference_episode(numbered.triples, [numbered.number(chain).tolist()])
    names = [f"asked: {chain[0][0]}, {relation_name(chain)}",
             *(f"planning {step}" for step in range(1, PLANNING + 1)), "answer"]
    return asking.look(model, numbered, chain, episode, names)


def follow(start, labels):
    """The chain from a person along labels that make a relation.

    Raises:
      ValueError: no such person, no such label from there, or no such relation.
    """
    start = matching(start, family.PERSONS)
    if start not in family.PERSONS:
        raise ValueError(f"no person {start!r}; there are {', '.join(family.PERSONS)}")
    chain, person = [], start
    for label in labels:
        ways = {way: there for here, way, there in family.EDGES if here == person}
        label = matching(label, ways)
        if label not in ways:
            raise ValueError(f"{person} has no {label!r}, but {', '.join(ways)}")
        chain.append((person, label, ways[label]))
        person = ways[label]
    name = relation_name(chain)
    if name not in _NAMES:
        known = [relation_name(other) for other in _CHAINS.get(len(labels), ())
                 if other[0][:2] == chain[0][:2]]
        if not 1 <= len(labels) <= LENGTHS[-1]:
            raise ValueError("give one to five labels")
        there = "; ".join(known[:8]) or f"none of {len(labels)} labels that begin so"
        raise ValueError(f"no relation {name!r}; {start} has {there}")
    return chain
