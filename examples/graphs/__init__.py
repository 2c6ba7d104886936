"""What the graph experiments share: labels, graphs, networks, pictures.

Read `encoding.py` (triples as digits), `random_graphs.py`, `rows.py` (episodes packed
into batches), `network.py` and `training.py` (the network, its loss and score; through
the lessons it goes by `examples.lessons`); then an experiment: `traversal.py`,
`london.py` and its page and pictures (walks), `inference.py`, `family.py` and
`kinship.py` (relations), or `shortest.py`, `voices.py`, `finder.py` and
`london_paths.py` (shortest paths). `asking.py` asks for one by name and looks inside,
and `pictures.py` draws that.
"""
