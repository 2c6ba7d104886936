"""TensorBoard with all there is to see of a run, and the graph of one time step.

    python3 -m babi.inspection.board --run=model           (`make viz`)

It opens on the layout below: what one asks first of a run. Pictures of the memory,
questions with their answers and histograms of weights and gradients have tabs of their
own, where the run wrote them (`--visualise_interval`).
"""

import logging
import pathlib
import threading

from absl import flags

from babi import command_line
from babi.inspection import graph
from babi.program import scripts
from babi.program.errors import UsageError

flags.adopt_module_key_flags(graph)  # for --help
_RUNS = flags.DEFINE_list(
    "run", None, "run directories, separated by commas; default: those in the current "
    "folder, and one level deeper, and those of the experiments in runs")
_PORT = flags.DEFINE_integer(
    "tensorboard_port", 6006, "where TensorBoard is served; 0: any port that is free",
    0, 65535)
_EVENTS = "events"  # as `events.FOLDER`, which needs TensorFlow
_OF_EXPERIMENTS = "runs/**/tensorboard"  # what Keras writes for examples/
_GRAPH, _LAYOUT = "graph", "layout"

# {category: {chart: regular expressions of its tags}}, from top to bottom.
LAYOUT = {
    "Does it learn?": {
        "question error, %": (r"(training|validation)/question error",),
        "loss": (r"(training|validation)/loss",),
        "answer words right, %": ("training/answer words right",)},
    "Which tasks? (held-out question error, %)": {
        f"tasks {first} to {first + 4}": tuple(
            f"validation question error by task/{task:02d} .*"
            for task in range(first, first + 5)) for first in (1, 6, 11, 16)},
    "Is it well?": {
        "gradient norm": ("training/gradient norm",),
        "learning rate": ("training/learning rate",),
        "stories a second": ("speed/stories per second",),
        "skipped steps": ("training/skipped steps",)}}


def main():
    """Serves TensorBoard until Ctrl-C."""
    folders = _runs()
    scripts.start_tensorflow()
    from tensorboard import default, program
    from tensorboard.plugins.custom_scalar.custom_scalars_plugin import (
        CustomScalarsPlugin)

    output = pathlib.Path(flags.FLAGS.output_dir)
    # It opens on the first tab that has something to show: the layout, or the graph.
    board = program.TensorBoard(sorted(
        default.get_plugins(), key=lambda plugin: plugin is not CustomScalarsPlugin))
    places = [str(output), *(f"{_name(folder)}:{folder}" for folder in folders)]
    try:
        for name in (_GRAPH, _LAYOUT):  # of an earlier start
            for old in (output / name).glob("events.out.tfevents.*"):
                old.unlink()
        if folders:
            write_layout(output / _LAYOUT)
        graph.write(command_line.from_flags(), output / _GRAPH)
        board.configure(
            logdir_spec=",".join(places), host="localhost", port=_PORT.value,
            reload_interval=5)
        address = board.launch()
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not each request
    except (OSError, program.TensorBoardServerException) as error:
        raise UsageError(f"{error}; give another --tensorboard_port or "
                         f"--output_dir") from None
    if folders:
        print(f"Runs: {', '.join(map(str, folders))}")
    else:
        print("No runs here yet: `make babi` trains one, --run names it.")
    print(f"TensorBoard: {address}#{_first_tab(folders)} (Ctrl-C ends it)", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()


def _runs():
    """The folders of the runs to show."""
    if _RUNS.value is None:
        return _runs_here()
    folders = [pathlib.Path(run) for run in _RUNS.value]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--run: {folder} is not there; give the directory of a "
                             f"run")
    return folders


def _runs_here():
    """Those of the current folder, the experiments' last."""
    here = pathlib.Path()
    return [*sorted(path.parent for depth in ("*", "*/*")
                    for path in here.glob(f"{depth}/{_EVENTS}")),
            *sorted(here.glob(_OF_EXPERIMENTS))]


def _first_tab(folders):
    """The tab that has most to show of these runs; the layout is not experiments'."""
    if not folders:
        return "graphs"
    has_layout = any((folder / _EVENTS).is_dir() for folder in folders)
    return "custom_scalars" if has_layout else "scalars"


def _name(folder):
    """A run's name; for TensorBoard a "/" at its start would make it a path."""
    parts = ["above" if part == ".." else part for part in folder.parts if part != "/"]
    return "/".join(parts).replace(":", "_") or "here"


def write_layout(directory):
    """Writes `LAYOUT` for TensorBoard's tab of custom scalars.

    Raises:
      OSError: the disk refuses it.
    """
    import tensorflow as tf
    from tensorboard.plugins.custom_scalar import layout_pb2, summary

    layout = layout_pb2.Layout(category=[
        layout_pb2.Category(title=category, chart=[
            layout_pb2.Chart(title=chart, multiline=layout_pb2.MultilineChartContent(
                tag=tags)) for chart, tags in charts.items()])
        for category, charts in LAYOUT.items()])
    with graph.summaries_in(directory):
        tf.summary.experimental.write_raw_pb(
            summary.pb(layout).SerializeToString(), step=0)


if __name__ == "__main__":
    scripts.run(main)
