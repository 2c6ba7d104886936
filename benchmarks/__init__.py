"""Speed and memory of the DNC beside other ways to run one: see `bench.py`."""
