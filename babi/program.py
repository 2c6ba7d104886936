"""What all scripts of the experiment share: how they start and how they fail."""

import os
import sys

from absl import app, flags

from babi.config import ConfigError
from babi.stories import DataError

# Set before TensorFlow starts: its own remarks would bury the program's.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class UsageError(ValueError):
    """A wrong use of a script: one line with the way out."""


def run(main):
    """Runs a script's `main()` on the parsed flags.

    What a user can mend is reported on one line, with exit code 1.

    Args:
      main: a function without arguments; returns None or an exit code.
    """
    def guarded(argv):
        try:
            if argv[1:]:
                raise UsageError(f"{argv[1]!r} is not a flag; flags start with --, "
                                 f"see --help")
            return main()
        except (UsageError, ConfigError, DataError) as fault:
            _fail(fault)

    app.run(guarded, flags_parser=_parse_flags)


def _parse_flags(argv):
    try:
        return flags.FLAGS(argv)
    except flags.Error as fault:
        _fail(fault)


def _fail(fault):
    sys.exit(f"error: {' '.join(str(fault).split())}")
