"""Memory in huge pages, and what was freed given back to the system."""

import contextlib
import ctypes
import os
import platform
import sys
import threading

# Seconds between two times that freed memory is given back.
_INTERVAL = 0.25

# Whether the kernel gives huge pages: always, to those who ask for them, never.
_HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
_HUGE_PAGES_IN_GLIBC = "glibc.malloc.hugetlb"


def restart_with_huge_pages():
    """Starts the script that runs anew, once, so that it gets huge pages.

    Each step maps its buffers anew. In pages of 4 KB the kernel makes and clears them
    one by one, and the processor looks each up: a tenth of a step or more. In pages
    of 2 MB it is done at once, but glibc asks for those only if it is told to before
    the program begins.

    Where that cannot help, or `GLIBC_TUNABLES` has a choice already, it does nothing.
    Call it before anything is read, written or begun.
    """
    # Otherwise it is not known how to start again: python -c, or inside a program.
    script = sys.orig_argv[-len(sys.argv):] == sys.argv
    variables = huge_pages_in(os.environ)
    if not script or not variables:
        return
    os.environ.update(variables)
    with contextlib.suppress(OSError):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def huge_pages_in(environment):
    """The variables that give a program huge pages; {} if none or chosen already.

    Args:
      environment: the variables that it has.
    """
    given = environment.get("GLIBC_TUNABLES", "")
    if _HUGE_PAGES_IN_GLIBC in given or not _huge_pages_for_the_asking():
        return {}
    return {"GLIBC_TUNABLES": f"{given}:{_HUGE_PAGES_IN_GLIBC}=1".lstrip(":")}


def _huge_pages_for_the_asking():
    """Whether kernel and glibc give huge pages to those who ask for them."""
    try:
        with open(_HUGE_PAGES) as file:
            if "[madvise]" not in file.read():
                return False
    except OSError:
        return False
    library, version = platform.libc_ver()
    return library == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)


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
    """While the body runs, and once after it, what was freed is given back."""
    finished = threading.Event()

    def watch():
        while not finished.wait(_INTERVAL):
            give_back()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
        give_back()


def give_back():
    """Gives what was freed back to the system; whether there is a glibc to do it."""
    trim = sys.platform.startswith("linux") and getattr(
        ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    return bool(trim)
