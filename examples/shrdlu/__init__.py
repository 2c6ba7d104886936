"""The block puzzle of the paper, Mini-SHRDLU: see `examples/mini_shrdlu.py`.

Read `boards.py` (all boards, in tables), `puzzles.py` (the lessons, and what is shown),
`player.py` (the network, playing and its loss), `course.py` (training and judging);
then what is made of a network: `tables.py`, `planning.py` (what its memory holds),
`asking.py` (a goal that a person types) and `pictures.py`.
"""
