"""The graph for TensorBoard: the parts of the paper's Figure 1, by name."""

import pytest
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.util import event_pb2

from babi.config import Config
from babi.inspection import graph

SCOPES = ["controller", "interface", "write_head/content_addressing",
          "write_head/allocation", "write_head/weighting",
          "write_head/erase_and_write", "temporal_linkage", "read_heads/content",
          "read_heads/forward", "read_heads/backward", "read_heads/blend", "output"]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Names of the graph's nodes, read back from the event file."""
    folder = tmp_path_factory.mktemp("graph")
    graph.write(Config(memory_size=8, word_size=4), folder)
    file, = folder.iterdir()
    events = [event_pb2.Event.FromString(record.numpy())
              for record in tf.data.TFRecordDataset(str(file))]
    drawn, = [event.graph_def for event in events if event.graph_def]
    return [node.name for node in graph_pb2.GraphDef.FromString(drawn).node]


def test_a_folder_that_can_not_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        graph.write(Config(memory_size=8, word_size=4), tmp_path / "file" / "graph")


@pytest.mark.parametrize("scope", SCOPES)
def test_each_part_has_its_scope(nodes, scope):
    assert any(name.startswith(f"{scope}/") for name in nodes)


def test_it_is_one_step_of_operations_that_can_be_read(nodes):
    assert not any("while" in name or "XlaLaunch" in name for name in nodes)
    scoped = [name for name in nodes if name.startswith(tuple(SCOPES))
              or name.startswith("read_heads/")]
    assert len(scoped) > 0.7 * len(nodes)


def test_the_top_level_is_figure_1_and_nothing_else(nodes):
    assert {name.split("/")[0] for name in nodes} == {
        "word", *(f"state_{index}" for index in range(9)), "previous_state",
        "weights", "controller", "interface", "write_head", "temporal_linkage",
        "read_heads", "output", "next_state"}
