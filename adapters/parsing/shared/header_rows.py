"""Whether the first row of a table names its columns, by its look or by what it says."""

import re
from collections import Counter
from collections.abc import Sequence

from adapters.parsing.shared.column_names import names_column

_NAME_CHARACTERS = 60
_NAME_WORDS = 8
_BARE_NAME_CHARACTERS = 40  # of a name that nothing but its form tells
_BARE_NAME_WORDS = 4
_JUDGED = 200  # rows below the first that are looked at
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b|\bQ[1-4]\b")
_COUNTED = re.compile(r"([^\W\d_]\D{0,30}[ #])\d{1,2}")  # the name of one of several: `client 2`
_SENTENCE_ENDS = tuple(".!?:;,。！？：；")  # noqa: RUF001 - Chinese marks are meant


def names_columns(rows: Sequence[Sequence[str]], *, stands_out: bool = False) -> bool:
    """
    Return True if the first of *rows* plainly names the columns of the others.

    A row is given as its cells, empty ones included. *stands_out*: it looks unlike the others, so
    that it is enough that its words could be names.
    """
    if len(rows) < 2 or len(rows[0]) < 2:  # noqa: PLR2004 - one row or column has no names
        return False
    if not are_names(rows[0], bare=False):
        return False
    return stands_out or (are_names(rows[0], bare=True) and _told_by_words(rows))


def are_names(names: Sequence[str], *, bare: bool) -> bool:
    """
    Return True if words could be the names of columns.

    *bare*: nothing but the words tells it, so that only the first may be missing.
    """
    characters, words = (
        (_BARE_NAME_CHARACTERS, _BARE_NAME_WORDS) if bare else (_NAME_CHARACTERS, _NAME_WORDS)
    )
    written = sum(map(bool, names))
    if written < 2 or (bare and (not all(names[1:]) or len(set(names)) < len(names))):  # noqa: PLR2004
        return False
    counted = _counted(names)
    return all(
        len(name) <= characters
        and len(name.split()) <= words
        and not (bare and name and name not in counted and _no_name(name))
        for name in names
    )


def _counted(names: Sequence[str]) -> set[str]:
    """Return the names that differ in a number alone: `client 1`, `client 2`."""
    found = [(name, match[1]) for name in names if (match := _COUNTED.fullmatch(name))]
    stems = Counter(stem for _, stem in found)
    return {name for name, stem in found if stems[stem] > 1}


def _no_name(text: str) -> bool:
    """Return True if a text is a datum or a sentence: figures, a stop at its end, or one letter."""
    figures = _DIGIT.search(_YEAR.sub("", text))
    letter = len(text) == 1 and text.isascii()
    return text.endswith(_SENTENCE_ENDS) or figures is not None or letter


def _told_by_words(rows: Sequence[Sequence[str]]) -> bool:
    """
    Return True if the words of the first row are names, by what they mean and what stands below.

    A row that is taken for names is quoted no more, so that doubt means a row of data: figures
    must stand below a name alone, or half of the names must be usual ones. Two columns may be keys
    and values, so there the second name must be a usual one.
    """
    names = rows[0]
    body = [row for row in rows[1 : 1 + _JUDGED] if len(row) == len(names)]
    usual = [names_column(name) for name in names]
    if not body or any(row[at] == name != "" for at, name in enumerate(names) for row in body):
        return False
    if len(names) == 2:  # noqa: PLR2004 - perhaps keys and values
        return usual[1] and (usual[0] or _figures(body, 1))
    numbered = any(
        _figures(body, at) and not _DIGIT.search(_YEAR.sub("", name))
        for at, name in enumerate(names)
    )
    return (numbered and len(body) > 1) or sum(usual) * 2 >= len(names)


def _figures(body: Sequence[Sequence[str]], at: int) -> bool:
    """Return True if all that stands in a column has figures."""
    below = [row[at] for row in body if row[at]]
    return bool(below) and all(map(_DIGIT.search, below))
