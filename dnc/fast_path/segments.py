"""How a sequence is cut, so that few link matrices are held at a time."""

import math
from typing import NamedTuple

# Steps of a segment where the length of the sequence is not known beforehand, and the
# longest sequence that is not cut.
SEGMENT = 20

# From this many steps on segments are cut again.
LONG = 640


class Segments(NamedTuple):
    """How many steps apart M and L are kept.

    Attributes:
      segment: by the forward loop. The sequence is padded to a multiple of it.
      part: by the backward loop within the segment at hand; divides `segment`.
    """

    segment: int
    part: int

    @property
    def parts(self):
        """Parts in a segment."""
        return self.segment // self.part


def cut(steps):
    """`Segments` of a sequence.

    With one segment for each K steps, K + T / K link matrices are held at a time,
    least where K is the square root of T. With segments of P parts of K steps they
    are K + P + T / (K P), least where each is the cube root; but the steps are
    rebuilt twice.

    Args:
      steps: T, or None if it is not known.
    """
    if steps is None:
        return Segments(SEGMENT, SEGMENT)
    if steps <= SEGMENT:
        return Segments(steps, steps)
    if steps < LONG:
        length = _one_level(steps)
        return Segments(length, length)
    return _two_levels(steps)


def _one_level(steps):
    """A divisor of T near its square root, or else padding is needed."""
    root = round(math.sqrt(steps))
    divisors = [k for k in range(1, steps + 1) if steps % k == 0]
    nearest = min(divisors, key=lambda k: k + steps // k)
    if nearest + steps // nearest <= 2.5 * root:
        return nearest
    return math.ceil(steps / root)


def _two_levels(steps):
    """Three numbers near the cube root of T whose product is T or little more."""
    root = round(steps ** (1 / 3))
    near = range(max(2, root // 2), 2 * root + 1)

    def cost(pair):
        part, parts = pair
        segments = math.ceil(steps / (part * parts))
        padding = segments * part * parts - steps
        return part + parts + segments + 3 * root * padding / steps

    part, parts = min(((a, b) for a in near for b in near), key=cost)
    return Segments(part * parts, part)
