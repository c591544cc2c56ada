"""Characters that are written in several ways, or are not seen: texts without these differences."""

import re
import unicodedata
from typing import Final

# A mark raised behind a figure is no digit of it: "320\u00b9" is 320 with a note, not 3201.
_RAISED = re.compile(r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089])")
#: Signs without a width. In Persian and some Indic words the non-joiner is a letter of a kind;
#: to leave it out there as well makes both spellings one.
UNSEEN: Final = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
)
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


def plain(text: str) -> str:
    """
    Return *text* in NFKC, without signs that nobody sees, its dashes and minus signs all "-".

    Footnote marks behind figures stand apart from these. Case is kept.
    """
    if text.isascii():
        return text
    apart = UNSEEN.sub("", _RAISED.sub(" ", text))
    return _DASHES.sub("-", unicodedata.normalize("NFKC", apart))
