"""What identifiers are called: each in one spelling, and the parts that it may be asked for by."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from rag.terms.calendar_dates import Date, ambiguous, date, full_year, month_number

_GROUP: Final = 3  # figures between two signs of a long number
_BYTE: Final = 255
MAX_RUNS: Final = 8  # of letters or figures in a code whose parts are told

_UNITS = (
    "st|nd|rd|th|er|km|hm|dm|cm|mm|nm|m|kg|mg|g|t|lbs?|oz|ml|cl|dl|hl|l|[kmgt]i?b|h|hrs?|min|sec|s"
    "|ms|us|ns|[km]?wh?|gw|[km]?v|m?ah?|[kmg]?hz|px|pt|dpi|fps|rpm|bar|k?pa|db|eur|euros?|usd|chf"
    "|gbp|sek|nok|dkk|pln|czk|uhr|x|pm|am|ct"
)
_SCALES: Final = {
    6: "million millions mio millionen millones millon milioni milione milhoes milhao miljoen "
    "miljoner millioner mln",
    9: "billion billions bn milliarden milliarde mrd milliards milliard miljard miliardi miljarder "
    "milliarder",
}
ZEROS: Final = {word: zeros for zeros, words in _SCALES.items() for word in words.split()}
FIGURE = re.compile(r"\d")
# Each with the sign before it, if that tells two figures apart.
_RUN = re.compile(r"(?:(?<=\d)[-/_+,:.'\u2019](?=\d))?(?:\d+|[^\W\d_]+)")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)(?:[-_.+]?([a-z][a-z0-9.+-]*))?")
_SHORT_VERSION = re.compile(r"v\d+")
_BETWEEN_FIGURES = re.compile(r"(?<=\d)[-/_+,:'\u2019](?=\d)")
_OTHER_SEPARATORS = re.compile(r"[./_+\\-]+(?!\d)|(?<!\d)[./_+\\-]+")
_WHOLE_ADDRESS = re.compile(r"://|@|^www\.")
_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?:(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3})+(?:,\d+)?|(?:['\u2019 ]\d{3})+(?:[.,]\d+)?)"
    r"|[1-9]\d?(?:,\d\d)+,\d{3}"  # of India
)
_DECIMAL = re.compile(r"(\d+)[.,](\d+)")
_WITH_UNIT = re.compile(rf"(?:eur|usd|chf|gbp)?(\d+(?:[.,]\d+)*)(?:-?(?:{_UNITS}))?")
_CLOCK = re.compile(r"0?(\d{1,2}:\d\d(?::\d\d)?)")
_RANGE = re.compile(r"(\d{1,4})[-/](\d{1,4})")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
YEAR_FIRST = re.compile(r"([12]\d{3})([./-])(\d{1,2})\2(\d{1,2})(?:t[\d:.z+-]*)?")
_EITHER = re.compile(r"(\d+)/(\d+)/(\d+)")
_SHORT_YEAR = re.compile(r"(\d\d)\.(\d\d)\.(\d\d)")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


def names_of(match: re.Match[str]) -> tuple[str, ...]:
    """Return what a thing is called."""
    kind = match.lastgroup or ""
    if kind in _CALLED:
        return _CALLED[kind](match[0])
    figure = match["spaced"] or match["figure"]
    if figure:
        zeros = ZEROS.get(match["scale"] or match["scale2"] or "", 0)
        return (_scaled(_number(figure), zeros),)
    return _day(match)


def _day(match: re.Match[str]) -> tuple[str, ...]:
    """Name a date that was written with its month's name."""
    day = int(match["day"] or match["day2"])
    year = match["year"] or match["year2"]
    found = date(int(year or 0), month_number(match["month"] or match["month2"]), day)
    return (found.normal,) if found else tuple(filter(None, (str(day), year)))


def _address(text: str) -> tuple[str, ...]:
    """Name a page or a mailbox; those without a figure are words."""
    named = text.rstrip("/.,;:!?")
    return (named,) if FIGURE.search(named) else ()


def _joined(text: str) -> tuple[str, ...]:
    """Name what was written in groups between blanks."""
    return _code(re.sub("[ _]", "-" if text.startswith("cve") else "", text))


def is_date(name: str) -> bool:
    """Return True if a name is that of a date."""
    if name.isalnum():
        return False
    return name.startswith("--") or bool(YEAR_FIRST.fullmatch(name) or _EITHER.fullmatch(name))


def _telephone(text: str) -> tuple[str, ...]:
    """Name a telephone number of any country: its figures behind a plus."""
    figures = re.sub(r"\(0\)|\D", "", text)
    return ("+" + (figures[2:] if text.startswith("00") else figures),)


def _code(text: str) -> tuple[str, ...]:
    """Name what was written without a blank."""
    if not FIGURE.search(text):
        return ()
    with_unit = _WITH_UNIT.fullmatch(text)
    if with_unit:
        text = with_unit[1]
    if text.isdecimal():
        return (text,)
    return _as_date(text) or _as_number(text) or (as_code(text),)


