"""The sizes that are measured."""

from typing import NamedTuple


class Point(NamedTuple):
    """One size of the work.

    Attributes:
      batch: B, rows.
      steps: T, time steps of a row.
      slots: N, slots of the memory.
    """

    batch: int
    steps: int
    slots: int

    def __str__(self):
        return f"batch {self.batch}, steps {self.steps}, slots {self.slots}"

    def within(self, other):
        """Whether this one is nowhere larger than another."""
        return all(mine <= others for mine, others in zip(self, other))


REFERENCE = Point(1, 100, 256)
# The values of each axis that the whole measurement goes through.
AXES = Point((1, 4, 16, 32), (50, 100, 500, 1000), (64, 128, 256, 512, 1024))
QUICK = (REFERENCE, REFERENCE._replace(batch=16))
# Where variants are measured; the last one to see what links of N x N cost.
VARIANTS = (Point(16, 100, 256), Point(6, 480, 32))
LINKS = Point(4, 100, 1024)
# Where memory is bounded: against the peer, and for itself.
MEMORY_OF_PEER = Point(4, 1000, 256)
MEMORY_ALONE = Point(16, 1000, 256)


def around(reference, axes):
    """The points that differ from the reference in one axis only.

    Args:
      reference: `Point`; it is one of the points.
      axes: `Point` of lists of values.

    Returns:
      list of `Point`, each once, each axis from small to large.
    """
    found = [reference]
    for name, values in axes._asdict().items():
        found += [reference._replace(**{name: value}) for value in sorted(values)]
    return list(dict.fromkeys(found))


def grid(axes):
    """Every combination of the axes' values, from small to large."""
    return [Point(batch, steps, slots)
            for batch in sorted(set(axes.batch))
            for steps in sorted(set(axes.steps))
            for slots in sorted(set(axes.slots))]
