"""Invisible characters, removed from a text where they would keep a word from being found."""

import re
from typing import Final

# Soft hyphen, zero width space, word joiner, byte order mark, marks of direction, invisible
# operators. A search for the word that one stands in would miss it.
_WIDTHLESS: Final = "\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_RARE = re.compile(f"[{_WIDTHLESS}\xa0\u2000-\u200d\u2011\u202f\u205f\U000e0000-\U000e007f]")
_SIGNS = re.compile(f"[{_WIDTHLESS}]")
_BLANKS = re.compile("[\xa0\u2000-\u200a\u202f\u205f]")
# Scripts that join their letters or stack them: Arabic, Syriac, N'Ko, Mandaic, the scripts of India
# and its neighbours, Tibetan, Myanmar, Khmer, Mongolian.
_SHAPED: Final = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_PICTURED: Final = (
    "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u20e3\U0001f000-\U0001faff"
)
_SHAPING = re.compile(f"[{_SHAPED}]")
_PICTURE = re.compile(f"[{_PICTURED}]")
_JOINERS = re.compile("[\u200c\u200d]+")
# Tags spell the flags of regions after a black flag; elsewhere they hide text from its reader.
_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_BLACK_FLAG: Final = "\U0001f3f4"


def seen(text: str) -> str:
    """
    Return *text* without signs that have no width, with one kind of blank and of hyphen.

    The joiners U+200C and U+200D are kept between letters whose shapes need them and in emoji
    (Unicode 17, sections 9.2, 23.2 and 23.9).
    """
    if text.isascii() or not _RARE.search(text):
        return text
    text = _BLANKS.sub(" ", _SIGNS.sub("", text)).replace("\u2011", "-")
    return _TAGS.sub(_tags, _JOINERS.sub(_joiners, text))


def _joiners(found: re.Match[str]) -> str:
    """Keep joiners that shape letters or make one picture of two."""
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    shaped = (bool(_SHAPING.match(before)), bool(_SHAPING.match(after)))
    kept = all(shaped) or ("\u200d" in found[0] and any(shaped))
    pictured = found[0] == "\u200d" and _PICTURE.match(before) and _PICTURE.match(after)
    return found[0] if kept or pictured else ""


def _tags(found: re.Match[str]) -> str:
    """Keep tags that belong to a flag."""
    return found[0] if found.string[found.start() - 1 : found.start()] == _BLACK_FLAG else ""
