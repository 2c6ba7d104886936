"""What the recall tasks share: episodes, training, score, pictures, options.

Read `examples/repeat_copy.py` first: a task and its settings. From there `episodes.py`
makes batches, `training.py` has the networks and `fit`, `pictures.py` shows the memory,
and `program.py` puts them together behind the options.
"""
