"""Results as text: the table, bounds, and what became slower."""

from typing import NamedTuple

from benchmarks.contestants import ALL, CONTESTANTS, VARIANTS
from benchmarks.points import MEMORY_ALONE, MEMORY_OF_PEER, QUICK, Point
from benchmarks.results import ResultsError

HEADINGS = ("batch", "steps", "slots", "contestant", "train ms", "of peer", "of plain",
            "tokens/s", "infer ms", "of peer", "of plain", "step GB", "of peer",
            "peak GB", "of peer", "first s")


def train_seconds(measurement):
    """Median seconds of a training step, None where not measured."""
    return measurement.seconds("train")


def infer_seconds(measurement):
    """Median seconds of a step forward alone, None where not measured."""
    return measurement.seconds("infer")


def step_bytes(measurement):
    """Most resident memory during training steps, None where not measured."""
    return measurement.step_bytes


def peak_bytes(measurement):
    """Most resident memory, with compilation, None where not measured."""
    return measurement.peak_bytes


def table(results):
    """The table of results, in Markdown.

    Times are medians over the rounds; "of peer" and "of plain" are the ratios to
    those contestants of what stands before them; "step GB" is the most resident
    memory during training steps, "peak GB" with the first one, which compiles, and
    "first s" the time of that one.
    """
    rows = [HEADINGS]
    notes = []
    for point in results.points():
        for contestant in CONTESTANTS:
            one = results.find(contestant, point)
            if one is None:
                continue
            rows.append(_row(results, one))
            if one.note:
                notes.append(f"{point}, {contestant}: {one.note}.")
    return "\n".join([*_markdown(rows), *[""] * bool(notes), *notes])


def table_of_variants(results):
    """The table of variants, in Markdown: each beside the paper's DNC, "ours"."""
    rows = [("batch", "steps", "slots", "variant", "train ms", "of ours", "infer ms",
             "of ours", "step GB", "of ours")]
    for point in results.points():
        for contestant in ALL:
            one = results.find(contestant, point)
            if one is not None:
                rows.append((*map(str, point), contestant, *_beside_ours(results, one)))
    notes = [f"{one.point}, {one.contestant}: {one.note}."
             for one in results.measurements if one.note]
    return "\n".join([*_markdown(rows), *[""] * bool(notes), *notes])


def _beside_ours(results, one):
    """The cells of a measurement: each value, and its ratio to that of ours."""
    for value, digits, factor in (
            (train_seconds, 1, 1e3), (infer_seconds, 1, 1e3), (step_bytes, 2, 1e-9)):
        yield _number(value(one), digits, factor)
        yield "-" if one.contestant == "ours" else _number(
            results.ratio(one.contestant, "ours", one.point, value), 3)


