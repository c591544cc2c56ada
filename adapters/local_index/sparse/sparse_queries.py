"""Queries of the sparse index: the tantivy query of each word, and its weight."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

import tantivy

from rag.terms.compounds import COMPOUNDING, MOST, is_compound, made_of_two, prefixes, splits
from rag.terms.query_terms import Asked, asked

TERMS: Final = "terms"  # field of a text's words
BESIDE: Final = "beside"  # field of what it may be found by beside them

#: Share of a word's worth that another spelling of it has, a compound that it is part of, and a
#: half of a compound where the other half is elsewhere in the text.
KIN: Final = 0.8
COMPOUND: Final = 0.8
HALF: Final = 0.3
#: A word that so many times as many texts have among their words is not looked for beside them: it
#: is worth little, and tantivy passes over texts only where it is asked for words alone.
COMMON: Final = 20
#: Compounds are looked for where so few texts have a word: what is common is found by itself.
FEW: Final = 15
KEPT: Final = 1 << 13  # counts that are kept until the next commit, 1 MB


class SparseQueries:
    """
    Asks for the words of questions, over what *searcher* sees.

    A text is found by its words, whose BM25 is as if nothing stood beside them: what is beside has
    a field of its own, in which a match is worth the idf of the whole, of both fields, however
    often it stands there and however long the text is.

    Args:
        schema: With the fields `terms` and `beside`.

        searcher: Tells how many documents hold a term.

        languages: Those of the documents.
    """

    def __init__(
        self, schema: tantivy.Schema, searcher: tantivy.Searcher, languages: Sequence[str]
    ) -> None:
        self._schema = schema
        self._searcher = searcher
        self._languages = languages
        self._documents = int(searcher.num_docs)
        self._counts: dict[tuple[str, str], int] = {}
        self._compounds = not COMPOUNDING.isdisjoint(languages)

    def query(self, text: str) -> tantivy.Query | None:
        """Ask for the words of *text*; None where it has none, or none that stands anywhere."""
        # Built from terms, never parsed: people type quotes, colons and brackets.
        clauses = []
        words = Counter(asked(text, self._languages))
        compounds = self._compounds_of(words) if self._compounds else {}
        for one, times in words.items():
            ways = self._ways(one, times * one.weight, compounds)
            if len(ways) > 1:
                ways = [tantivy.Query.disjunction_max_query(ways)]
            clauses += [(tantivy.Occur.Should, way) for way in ways]
        if pairs := made_of_two(compounds):
            whole = self._beside(sorted(pairs), self._idf(sum(pairs.values())))
            clauses.append((tantivy.Occur.Should, whole))
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _ways(
        self, one: Asked, worth: float, compounds: Mapping[str, Mapping[str, int]]
    ) -> list[tantivy.Query]:
        """Return the ways in which a text may have what is asked; it counts by the best of them."""
        ways = [self._word(stem, worth) for stem in one.stems]
        names = one.stems + one.kin
        beside = [(name, count) for name in names if (count := self._count(BESIDE, name))]
        if not beside and not one.kin and compounds.keys().isdisjoint(one.stems):
            return ways
        held = said = sum(self._count(TERMS, stem) for stem in one.stems)
        beside = [(name, count) for name, count in beside if count * COMMON >= held - COMMON]
        for name in one.kin:
            if count := self._count(TERMS, name):
                ways.append(self._word(name, worth * KIN))
                held += count
        ways += [
            self._beside([name], worth * KIN * self._idf(held + count)) for name, count in beside
        ]
        for stem in one.stems if one.weight == 1 else ():
            if edges := compounds.get(stem):
                score = worth * COMPOUND * self._idf(held + sum(edges.values()))
                ways.append(self._beside(list(edges), score))
            if not said and stem in compounds:
                ways += self._in_parts(stem, worth)
        return ways

    def _compounds_of(self, words: Iterable[Asked]) -> dict[str, dict[str, int]]:
        """Return for each rare stem the compounds that it is part of, and how common each is."""
        rare = [
            one.stems
            for one in words
            if one.weight == 1 and sum(self._count(TERMS, stem) for stem in one.stems) <= FEW
        ]
        return {
            stem: {
                edge: count
                for prefix in prefixes(stem)
                for edge, count in self._searcher.terms_with_prefix(BESIDE, prefix, limit=MOST)
                if is_compound(edge, stem)
            }
            for stem in dict.fromkeys(chain.from_iterable(rare))
        }

    def _in_parts(self, stem: str, worth: float) -> list[tantivy.Query]:
        """Return the ways to find a compound in words that are its parts."""
        found = splits(stem, lambda part: self._count(TERMS, part) > 0)
        return [
            tantivy.Query.boolean_query(
                [(tantivy.Occur.Should, self._word(half, worth * HALF)) for half in halves]
            )
            for halves in found
        ]

    def _word(self, stem: str, worth: float) -> tantivy.Query:
        """Ask for a word of the text, by BM25."""
        query = tantivy.Query.term_query(self._schema, TERMS, stem, "freq")
        return query if worth == 1 else tantivy.Query.boost_query(query, worth)

    def _beside(self, names: Sequence[str], score: float) -> tantivy.Query:
        """Ask for what stands beside the words; a text that has one of *names* scores *score*."""
        # Not a set of terms: for that tantivy walks through its dictionary and fills a bit a text.
        asked = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, BESIDE, name, "basic"))
            for name in names
        ]
        query = asked[0][1] if len(asked) == 1 else tantivy.Query.boolean_query(asked)
        return tantivy.Query.const_score_query(query, score)

    def _count(self, field: str, name: str) -> int:
        """Return how many chunks hold a term."""
        key = (field, name)
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= KEPT:
                self._counts.clear()
            count = self._counts[key] = int(self._searcher.doc_freq(field, name))
        return count

    def _idf(self, held: int) -> float:
        """Return what a term is worth that *held* chunks hold, as tantivy's BM25 has it."""
        held = min(held, self._documents)
        return math.log(1 + (self._documents - held + 0.5) / (held + 0.5))
