"""Results as text: the table, bounds, and what became slower."""

from benchmarks.contestants import (ALL, MEMORY_ALONE, MEMORY_OF_PEER, QUICK,
                                    TRAINING, VARIANTS)
from benchmarks.results import ResultsError

# {heading: (attribute of `Measurement`, factor, digits)}; "of NAME" is the ratio to
# that contestant of what stands before it. "step GB" is the most resident memory, or
# memory of the GPU, during training steps, "peak GB" with the first one, which
# compiles, and "first s" the time of that one.
_VALUES = {"train ms": ("train_seconds", 1e3, 1), "infer ms": ("infer_seconds", 1e3, 1),
           "tokens/s": ("tokens_per_second", 1, 0), "step GB": ("step_bytes", 1e-9, 2),
           "peak GB": ("peak_bytes", 1e-9, 2), "first s": ("first_step", 1, 1)}
HEADINGS = ("train ms", "of peer", "of plain", "tokens/s", "infer ms", "of peer",
            "of plain", "step GB", "of peer", "peak GB", "of peer", "first s")
HEADINGS_OF_VARIANTS = ("train ms", "of ours", "infer ms", "of ours", "step GB",
                        "of ours")
HEADINGS_OF_TRAINING = ("tokens/s", "of one_core", "train ms", "step GB", "peak GB",
                        "first s")


