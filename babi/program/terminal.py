"""Colour, where a terminal has it."""

import os

_CODES = {"bold": 1, "faint": 2, "red": 31, "green": 32}


def painter(stream):
    """A function (text, *styles) that gives the text in colour, if a stream has it.

    The styles are bold, faint, red and green; see https://no-color.org.
    """
    if (not stream.isatty() or os.environ.get("NO_COLOR")
            or os.environ.get("TERM") == "dumb"):
        return lambda text, *styles: text

    def paint(text, *styles):
        codes = ";".join(str(_CODES[style]) for style in styles)
        return f"\033[{codes}m{text}\033[0m"

    return paint
