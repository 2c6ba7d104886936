"""TensorBoard as `make viz` starts it: the graph, the run, the layout."""

import contextlib
import json
import pathlib
import re
import signal
import urllib.request

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator)

from babi.inspection import board
from babi.inspection.events import FOLDER, Events
from small_runs import wait_for
from training_process import ScriptServer

SCALARS = {"training/loss": 1.5, "validation/question error": 40.0,
           "training/question error": 45.0, "speed/stories per second": 9.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory with events such as training writes."""
    directory = tmp_path_factory.mktemp("runs") / "some"
    directory.mkdir()
    events = Events(directory, 0, pytest.fail)
    for iteration in (1, 2):
        events.write(iteration, SCALARS)
        events.write_task_errors(iteration, "validation", {1: 3.0, 20: 7.0})
        events.record(iteration, lambda: (
            tf.summary.image("confusion", tf.zeros((1, 4, 4, 3))),
            tf.summary.histogram("weights/x", tf.range(9.0))))
    events.close()
    return directory


def test_it_shows_graph_run_and_layout(run, tmp_path):
    with ScriptServer(tmp_path) as server, contextlib.ExitStack() as stack:
        process = server.start(
            "inspection.board", f"--run={run}", "--tensorboard_port=0",
            f"--output_dir={tmp_path}", "--memory_size=8", "--word_size=4")
        stack.callback(process.send, signal.SIGKILL)  # whatever else happens
        address = wait_for(lambda: re.search(
            r"TensorBoard: (http\S+)#custom_scalars ", process.output()))[1]

        name = str(run).lstrip("/") + "/events"

        def get(path):
            with urllib.request.urlopen(address + "data/" + path, timeout=60) as answer:
                return json.load(answer)

        tags = wait_for(lambda: get("plugin/custom_scalars/layout") and get(
            "plugin/scalars/tags").get(name))
        assert set(SCALARS) < set(tags)
        for plugin in ("images", "histograms"):
            assert name in get(f"plugin/{plugin}/tags")
        assert wait_for(lambda: get("plugin/graphs/info").get("graph"))
        layout = get("plugin/custom_scalars/layout")
        assert [category["title"] for category in layout["category"]] == list(
            board.LAYOUT)
        # TensorBoard opens on the first tab that is listed and has something to show.
        assert next(iter(get("plugins_listing"))) == "custom_scalars"
        stack.pop_all()
        process.send(signal.SIGINT)
        assert process.wait() == 0 and "Traceback" not in process.output()


def test_without_runs_there_is_the_graph_alone(tmp_path):
    board.write_layout(tmp_path / "logs/layout")  # of an earlier start
    with ScriptServer(tmp_path) as server, contextlib.ExitStack() as stack:
        process = server.start("inspection.board", "--tensorboard_port=0",
                               f"--output_dir={tmp_path}/logs", "--memory_size=8")
        stack.callback(process.send, signal.SIGKILL)  # whatever else happens
        wait_for(lambda: "#graphs (Ctrl-C ends it)" in process.output())
        assert [path.parent.name for path in (tmp_path / "logs").glob("*/*")] == [
            "graph"]


def test_runs_of_experiments_are_found_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiments = [pathlib.Path("runs/key_value/tensorboard"),
                   pathlib.Path("runs/underground/dnc/tensorboard")]
    for place in experiments:
        (place / "train").mkdir(parents=True)
    assert board._runs_here() == experiments
    assert board._first_tab(board._runs_here()) == "scalars"
    for run in ("model", "reproduced/best"):
        pathlib.Path(run, FOLDER).mkdir(parents=True)
    runs = [pathlib.Path("model"), pathlib.Path("reproduced/best"), *experiments]
    assert board._runs_here() == runs and board._first_tab(runs) == "custom_scalars"


def test_runs_in_folders_above_have_names_of_their_own():
    names = [board._name(pathlib.Path(place)) for place in (
        "model", "../model", "../../model", "./runs:new/model", "/model/a", ".")]
    assert names == ["model", "above/model", "above/above/model", "runs_new/model",
                     "model/a", "here"]


def test_every_chart_of_tasks_shows_one(tmp_path):
    events = Events(tmp_path, 0, pytest.fail)
    events.write_task_errors(1, "validation", dict.fromkeys(range(1, 21), 5.0))
    events.close()
    written = EventAccumulator(str(tmp_path / FOLDER))
    written.Reload()
    tags = set(written.Tags()["tensors"])
    patterns = [pattern for charts in board.LAYOUT.values()
                for of_chart in charts.values() for pattern in of_chart
                if "by task" in pattern]
    assert len(patterns) == 20
    for pattern in patterns:
        tag, = (tag for tag in tags if re.fullmatch(pattern, tag))
        tags.remove(tag)


def test_every_chart_shows_what_training_writes():
    """The tags are looked for in the code that writes them; of tasks, see above."""
    source = "".join((board.pathlib.Path(board.__file__).parents[1] / name).read_text()
                     for name in ("training/loop.py", "training/metrics.py",
                                  "inspection/events.py"))
    for charts in board.LAYOUT.values():
        for patterns in charts.values():
            for pattern in patterns:
                if "by task" in pattern:
                    continue
                options = re.match(r"\((\w+)\|(\w+)\)(.*)", pattern)
                tags = ([option + options[3] for option in options.groups()[:2]]
                        if options else [pattern])
                assert all(f'"{tag}"' in source for tag in tags), pattern


def test_runs_that_are_not_there_are_told(tmp_path):
    with ScriptServer(tmp_path) as server:
        code, output = server.run("inspection.board", f"--run={tmp_path}/none")
        assert code == 1 and output.startswith("error: --run: ")
