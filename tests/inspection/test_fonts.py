"""Letters of any script in pictures: drawn, or named in one line."""

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure

from babi.inspection import fonts, pictures

KNOWN, UNKNOWN = "\u5317", "\u4eac"  # the two of Beijing


def _font(path, letter):
    """Writes a font that has one letter, a block as wide and high as others are."""
    pen = TTGlyphPen(None)
    for corner, move in (((0, 0), pen.moveTo), ((0, 800), pen.lineTo),
                         ((1000, 800), pen.lineTo), ((1000, 0), pen.lineTo)):
        move(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "letter"])
    builder.setupCharacterMap({ord(letter): "letter"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "letter": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "letter": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Own Blocks", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A font with `KNOWN`, installed after matplotlib made its list of fonts."""
    manager = font_manager.fontManager
    plain = [font for font in manager.ttflist if font.name.startswith(
        ("DejaVu", "STIX", fonts._BOXES))]  # others may have the letters
    monkeypatch.setattr(manager, "ttflist", plain)
    path = tmp_path / "blocks.ttf"
    _font(path, KNOWN)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path)])
    fonts._families.cache_clear()
    yield
    fonts._families.cache_clear()


def _drawn(text):
    """The picture of a text."""
    figure = Figure((2, 1), dpi=100)
    pictures.FigureCanvasAgg(figure)
    figure.text(0.2, 0.2, text, size=40)
    return pictures.pixels(figure)


def test_a_letter_comes_from_the_font_that_has_it(installed, capsys):
    picture = _drawn(KNOWN)
    assert capsys.readouterr().err == ""
    dark = np.argwhere(picture.max(axis=2) < 50)
    height, width = dark.max(axis=0) - dark.min(axis=0) + 1
    # A full block of 0.8 x 1 em; a box would be hollow.
    assert (height, width) == pytest.approx((0.8 * 40 / 0.72, 40 / 0.72), abs=2)
    assert len(dark) > 0.9 * height * width
    latin = _drawn("Ada")
    assert (latin != picture).any() and capsys.readouterr().err == ""


def test_letters_that_no_font_has_are_named_once(installed, capsys):
    for _ in range(2):
        assert (_drawn(f"Ada {UNKNOWN}{KNOWN}\n") < 50).any()
    assert capsys.readouterr().err == (
        f"No installed font has {UNKNOWN}: boxes in the pictures; install one that "
        f"does, such as Noto Sans CJK.\n")
