"""What all scripts of the experiment share: how they start and how they fail."""

import contextlib
import gc
import importlib
import logging
import os
import re
import sys

from absl import app, flags
from absl import logging as absl_logging

from babi.program.errors import UsageError

_VECTOR_WIDTH = "--xla_cpu_prefer_vector_width"
# New ones, after which Python looks for garbage; its own choice is 700.
_OBJECTS = 50_000


def run(main, instead="see --help"):
    """Runs a script's `main()` on the parsed flags.

    What a user can mend is reported on one line, with exit code 1; Ctrl-C, where the
    script makes nothing of it, with 130.

    Args:
      main: a function without arguments; returns None or an exit code.
      instead: what to do in the place of words that are no flags.
    """
    def guarded(argv):
        try:
            # A name that the screen has no letters for does not end the work.
            sys.stdout.reconfigure(errors="backslashreplace")
            if argv[1:]:
                raise UsageError(f"{argv[1]!r} is not a flag; flags start with --, "
                                 f"{instead}")
            return main()
        except UsageError as fault:
            _fail(fault)
        except BrokenPipeError:  # such as head, which has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141  # 128 and the number of SIGPIPE
        except PermissionError as error:
            _fail(f"{error.filename}: {error.strerror}; mend its permissions, or give "
                  f"another")
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            return 130  # as shells have it: 128 and the number of SIGINT

    app.run(guarded, flags_parser=_parse_flags)


def start_tensorflow():
    """Imports TensorFlow without its remarks, which would bury the program's own.

    It takes seconds: scripts call this when their flags are known to be right.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("tensorboard").setLevel(logging.WARNING)
    absl_logging.set_verbosity(absl_logging.WARNING)  # of Matplotlib's remarks too
    _use_wide_vectors()
    with open(os.devnull, "w") as nowhere, contextlib.ExitStack() as stack:
        # The first remarks come from C++, before any level is heeded.
        screen = os.dup(2)
        stack.callback(os.close, screen)
        stack.callback(os.dup2, screen, 2)
        os.dup2(nowhere.fileno(), 2)
        stack.enter_context(_without("matplotlib"))
        stack.enter_context(_seldom_collected())
        importlib.import_module("tensorflow")


@contextlib.contextmanager
def _without(package):
    """Lets nobody import a package.

    Keras imports pyplot where it finds it: a second or two, and 30 MB, for galleries
    that no script draws. Those that draw import what they need later.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None
    try:
        yield
    finally:
        del sys.modules[package]


@contextlib.contextmanager
def _seldom_collected():
    """What is imported stays, and garbage is looked for less often from then on.

    A third of the time of imports and of reading stories goes into looking through
    objects that are all in use.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS, 20, 20)
        gc.enable()


def _use_wide_vectors():
    """Lets XLA use the 512-bit registers of processors that have them.

    By default it keeps to 256 bits. Must come before TensorFlow is imported; an
    XLA_FLAGS that has a width is left as it is.
    """
    given = os.environ.get("XLA_FLAGS", "")
    try:
        with open("/proc/cpuinfo") as file:
            wide = "avx512f" in file.read()
    except OSError:
        return
    if wide and _VECTOR_WIDTH not in given:
        os.environ["XLA_FLAGS"] = f"{given} {_VECTOR_WIDTH}=512".strip()


def _parse_flags(argv):
    try:
        return flags.FLAGS(argv)
    except flags.Error as fault:
        missing = re.search(r"Flag (--\w+) must have a value other", str(fault))
        _fail(f"{missing[1]} is missing; give it" if missing else fault)
    except SystemExit:  # --help was answered, to absl a failure
        sys.exit(0)


def _fail(fault):
    sys.exit(f"error: {' '.join(str(fault).split())}")
