"""Random directed graphs as the paper draws them."""

import numpy as np

from examples.graphs.encoding import END, LABELS


def random_graph(nodes, out_degree, rng, edge_labels=None):
    """The triples of a random graph, in random order.

    The nodes are points of the unit square. Each has edges to its K nearest
    neighbours, with a K of its own. Nodes are labelled with distinct numbers. As many
    distinct numbers again are drawn for the edges, unless they are given, and each node
    takes K of them: two edges out of a node have different labels, two of the graph may
    have the same.

    Args:
      nodes: how many, 2 or more.
      out_degree: (least, most) edges out of a node; K is uniform between them, but
        at most `nodes - 1`.
      rng: `numpy.random.Generator`.
      edge_labels: `[L]` distinct labels, as many as a node can have edges or more.

    Returns:
      `[E, 3]` labels: source, edge, destination.
    """
    points = rng.random((nodes, 2))
    apart = ((points[:, np.newaxis] - points) ** 2).sum(axis=-1)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argsort(axis=1)
    degrees = rng.integers(out_degree[0], out_degree[1] + 1, size=nodes)
    degrees = np.minimum(degrees, nodes - 1)
    source = np.repeat(np.arange(nodes), degrees)
    rank = np.concatenate([np.arange(degree) for degree in degrees])
    node_labels = distinct_labels(nodes, rng)
    if edge_labels is None:
        edge_labels = distinct_labels(nodes, rng)
    shuffled = rng.random((nodes, len(edge_labels))).argsort(axis=1)
    triples = np.stack([
        node_labels[source], edge_labels[shuffled[source, rank]],
        node_labels[nearest[source, rank]]], axis=1)
    return rng.permutation(triples)


def distinct_labels(count, rng):
    """`[count]` distinct labels, none of them END."""
    labels = rng.choice(LABELS - 1, size=count, replace=False)
    return labels + (labels >= END)


def edges_from(triples):
    """{source: {edge: destination}} of triples `[E, 3]`."""
    edges = {}
    for source, edge, destination in triples.tolist():
        edges.setdefault(source, {})[edge] = destination
    return edges
