"""Words that mean the opposite of each other."""

import re
from typing import Final

_PAIRS: Final = (
    "before/after first/last more/less more/fewer most/least increase/decrease "
    "increased/decreased north/south east/west northern/southern eastern/western high/low "
    "higher/lower highest/lowest large/small larger/smaller largest/smallest early/late "
    "earlier/later earliest/latest oldest/newest oldest/youngest major/minor majority/minority "
    "male/female men/women positive/negative internal/external inside/outside above/below win/lose "
    "won/lost begin/end began/ended start/stop open/close legal/illegal strong/weak rich/poor "
    "best/worst maximum/minimum upper/lower public/private import/export buy/sell hot/cold "
    "summer/winter left/right accept/reject accepted/rejected support/oppose supported/opposed "
    "same/different possible/impossible likely/unlikely good/bad long/short longest/shortest "
    "fastest/slowest easy/difficult rise/fall rose/fell common/rare lawful/unlawful ancient/modern "
    "indoor/outdoor indoors/outdoors "
    "vor/nach ersten/letzten mehr/weniger nord/süd innen/außen oben/unten minimal/maximal "
    "intérieur/extérieur intérieure/extérieure premier/dernier avant/après interior/exterior "
    "primero/último antes/después mínimo/máximo"
)
_OPPOSITES: Final = {
    one: frozenset(
        other for pair in _PAIRS.split() if one in pair.split("/") for other in pair.split("/")
    ) - {one}
    for one in {word for pair in _PAIRS.split() for word in pair.split("/")}
}  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+")


def says_the_opposite(question: str, text: str) -> bool:
    """Return True if *text* has the opposite of a word of *question*, and not that word."""
    said = set(_WORD.findall(text.lower()))
    asked = _WORD.findall(question.lower())
    return any(
        word in _OPPOSITES and word not in said and not _OPPOSITES[word].isdisjoint(said)
        for word in asked
    )