def _markdown(rows):
    """Lines of a table, of rows of text; the first is its heading."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(map(str.rjust, row, widths)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return [lines[0], rule, *lines[1:]]


def _row(results, one):
    """The cells of a measurement."""
    def ratio(other, value):
        if one.contestant == other:
            return "-"
        return _number(results.ratio(one.contestant, other, one.point, value), 3)

    def both(value):
        return ratio("peer", value), ratio("plain", value)

    return (*map(str, one.point), one.contestant,
            _number(train_seconds(one), 1, 1e3), *both(train_seconds),
            _number(one.tokens_per_second(), 0),
            _number(infer_seconds(one), 1, 1e3), *both(infer_seconds),
            _number(one.step_bytes, 2, 1e-9), ratio("peer", step_bytes),
            _number(one.peak_bytes, 2, 1e-9), ratio("peer", peak_bytes),
            _number(one.first_step, 1))


def _number(value, digits, factor=1.0):
    return "-" if value is None else f"{value * factor:,.{digits}f}"


def describe(results):
    """Lines on what was measured, and where."""
    lines = [f"{name}: {contestant.title}" + _versions(results, name)
             for name, contestant in ALL.items()
             if any(one.contestant == name for one in results.measurements)]
    task, machine = results.settings["task"], results.machine
    lines.append(
        f"Model: controller of {task['controller_units']} LSTM units (the peer's has "
        f"{task['peer_lstm_layers']} layers of them), words of {task['word_size']}, "
        f"{task['num_read_heads']} read heads, {task['vocabulary_size']} inputs and "
        f"outputs; a training step is forward, backward and RMSprop update.")
    lines.append(f"Machine: {machine['processor']}, {task['threads']} of "
                 f"{machine['cores']} cores used, {machine['system']}")
    return "\n".join(lines)


def _versions(results, name):
    versions = results.versions.get(name, {})
    found = ", ".join(f"{package} {version}" for package, version in versions.items())
    return f" ({found})" if found else ""


class Bound(NamedTuple):
    """What ours must keep to.

    Attributes:
      point: `Point`.
      value: function of a `Measurement`.
      name: of the value, for the reader.
      most: the bound: a share of the peer's value, or an amount.
      of_peer: whether it is a share.
    """

    point: Point
    value: object
    name: str
    most: float
    of_peer: bool = True


BOUNDS = (
    Bound(QUICK[0], train_seconds, "training step", 0.10),
    Bound(QUICK[1], train_seconds, "training step", 0.25),
    Bound(MEMORY_OF_PEER, step_bytes, "peak memory of a step", 0.20),
    Bound(MEMORY_ALONE, peak_bytes, "peak memory, bytes", 2.5e9, of_peer=False),
)


def bounds(results):
    """Whether ours keeps to its bounds, as far as they were measured.

    Returns:
      list of (line of text, whether it is kept).
    """
    lines = []
    for bound in BOUNDS:
        one = results.find("ours", bound.point)
        if one and one.note and bound.value(one) is None:
            lines.append((f"{bound.point}: {bound.name}: NOT KEPT: {one.note}", False))
            continue
        if bound.of_peer:
            value = results.ratio("ours", "peer", bound.point, bound.value)
        else:
            value = one and bound.value(one)
        if value is not None:
            kept = value <= bound.most
            lines.append((
                f"{bound.point}: {bound.name} {value:.4g}"
                f"{' of the peer' if bound.of_peer else ''}, at most {bound.most:g}: "
                f"{'kept' if kept else 'NOT KEPT'}", kept))
    return lines


def disagreements(results, tolerance=1e-3):
    """Lines on contestants whose first loss is not that of ours.

    All but the peer start from the same weights and data, so that a difference says
    that they do not compute the same.
    """
    lines = []
    for one in results.measurements:
        ours = results.find("ours", one.point)
        if (one.contestant in {"peer", *VARIANTS} or ours is None
                or None in (one.loss, ours.loss)):
            continue
        if abs(one.loss - ours.loss) > tolerance * max(1.0, abs(ours.loss)):
            lines.append(
                f"{one.point}: the loss of {one.contestant} is {one.loss:.6g}, of ours "
                f"{ours.loss:.6g}: they do not compute the same")
    return lines


def compare(old, new, tolerance):
    """What changed in ours since other results.

    Times are set against the peer's of the same run where both have them, so that
    another speed of the machine cancels; the plain loop is no such measure, since it
    shares its equations with ours.

    Args:
      old, new: `results.Results`.
      tolerance: share by which a value may grow.

    Returns:
      list of (line of text, whether it is a regression).

    Raises:
      ResultsError: they have no point in common, or measured different tasks.
    """
    if old.settings["task"] != new.settings["task"]:
        different = [name for name, value in new.settings["task"].items()
                     if old.settings["task"].get(name) != value]
        raise ResultsError(f"the results to compare with were measured with other "
                           f"settings: {', '.join(different)}; give the same")
    lines = []
    for one in new.measurements:
        before = old.find("ours", one.point)
        if one.contestant != "ours" or before is None:
            continue
        lines += [_change(old, new, before, one, name, value, tolerance)
                  for name, value in (("training step", train_seconds),
                                      ("inference", infer_seconds),
                                      ("peak memory of a step", step_bytes),
                                      ("peak memory", peak_bytes))
                  if value(before) is not None]
    if not lines:
        raise ResultsError("the results to compare with have no point in common with "
                           "these; measure the same points")
    return lines


def _change(old, new, before, now, name, value, tolerance):
    """The line of one value and whether it is a regression."""
    if value(now) is None:
        return f"{now.point}: {name}: was measured, now: {now.note}", True
    change = value(now) / value(before)
    how = ""
    peers = [results.find("peer", now.point) for results in (old, new)]
    speeds = [peer and value(peer) for peer in peers]
    if value in (train_seconds, infer_seconds) and all(speeds):
        change *= speeds[0] / speeds[1]
        how = " against the peer"
    worse = change > 1 + tolerance
    return (f"{now.point}: {name} {change:.2f} times what it was{how}"
            f"{': REGRESSION' if worse else ''}", worse)
