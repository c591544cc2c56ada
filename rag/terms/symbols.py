"""Words that are written together from others: symbols of code, words with hyphens, initials."""

import re
from collections.abc import Collection, Iterator
from typing import Final

MAX_PARTS: Final = 8  # of a symbol; a longer one is data
MAX_LENGTH: Final = 100

# Each kind is looked for by the rare sign that it has, and then read as a whole: to try all words
# of a text would take several times as long.
# Words of letters with a sign between them, no blank: `snake_case`, `std::vector`, `Node.js`.
_SIGN = re.compile(r"[-_./\\&>:'\u2019](?=[^\W\d_])")
_WITH_SIGNS = re.compile(r"[^\W\d_]+(?:(?:[-_./\\&]|::|->|['\u2019](?=[A-Z]))[^\W\d_]+)+")
_SIGNS = re.compile(r"[-_./\\&:>'\u2019]+")
_CHANGE = re.compile(r"[A-Z](?:(?<=[a-z][A-Z])|[A-Z][a-z]{2})")
_WITH_CAPITALS = re.compile(r"[A-Za-z]*(?:[a-z][A-Z]|[A-Z]{2}[a-z]{2})[A-Za-z0-9]*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# `.NET`, `A*` and `R&D`, whose sign tells them from other words.
_POINTED = re.compile(r"\.[A-Z]{3}")
_SIGNED = re.compile(
    r"(?<![\w.])\.[A-Z]{3,}\b|(?<![\w*])[A-Z]\*(?![\w*])|\b[A-Z]{1,3} ?& ?[A-Z]{1,3}\b"
)
_IN_CAPITALS = re.compile(r"[A-Z]{2,}(?![^\W_]|['\u2019])")
# Month, name and vitamin, where no sentence begins.
_INSIDE = re.compile(
    r" (?:(?<=[a-z0-9,;\u2013-] )(May|Will|Who|A)(?![\w'\u2019-])|(May)(?=,? \d)"
    r"|(?<=[a-z] )(I)(?=[.,;:?!)]|$))"
)
_SHORT_NAME = re.compile(r"(?:May|Will|Who|A|I)(?![\w'\u2019-])")
_SMALL = re.compile(r"[a-z]")
_CAPITAL = re.compile(r"[A-Z]")
_AROUND: Final = 40  # characters that tell whether all is written in capitals


def joined_words(text: str) -> Iterator[str]:
    """Yield, in small letters, what words with signs between them are without the signs."""
    for token in _tokens(text, _SIGN):
        for match in _WITH_SIGNS.finditer(token):
            parts = _SIGNS.split(match[0])
            if len(parts) <= MAX_PARTS:
                yield "".join(parts).lower()


def symbol_parts(text: str) -> Iterator[list[str]]:
    """Yield the words, in small letters, of each symbol that is written in `camelCase`."""
    for token in _tokens(text, _CHANGE):
        for match in _WITH_CAPITALS.finditer(token):
            parts = _PART.findall(match[0])
            if 1 < len(parts) <= MAX_PARTS:
                yield [part.lower() for part in parts]


def signed_words(text: str) -> Iterator[str]:
    """Yield words that are told from others by a sign: `.net`, `a*`, `at&t`."""
    if "&" in text or "*" in text or _POINTED.search(text):
        for match in _SIGNED.finditer(text):
            yield match[0].replace(" ", "").lower()


def capital_words(text: str, empty: Collection[str]) -> Iterator[str]:
    """
    Yield words, as they are written, that say something in capitals and are *empty* without.

    `IT`, `WHO`, `US`, and May, Will and A inside a sentence. Where all is in capitals they say
    nothing.
    """
    for match in _IN_CAPITALS.finditer(text):
        start, stop = match.span()
        if match[0].lower() not in empty or text[start - 1 : start].isalnum():
            continue
        around = text[max(0, start - _AROUND) : start] + text[stop : stop + _AROUND]
        if len(_SMALL.findall(around)) > len(_CAPITAL.findall(around)):
            yield match[0]
    for match in _INSIDE.finditer(text):
        yield match[0][1:]


def has_sign_between_blanks(text: str) -> bool:
    """Return True if there may be words in *text* as `R & D`."""
    return "&" in text and (" &" in text or "& " in text)


def may_count_in_capitals(piece: str, empty: Collection[str]) -> bool:
    """Return True if what stands between two blanks may have one of the `capital_words`."""
    if _SHORT_NAME.match(piece):
        return True
    return any(found.lower() in empty for found in _IN_CAPITALS.findall(piece))


def _tokens(text: str, sign: re.Pattern[str]) -> Iterator[str]:
    """Yield what stands between blanks around each *sign*, once, unless it is long."""
    if sign.search(text) is None:
        return
    text = text.replace("\n", " ").replace("\t", " ")
    stop = 0
    for match in sign.finditer(text):
        if match.start() < stop:
            continue
        start = text.rfind(" ", stop, match.start()) + 1 or stop
        stop = text.find(" ", match.end())
        stop = len(text) if stop < 0 else stop
        if stop - start <= MAX_LENGTH:
            yield text[start:stop]
