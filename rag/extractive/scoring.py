"""Scores of candidates by their words and form, which are added to the cosine."""

import re
from collections.abc import Collection, Sequence
from copy import copy
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rag.documents import Part, Passage
from rag.extractive.candidates import Candidate
from rag.ports import Vectors
from rag.question_analysis.asked_for import (
    asks_for_a_number,
    asks_for_a_reason,
    tells_a_number,
    tells_a_reason,
)
from rag.terms.analysis import terms
from rag.terms.light_words import LIGHT

#: Beside its words and its passage, what speaks for a sentence: that it has a number, or a reason,
#: where one is asked for, and the words of the sentence before or after it.
KIND_THERE, NEIGHBOUR = 0.35, 0.2
#: That it says what the thing is of which this is asked, or is the part of a letter asked for.
DEFINES = 0.7
#: What a word counts that a sentence has not itself: where what it stands under at once has it, or
#: what it goes on about, and where only the title, a heading higher up or the addressee has it.
NEAR, FAR = 0.6, 0.4

#: Of the weight of another word, what those weigh that say little of what a question is about:
#: words that other languages than English are built with, and what is said of things of all kinds.
LIGHTER = 0.25
#: What a word of an earlier question counts.
SAID_BEFORE = 0.25
_PREDICATES = (
    "allowed allow permitted permit forbidden prohibited banned possible available required "
    "require needed necessary included included erlaubt gestattet verboten untersagt zul\u00e4ssig "
    "m\u00f6glich verf\u00fcgbar n\u00f6tig notwendig erforderlich enthalten inbegriffen "
    "permitido permitida "
    "permitidos permitidas permite permiten prohibido prohibida posible disponible necesario "
    "incluido "
    "incluida autoris\u00e9 autoris\u00e9e autoris\u00e9s autoris\u00e9es permis permise "
    "interdit interdite "
    "interdits interdites possible disponible n\u00e9cessaire inclus incluse permesso permessi "
    "vietato "
    "vietati possibile toegestaan verboden mogelijk cost costs price kosten kostet preis cuesta "
    "cuestan precio co\u00fbte co\u00fbtent prix"
)

#: What is asked for in "What is a lease, and …", "Was ist ein Vertrag?".
_WHAT_IS = re.compile(
    r"\b(?:what(?:['\u2019]s| is| are| was| were| does| do)|who (?:is|was)|define"
    r"|was (?:ist|sind|bedeutet|hei\u00dft|versteht man unter)|wer (?:ist|war)"
    r"|qu\u00e9 (?:es|son|significa)|qui\u00e9n (?:es|fue)|qu['\u2019]est[- ]ce qu(?:e "
    r"c['\u2019]est qu)?"
    r"|che cos['\u2019]?\w? ?(?:\u00e8|sono)|o que (?:\u00e9|s\u00e3o)|wat (?:is|zijn))"
    r"(?:e |['\u2019]| )\s*"
    r"(?:(?:an?|the|eine?[mnrs]?|de[rmns]|die|das|un[ea]?|el|las?|los|les?|het|um|uma) "
    r"|l['\u2019])?"
    r"(?P<thing>[^,;:?.!]{1,60}?)(?: mean| stand for)?"
    r"(?=\s*(?:[,;:?.!]|$)|\s+(?:and|und|y|et|e|en)\b)",
    re.IGNORECASE,
)
#: What a definition begins with before the thing, and how it goes on.
_ARTICLE = re.compile(
    r"[\s*_#>\"'\u201c\u201e\u00ab-]{0,8}"
    r"(?:(?:an?|the|eine?|de[rn]|die|das|un[ea]?|el|las?|los|les?|het|um|uma) |l['\u2019])?"
    r"[*_`\"'\u201c\u201e\u00ab]{0,3}",
    re.IGNORECASE,
)
_IS = re.compile(
    r"[*_`\"'\u201d\u201c\u00bb]{0,3}(?: \([^()\n]{1,80}\))?(?:, [^,\n]{1,80},)?\s+"
    r"(?:is|are|was|were|means?|denotes?|refers? to|stands? for|describes?|ist|sind|war"
    r"|bezeichne[nt]"
    r"|bedeutet|hei\u00dft|es|son|fue|significa|designa|est|sont|d\u00e9signe|signifie|\u00e8"
    r"|sono|\u00e9"
    r"|s\u00e3o|zijn)\b",
    re.IGNORECASE,
)
_LEAST_THING = 2