def _as_date(text: str) -> tuple[str, ...]:
    """Name a date in figures, if *text* is one."""
    if parts := YEAR_FIRST.fullmatch(text):
        found = date(int(parts[1]), int(parts[3]), int(parts[4]))
    elif parts := _DAY_FIRST.fullmatch(text):
        first, second, year = int(parts[1]), int(parts[3]), int(parts[4])
        found = date(year, second, first)
        turned = date(year, first, second)
        # With points the day stands first everywhere; with a slash that depends on the country.
        if parts[2] != "." and found and turned and first != second:
            return (ambiguous(first, second, year),)
        found = found or turned
    elif (parts := _SHORT_YEAR.fullmatch(text)) and "0" in (parts[1][0], parts[2][0]):
        found = date(full_year(int(parts[3])), int(parts[2]), int(parts[1]))
    else:
        return ()
    return (found.normal,) if found else ()


def _as_number(text: str) -> tuple[str, ...]:
    """Name a number, a time or a range, if *text* is one."""
    if clock := _CLOCK.fullmatch(text):
        return (clock[1],)
    if ends := _RANGE.fullmatch(text):
        first, last = ends[1], ends[2]
        if len(last) < len(first) == 4:  # noqa: PLR2004 - 2023/24
            last = first[: -len(last)] + last
        return (first, last) if int(first) < int(last) else ()
    if _DECIMAL.fullmatch(text) or (_GROUPED.fullmatch(text) and not _is_internet(text)):
        return (_number(text),)
    return ()


def _is_internet(text: str) -> bool:
    """Return True if *text* is an address of the internet, of which groups of three look alike."""
    if not _ADDRESS.fullmatch(text):
        return False
    return all(one == str(int(one)) and int(one) <= _BYTE for one in text.split("."))


def _number(text: str) -> str:
    """Write a number without groups and with a point; `.00` is no part of it."""
    whole, decimals = text, ""
    if parts := _DECIMAL.fullmatch(text):
        whole, decimals = parts.groups()
        if len(decimals) == _GROUP and len(whole) <= _GROUP and not whole.startswith("0"):
            whole, decimals = whole + decimals, ""
    elif _GROUPED.fullmatch(text):
        signs = [sign for sign in text if not sign.isdecimal()]
        if len(set(signs)) > 1:
            whole, _, decimals = text.rpartition(signs[-1])
        whole = re.sub(r"\D", "", whole)
    no_more = len(decimals) > 1 and not decimals.strip("0")
    return f"{whole}.{decimals}" if decimals and not no_more else whole


def _scaled(number: str, zeros: int) -> str:
    """Write out a number of millions."""
    whole, _, decimals = number.partition(".")
    if not zeros or not (whole + decimals).isdecimal() or len(decimals) > zeros:
        return number
    return (whole + decimals.ljust(zeros, "0")).lstrip("0") or "0"


def as_code(text: str) -> str:
    """
    Write a code without its separators, but those between figures, which tell codes apart.

    Where letters and figures meet is a border in any case. Points between figures are those of a
    version, and so is all that comes first.
    """
    if parts := _VERSION.fullmatch(text):
        return parts[1] + as_code(parts[2]) if parts[2] else parts[1]
    if _SHORT_VERSION.fullmatch(text):
        return text[1:]
    if text.isalnum():
        return text
    written = text.replace("\\", "/")
    written = _BETWEEN_FIGURES.sub("-", written.lstrip("-/_+,:.'\u2019"))
    return _OTHER_SEPARATORS.sub("", written)


def parts_of(name: str, written: str) -> Iterator[str]:
    """Yield by which parts of it an identifier may be asked for."""
    if name.isalnum():
        if not name.isdecimal():
            yield from _parts_of_code(name, written)
    elif parts := YEAR_FIRST.fullmatch(name):
        yield from Date(int(parts[1]), int(parts[3]), int(parts[4])).ways
    elif name.startswith("--"):
        yield str(int(name[-2:]))
    elif parts := _EITHER.fullmatch(name):
        first, second, year = map(int, parts.groups())
        for found in filter(None, (date(year, second, first), date(year, first, second))):
            yield from found.ways
    elif parts := _VERSION.fullmatch(name):
        figures = parts[1].split(".")
        yield from (".".join(figures[:count]) for count in range(1, len(figures) + 1))
    else:
        yield from _parts_of_code(name, written)


def _parts_of_code(name: str, written: str) -> Iterator[str]:
    """Yield the parts of a code or an address that have a figure."""
    runs = _RUN.findall(written)[:MAX_RUNS]
    longest = 1 if _WHOLE_ADDRESS.search(name) else MAX_RUNS
    for start, stop in combinations(range(len(runs) + 1), 2):
        part = "".join(runs[start:stop])
        if stop - start <= longest and FIGURE.search(part):
            yield part if part.isalnum() and part[0] != "v" else as_code(part)


_CALLED: Final = {"code": _code, "whole": _address, "blanks": _joined, "phone": _telephone}
