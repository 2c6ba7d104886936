"""What tests of whole runs share: a folder, data in it, a server of scripts."""

import pytest

from babi.stories.story import format_stories
from babi_data import file_name, make_stories
from training_process import ScriptServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scripts")


@pytest.fixture(scope="module")
def data(folder):
    """A folder of made-up stories in the official layout."""
    (folder / "data" / "en-small").mkdir(parents=True)
    for split, seed, count in (("train", 1, 30), ("test", 2, 10)):
        for task, stories in make_stories({1: count, 8: count}, seed).items():
            path = folder / "data" / "en-small" / file_name(task, split)
            path.write_text(format_stories(stories))
    return folder / "data"


@pytest.fixture(scope="module")
def server(folder):
    with ScriptServer(folder) as server:
        yield server
