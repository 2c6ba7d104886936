"""How the cost grows with time, slots and batch, as a picture."""

import pathlib

from benchmarks.contestants import Point
from benchmarks.results import ResultsError

_AXES = {"steps": "time steps T", "slots": "memory slots N", "batch": "batch B"}
_ROWS = (("training step, ms", "train_seconds", 1e3),
         ("peak memory, GB", "peak_bytes", 1e-9))
# Colours that the colour-blind can tell apart, and markers for print.
_STYLES = {"ours": ("#0072B2", "o"), "plain": ("#E69F00", "s"),
           "eager": ("#009E73", "^"), "peer": ("#CC79A7", "D")}


def draw(results, path):
    """Draws time and memory over each axis into a file, whose ending says the format.

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
    for column, (axis, points) in zip(plots.T, axes.items()):
        for plot, (label, value, unit) in zip(column, _ROWS):
            _draw_lines(plot, results, axis, points, lambda one: (
                getattr(one, value) and getattr(one, value) * unit))
            if axis == [*axes][0]:
                plot.set_ylabel(label)
        column[0].set_title(", ".join(
            f"{other[-1]} = {getattr(reference, name)}"
            for name, other in _AXES.items() if name != axis), fontsize="medium")
        column[-1].set_xlabel(_AXES[axis])
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
    """Measured points that differ from the reference in this axis at most, sorted."""
    return sorted(point for point in results.points()
                  if point._replace(**{axis: getattr(reference, axis)}) == reference)


def _draw_lines(plot, results, axis, points, value):
    """One plot: a line for each contestant; value: function of a `Measurement`."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for contestant, (color, marker) in _STYLES.items():
        found = [one for point in points if (one := results.find(contestant, point))]
        if any(one.contestant == contestant for one in results.measurements):
            plot.plot([getattr(one.point, axis) for one in found if value(one)],
                      [value(one) for one in found if value(one)],
                      color=color, marker=marker, label=contestant)
    values = [getattr(point, axis) for point in points]
    plot.set(xscale="log", yscale="log")
    plot.set_xticks(values, map(str, values))
    plot.set_xticks([], minor=True)
    plot.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plot.yaxis.set_major_formatter("{x:,g}")
    plot.yaxis.set_minor_formatter(NullFormatter())
    plot.grid(alpha=0.3)
