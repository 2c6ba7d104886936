"""Random draws that are the same on every machine and in every Python version."""

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def digest(*key) -> int:
    """A uniform 64-bit number that depends on the key (texts and whole numbers)."""
    text = "/".join(map(str, key))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Chance:
    """A stream of random draws, determined by a key.

    It rests on `random.Random.random()` alone: Python promises its sequence for a
    seed, but not that of `choice` or `shuffle`.
    """

    def __init__(self, *key):
        """The key's parts, texts and whole numbers, tell streams apart."""
        self._random = random.Random(digest(*key)).random

    def index(self, length: int) -> int:
        """A whole number from 0 to length - 1."""
        return int(self._random() * length)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self._random() * len(items))]

    def pick_other(self, items: Sequence[T], *excluded: T) -> T:
        """One of the items that are not excluded."""
        return self.pick([item for item in items if item not in excluded])

    def happens(self, probability: float = 0.5) -> bool:
        """True with this probability."""
        return self._random() < probability

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a uniformly random order."""
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.index(last + 1)
            items[last], items[other] = items[other], items[last]
        return items

    def cycled(self, items: Sequence[T]) -> list[T]:
        """The items in a random cyclic permutation: none keeps its position."""
        items = list(items)
        for last in range(len(items) - 1, 0, -1):  # Sattolo's shuffle
            other = self.index(last)
            items[last], items[other] = items[other], items[last]
        return items
