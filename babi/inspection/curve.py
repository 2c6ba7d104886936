"""Draws the learning curves of runs, from their TensorBoard events.

    python3 -m babi.inspection.curve --runs=model --output=curve.png

Mean question error on the held-out stories, training loss and the error of each task,
over the stories read. Several runs, separated by commas, are drawn together, without
the errors by task.
"""

import pathlib

import numpy as np
from absl import flags

from babi.evaluation.published import PUBLISHED_RESULTS
from babi.program import scripts
from babi.program.errors import UsageError
from babi.program.files import short_names
from babi.stories.tasks import TASK_TITLES

_RUNS = flags.DEFINE_list("runs", None, "run directories, separated by commas")
_OUTPUT = flags.DEFINE_string("output", "curve.png", "the picture, PNG or SVG")

_STORIES = "training/stories"
_LOSS = "training/loss"
_ERROR = "validation/question error"
_BY_TASK = "validation question error by task/"


def main():
    """Draws the runs that the flags name."""
    if not _RUNS.value:
        raise UsageError("--runs is needed, such as --runs=model")
    scripts.start_tensorflow()
    curves = {run: read(run) for run in _RUNS.value}
    draw(curves, _OUTPUT.value)
    print(f"Written: {_OUTPUT.value}")


def read(run):
    """The curves of a run's directory: {name: (stories, values)}, arrays.

    Raises:
      UsageError: there are no events of training in it.
    """
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from babi.inspection.events import FOLDER

    folder = pathlib.Path(run) / FOLDER
    if not folder.is_dir():
        raise UsageError(f"--runs: {folder} is not there; give the directory "
                         f"of a run")
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    found = {}
    for name in events.Tags()["tensors"]:
        if name in (_STORIES, _LOSS, _ERROR) or name.startswith(_BY_TASK):
            points = _last_told(events.Tensors(name))
            found[name] = (np.array([point.step for point in points]), np.array(
                [float(tf.make_ndarray(point.tensor_proto)) for point in points]))
    if _STORIES not in found or _LOSS not in found:
        raise UsageError(f"--runs: {run}: no TensorBoard events of training "
                         f"in it; give the directory of a run")
    steps, stories = found.pop(_STORIES)
    stories = np.append(_stories_at_start(steps, stories), stories)
    return {name: (np.interp(at, np.append(0, steps), stories), values)
            for name, (at, values) in found.items()}


def _stories_at_start(steps, stories):
    """Stories before a run's first step: many if it began with another's weights.

    They are not told; the speed from the first report to the second says how many
    went by before the first.
    """
    if len(steps) < 2:
        return 0
    rate = (stories[1] - stories[0]) / (steps[1] - steps[0])
    return max(0, stories[0] - steps[0] * rate)


def _last_told(points):
    """Points without those that a restart from an earlier step took back."""
    kept = []
    for point in sorted(points, key=lambda point: point.wall_time):
        while kept and kept[-1].step >= point.step:
            kept.pop()
        kept.append(point)
    return kept


def draw(curves, path):
    """Draws the curves of runs, {run: what `read` returns}, into a file.

    Raises:
      UsageError: the file can't be written.
    """
    from matplotlib.figure import Figure

    from babi.inspection import fonts

    single = len(curves) == 1
    figure = Figure(figsize=(9, 10) if single else (9, 4), layout="constrained")
    plots = figure.subplots(2 if single else 1, 1, squeeze=False)[:, 0]
    _draw_runs(plots[0], curves)
    if single:
        _draw_tasks(plots[1], *curves.values())
    try:
        with fonts.complete(figure):
            figure.savefig(path, dpi=100)
    except (OSError, ValueError) as error:
        raise UsageError(f"--output: {path}: {error}; give another file") \
            from None


def _first_story(curves):
    """Where the picture begins: at 0 but for runs that began far from it."""
    read = np.concatenate([curve[_LOSS][0] for curve in curves])
    return read.min() if read.min() > 0.1 * read.max() else 0


def _top(curves, name, most):
    """Upper end of the axis for a value of all runs, not above `most`."""
    highest = max((curve[name][1].max() for curve in curves if name in curve),
                  default=most)
    return min(most, 1.3 * highest) or most


def _draw_runs(plot, curves):
    """Validation error of each run, and its training loss on an axis of its own."""
    losses = plot.twinx()
    names = short_names(map(pathlib.Path, curves))
    for number, (run, curve) in enumerate(curves.items()):
        colour, name = f"C{number}", names[pathlib.Path(run)]
        losses.plot(*curve[_LOSS], color=colour, linewidth=0.8, alpha=0.5)
        if _ERROR in curve:
            plot.plot(*curve[_ERROR], color=colour, marker="o", markersize=3,
                      label=f"held-out question error, {name}")
    plot.set(xlabel="stories read", ylabel="mean question error, %",
             ylim=(0, _top(curves.values(), _ERROR, 100)))
    plot.set_xlim(left=_first_story(curves.values()))
    losses.set(ylabel="training loss (thin lines)",
               ylim=(0, _top(curves.values(), _LOSS, 2)))
    plot.grid(alpha=0.3)
    if all(_has_all_tasks(curve) for curve in curves.values()):
        paper = PUBLISHED_RESULTS["dnc1"].mean_error
        plot.axhline(paper.mean, color="grey", linestyle="--", linewidth=1,
                     label=f"the paper's DNC1 on the test questions, {paper.mean}%")
    if plot.get_legend_handles_labels()[0]:
        for text in plot.legend(fontsize=8).get_texts():
            text.set_parse_math(False)  # a run's name may have dollar signs


def _has_all_tasks(curve):
    """Whether the tasks of a curve are bAbI's twenty, whose mean is published."""
    official = {f"{_BY_TASK}{task:02d} {title}" for task, title in TASK_TITLES.items()}
    return {name for name in curve if name.startswith(_BY_TASK)} == official


def _draw_tasks(plot, curve):
    """The error of each task, as rows of a heat map."""
    tasks = sorted(name for name in curve if name.startswith(_BY_TASK))
    if not tasks:
        plot.set_axis_off()
        return
    stories = curve[tasks[0]][0]
    errors = np.array([curve[name][1] for name in tasks])
    edges = np.append(_first_story([curve]),
                      (stories + np.append(stories[1:], stories[-1])) / 2)
    image = plot.pcolormesh(edges, np.arange(len(tasks) + 1), errors, cmap="Blues",
                            vmin=0, vmax=100)
    plot.set_yticks(np.arange(len(tasks)) + 0.5, [
        name.removeprefix(_BY_TASK).lstrip("0") for name in tasks], fontsize=8,
        parse_math=False)
    for row, values in enumerate(errors):
        plot.annotate(f" {values[-1]:.0f}%", (edges[-1], row + 0.5), va="center",
                      fontsize=8, annotation_clip=False)
    plot.invert_yaxis()
    plot.set(xlabel="stories read")
    plot.figure.colorbar(image, ax=plot, label="held-out question error, %", pad=0.08)


if __name__ == "__main__":
    scripts.run(main)
