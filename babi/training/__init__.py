"""Batches -> trained weights.

In: settings, data and a directory. Out: checkpoints. In the order that things happen:
`start` opens the directory and makes the run, `loop` goes from step to step, with the
next batch, or a request to stop (Ctrl-C), from `feeding`; `trainer` makes one step of
it (`babi.model.loss`, gradients, and the update of `optimizer`), on one device or
several (`replicas`). `metrics` counts on the way; `failures` keeps a step without
finite numbers, which `python3 -m babi.training.replay` takes again.
"""