def table(results):
    """The table of results, in Markdown: medians over the rounds."""
    measured = [results.find(name, point) for point in results.points() for name in ALL]
    measured = [one for one in measured if one]
    headings = next((of_kind for kind, of_kind in (
        (VARIANTS, HEADINGS_OF_VARIANTS), (TRAINING, HEADINGS_OF_TRAINING))
        if any(one.contestant in kind for one in measured)), HEADINGS)
    rows = [("batch", "steps", "slots", "contestant", *headings)]
    rows += [(*map(str, one.point), one.contestant, *_cells(results, one, headings))
             for one in measured]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(map(str.rjust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    notes = [f"{one.point}, {one.contestant}: {one.note}."
             for one in measured if one.note]
    return "\n".join([*lines, *[""] * bool(notes), *notes])


def _cells(results, one, headings):
    for heading in headings:
        if heading in _VALUES:
            attribute, factor, digits = _VALUES[heading]
            value = getattr(one, attribute)
        else:
            other, factor, digits = heading.removeprefix("of "), 1, 3
            value = (None if one.contestant == other
                     else results.ratio(one, other, attribute))
        yield "-" if value is None else f"{value * factor:,.{digits}f}"


def describe(results):
    """Lines on what was measured, and where."""
    lines = []
    for name, contestant in ALL.items():
        found = [one for one in results.measurements if one.contestant == name]
        versions = ", ".join(
            f"{package} {version}" for package, version in next(
                (one.versions for one in found if one.versions), {}).items())
        if found:
            lines.append(f"{name}: {contestant.title}" + (
                f" ({versions})" if versions else ""))
    task, machine = results.settings["task"], results.machine
    lines.append(
        f"Model: controller of {task['units']} LSTM units, words of {task['words']}, "
        f"{task['heads']} read heads, {task['vocabulary']} inputs and outputs; a "
        f"training step is forward, backward and update.")
    gpu = f"{task['gpu']}, whose memory it is; " if "gpu" in task else ""
    lines.append(f"Machine: {gpu}{machine['processor']}, {task['threads']} of "
                 f"{machine['cores']} cores used, {machine['system']}")
    return "\n".join(lines)


# What ours must keep to: (point, attribute, its name, the most, whether that is a
# share of the peer's or an amount).
_BOUNDS = (
    (QUICK[0], "train_seconds", "training step", 0.10, True),
    (QUICK[1], "train_seconds", "training step", 0.25, True),
    (MEMORY_OF_PEER, "step_bytes", "peak memory of a step", 0.20, True),
    (MEMORY_ALONE, "peak_bytes", "peak memory, bytes", 2.5e9, False),
)


def bounds(results):
    """Whether ours keeps to its bounds: [(line, whether it is kept)]."""
    lines = []
    for point, value, name, most, of_peer in _BOUNDS:
        one = results.find("ours", point)
        if one is None:
            continue
        amount = getattr(one, value)
        if amount is None and one.note:
            lines.append((f"{point}: {name}: NOT KEPT: {one.note}", False))
            continue
        if of_peer:
            amount = results.ratio(one, "peer", value)
        if amount is None:
            lines.append((f"{point}: {name}: NOT JUDGED, as it was not measured"
                          f"{' of both' * of_peer}", False))
        else:
            kept = amount <= most
            lines.append((f"{point}: {name} {amount:.4g}{' of the peer' * of_peer}, at "
                          f"most {most:g}: {'kept' if kept else 'NOT KEPT'}", kept))
    return lines


def disagreements(results, tolerance=1e-3):
    """Lines on contestants whose first loss is not that of ours.

    Plain and eager start from the same weights and data, so that a difference says
    that they do not compute the same.
    """
    lines = []
    for one in results.measurements:
        ours = results.find("ours", one.point)
        if one.contestant not in ("plain", "eager") or ours is None:
            continue
        if None not in (one.loss, ours.loss) and (
                abs(one.loss - ours.loss) > tolerance * max(1.0, abs(ours.loss))):
            lines.append(
                f"{one.point}: the loss of {one.contestant} is {one.loss:.6g}, of ours "
                f"{ours.loss:.6g}: they do not compute the same")
    return lines


def compare(old, new, tolerance):
    """What changed in ours, and in training: [(line, whether it is a regression)].

    Times are set against the peer's of the same run where both have them, so that
    another speed of the machine cancels; the plain loop is no such measure, since it
    shares its equations with ours.

    Args:
      old, new: `results.Results`.
      tolerance: share by which a value may grow.

    Raises:
      ResultsError: they have no point in common, or measured different tasks.
    """
    tasks = [results.settings["task"] for results in (old, new)]
    different = [name for name in {**tasks[0], **tasks[1]}
                 if tasks[0].get(name) != tasks[1].get(name)]
    if different:
        raise ResultsError(f"the results to compare with were measured with other "
                           f"settings: {', '.join(different)}; give the same")
    lines = []
    for one in new.measurements:
        before = old.find(one.contestant, one.point)
        if one.contestant in ("ours", *TRAINING) and before:
            lines += [_change((old, before), (new, one), name, value, tolerance)
                      for name, value in (("training step", "train_seconds"),
                                          ("inference", "infer_seconds"),
                                          ("peak memory of a step", "step_bytes"),
                                          ("peak memory", "peak_bytes"))
                      if getattr(before, value) is not None
                      and (one.note or getattr(one, value) is not None)]
            if before.loss is not None and one.train_seconds and one.loss is None:
                lines.append((f"{one.point}: {one.contestant}: {one.note}", True))
    if not lines:
        raise ResultsError("the results to compare with have no point in common with "
                           "these; measure the same points")
    return lines


def _change(old, new, name, value, tolerance):
    """The line of one value and whether it is a regression.

    Args:
      old, new: (all results, the measurement), before and now.
      name, value: the value, as people say it and as an attribute.
      tolerance: see `compare`.
    """
    (_, before), (_, now) = old, new
    name = f"{now.point}: " + f"{now.contestant}, " * (now.contestant != "ours") + name
    if getattr(now, value) is None:
        return f"{name}: was measured, now: {now.note}", True
    how, change = "", getattr(now, value) / getattr(before, value)
    of_peer = [results.ratio(one, "peer", value)
               for results, one in (old, new)]
    if value.endswith("_seconds") and all(of_peer):
        how, change = " against the peer", of_peer[1] / of_peer[0]
    worse = change > 1 + tolerance
    return (f"{name} {change:.2f} times what it was{how}"
            f"{': REGRESSION' * worse}", worse)
