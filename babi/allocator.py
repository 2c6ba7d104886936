"""Memory that was freed, given back to the system."""

import contextlib
import ctypes
import sys
import threading

# Seconds between two times.
_INTERVAL = 0.25


def sparing(function):
    """`function`, with memory given back while its first call compiles it.

    XLA's compiler frees hundreds of megabytes in small pieces, which glibc keeps for
    later, so that the buffers of the steps would come on top of them.
    """
    called = False

    def call(*arguments):
        nonlocal called
        if called:
            return function(*arguments)
        called = True
        with giving_back_memory():
            return function(*arguments)

    return call


@contextlib.contextmanager
def giving_back_memory():
    """While the body runs, and once after it, what was freed is given back.

    Without glibc it does nothing.
    """
    trim = _malloc_trim()
    if trim is None:
        yield
        return
    finished = threading.Event()

    def watch():
        while not finished.wait(_INTERVAL):
            trim(0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
        trim(0)


def _malloc_trim():
    """The function of glibc, or None."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
