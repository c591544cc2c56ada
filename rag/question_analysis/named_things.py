"""Members of a class that a question names: pump 8, size XL, Saturday, August, the third floor."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from rag.terms.calendar_dates import MONTH
from rag.terms.light_words import LIGHT

_MARK: Final = r"(?:\d{1,9}[a-z]?|[A-Z]\d{0,6}|[A-Z]{2,3}\d{1,6}|X{1,3}[SL])"
_NAMED: Final = re.compile(rf"(?<!\w)([^\W\d_]{{3,30}})[ #-]{{1,2}}({_MARK})(?![\w.,:/-]*\d|\w)")
_MONTH: Final = re.compile(MONTH)
_LONGEST_MARK: Final = 3
MOST: Final = 4  # things of a question that are looked for
_ORDINALS: Final = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
_ORDINAL: Final = "|".join(_ORDINALS.split())
_NTH: Final = re.compile(rf"\b({_ORDINAL}) ([a-z]{{3,30}})\b")
_MONTHS: Final = tuple(
    tuple(year.split())
    for year in (
        "january february march april may june july august september october november december",
        "januar februar marz april mai juni juli august september oktober november dezember",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    )
)
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
_MONTH_NAME: Final = "|".join(sorted({month for year in _MONTHS for month in year}))
_MONTH_RANGE: Final = re.compile(
    rf"\b({_MONTH_NAME})(?: \d{{4}})?"
    r"(?: ?[-\u2013\u2014/] ?| (?:to|until|till|through|and|bis|und|a|al|au|hasta|y|et) )"
    rf"(?:the |zum )?(?:\d\d?(?:\.|st|nd|rd|th)? ?(?:of |de )?)?({_MONTH_NAME})\b"
)
# No two that may mean the same, such as seniors and pensioners.
_CLASSES: Final = (
    "single double triple quadruple",
    "breakfast lunch dinner",
    "spring summer autumn winter",
    "small medium large",
    "weekly monthly yearly",
    "adult adults child children student students senior seniors",
    "red green blue yellow black white orange purple brown pink",
    "wooden stone steel plastic glass concrete",
    "fruhling sommer herbst winter",
    "rot grun blau gelb schwarz weiss grau braun",
    "primavera verano otono invierno",
    "rojo verde azul amarillo negro blanco gris",
    "printemps ete automne hiver",
)
_CLASS_OF: Final = {
    word: re.compile("|".join(rf"\b{other}\b" for other in group.split() if other != word))
    for group in _CLASSES
    for word in group.split()
}
_NAME: Final = 4  # letters of a day or a month that is no other word: not "so", "may", "mar"
_DAY_AT: Final = {name: at for week in _WEEKS for at, name in enumerate(week)}
_MONTH_AT: Final = {name: at for year in _MONTHS for at, name in enumerate(year)}
_GROUPS_OF: Final = {
    name: tuple(group for group in (*_WEEKS, *_MONTHS) if name in group)
    for name in (*_DAY_AT, *_MONTH_AT)
}
_EACH: Final = re.compile(
    r"\b(?:daily|every ?day|all week|7 days|taglich|jeden tag|todos los dias|tous les jours)\b"
)


def others_alone(question: str, texts: Sequence[str]) -> bool:
    """
    Return True if *texts* know things of a kind, but not the one that *question* names.

    Such as pump 7 and pump 9, where pump 8 is asked for.
    """
    for kind, mark in _NAMED.findall(question[:1_000])[:MOST]:
        small = kind.lower()
        if len(mark) > _LONGEST_MARK:  # an identifier, and looked for as one
            continue
        if small in LIGHT or _MONTH.fullmatch(small):
            continue
        # Letters are a mark only as capitals: "day of" is none.
        held = re.compile(rf"(?<!\w)(?i:{re.escape(kind)})s?[ #:.=\"-]{{1,4}}({_MARK})(?!\w)")
        found = {one.lstrip("0").lower() for text in texts for one in held.findall(text)}
        found = {one for one in found if one[:1].isdigit() == mark[0].isdigit()}
        if found and mark.lstrip("0").lower() not in found:
            return True
    return False


def another_nth(question: str, texts: Sequence[str]) -> bool:
    """Return True if *texts*, folded, have a second floor, say, but not the third that is asked."""
    for nth, kind in _NTH.findall(question[:1_000].lower())[:MOST]:
        if any(nth in text for text in texts):
            continue
        held = re.compile(rf"\b({_ORDINAL}) {kind}\b")
        if any(map(held.search, texts)):
            return True
    return False


def another_day(name: str, text: str) -> bool:
    """
    Return True if *text*, folded, is of other days of the week than *name*, or of other months.

    A range holds what is between.
    """
    member = name if name in _GROUPS_OF else name.rstrip("s")
    groups = _GROUPS_OF.get(member, ())
    if not groups or re.search(rf"\b{member}", text):
        return False
    others = {one for group in groups for one in group if len(one) >= _NAME}
    return any(re.search(rf"\b{one}", text) for one in others) and not day_of_range(name, [text])


def another_of_class(name: str, quote: str, texts: Iterable[str]) -> bool:
    """
    Return True if a quote has one of the class that *name* is of, and no text *name* itself.

    All folded. Such as a single room and a double one, where a triple one is asked for.
    """
    group = _CLASS_OF.get(name)
    if group is None or any(re.search(rf"\b{name[:_NAME]}", text) for text in (quote, *texts)):
        return False
    return group.search(quote) is not None


def day_of_range(day: str, texts: Iterable[str]) -> bool:
    """Return True if a day of the week or a month, folded, is inside a range of *texts*, folded."""
    for places, ranges, count in ((_DAY_AT, _RANGE, 7), (_MONTH_AT, _MONTH_RANGE, 12)):
        at = places.get(day, places.get(day.rstrip("s")))
        if at is None:
            continue
        for text in texts:
            if ranges is _RANGE and _EACH.search(text):
                return True
            for first, last in ranges.findall(text):
                # December is between October and March.
                if (at - places[first]) % count <= (places[last] - places[first]) % count:
                    return True
    return False
