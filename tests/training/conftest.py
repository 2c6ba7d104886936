"""What tests of whole runs share: a folder, data in it, a server of scripts."""

import pytest

from babi_data import make_stories, write_stories
from training_process import ScriptServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scripts")


@pytest.fixture(scope="module")
def data(folder):
    """A folder of made-up stories in the official layout."""
    for split, seed, count in (("train", 1, 30), ("test", 2, 10)):
        write_stories(folder / "data", "en-small",
                      make_stories({1: count, 8: count}, seed), split)
    return folder / "data"


@pytest.fixture(scope="module")
def server(folder):
    with ScriptServer(folder) as server:
        yield server
