"""The bar of a run, and the time that it says is left."""

import io
import re

import pytest

from babi.program import progress
from babi.program.progress import Progress, duration


class Terminal(io.StringIO):
    """A screen whose bars are kept, one after the other."""

    def isatty(self):
        return True

    def left(self):
        """What the last bar says is left."""
        return re.findall(r"left ([\d:?]+)", self.getvalue())[-1]


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands where it is set."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_time_left_is_that_of_the_steps_so_far(clock):
    screen = Terminal()
    bar = Progress(110, stream=screen)
    bar.count(10)
    assert screen.left() == "?"
    clock[0] += 20.0
    bar.count(30)  # a second each, eighty more
    assert screen.left() == bar.time_left(30) == "0:01:20"


def test_a_step_that_was_compiled_does_not_count_in_the_time_left(clock):
    screen = Terminal()
    bar = Progress(1002, stream=screen)
    bar.count(1, anew=True)
    clock[0] += 30.0  # another shape, compiled
    bar.count(2, anew=True)
    assert screen.left() == "?"
    clock[0] += 0.5
    bar.count(3)
    assert screen.left() == bar.time_left(3) == duration(0.5 * 999)
