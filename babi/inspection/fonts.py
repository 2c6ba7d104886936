"""Fonts for letters of any script in pictures, out of those that are installed."""

import collections
import contextlib
import functools
import sys
import warnings

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

_NAMED = 5  # letters named that no font has
_BOXES = "Last Resort"  # a font of matplotlib's that has a box for each letter


@contextlib.contextmanager
def complete(figure):
    """While the body draws a figure, its text has letters from whatever font has them.

    matplotlib's own font, which has Latin, Greek, Cyrillic and Arabic letters, stays
    the first. Letters that no font has are named in one line, once.
    """
    texts = figure.findobj(Text)
    letters = {letter for text in texts for letter in text.get_text()
               if letter.isprintable() and not letter.isspace()}
    first = font_manager.get_font(fontManager.findfont(FontProperties()))
    missing = frozenset(letter for letter in letters
                        if not first.get_char_index(ord(letter)))
    if missing:
        families = [*FontProperties().get_family(), *_families(missing)]
        for text in texts:
            text.set_fontfamily(families)
    with warnings.catch_warnings():  # that line says it
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@functools.cache
def _families(letters):
    """Names of fonts that together have the letters; says which none has."""
    _add_new_fonts()
    there = collections.defaultdict(set)  # {name: letters}
    for font in fontManager.ttflist:
        if not font.name.startswith((_BOXES, ".")):  # macOS hides some with a dot
            there[font.name] |= _letters(font.fname, letters)
    found, missing = [], set(letters)
    for name in sorted(there, key=lambda name: (
            -len(there[name]), "Sans" not in name, name)):
        if there[name] & missing:
            found.append(name)
            missing -= there[name]
    if missing:
        named = ", ".join(sorted(missing)[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        print(f"No installed font has {named}{more}: boxes in the pictures; install "
              f"one that does, such as Noto Sans CJK.", file=sys.stderr, flush=True)
    return tuple(found)


def _letters(path, letters):
    """Those of the letters that a font can draw."""
    try:
        font = FT2Font(path)
        return {letter for letter in letters if font.get_char_index(ord(letter))
                } if font.scalable else set()  # others can't be drawn in any size
    except (OSError, RuntimeError, ValueError):
        return set()


def _add_new_fonts():
    """Tells matplotlib of fonts installed since it made its list of them."""
    known = {font.fname for font in fontManager.ttflist}
    for path in set(font_manager.findSystemFonts()) - known:
        with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError):
            fontManager.addfont(path)
