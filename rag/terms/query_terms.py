"""What a question asks for, as terms: its words, their other spellings, its identifiers."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

from rag.terms.analysis import MAX_TERM_CHARACTERS, cut, words
from rag.terms.characters import WRITTEN_OUT, normalized, with_umlauts_drawn_in, without_marks
from rag.terms.empty_words import STOP_WORDS, left_out
from rag.terms.identifier_names import FIGURE
from rag.terms.identifiers import asked_identifiers, joined_identifiers
from rag.terms.stems import Stemming, stem, stemming, stems
from rag.terms.symbols import capital_words, joined_words, signed_words, symbol_parts

DOT: Final = "dot"  # how a point is spoken
_RUN = re.compile(r"\d+|[^\W\d_]+")

#: What an identifier weighs beside its parts; what may be one, joined; and parts of a symbol.
IDENTIFIER: Final = 2.0
JOINED: Final = 0.9
PART: Final = 0.5
ASKED: Final = 1 << 12  # words of questions that are kept with their spellings


class Asked(NamedTuple):
    """
    What is asked for by a word of a question, or by several.

    *stems* are the word, by the language of a text; *kin* are other spellings. Both may stand among
    the terms of a text or beside them. *weight* is 1 for a word.
    """

    stems: tuple[str, ...]
    kin: tuple[str, ...] = ()
    weight: float = 1.0


def query_terms(text: str, language: str = "") -> list[str]:
    """
    Return the terms that stand for a question: `rag.terms.analysis.terms` without question words.

    A question of question words alone keeps them, so that "The Who" can still be asked for.
    """
    said, known = _said(text, (language,))
    return stems(said, stemming(known[0]))


def query_alternatives(text: str, languages: Collection[str]) -> list[tuple[str, ...]]:
    """
    Return what may stand for each word of a question, in order, over documents of *languages*.

    Those of `asked` that a text has to have: each word, and each identifier as a whole. The first
    of a word's is its stem of the first language in alphabetical order.
    """
    return [one.stems + one.kin for one in asked(text, languages) if one.weight >= 1]


def asked(text: str, languages: Collection[str]) -> list[Asked]:
    """
    Return what a question asks for, in order, over documents of *languages*.

    A text of many languages holds a word by the stem of the language it is written in; the
    question does not say which. So each word has its distinct stems. Words that say nothing in one
    of the languages are left out. Identifiers follow, and parts of what is written as one.
    """
    said, known = _said(text, languages)
    ways = tuple(dict.fromkeys(map(stemming, known)))
    found = [_word_asked(word, ways) for word in said]
    read = normalized(text)
    said_with, asked_with = left_out(known)
    found += [Asked((), (word,)) for word in capital_words(read, said_with | asked_with)]
    if FIGURE.search(read):
        known_words = frozenset(said)
        found += [
            Asked((), tuple(name[:MAX_TERM_CHARACTERS] for name in names), IDENTIFIER)
            for names in asked_identifiers(text)
            if len(names) > 1 or names[0] not in known_words or not names[0].isdecimal()
        ]
        found += [Asked((), (name,), JOINED) for name in joined_identifiers(text)]
    found += [Asked((), _spoken(word)) for word in signed_words(read)]
    found += [Asked((), _ways(word, ways), JOINED) for word in cut(joined_words(read))]
    parts = [part for some in symbol_parts(read) for part in some if part not in STOP_WORDS]
    parts += [run for word in said if not word.isalpha() for run in _runs(word)]
    return found + [Asked(_ways(part, ways), (), PART) for part in parts]


@lru_cache(ASKED)
def _word_asked(word: str, ways: tuple[Stemming, ...]) -> Asked:
    """Return what is asked for by a word: its stems, and those of its other spellings."""
    own = _ways(word, ways)
    others = [kin for other in _respelt(word) for kin in _ways(other, ways)]
    others += [f".{word.removeprefix(DOT)}"] if word.startswith(DOT) else []
    return Asked(own, tuple(kin for kin in dict.fromkeys(others) if kin not in own))


def _spoken(word: str) -> tuple[str, ...]:
    """Return a word with a sign, and as it is spoken: `.net` is `dotnet`."""
    return (word, DOT + word[1:]) if word.startswith(".") else (word,)


def _ways(word: str, ways: tuple[Stemming, ...]) -> tuple[str, ...]:
    """Return the distinct stems of a word."""
    if word.isascii():
        return tuple(dict.fromkeys([stem(word, way) for way in ways]))
    return tuple(dict.fromkeys([stems([word], way)[0] for way in ways]))


def _said(text: str, languages: Collection[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the words of a question that say something, and the languages, in order."""
    known = tuple(sorted(set(languages))) or ("",)
    said_with, asked_with = left_out(known)
    said = [word for word in words(text) if word not in said_with]
    return [word for word in said if word not in asked_with] or said, known


def _respelt(word: str) -> list[str]:
    """Return a word as it may be written otherwise: without marks, with umlauts drawn in."""
    if word.isascii() and not any(map(word.__contains__, WRITTEN_OUT)):
        return []
    bare = word if word.isascii() else without_marks(word)
    drawn = with_umlauts_drawn_in(bare)
    return [one for one in dict.fromkeys((bare, drawn)) if one != word]


def _runs(word: str) -> list[str]:
    """Return the letters and the figures of a word that has both; none of another word."""
    runs = _RUN.findall(word)
    return [run for run in runs if len(run) > 1] if len(runs) > 1 else []
