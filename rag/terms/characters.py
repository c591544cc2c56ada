"""Characters that are written in several ways, or are not seen: texts without these differences."""

import re
import unicodedata
from typing import Final

# A mark raised behind a figure is no digit of it: "320\u00b9" is 320 with a note, not 3201.
_RAISED = re.compile(r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089])")
# Signs without a width. The non-joiner parts what Persian writes as one word; there it stays.
_UNSEEN = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b\u200d-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
    r"|(?<![\u0600-\u06ff])\u200c"
)
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


def normalized(text: str) -> str:
    """
    Return *text* in NFKC, without invisible signs, its dashes and minus signs all "-".

    Footnote marks behind figures stand apart from these. Case is kept.
    """
    if text.isascii():
        return text
    apart = _UNSEEN.sub("", _RAISED.sub(" ", text))
    return _DASHES.sub("-", unicodedata.normalize("NFKC", apart))


_MARKED_LATIN = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
_MARK = re.compile(r"[\u0300-\u036f]")
# Letters that are no letter with a mark, and are written so where a keyboard lacks them.
_LETTERS = str.maketrans(
    {
        "\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0142": "l", "\u0111": "d",
        "\u00f0": "d", "\u00fe": "th", "\u0131": "i", "\u0127": "h", "\u014b": "n", "\u0167": "t",
    }
)  # fmt: skip
#: What may be an umlaut or a ring.
WRITTEN_OUT: Final = ("ae", "oe", "ue", "aa")
# As umlauts and rings are written out; after another vowel or a q the u belongs to that.
_WRITTEN_OUT = re.compile(r"(?<![aeiouq])(?:([aou])e|(a)a)")


def without_marks(word: str) -> str:
    """Return a word in small letters in the plain letters of English, where it is Latin."""
    if not _MARKED_LATIN.search(word):
        return word
    bare = _MARK.sub("", unicodedata.normalize("NFD", word.translate(_LETTERS)))
    return unicodedata.normalize("NFC", bare)


def with_umlauts_drawn_in(word: str) -> str:
    """Return a plain word as it is without marks where its ae, oe, ue, aa stand for umlauts."""
    return _WRITTEN_OUT.sub(r"\1\2", word)
