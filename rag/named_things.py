"""Things that a question names by a kind and a number or letter, or by a day of the week."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from rag.calendar_dates import MONTH
from rag.light_words import LIGHT

_MARK: Final = r"(?:\d{1,9}[a-z]?|[A-Z]{1,3}\d{0,6})"
_NAMED: Final = re.compile(rf"(?<!\w)([^\W\d_]{{3,30}})[ #-]{{1,2}}({_MARK})(?![\w.,:/-]*\d|\w)")
_MONTH: Final = re.compile(MONTH)
MOST: Final = 4  # things of a question that are looked for
_WEEKS: Final = tuple(
    tuple(week.split())
    for week in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "mon tue wed thu fri sat sun",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
        "mo di mi do fr sa so",
        "lunes martes miercoles jueves viernes sabado domingo",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
    )
)
_DAY: Final = "|".join(
    sorted({day for week in _WEEKS for day in week}, key=lambda day: (-len(day), day))
)
_RANGE: Final = re.compile(
    rf"\b({_DAY})s?\.?(?: ?[-\u2013\u2014/] ?| (?:to|until|till|through|bis|a|al|au|hasta) )"
    rf"({_DAY})\b"
)
_EACH: Final = re.compile(
    r"\b(?:daily|every ?day|all week|7 days|taglich|jeden tag|todos los dias|tous les jours)\b"
)


def others_alone(question: str, texts: Sequence[str]) -> bool:
    """
    Tell whether *texts* know things of a kind, but not the one that *question* names.

    Such as pump 7 and pump 9, where pump 8 is asked for.
    """
    for kind, mark in _NAMED.findall(question[:1_000])[:MOST]:
        small = kind.lower()
        if small in LIGHT or _MONTH.fullmatch(small):
            continue
        held = re.compile(
            rf"(?<!\w){re.escape(kind)}s?[ #:.=\"-]{{1,4}}({_MARK})(?!\w)", re.IGNORECASE
        )
        found = {one.lstrip("0").lower() for text in texts for one in held.findall(text)}
        if found and mark.lstrip("0").lower() not in found:
            return True
    return False


def day_of_range(day: str, texts: Iterable[str]) -> bool:
    """Tell whether a day of the week, folded, is inside a range of days of *texts*, folded."""
    places = {name: at for week in _WEEKS for at, name in enumerate(week)}
    name = day if day in places else day.rstrip("s")
    at = places.get(name)
    if at is None:
        return False
    return any(
        _EACH.search(text)
        or any(places[first] <= at <= places[last] for first, last in _RANGE.findall(text))
        for text in texts
    )
