"""Terms of the pieces of passages, which a question is compared with."""

import re
import sys
from collections.abc import Sequence
from functools import lru_cache

from rag.chunking.pieces import MAX_PIECE
from rag.terms.analysis import held_beside, terms
from rag.terms.identifiers import held_identifiers
from rag.text.plain import without_markup
from rag.text.table_rows import narrowed, written

Cells = Sequence[tuple[str, str]]

#: Of a column. Not `no`, which more often names a number.
DENIED = re.compile(
    r"\b(?:not|never|without|excl\w*|nicht|ohne|kein\w*|sans|sin|niet|ikke|inte)\b", re.IGNORECASE
)
#: What a cell says where there is nothing of what its column names.
_NOTHING = r"(?:no|none|nein|kein\w*|nicht|n/a|false|[-\u2013\u2014\u2717\u2718\u00d7])"
_CELL_OF_NOTHING = re.compile(_NOTHING, re.IGNORECASE)
_FIELD_OF_NOTHING = re.compile(rf"(?:^|(?<=; ))[^:;\n]{{1,80}}: {_NOTHING}(?=;|$)", re.IGNORECASE)


class Said:
    """
    What pieces say, as terms.

    What a question names with figures is a term of its own beside its words: `as_term` writes it.

    Args:
        wanted: The terms of the question.

        negated: Whether the question denies something.

        named: Whether it names something with figures.
    """

    def __init__(self, wanted: frozenset[str], *, negated: bool, named: bool) -> None:
        self._wanted = wanted
        self._negated = negated
        self._named = named
        self._known: dict[tuple[str, str], frozenset[str]] = {}

    def words(self, text: str, language: str) -> frozenset[str]:
        """Return the terms of a text, and those of the question that it has beside them."""
        return self.beside(terms_of(text, language), text, language)

    def possible(self, text: str, language: str) -> frozenset[str]:
        """Return the terms of the question that pieces of a text may have beside their own."""
        return held_beside(text, language, self._wanted)

    def title(self, text: str, language: str) -> frozenset[str]:
        """Return the terms of a title or a heading, found once."""
        key = (text, language)
        if key not in self._known:
            self._known[key] = self.words(text, language)
        return self._known[key]

    def named(self, text: str) -> frozenset[str]:
        """Return what a text names with figures, where the question does so, too."""
        if not (self._named and any(map(str.isdigit, text))):
            return frozenset()
        return _names(text)

    def beside(
        self, held: frozenset[str], text: str, language: str, among: frozenset[str] | None = None
    ) -> frozenset[str]:
        """
        Add to the terms of a text what it names, and other spellings that were asked for.

        These are *among* some terms, as far as that is known: see `possible`.
        """
        lacking = (self._wanted if among is None else among) - held
        others = held_beside(text, language, lacking) if lacking else lacking
        named = self.named(text)
        return held.union(named, others) if named or others else held

    def cells(self, cells: Cells, language: str) -> frozenset[str]:
        """
        Return the terms of a row in the words of its table.

        What stands in a column such as `Not included`, and the name of a column that says `no`, are
        denied. They speak for the row only where the question denies something, too.
        """
        return self.words(written(cell for cell in cells if not self._denied(cell)), language)

    def record(self, text: str, language: str) -> frozenset[str]:
        """Return the terms of a record, `name: value; name: value`, without what it denies."""
        said = text if self._negated else _FIELD_OF_NOTHING.sub("", text)
        return self.words(said, language)

    def row(self, cells: Cells, language: str) -> str:
        """Write a row with the names of its columns; of a wide one what was asked for."""

        def matters(cell: str) -> bool:
            return not self._wanted.isdisjoint(terms_of(cell, language))

        told = [(without_markup(name), without_markup(text)) for name, text in cells]
        return written(narrowed(told, matters, most=MAX_PIECE))

    def _denied(self, cell: tuple[str, str]) -> bool:
        """Return True if a cell speaks against its row."""
        if self._negated:
            return False
        name, text = cell
        return DENIED.search(name) is not None or _CELL_OF_NOTHING.fullmatch(text) is not None


def as_term(identifier: str) -> str:
    """Write what a text names with figures as a term that no word is."""
    return f"#{identifier}"


def terms_of(text: str, language: str) -> frozenset[str]:
    """Return the terms of a text, each once; those of pieces that many questions find are kept."""
    return frozenset(_terms_of(text, language))


@lru_cache(maxsize=8_192)
def _terms_of(text: str, language: str) -> tuple[str, ...]:
    """Return the terms of a text, in a quarter of the room of a set."""
    return tuple(map(sys.intern, dict.fromkeys(terms(text, language))))


@lru_cache(maxsize=1_024)
def _names(text: str) -> frozenset[str]:
    """Return all that a text names with figures, as terms."""
    return frozenset(map(as_term, held_identifiers(text)))
