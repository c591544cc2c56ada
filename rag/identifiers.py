"""Identifiers of a text, each in one spelling: numbers, amounts, dates, versions, codes."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, combinations
from typing import Final

from rag.calendar_dates import MONTH, Date, ambiguous, date, full_year, month_number
from rag.characters import normalized
from rag.symbols import symbol_parts

MAX_CHARACTERS: Final = 200_000  # of a text that are looked at
MAX_LENGTH: Final = 200  # of an identifier; what is longer is data
AROUND: Final = 40  # characters around a figure that may belong to it: a month, a scale, a group
_GROUP: Final = 3  # figures between two signs of a long number
_BYTE: Final = 255
MAX_PIECE: Final = 12  # characters of a word that may be a part of a code
MAX_PIECES: Final = 40  # words of a question that are looked at for codes with blanks
MAX_JOINED: Final = 4
MAX_RUNS: Final = 8  # of letters or figures in a code whose parts are told
KEPT: Final = 1 << 12  # pieces of texts that are kept as they were read
LONG: Final = 40  # characters of a piece that is not

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
_ZEROS: Final = {word: zeros for zeros, words in _SCALES.items() for word in words.split()}
_SCALE = "|".join(sorted(_ZEROS, key=len, reverse=True))

# What holds together without a blank, and the few things that are written with blanks; in small
# letters. The order tells which is tried first at a place.
_THING = re.compile(
    rf"""
    (?<![^\W_])(?=[\w+])(?:
    (?<![\w.,/-])(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th|er|\u00ba|\u00aa)?[ -]?(?:(?<=\ )(?:of|de)\ )?
        (?P<month>{MONTH})\b\.?(?:(?:,?\ (?:del?\ |of\ )?|-)(?P<year>\d{{4}})\b)?
  | (?<!\w)(?P<month2>{MONTH})\b\.?\ (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:/%-]|[.,]\d)
        (?:,?\ (?P<year2>\d{{4}})\b)?
  | (?P<whole>
        (?<!\w)(?:[a-z][a-z0-9+.-]{{1,20}}://|www\.)[^\s<>"'()]+
      | (?<![\w.])[a-z0-9._%+-]{{1,64}}@[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}})+ )
  | (?P<blanks>
        (?<!\w)[a-z]{{2}}\d\d(?:\ [a-z0-9]{{4}}){{3,7}}(?:\ [a-z0-9]{{1,3}})?(?!\w)
      | (?<!\w)cve[ _-]?\d{{4}}[ _-]\d{{4,7}}(?!\w) )
  | (?P<phone> (?<![\w+])(?:\+|00)[1-9]\d{{0,3}}(?:[ ./-]|\ ?\(\d{{1,5}}\)\ ?)\d[\d ./()-]{{3,18}}\d
        (?!\w) )
  | (?<![\w.,/-])(?P<spaced>[1-9]\d{{0,2}}(?:[ '\u2019]\d{{3}})+(?:[.,]\d{{1,2}})?)(?![\w-]|[.,]\d)
        (?:\ (?P<scale>{_SCALE})\b)?
  | (?<![\w.,/-])(?P<figure>\d+(?:[.,]\d+)*)[ ](?P<scale2>{_SCALE})\b
  | (?P<code> (?=[^\s\d]{{0,80}}\d)[^\W_]+(?:(?:[-./_\\+]|(?<=\d)[,:'\u2019](?=\d))[^\W_]+)* )
    )
    """,
    re.VERBOSE,
)
# Of the roles of neighbouring pieces, those that may be one thing.
_RUN_OF_ROLES = re.compile("[fgmc]{2,}")
_WIDE = re.compile(r"[\n\t\r]+| {2,}")
_TOGETHER = re.compile("ff|fg?m|mf|cf")
# Roles, of which the greater goes first: m, a month or a scale; g, what is between it and a figure.
NO_ROLE: Final = "."
WITH_FIGURE: Final = "f"
_ROLES: Final = {
    **dict.fromkeys((*MONTH.split("|"), *_ZEROS, "cve"), "m"),
    **dict.fromkeys(("of", "de", "del"), "g"),
}
_LETTERS = re.compile(r"[^\W\d_]+")
_LETTERS_OF_A_CODE = re.compile(r"\(?[A-Z]{1,4}")
# `AX 4411 B`, in capitals: in small letters it would be a word and a number.
_APART = re.compile(
    r"(?<![\w./-])(?:[A-Z]{2,4} \d{2,6}|[A-Z] \d{3,6})(?: [A-Z]{1,2})?(?![\w%/-]|[.,:]\w)"
)
_FIGURE = re.compile(r"\d")
_FIGURES = re.compile(r"\d+")
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
_YEAR_FIRST = re.compile(r"([12]\d{3})([./-])(\d{1,2})\2(\d{1,2})(?:t[\d:.z+-]*)?")
_EITHER = re.compile(r"(\d+)/(\d+)/(\d+)")
_FIGURES_ALONE = re.compile(r"\d+(?:\.\d+)?|\d+:.*")
_KEPT_OF_A_DATE = re.compile(r"--.*|\d{4}-\d\d-\d\d")
_KEPT_OF_A_CODE = re.compile(r"(?=.{3}).*[^\d].*|\d{3,}")
_PIECE = re.compile(r"[^\W_]+")
_SNAKE = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)+")
_BETWEEN = re.compile(r"[\W_]+")
_SHORT_YEAR = re.compile(r"(\d\d)\.(\d\d)\.(\d\d)")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve",
    "eins zwei drei vier f\u00fcnf sechs sieben acht neun zehn elf zw\u00f6lf",
    "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "un deux trois quatre cinq six sept huit neuf dix onze douze",
)
_SPELLED: Final = {
    word: str(number) for words in _NUMBER_WORDS for number, word in enumerate(words.split(), 1)
}


#: What something is called, and how it is written.
Thing = tuple[tuple[str, ...], str]


def identifiers(text: str) -> frozenset[str]:
    """
    Return the identifiers that *text* names, in one spelling each.

    Anything with a figure in it: numbers and amounts (`1,250,000`, `1.250.000` and `1 250 000` are
    1250000), dates (`5 March 2024` and `05.03.2024` are 2024-03-05; of `5/3/2024` nobody can tell,
    it stays), versions (`v2.3.10` is 2.3.10), codes (`AX-4411/B` and `AX4411B` are ax4411b), times,
    telephone numbers, addresses of pages and people. Two spellings of a thing are equal, and two
    things differ. Units and currencies are left out.
    """
    return frozenset(chain.from_iterable(names for names, _ in _things(text)))


def held_identifiers(text: str) -> frozenset[str]:
    """
    Return every spelling under which what *text* names may be asked for, `identifiers` among them.

    Beside the whole these are a date's year, a version's beginning (2.3 of 2.3.10), the parts of a
    code (4411 of AX-4411/B), and small numbers in words.
    """
    found: set[str] = set()
    if _FIGURE.search(text):
        for names, written in _things_in(normalized(text)):
            found.update(_held(names, written))
    words = _LETTERS.findall(text[:MAX_CHARACTERS].lower())
    found.update(_SPELLED[word] for word in _SPELLED.keys() & words)
    return frozenset(found)


def indexed_identifiers(text: str) -> list[str]:
    """
    Return what an index keeps of the identifiers of *text*, each once: whole, and in parts.

    *text* stood between two blanks, and is as `normalized` returns it. Less than
    `held_identifiers`: what its words have in any case is left out.
    """
    return _kept(_read_things(text))


def names_of_several_words(text: str, pieces: list[str], roles: str) -> tuple[list[str], list[str]]:
    """
    Return `indexed_identifiers` that are written with blanks, and the pieces that are left.

    Args:
        text: As `normalized` returns it.

        pieces: What stands between its blanks.

        roles: The `role` of each; they are such that some *may_stand_together*.
    """
    things, rest = _several(text, pieces, roles)
    return _kept(things), rest


def may_stand_together(roles: str) -> bool:
    """Tell whether neighbours may be one thing, by their roles: `5 March`, `1 250 000`, `2 Mio`."""
    return _TOGETHER.search(roles) is not None


def role(piece: str) -> str:
    """Tell in a letter what a piece of a text may be in a thing with blanks."""
    if _FIGURE.search(piece):
        return WITH_FIGURE
    if _LETTERS_OF_A_CODE.fullmatch(piece):
        return "c"
    return max(map(role_of_word, _LETTERS.findall(piece.lower())), default=NO_ROLE)


def role_of_word(word: str) -> str:
    """Tell the role of a word in small letters, without figures."""
    return _ROLES.get(word, NO_ROLE)


def _kept(things: Iterable[Thing]) -> list[str]:
    """Return what an index keeps of things, each once."""
    found: dict[str, None] = {}
    for names, written in things:
        for name in names:
            found[name] = None
            if _FIGURES_ALONE.fullmatch(name):
                continue
            kept = _KEPT_OF_A_DATE if _is_date(name) else _KEPT_OF_A_CODE
            for part in _parts(name, written):
                if kept.fullmatch(part):
                    found[part] = None
    return list(found)


@lru_cache(KEPT)
def _held(names: tuple[str, ...], written: str) -> frozenset[str]:
    """Return every spelling under which a thing may be asked for."""
    return frozenset(names).union(*(_parts(name, written) for name in names))


def asked_identifiers(text: str) -> list[tuple[str, ...]]:
    """
    Return for each identifier of a question what it may be called in an index.

    A date of which nobody can tell whether its day stands first has both readings. What a
    question writes with blanks (`AX 4411 B`) may be one thing.
    """
    if not _FIGURE.search(text):
        return []
    found: dict[tuple[str, ...], None] = {}
    for names, _ in _things(text):
        for name in names:
            ways = [way for way in _parts(name, "") if _YEAR_FIRST.fullmatch(way)]
            found[(name, *sorted(ways))] = None
    return list(found)


def joined_identifiers(text: str) -> list[str]:
    """Return what neighbouring words of a question are as one code, where one has a figure."""
    if not _FIGURE.search(text):
        return []
    pieces = [
        piece for piece in _PIECE.findall(normalized(text).lower()) if len(piece) <= MAX_PIECE
    ]
    found: dict[str, None] = {}
    figures = [_FIGURE.search(piece) is not None for piece in pieces[:MAX_PIECES]]
    for start in range(len(figures)):
        for stop in range(start + 2, min(start + MAX_JOINED, len(figures)) + 1):
            if any(figures[start:stop]):
                found[_as_code("-".join(pieces[start:stop]))] = None
    return list(found)


def missing(question: str, texts: Iterable[str]) -> frozenset[str]:
    """
    Return the identifiers of *question* that none of *texts* holds, in whole or in part.

    A date is there as well where its day stands in one text and its year in another. The name of a
    function, `camelCase` or `snake_case`, is one as well; it is there however it is written.
    """
    asked, named = (
        identifiers(question),
        frozenset(map("".join, symbol_parts(normalized(question)))),
    )
    named |= frozenset(map(_letters, _SNAKE.findall(question)))
    if not (asked or named):
        return asked
    read = list(texts)
    held = frozenset[str]().union(*map(held_identifiers, read))
    absent = asked - held
    if any(map(_YEAR_FIRST.fullmatch, absent)):
        days = frozenset[str]().union(*map(identifiers, read))
        absent = frozenset(name for name in absent if not _is_told_apart(name, held, days))
    if named:
        written = "\n".join(map(_letters, read))
        absent |= {name for name in named if name not in written}
    return absent


def _letters(text: str) -> str:
    """Return the letters and figures of a text, in small letters."""
    return _BETWEEN.sub("", text[:MAX_CHARACTERS].lower())


def _is_told_apart(name: str, held: frozenset[str], days: frozenset[str]) -> bool:
    """
    Tell whether a date is held as a day without a year, and a year.

    The day of a date of another year, which is among *held*, is no day without one.
    """
    parts = _YEAR_FIRST.fullmatch(name)
    return parts is not None and f"-{name[4:]}" in days and parts[1] in held


def _things(text: str) -> Iterator[Thing]:
    """Yield what each thing in *text* is called, and how it is written; a range is two things."""
    if _FIGURE.search(text):
        yield from _things_in(normalized(text))


def _things_in(text: str) -> Iterator[Thing]:
    """Yield the things of a normalized text."""
    text = text[:MAX_CHARACTERS]
    pieces = text.split()
    roles = "".join(map(_role_of, pieces))
    if may_stand_together(roles):
        things, pieces = _several(text, pieces, roles)
        yield from things
    for piece in pieces:
        if not piece.isalpha() and _FIGURE.search(piece):
            yield from _things_of(piece) if len(piece) <= LONG else _read_things(piece)


def _read_things(piece: str) -> tuple[Thing, ...]:
    """Tell what things stand between two blanks."""
    found = [(_names(match), match[0]) for match in _THING.finditer(piece.lower())]
    return tuple(one for one in found if len(one[1]) <= MAX_LENGTH)


_things_of = lru_cache(KEPT)(_read_things)
_role_of = lru_cache(KEPT)(role)


def _several(text: str, pieces: list[str], roles: str) -> tuple[list[Thing], list[str]]:
    """Return the things of a normalized text that are written with blanks, and the pieces left."""
    found: list[Thing] = []
    rest: list[str] = []
    told = at = 0
    for run in _RUN_OF_ROLES.finditer(roles):
        if not may_stand_together(run[0]):
            continue
        start, stop = run.span()
        written = normalized(" ".join(pieces[start:stop]))
        at = text.find(written, at)
        if at < 0:  # there are lines or wide blanks between them
            return _parted(text)
        things, left = _in_run(written)
        found += things
        rest += [*pieces[told:start], *left.split()]
        told = stop
    return found, rest + pieces[told:]


def _parted(text: str) -> tuple[list[Thing], list[str]]:
    """Return the same, where pieces are parted by more than a blank."""
    found, rest = [], []
    for part in _WIDE.split(text):
        things, left = _in_run(part)
        found += things
        rest += left.split()
    return found, rest


def _in_run(written: str) -> tuple[list[Thing], str]:
    """Return the things with blanks in a part of a normalized text, and the part without."""
    found: list[Thing] = []
    for match in _APART.finditer(written):
        code = match[0].lower().replace(" ", "-")
        found.append(((_as_code(code),), code))
    read = written.lower()
    if len(read) != len(written):  # as of a Turkish I; then places differ
        return found, written
    left, told = [], 0
    for start, stop in _near_figures(read):
        for match in _THING.finditer(read, start, stop):
            if " " in match[0] and match.end() - match.start() <= MAX_LENGTH:
                found.append((_names(match), match[0]))
                left.append(written[told : match.start()])
                told = match.end()
    return found, " ".join([*left, written[told:]])


def _near_figures(read: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a text are that have a figure, with the words around it."""
    start = stop = 0
    for figure in _FIGURES.finditer(read):
        if figure.start() < stop:
            continue
        if figure.start() - AROUND > stop:
            if stop:
                yield start, stop
            start = read.rfind(" ", stop, figure.start() - AROUND) + 1 or stop
        stop = read.find(" ", figure.end() + AROUND)
        stop = len(read) if stop < 0 else stop
    if stop:
        yield start, stop


def _names(match: re.Match[str]) -> tuple[str, ...]:
    """Tell what a thing is called."""
    kind = match.lastgroup or ""
    if kind in _CALLED:
        return _CALLED[kind](match[0])
    figure = match["spaced"] or match["figure"]
    if figure:
        zeros = _ZEROS.get(match["scale"] or match["scale2"] or "", 0)
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
    return (named,) if _FIGURE.search(named) else ()


def _joined(text: str) -> tuple[str, ...]:
    """Name what was written in groups between blanks."""
    return _code(re.sub("[ _]", "-" if text.startswith("cve") else "", text))


def _is_date(name: str) -> bool:
    """Tell whether a name is that of a date."""
    if name.isalnum():
        return False
    return name.startswith("--") or bool(_YEAR_FIRST.fullmatch(name) or _EITHER.fullmatch(name))


def _telephone(text: str) -> tuple[str, ...]:
    """Name a telephone number of any country: its figures behind a plus."""
    figures = re.sub(r"\(0\)|\D", "", text)
    return ("+" + (figures[2:] if text.startswith("00") else figures),)


def _code(text: str) -> tuple[str, ...]:
    """Name what was written without a blank."""
    if not _FIGURE.search(text):
        return ()
    with_unit = _WITH_UNIT.fullmatch(text)
    if with_unit:
        text = with_unit[1]
    if text.isdecimal():
        return (text,)
    return _as_date(text) or _as_number(text) or (_as_code(text),)


def _as_date(text: str) -> tuple[str, ...]:
    """Name a date in figures, if *text* is one."""
    if parts := _YEAR_FIRST.fullmatch(text):
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
    """Tell whether *text* is an address of the internet, of which groups of three look alike."""
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


def _as_code(text: str) -> str:
    """
    Write a code without its separators, but those between figures, which tell codes apart.

    Where letters and figures meet is a border in any case. Points between figures are those of a
    version, and so is all that comes first.
    """
    if parts := _VERSION.fullmatch(text):
        return parts[1] + _as_code(parts[2]) if parts[2] else parts[1]
    if _SHORT_VERSION.fullmatch(text):
        return text[1:]
    if text.isalnum():
        return text
    written = text.replace("\\", "/")
    written = _BETWEEN_FIGURES.sub("-", written.lstrip("-/_+,:.'\u2019"))
    return _OTHER_SEPARATORS.sub("", written)


def _parts(name: str, written: str) -> Iterator[str]:
    """Yield by which parts of it an identifier may be asked for."""
    if name.isalnum():
        if not name.isdecimal():
            yield from _parts_of_code(name, written)
    elif parts := _YEAR_FIRST.fullmatch(name):
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
        if stop - start <= longest and _FIGURE.search(part):
            yield part if part.isalnum() and part[0] != "v" else _as_code(part)


_CALLED: Final = {"code": _code, "whole": _address, "blanks": _joined, "phone": _telephone}
