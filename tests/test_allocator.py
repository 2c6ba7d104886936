"""Memory that was freed, given back to the system."""

import contextlib
import sys

import pytest

from babi import allocator
from benchmarks.worker import proc_bytes

PIECES, PIECE = 200_000, 1000


@pytest.fixture
def holes():
    """Megabytes of freed pieces between others that are still in use."""
    pieces = [bytes(PIECE) for _ in range(PIECES)]
    kept = pieces[::100]
    del pieces
    return kept


@pytest.mark.skipif(allocator._malloc_trim() is None, reason="no glibc")
def test_freed_pieces_are_given_back(holes):
    before = proc_bytes("self", "VmRSS")
    with allocator.giving_back_memory():
        pass
    assert before - proc_bytes("self", "VmRSS") > PIECES * PIECE / 2
    assert all(piece == bytes(PIECE) for piece in holes)


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with allocator.giving_back_memory():
        pass


def test_the_first_call_alone_is_watched(monkeypatch):
    watched = []

    @contextlib.contextmanager
    def watch():
        watched.append("begun")
        try:
            yield
        finally:
            watched.append("ended")

    monkeypatch.setattr(allocator, "giving_back_memory", watch)
    divide = allocator.sparing(lambda left, right: left / right)
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)
    assert watched == ["begun", "ended"]
    assert divide(6, 3) == 2
    assert watched == ["begun", "ended"]
