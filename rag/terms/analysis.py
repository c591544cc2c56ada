"""How text becomes terms: one analysis for the sparse index, its queries and term overlap."""

import re
import string
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, repeat
from typing import Final, NamedTuple

from rag.terms.characters import normalized, with_umlauts_drawn_in, without_marks
from rag.terms.compounds import COMPOUNDING, edges, held_in
from rag.terms.empty_words import AS_ENGLISH, EMPTY, STOP_WORDS
from rag.terms.identifier_names import FIGURE
from rag.terms.identifiers import (
    NO_ROLE,
    WITH_FIGURE,
    indexed_identifiers,
    may_stand_together,
    names_of_several_words,
    role,
    role_of_word,
)
from rag.terms.stems import Stemming, stem, stemming, stems
from rag.terms.symbols import (
    capital_words,
    has_sign_between_blanks,
    joined_words,
    may_count_in_capitals,
    signed_words,
    symbol_parts,
)

ANALYSIS_VERSION = "5"
"""Changes whenever the terms of any text change: an index of another version must be rebuilt."""

MAX_TERM_CHARACTERS = 64  # keys, hashes and base64 are cut, and still match themselves

# Written without blanks between words, or, in Korean, with their particles grown on; runs become
# overlapping pairs of characters, as in Lucene's CJKAnalyzer: Thai and Lao, Myanmar, Hangul, Khmer,
# kana, Han with extension A and compatibility forms.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3130-\u318f"
    r"\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
)
# Vowel signs and accents that are part of a word, though `\w` leaves them out: combining marks,
# the Indic blocks (without their full stops).
_MARKS = r"\u0300-\u036f\u0900-\u0963\u0966-\u0dff"
# C++, C# and F# are no C and no F.
_SIGNED = r"[a-z](?:\+\+|#(?![^\W\d_]))"
_WORD = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|(?P<word>{_SIGNED}|(?:(?![{UNSPACED}])[^\W_]|[{_MARKS}])+)(?:['\u2019]s\b)?"
)
# What `_WORD` finds in such a text.
_ASCII_WORD = re.compile(rf"({_SIGNED}|[a-z0-9]+)(?:'s\b)?", re.ASCII)
# Written or left out as the writer likes, in the same word: Hebrew and Arabic points, the stroke
# that stretches an Arabic word, and the dot that lower-casing leaves on a Turkish capital i.
_OPTIONAL = re.compile(
    r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
    r"|(?<=i)\u0307"
)
_WRITTEN_OUT_NAME = re.compile(r"[A-Z][a-z]*?(?:[aou]e|aa)[a-z]*")

KEPT: Final = 1 << 14  # pieces of texts of a language that are kept as they were read: 5 MB
LANGUAGES: Final = 6  # that they are kept of
LATELY: Final = 32  # texts that are kept as they were read
FOUND: Final = 2_048  # texts of which it is known what stands beside their terms
LONG: Final = 32  # characters of a piece that is not kept
# At the end of a piece these never change what it says.
_ENDS: Final = '.,;:!?)]"\u201c\u201d'
# Around a word of two letters or more these change nothing.
_AROUND: Final = string.punctuation + "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u00bf\u00a1"
# Names that are empty words in small letters.
_NAMES: Final = frozenset(("May", "Will", "Who"))
# Letters of Western Europe that NFKC leaves as they are.
_SIMPLE = re.compile(
    "([A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff][a-z\u00df-\u00f6\u00f8-\u00ff]{1,30})(?:['\u2019]s)?"
)


class _Read(NamedTuple):
    """What stands between two blanks: its terms, and what it may be found by beside these."""

    terms: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    role: str = NO_ROLE  # in what is written with blanks, as `rag.terms.identifiers` has it


_NOTHING: Final = _Read()
IN_CAPITALS: Final = ""  # stands beside what may be a word that says something only in capitals


def terms(text: str, language: str = "") -> list[str]:
    """
    Return the terms of *text* in order, repeats included, stop words left out.

    NFKC, lower case, words of letters and digits, possessive s dropped, stems of Snowball's
    stemmer for *language*, an ISO 639-1 code. An unknown language, "", counts as English; one
    without a stemmer keeps its words as they are. The same text gives the same terms in every
    process, within one ANALYSIS_VERSION.
    """
    return list(chain.from_iterable([one.terms for one in _read_lately(text, language)]))


def beside(text: str, language: str = "") -> list[str]:
    """
    Return, each once, what *text* may be found by beside its `terms`.

    Identifiers in one spelling, whole and in parts; the parts of symbols, and what is written with
    a sign between words as one; words in capitals that are stop words without; words without
    their marks; compounds, from both ends. None of them is a word of the text, so none should
    count for its length.
    """
    return analysed(text, language)[1]


def analysed(text: str, language: str = "") -> tuple[list[str], list[str]]:
    """Return both `terms` and `beside` of *text*, for little more than the one."""
    pieces = text.split()
    read = _read(pieces, language)
    found = list(chain.from_iterable([one.terms for one in read]))
    known = frozenset(found)
    return found, [one for one in _beside(text, pieces, read, language) if one not in known]


def held_beside(text: str, language: str, wanted: frozenset[str]) -> frozenset[str]:
    """
    Return those of *wanted*, terms of a question, that *text* has beside its own terms.

    They are other spellings, wholes and parts of what is there, as `beside` tells; and where the
    language has them, parts of compounds, wherever these stand.
    """
    if not wanted:
        return wanted
    found = _found_beside(text, language, *_kinds(wanted))
    held = wanted.intersection(found)
    return held.union(held_in(wanted, found)) if language in COMPOUNDING else held


@lru_cache(FOUND)
def _found_beside(text: str, language: str, figures: bool, capitals: bool) -> tuple[str, ...]:
    """Return what stands beside the terms of a text, for a question of such words as it has."""
    read = _read_lately(text, language)
    if figures:
        return tuple(_beside(text, text.split(), list(read), language))
    found = dict.fromkeys(chain.from_iterable([one.beside for one in read]))
    _add_of_whole(found, text, capitals=capitals)
    return tuple(found)


@lru_cache
def _kinds(wanted: frozenset[str]) -> tuple[bool, bool]:
    """Return whether any of *wanted* has a figure, and whether any has a capital."""
    return any(map(FIGURE.search, wanted)), any(one != one.lower() for one in wanted)


def _beside(text: str, pieces: list[str], read: list[_Read], language: str) -> dict[str, None]:
    """Return what stands beside the terms of a text, each once, from its *pieces* as *read*."""
    several: list[str] = []
    roles = "".join([one.role for one in read])
    if may_stand_together(roles):
        several, rest = names_of_several_words(normalized(text), pieces, roles)
        if several:
            several.append(IN_CAPITALS)  # the May of a date is not among the rest
            read = _read(rest, language)
    found = dict.fromkeys(chain(several, chain.from_iterable([one.beside for one in read])))
    _add_of_whole(found, text, capitals=True)
    return found


def _add_of_whole(found: dict[str, None], text: str, *, capitals: bool) -> None:
    """Add what only a whole text tells: its words in *capitals*, and those with signs."""
    if IN_CAPITALS in found:
        del found[IN_CAPITALS]
        if capitals:
            found.update(dict.fromkeys(capital_words(normalized(text), EMPTY)))
    if has_sign_between_blanks(text):
        found.update(dict.fromkeys(signed_words(normalized(text))))


class _Pieces(dict[str, _Read]):
    """
    Pieces of texts of a language, as they were read; reads one that it does not know.

    Texts repeat their words. What is long is not kept: addresses and data, or sentences of
    languages without blanks. When half of it is full, a new half begins, and what is asked for
    again moves there: rare words are forgotten, common ones stay.
    """

    def __init__(self, language: str, how: Stemming) -> None:
        super().__init__()
        self._language = language
        self._how = how
        self._before: dict[str, _Read] = {}

    def __missing__(self, piece: str) -> _Read:
        known = self._before.get(piece)
        read = _read_piece(piece, self._language, self._how) if known is None else known
        if len(piece) <= LONG:
            if len(self) >= KEPT // 2:
                self._before = dict(self)
                self.clear()
            self[piece] = read
        return read


_pieces_of = lru_cache(LANGUAGES)(_Pieces)


def _read(pieces: list[str], language: str) -> list[_Read]:
    """Read what stands between the blanks of a text."""
    known = _pieces_of(language, stemming(language))
    # With a comma and without one, a word is kept but once.
    return list(map(known.__getitem__, map(str.rstrip, pieces, repeat(_ENDS))))


@lru_cache(LATELY)
def _read_lately(text: str, language: str) -> tuple[_Read, ...]:
    """Read a text of which both the terms and what is beside them are often asked."""
    return tuple(_read(text.split(), language))


def _read_piece(piece: str, language: str, how: Stemming) -> _Read:
    """Read what stands between two blanks; most often letters, with a comma or a bracket."""
    word = piece.strip(_AROUND)
    if not word:
        return _NOTHING
    if simple := _SIMPLE.fullmatch(word):
        return _read_word(simple[1], language, how)
    if word.isdecimal() and word.isascii():
        return _Read((word[:MAX_TERM_CHARACTERS],), (), WITH_FIGURE)
    text = normalized(piece)
    kept = words = _words(text)
    if language in AS_ENGLISH:
        kept = [word for word in words if word not in STOP_WORDS]
    others = _others(text, words)
    both = stems(kept + others, how)
    stemmed, found = both[: len(kept)], both[len(kept) :]
    found += signed_words(text)
    in_piece = role(text)
    if in_piece == WITH_FIGURE:
        found += indexed_identifiers(text)
    if may_count_in_capitals(text, EMPTY):
        found.append(IN_CAPITALS)
    return _Read(tuple(stemmed), _cut_once(found, stemmed, language), in_piece)


def _read_word(word: str, language: str, how: Stemming) -> _Read:
    """Read a word of small Latin letters, the first of which may be large."""
    small = word.lower()
    found = [IN_CAPITALS] if word in _NAMES else []
    if small in STOP_WORDS and language in AS_ENGLISH:
        return _Read((), tuple(found), role_of_word(small))
    stemmed = (stem(small, how),)
    others = [] if small.isascii() else [without_marks(small)]
    if small != word:
        others += _drawn(word)
    if others:
        found += stems(others, how)
    return _Read(stemmed, _cut_once(found, stemmed, language), role_of_word(small))


def _cut_once(others: list[str], stemmed: Iterable[str], language: str) -> tuple[str, ...]:
    """Return what is beside the stems of a piece, each once, with edges of compounds."""
    if language in COMPOUNDING:
        others = [*others, *edges(stemmed)]
    return tuple(dict.fromkeys(cut(others))) if others else ()


def words(text: str) -> list[str]:
    """Return the words of *text* in order, in lower case, not stemmed."""
    return _words(normalized(text))


def _words(text: str) -> list[str]:
    """Return the words of a normalized text."""
    if text.isascii():
        return [word[:MAX_TERM_CHARACTERS] for word in _ASCII_WORD.findall(text.lower())]
    found: list[str] = []
    for run, word in _WORD.findall(_OPTIONAL.sub("", text.lower())):
        if word:
            found.append(word[:MAX_TERM_CHARACTERS])
        else:
            found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    return found


def _others(text: str, words: Iterable[str]) -> list[str]:
    """Return words of a normalized text in other spellings: joined, parted, without marks."""
    found = [] if text.isalnum() else cut(joined_words(text))
    for parts in symbol_parts(text):
        found += parts
    if not text.isascii():
        bare = {word: without_marks(word) for word in words if not word.isascii()}
        found += [other for word, other in bare.items() if other != word]
    found += _drawn(text)
    return [word for word in found if word not in STOP_WORDS]


def _drawn(text: str) -> Iterator[str]:
    """Yield the names of *text* that may have umlauts written out, with these drawn in."""
    for name in _WRITTEN_OUT_NAME.findall(text):
        drawn = with_umlauts_drawn_in(name.lower())
        if len(drawn) != len(name):
            yield drawn


def cut(some: Iterable[str]) -> list[str]:
    """Cut what is too long for a term."""
    return [one[:MAX_TERM_CHARACTERS] for one in some]
