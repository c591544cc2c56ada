"""Identifiers of a text, each in one spelling: numbers, amounts, dates, versions, codes."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

from rag.terms.calendar_dates import MONTH
from rag.terms.characters import normalized
from rag.terms.identifier_names import (
    FIGURE,
    YEAR_FIRST,
    ZEROS,
    as_code,
    is_date,
    names_of,
    parts_of,
)
from rag.terms.symbols import symbol_parts

MAX_CHARACTERS: Final = 200_000  # of a text that are looked at
MAX_LENGTH: Final = 200  # of an identifier; what is longer is data
AROUND: Final = 40  # characters around a figure that may belong to it: a month, a scale, a group
MAX_PIECE: Final = 12  # characters of a word that may be a part of a code
MAX_PIECES: Final = 40  # words of a question that are looked at for codes with blanks
MAX_JOINED: Final = 4
KEPT: Final = 1 << 12  # pieces of texts that are kept as they were read
LONG: Final = 40  # characters of a piece that is not
_SCALE = "|".join(sorted(ZEROS, key=len, reverse=True))

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
    **dict.fromkeys((*MONTH.split("|"), *ZEROS, "cve"), "m"),
    **dict.fromkeys(("of", "de", "del"), "g"),
}
_LETTERS = re.compile(r"[^\W\d_]+")
_LETTERS_OF_A_CODE = re.compile(r"\(?[A-Z]{1,4}")
# `AX 4411 B`, in capitals: in small letters it would be a word and a number.
_APART = re.compile(
    r"(?<![\w./-])(?:[A-Z]{2,4} \d{2,6}|[A-Z] \d{3,6})(?: [A-Z]{1,2})?(?![\w%/-]|[.,:]\w)"
)
_FIGURES = re.compile(r"\d+")
_FIGURES_ALONE = re.compile(r"\d+(?:\.\d+)?|\d+:.*")
_KEPT_OF_A_DATE = re.compile(r"--.*|\d{4}-\d\d-\d\d")
_KEPT_OF_A_CODE = re.compile(r"(?=.{3}).*[^\d].*|\d{3,}")
_PIECE = re.compile(r"[^\W_]+")
_SNAKE = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)+")
_BETWEEN = re.compile(r"[\W_]+")
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
    if FIGURE.search(text):
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
    """Return True if neighbours may be one, by roles: `5 March`, `1 250 000`, `2 Mio`."""
    return _TOGETHER.search(roles) is not None


def role(piece: str) -> str:
    """Return, as a letter, the role of a piece of text in an identifier with blanks."""
    if FIGURE.search(piece):
        return WITH_FIGURE
    if _LETTERS_OF_A_CODE.fullmatch(piece):
        return "c"
    return max(map(role_of_word, _LETTERS.findall(piece.lower())), default=NO_ROLE)


def role_of_word(word: str) -> str:
    """Return the role of a word in small letters, without figures."""
    return _ROLES.get(word, NO_ROLE)


def _kept(things: Iterable[Thing]) -> list[str]:
    """Return what an index keeps of things, each once."""
    found: dict[str, None] = {}
    for names, written in things:
        for name in names:
            found[name] = None
            if _FIGURES_ALONE.fullmatch(name):
                continue
            kept = _KEPT_OF_A_DATE if is_date(name) else _KEPT_OF_A_CODE
            for part in parts_of(name, written):
                if kept.fullmatch(part):
                    found[part] = None
    return list(found)


@lru_cache(KEPT)
def _held(names: tuple[str, ...], written: str) -> frozenset[str]:
    """Return every spelling under which a thing may be asked for."""
    return frozenset(names).union(*(parts_of(name, written) for name in names))


def asked_identifiers(text: str) -> list[tuple[str, ...]]:
    """
    Return for each identifier of a question what it may be called in an index.

    A date of which nobody can tell whether its day stands first has both readings. What a
    question writes with blanks (`AX 4411 B`) may be one thing.
    """
    if not FIGURE.search(text):
        return []
    found: dict[tuple[str, ...], None] = {}
    for names, _ in _things(text):
        for name in names:
            ways = [way for way in parts_of(name, "") if YEAR_FIRST.fullmatch(way)]
            found[(name, *sorted(ways))] = None
    return list(found)


def joined_identifiers(text: str) -> list[str]:
    """Return what neighbouring words of a question are as one code, where one has a figure."""
    if not FIGURE.search(text):
        return []
    pieces = [
        piece for piece in _PIECE.findall(normalized(text).lower()) if len(piece) <= MAX_PIECE
    ]
    found: dict[str, None] = {}
    figures = [FIGURE.search(piece) is not None for piece in pieces[:MAX_PIECES]]
    for start in range(len(figures)):
        for stop in range(start + 2, min(start + MAX_JOINED, len(figures)) + 1):
            if any(figures[start:stop]):
                found[as_code("-".join(pieces[start:stop]))] = None
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
    if any(map(YEAR_FIRST.fullmatch, absent)):
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
    Return True if a date is held as a day without a year, and a year.

    The day of a date of another year, which is among *held*, is no day without one.
    """
    parts = YEAR_FIRST.fullmatch(name)
    return parts is not None and f"-{name[4:]}" in days and parts[1] in held


def _things(text: str) -> Iterator[Thing]:
    """Yield what each thing in *text* is called, and how it is written; a range is two things."""
    if FIGURE.search(text):
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
        if not piece.isalpha() and FIGURE.search(piece):
            yield from _things_of(piece) if len(piece) <= LONG else _read_things(piece)


def _read_things(piece: str) -> tuple[Thing, ...]:
    """Return what things stand between two blanks."""
    found = [(names_of(match), match[0]) for match in _THING.finditer(piece.lower())]
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
        found.append(((as_code(code),), code))
    read = written.lower()
    if len(read) != len(written):  # as of a Turkish I; then places differ
        return found, written
    left, told = [], 0
    for start, stop in _near_figures(read):
        for match in _THING.finditer(read, start, stop):
            if " " in match[0] and match.end() - match.start() <= MAX_LENGTH:
                found.append((names_of(match), match[0]))
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
