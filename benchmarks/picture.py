"""How the cost grows with time, slots and batch, as a picture."""

import pathlib

from benchmarks.contestants import CONTESTANTS
from benchmarks.points import Point
from benchmarks.results import ResultsError

_AXES = {"steps": "time steps T", "slots": "memory slots N", "batch": "batch B"}
_ROWS = (("training step, ms", lambda one: one.seconds("train"), 1e3),
         ("peak memory, GB", lambda one: one.peak_bytes, 1e-9))
# Colours that the colour-blind can tell apart, and markers for print.
_STYLES = {"ours": ("#0072B2", "o"), "plain": ("#E69F00", "s"),
           "eager": ("#009E73", "^"), "peer": ("#CC79A7", "D")}


def draw(results, path):
    """Draws time and memory over each axis into a file.

    Args:
      results: `results.Results`.
      path: of the picture; its ending says the format.

    Raises:
      ResultsError: there is no axis with two points, or the file can't be written.
    """
    from matplotlib.figure import Figure

    reference = Point(*results.settings["reference"])
    axes = {axis: points for axis in _AXES
            if len(points := along(results, reference, axis)) > 1}
    if not axes:
        raise ResultsError(
            "there is nothing to draw: no two points differ in one axis from the "
            "reference; measure more points, or leave --plot away")
    figure = Figure(figsize=(4 * len(axes), 6.4), layout="constrained")
    plots = figure.subplots(len(_ROWS), len(axes), squeeze=False)
    for row, (label, value, unit) in zip(plots, _ROWS):
        for plot, (axis, points) in zip(row, axes.items()):
            _draw_axis(plot, results, axis, points, lambda one: (
                None if value(one) is None else value(one) * unit))
        row[0].set_ylabel(label)
    for plot, axis in zip(plots[0], axes):
        rest = ", ".join(f"{other[-1]} = {getattr(reference, name)}"
                         for name, other in _AXES.items() if name != axis)
        plot.set_title(rest, fontsize="medium")
    for plot, axis in zip(plots[-1], axes):
        plot.set_xlabel(_AXES[axis])
    figure.legend(*plots[0, 0].get_legend_handles_labels(),
                  loc="outside upper center", ncols=len(_STYLES), frameon=False)
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: can't be drawn: {error}; give another "
                           f"--plot") from None


def along(results, reference, axis):
    """The measured points that differ from the reference in one axis at most, sorted.

    Args:
      axis: a field of `Point`.
    """
    return sorted((point for point in results.points()
                   if point._replace(**{axis: getattr(reference, axis)}) == reference),
                  key=lambda point: getattr(point, axis))


def _draw_axis(plot, results, axis, points, value):
    """One plot: a line for each contestant; value: function of a `Measurement`."""
    for contestant in CONTESTANTS:
        found = [(getattr(point, axis), value(one)) for point in points
                 if (one := results.find(contestant, point))]
        color, marker = _STYLES[contestant]
        if not any(one.contestant == contestant for one in results.measurements):
            continue
        plot.plot([x for x, y in found if y is not None],
                  [y for _, y in found if y is not None],
                  color=color, marker=marker, label=contestant)
    from matplotlib.ticker import LogLocator, NullFormatter

    values = [getattr(point, axis) for point in points]
    plot.set(xscale="log", yscale="log")
    plot.set_xticks(values, map(str, values))
    plot.set_xticks([], minor=True)
    plot.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plot.yaxis.set_major_formatter("{x:,g}")
    plot.yaxis.set_minor_formatter(NullFormatter())
    plot.grid(alpha=0.3)