class Coverage:
    """
    Which of the question's words each candidate holds, by one of their stems.

    A word weighs its BM25 idf among the candidates, so words that all of them share do not
    decide, and a word that none holds keeps every share below 1.

    Args:
        candidates: Which are compared.

        wanted: The stems of each word, whichever of them is there.

        named: What the question names with figures, as `as_term` writes it.

        languages: Of the passages.

        before: The stems of words that earlier questions had.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        wanted: Collection[tuple[str, ...]],
        named: Collection[str] = (),
        languages: Collection[str] = (),
        *,
        before: Collection[tuple[str, ...]] = (),
    ) -> None:
        words = sorted({*wanted, *before, *((name,) for name in named)})
        #: Which of the words are such names.
        self.named = np.array([word[0] in named for word in words], dtype=bool)
        #: Which word is in which candidate's own words, in those above it, in those right above.
        self.own = _held([one.terms for one in candidates], words)
        self.above = _held([one.above for one in candidates], words)
        self.near = _held([one.near for one in candidates], words)
        # What a title says is no rarer for standing there once.
        holders = (self.own | self.above).sum(axis=0)
        #: What each word weighs.
        self.weights = np.log1p((len(candidates) - holders + 0.5) / (holders + 0.5))
        light = _light(tuple(sorted(languages)))
        #: Which of the words say little.
        self.light = np.array([not light.isdisjoint(word) for word in words], dtype=bool)
        self.weights[self.light] *= LIGHTER
        said = np.array([word in before for word in words], dtype=bool)
        self.weights[said] *= SAID_BEFORE
        holds = ((self.own | self.above) & ~(said | self.light)).any(axis=1)
        #: Whether a candidate has something of the question itself.
        self.answers_itself = bool(holds.any())
        if self.answers_itself:
            # What has nothing of it is about what was asked before.
            for table in (self.own, self.above, self.near):
                table[np.ix_(~holds, said)] = False

    def of(self, rows: NDArray[np.intp]) -> "Coverage":
        """Return what is known of some of the candidates."""
        kept = copy(self)
        kept.own, kept.above, kept.near = self.own[rows], self.above[rows], self.near[rows]
        return kept

    @property
    def shares(self) -> Vectors:
        """The share of the words that each candidate holds itself, 0 to 1."""
        return self._share(self.own)

    @property
    def shares_with_above(self) -> Vectors:
        """The same, with what its headings and its title hold for a part."""
        near = self.near & ~self.own
        far = self.above & ~(self.own | self.near)
        shares: Vectors = self.shares + NEAR * self._share(near) + FAR * self._share(far)
        return shares

    def _share(self, held: NDArray[np.bool_]) -> Vectors:
        total = float(self.weights.sum()) or 1.0
        shares: Vectors = np.asarray(held @ self.weights / total, dtype=np.float32)
        return shares


def _held(sets: Sequence[frozenset[str]], words: Sequence[tuple[str, ...]]) -> NDArray[np.bool_]:
    """Return which of *words* each set holds; many sets are the same one."""
    columns: dict[str, list[int]] = {}
    for column, stems in enumerate(words):
        for stem in stems:
            columns.setdefault(stem, []).append(column)
    asked, known = frozenset(columns), dict[int, list[bool]]()
    for one in sets:
        if id(one) not in known:
            known[id(one)] = row = [False] * len(words)
            for stem in one & asked:
                for column in columns[stem]:
                    row[column] = True
    rows = [known[id(one)] for one in sets]
    return np.array(rows, dtype=bool).reshape(len(sets), len(words))


@lru_cache(maxsize=64)
def _light(languages: tuple[str, ...]) -> frozenset[str]:
    """Return the stems of words that weigh less, in some languages."""
    others = [language for language in languages if language not in ("", "en")]
    light = " ".join(sorted(LIGHT))
    found = frozenset(stem for one in languages for stem in terms(_PREDICATES, one))
    return found.union(stem for one in others for stem in terms(light, one))


def priors(passages: Sequence[Passage], parts: Sequence[Part]) -> Vectors:
    """Return the score of each of *parts* relative to the best passage's, 0 to 1."""
    top = max(passage.score for passage in passages)
    scores = [max(part.score, 0.0) / top if top > 0 else 0.0 for part in parts]
    return np.array(scores, dtype=np.float32)


def kinds(question: str, candidates: Sequence[Candidate]) -> Vectors:
    """Return 1 for each candidate with a number, or a reason, where one is asked for, else 0."""
    if asks_for_a_reason(question):
        return np.array([tells_a_reason(one.text) for one in candidates], np.float32)
    asked = asks_for_a_number(question)
    there = [asked and tells_a_number(one.text) for one in candidates]
    return np.array(there, dtype=np.float32)


def definitions(question: str, candidates: Sequence[Candidate]) -> Vectors:
    """
    Return 1 for each candidate that has the form of a definition of what is asked for, else 0.

    It says what the thing is of which this is asked, or is the part of a letter that is asked for.
    """
    asked = _WHAT_IS.search(question)
    thing = " ".join(asked["thing"].casefold().split()) if asked else ""
    defines = len(thing) >= _LEAST_THING
    there = [one.wanted or (defines and _defines(one.text, thing)) for one in candidates]
    return np.array(there, dtype=np.float32)


def _defines(text: str, thing: str) -> bool:
    """Return True if a text begins with a thing, and goes on with what it is."""
    begins = _ARTICLE.match(text)
    at = begins.end() if begins else 0
    end = at + len(thing)
    return text[at:end].casefold() == thing and _IS.match(text, end) is not None


def neighbours(candidates: Sequence[Candidate], own: Vectors, held: Vectors) -> Vectors:
    """
    Return the better coverage of the candidates before and after each in its passage, or 0.

    What its headings give a candidate already, *held* beyond its *own*, counts once.
    """
    found = np.zeros(len(candidates), dtype=np.float32)
    for row, (one, following) in enumerate(pairwise(candidates)):
        if one.source == following.source and not (one.record or following.record):
            found[row] = max(found[row], own[row + 1])
            found[row + 1] = own[row]
    return np.maximum(found - (held - own), 0)
