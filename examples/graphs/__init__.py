"""What the graph experiments share: labels, graphs, lessons, training, pictures.

Read `encoding.py` (triples as digits), `random_graphs.py`, `rows.py` (episodes packed
into batches), `network.py` and `training.py` (the network, through the lessons); then
an experiment: `traversal.py`, `london.py` and its page and pictures (walks),
`inference.py`, `family.py` and `kinship.py` (relations), or `shortest.py`,
`voices.py`, `finder.py` and `london_paths.py` (shortest paths). `asking.py` asks for
one by name and looks inside, `pictures.py` draws that, and `program.py` puts all behind
a script's options.
"""
