"""The examples in the docstrings of what is public are true."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["dnc", "dnc.cell", "dnc.layer", "dnc.trajectory"])
def test_examples_run(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0 and found.failed == 0
