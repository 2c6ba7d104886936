"""The block puzzle of the paper, Mini-SHRDLU: see `examples/mini_shrdlu.py`."""
