"""Memory in huge pages, and what was freed given back to the system."""

import contextlib
import os
import pathlib
import platform
import subprocess
import sys

import pytest

from babi.program import allocator
from benchmarks.worker import bytes_in_proc

PIECES, PIECE = 200_000, 1000

SCRIPT = """
import os, sys
print("begun", flush=True)
from babi.program import allocator
allocator._HUGE_PAGES = sys.argv[1]
allocator.restart_with_huge_pages()
print(os.environ.get("GLIBC_TUNABLES"), sys.flags.utf8_mode, *sys.argv[1:])
"""


@pytest.fixture
def holes():
    """Megabytes of freed pieces between others that are still in use."""
    pieces = [bytes(PIECE) for _ in range(PIECES)]
    kept = pieces[::100]
    del pieces
    return kept


@pytest.mark.skipif(not allocator.give_back(), reason="no glibc")
def test_freed_pieces_are_given_back(holes):
    before = bytes_in_proc("self/status", "VmRSS")
    with allocator.giving_back_memory():
        pass
    assert before - bytes_in_proc("self/status", "VmRSS") > PIECES * PIECE / 2
    assert all(piece == bytes(PIECE) for piece in holes)


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.give_back()
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


def start(tmp_path, kernel, tunables=None, as_script=True):
    """(times that `SCRIPT` begins, its tunables), with the kernel's choice `kernel`."""
    pages, script = tmp_path / "enabled", tmp_path / "script.py"
    pages.write_text(kernel)
    script.write_text(SCRIPT)
    program = [script] if as_script else ["-c", SCRIPT]
    environment = {name: value for name, value in os.environ.items()
                   if name != "GLIBC_TUNABLES"}
    environment["PYTHONPATH"] = str(pathlib.Path(allocator.__file__).parents[2])
    if tunables:
        environment["GLIBC_TUNABLES"] = tunables
    done = subprocess.run(
        [sys.executable, "-X", "utf8", *program, pages, "--flag=a b"], text=True,
        capture_output=True, timeout=60, env=environment, check=True)
    assert done.stderr == ""
    *begun, last = done.stdout.splitlines()
    assert set(begun) == {"begun"}
    choice, utf8_mode, *arguments = last.split(" ", 3)
    assert (utf8_mode, arguments) == ("1", [str(pages), "--flag=a b"])
    return len(begun), choice


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc"
    or [int(part) for part in platform.libc_ver()[1].split(".")] < [2, 35],
    reason="needs glibc 2.35")
def test_a_script_starts_anew_once_and_as_it_was_called(tmp_path):
    on = "glibc.malloc.hugetlb=1"
    assert start(tmp_path, "always [madvise] never") == (2, on)
    other = "glibc.malloc.check=0"
    assert start(tmp_path, "always [madvise] never", other) == (2, f"{other}:{on}")


@pytest.mark.parametrize("kernel, tunables", [
    ("[always] madvise never", None), ("always madvise [never]", None), ("", None),
    ("always [madvise] never", "glibc.malloc.hugetlb=0")])
def test_it_does_not_where_that_cannot_help_or_is_decided(tmp_path, kernel, tunables):
    assert start(tmp_path, kernel, tunables) == (1, str(tunables))


def test_code_without_a_script_goes_on(tmp_path):
    kernel = "always [madvise] never"
    assert start(tmp_path, kernel, as_script=False) == (1, "None")
