"""Free text, of any script, -> words and marks: stories of one's own and typed ones."""

import re
import unicodedata

# A `-` by itself is a token too: typed after a question it asks for a word.
_TOKEN = re.compile(r"[.?]|-(?=[\s.?-]|$)|[^\s.?]+")
# {what stands for others: these}. Full stops and question marks of other scripts, as
# the two that the network knows (Greek's own question mark too, which NFC makes a `;`).
# Signs of the direction of writing, byte-order marks and places where a word may be
# broken can't be seen: left out, but for the blank without width.
SIGNS = {".": "。．｡।॥۔։።", "?": "？؟፧\u037e", " ": "\u200b",
         "": "\xad\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066"
             "\u2067\u2068\u2069\ufeff"}
_SIGNS = {ord(sign): one for one, signs in SIGNS.items() for sign in signs}
_COMMAS = re.compile("[,，、،፣]")


def cleaned(text: str) -> str:
    """A text with one way to write each letter and mark, and nothing invisible."""
    return unicodedata.normalize("NFC", text.translate(_SIGNS))


def split_words(text: str) -> list[str]:
    """The words and marks of a text, with the case they have.

    Words are what blanks, `.` and `?` separate; any other sign belongs to the word
    that it touches.
    """
    return _TOKEN.findall(cleaned(text))


def split_answer(text: str) -> list[str]:
    """The words of an answer, which commas or blanks separate, without `.` around them.
    """
    return " ".join(split_words(_COMMAS.sub(" ", text))).strip(". ").split()
