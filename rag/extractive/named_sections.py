"""Candidates in a section that a question names: "What is in chapter 3?"."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rag.documents import Passage
from rag.extractive.candidates import Candidate
from rag.question_analysis.weighty_words import (
    Word,
    folded,
    holds,
    holds_verb,
    plain_verbs,
    weighty_words,
)
from rag.terms.calendar_dates import MONTH
from rag.terms.identifiers import held_identifiers, identifiers

#: Words for what is in a version: English, German, Spanish, French, Italian, Portuguese, Dutch.
_OF_CONTENTS: Final = (
    "new news notes changes change changed changelog fixed fixes fix added adds add additions "
    "removed removes remove improved improves improvements deprecated introduced introduces "
    "brings bring contains contain includes include included happened features updated updates "
    "neu neue neuen neues neuerungen neuigkeiten anderungen geandert andert verandert behoben "
    "hinzugefugt hinzugekommen entfernt verbessert bringt enthalt enthalten "
    "nuevo nueva nuevos nuevas novedad novedades cambio cambios cambia cambiado cambiaron corrigio "
    "anadio incluye contiene "
    "nouveau nouvelle nouveaux nouveaute nouveautes neuf change changements corrige ajoute apporte "
    "contient "
    "nuovo novita cambiato cambiamenti novo novidades mudou mudancas nieuw nieuws gewijzigd "
    "wijzigingen"
)
_CONTENTS: Final = frozenset(_OF_CONTENTS.split())
#: What versions are called.
_OF_VERSIONS: Final = (
    "v version versions ver release releases released build update edition what is s on in of "
    "the for unreleased latest current stable und vom versionen ausgabe veroffentlicht am "
    "versione versao versie del de du la le en"
)
_VERSIONS: Final = frozenset(_OF_VERSIONS.split())
_MONTHS: Final = re.compile(MONTH, re.IGNORECASE)
#: How contents are asked for, and what asks for nothing else.
_ASKS: Final = re.compile(
    r"\b(?:what|which|list|show|tell|summari[sz]e|changes|changelog|release notes"
    r"|was|welche[rns]?|änderungen|neuerungen|qué|cuáles|cambios|novedades"
    r"|qu['\u2019]\w+|que|quoi|quel(?:le)?s?|changements|nouveautés"
    r"|cosa|novità|o que|mudanças|wat|welke|wijzigingen)\b",
    re.IGNORECASE,
)
_INSIDE: Final = re.compile(
    r"\b(?:in|inside|of|for|im|von|zu|en|de|dans|di|em|van)\b", re.IGNORECASE
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_DATE: Final = re.compile(r"(?:\d{4}-|--)\d\d-\d\d|(?:19|20)\d\d")
#: Signs around the name of a version, and those that part it from what else its heading says.
_AROUND: Final = "[](){}*_`\"'\u201c\u201d\u201e\u00ab\u00bb"
_PARTS: Final = re.compile(r"\s*(?:[-\u2013\u2014:|(\[,]|$)")
_FIRST: Final = re.compile(r"\W*(?:[^\W\d_]{1,12}\.?\s+)?(\S{1,80})")


def in_named_section(
    question: str, candidates: Sequence[Candidate], passages: Sequence[Passage]
) -> NDArray[np.bool_]:
    """
    Return True for each candidate in the section that *question* asks for the contents of.

    The question asks what changed, what is new or what is in something with a figure in its name,
    such as a version; a heading above the candidate, or the title of its passage, is that name and
    nothing else; and whatever else the question speaks of, the candidate has as well.
    """
    asked = _Asked(question, sorted({passage.language for passage in passages}))
    return np.array([asked.has(one, passages[one.source]) for one in candidates], dtype=bool)


class _Asked:
    """What contents a question asks for."""

    def __init__(self, question: str, languages: Sequence[str]) -> None:
        self._languages = languages
        self._names = identifiers(question) if _ASKS.search(question) else frozenset[str]()
        words = weighty_words(question, languages) if self._names else []
        self._others = [word for word in words if not _tells_nothing(word)]
        verbs = plain_verbs(question) if self._names else []
        self._verbs = [verb for verb in verbs if verb not in _CONTENTS | _VERSIONS]
        said = {folded(word) for word in _WORD.findall(question)} if self._names else set()
        if said.isdisjoint(_CONTENTS) and not _INSIDE.search(question):
            self._names = frozenset()
        self._said = frozenset(said)

    def has(self, one: Candidate, passage: Passage) -> bool:
        """Return True if a candidate stands in the section, and has what else is asked for."""
        if not self._names:
            return False
        if not self._is_named([heading for heading in (passage.title, *one.path) if heading]):
            return False
        told = f"{passage.document_id}\n{passage.title}\n{one.read}"
        read = folded(told)
        there = all(holds(read, word, self._languages) for word in self._others)
        named = len(self._names) == 1 or self._names <= held_identifiers(told)
        return there and named and all(holds_verb(read, verb) for verb in self._verbs)

    def _is_named(self, headings: Sequence[str]) -> bool:
        """Return True if one of some headings, the highest first, is what is asked for."""
        known = self._said
        for heading in headings:
            if _is_name(heading, self._names, known):
                return True
            if self._names.isdisjoint(_called(heading)):
                known |= _words(heading)  # such as the name of the product
        return False


def _tells_nothing(word: Word) -> bool:
    """Return True if a word of a question says only that contents are asked for."""
    return (
        word.text in _CONTENTS or word.text in _VERSIONS or _ASKS.fullmatch(word.text) is not None
    )


def _is_name(heading: str, names: Collection[str], known: frozenset[str]) -> bool:
    """Return True if a heading is one of *names*, beside a date and words that are *known*."""
    called = _called(heading)
    found = {name for name in called if name in names}
    if not found or any(not _DATE.fullmatch(name) for name in called - found):
        return False
    light = known | _CONTENTS | _VERSIONS
    return _words(heading) <= light or _begins_with(heading, found, light)


def _begins_with(heading: str, names: Collection[str], light: frozenset[str]) -> bool:
    """Return True if a heading begins with a name, parted from what follows: `2.1 - Spring`."""
    first = _FIRST.match(heading)
    if first is None or not _words(heading[: first.start(1)]) <= light:
        return False
    bare = first[1].strip(_AROUND)
    parted = bare.endswith(":") or _PARTS.match(heading, first.end()) is not None
    return parted and not identifiers(bare.rstrip(":,")).isdisjoint(names)


@lru_cache(maxsize=1_024)
def _called(heading: str) -> frozenset[str]:
    """Return the identifiers of a heading."""
    return identifiers(heading)


@lru_cache(maxsize=1_024)
def _words(text: str) -> frozenset[str]:
    """Return the words of a text, folded, without months."""
    return frozenset(
        folded(word) for word in _WORD.findall(text) if not _MONTHS.fullmatch(word.lower())
    )
