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


def test_a_bar_is_no_wider_than_the_terminal_which_would_break_it(monkeypatch, clock):
    monkeypatch.setenv("COLUMNS", "50")
    screen = Terminal()
    bar = Progress(110, stream=screen)
    bar.count(10, "loss 0.1234  questions right 87.6%  words right 90.1%")
    clock[0] += 20.0
    bar.count(30)
    bar.close()
    bars = [text for text in screen.getvalue().split("\r") if text.strip()]
    assert len(bars) == 2 and all(len(text) == 49 for text in bars)
    assert bars[1].startswith("30/110 [=====") and "left 0:01:20  loss" in bars[1]
    assert screen.getvalue().endswith("\r" + 49 * " " + "\r")


def test_a_time_that_no_calendar_has_is_told_all_the_same():
    assert duration(1e300) == duration(1e14) and "days" in duration(1e14)
    assert (duration(-1), duration(3723.4)) == ("0:00:00", "1:02:03")


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
