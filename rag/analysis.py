"""How text becomes terms: one analysis for the sparse index, its queries and term overlap."""

import re
import threading
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import Stemmer

from rag.characters import plain, with_umlauts_drawn_in, without_marks
from rag.compounds import COMPOUNDING, edges, held_in
from rag.identifiers import asked_identifiers, indexed_identifiers, joined_identifiers
from rag.symbols import capital_words, joined_words, signed_words, symbol_parts

ANALYSIS_VERSION = "5"
"""Changes whenever the terms of any text change: an index of another version must be rebuilt."""

MAX_TERM_CHARACTERS = 64  # keys, hashes and base64 are cut, and still match themselves

ENGLISH = "en"

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german",
    "el": "greek", "en": "english", "eo": "esperanto", "es": "spanish", "et": "estonian",
    "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's stemmer of each language that has one, by ISO 639-1 code."""

# Languages of other scripts than Latin: the Latin words in their texts are English, mostly.
_OTHER_SCRIPTS = (
    "am ar as be bg bn dz el fa gu he hi hy ja ka kk km kn ko ky lo mk ml mn mr my ne or pa ps ru "
    "si ta te tg th ug uk ur zh"
)
OTHER_SCRIPTS = frozenset(_OTHER_SCRIPTS.split())

# Lucene's classic English list: it takes away noise without taking away content. Other languages
# have none: on Spanish questions one changed nothing, as rare words weigh more in any case.
_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())

# What a question is asked with is not what its answer says. Dropped from questions only: a
# document may well be about "how" or "who".
_QUESTION_WORDS = (
    "about can could did do does had has have how i many me may might much my shall should "
    "tell us we were what when where which who whom whose why would you your"
)
QUESTION_WORDS = frozenset(_QUESTION_WORDS.split())
_EMPTY = STOP_WORDS | QUESTION_WORDS

# Of other languages only the words that ask; where a word has an unaccented twin that does not
# ask, the accent tells them apart.
_ASKING = {
    "de": "wann warum was wer wem wen wessen wie wieso weshalb wo woher wohin wodurch womit "
    "welche welchem welchen welcher welches wieviel wieviele",
    "es": "adónde cuál cuáles cuándo cuánta cuántas cuánto cuántos cómo dónde qué quién quiénes",
    "fr": "combien comment lequel laquelle lesquels lesquelles où pourquoi quand que quel quelle "
    "quelles quels qu qui quoi",
    "it": "che chi come cosa cos dove perché quale quali quando quanta quante quanti quanto qual",
    "nl": "hoe hoeveel waar waarom waardoor waarin wanneer wat welk welke wie wiens",
    "pt": "aonde como onde porque porquê qual quais quando quanta quantas quanto quantos que quê "
    "quem",
    "ru": "где зачем как какая какие какого какое какой какую когда кого кому куда откуда почему "
    "сколько чего чей что чём чем кто",
}  # fmt: skip
_ASKED_WITH = {"": QUESTION_WORDS, ENGLISH: QUESTION_WORDS} | {
    language: frozenset(words.split()) for language, words in _ASKING.items()
}

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
# And, the, in, to, from, that, as: Hebrew writes these as letters before a word, several at once.
_HEBREW_PREFIXES = re.compile(
    r"^[\u05d5\u05d4\u05d1\u05dc\u05de\u05e9\u05db]+(?=[\u05d0-\u05ea]{3})"
)
_WRITTEN_OUT_NAME = re.compile(r"[A-Z][a-z]*?(?:[aou]e|aa)[a-z]*")
_FIGURE = re.compile(r"\d")
_RUN = re.compile(r"\d+|[^\W\d_]+")

#: What an identifier weighs beside its parts; what may be one, joined; and parts of a symbol.
IDENTIFIER: Final = 2.0
JOINED: Final = 0.9
PART: Final = 0.5

_local = threading.local()


def terms(text: str, language: str = "") -> list[str]:
    """
    Return the terms of *text* in order, repeats included, stop words left out.

    NFKC, lower case, words of letters and digits, possessive s dropped, stems of Snowball's
    stemmer for *language*, an ISO 639-1 code. An unknown language, "", counts as English; one
    without a stemmer keeps its words as they are. The same text gives the same terms in every
    process, within one ANALYSIS_VERSION.
    """
    english = language in ("", ENGLISH)
    kept = words(text)
    if english:
        kept = [word for word in kept if word not in STOP_WORDS]
    return _stems(kept, _stemming(language))


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
    read = plain(text)
    stemming = _stemming(language)
    kept = _words(read)
    others = _others(read, kept)
    if language in ("", ENGLISH):
        kept = [word for word in kept if word not in STOP_WORDS]
    found = [*indexed_identifiers(read), *signed_words(read), *capital_words(read, _EMPTY)]
    found += _stems(others, stemming)
    stems = _stems(kept, stemming)
    if language in COMPOUNDING:
        found += edges(stems)
    known = frozenset(stems)
    cut = dict.fromkeys(one[:MAX_TERM_CHARACTERS] for one in found)
    return stems, [one for one in cut if one not in known]


def held_beside(text: str, language: str, wanted: frozenset[str]) -> frozenset[str]:
    """
    Return those of *wanted*, terms of a question, that *text* has beside its own terms.

    They are other spellings, wholes and parts of what is there, as `beside` tells; and where the
    language has them, parts of compounds, wherever these stand.
    """
    if not wanted:
        return wanted
    with_figures, with_capitals = _kinds(wanted)
    found = wanted & _spellings(text, language, figures=with_figures, capitals=with_capitals)
    if language in COMPOUNDING:
        found |= wanted & frozenset(held_in(wanted, list(edges(terms(plain(text), language)))))
    return found


@lru_cache(maxsize=2_048)  # of the passages that many questions find
def _spellings(text: str, language: str, *, figures: bool, capitals: bool) -> frozenset[str]:
    """Return what `held_beside` finds without compounds: of *figures*, of *capitals*, if wanted."""
    read = plain(text)
    found = set(_stems(_others(read, () if read.isascii() else _words(read)), _stemming(language)))
    found.update(signed_words(read))
    if figures:
        found.update(indexed_identifiers(read))
    if capitals:
        found.update(capital_words(read, _EMPTY))
    return frozenset(found)


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
    Return the terms that stand for a question: those of `terms` without question words.

    A question of question words alone keeps them, so that "The Who" can still be asked for.
    """
    said, known = _said(text, (language,))
    return _stems(said, _stemming(known[0]))


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
    stemmings = list(dict.fromkeys(map(_stemming, known)))

    def stems(some: list[str]) -> list[tuple[str, ...]]:
        if not some:
            return []
        found = zip(*(_stems(some, stemming) for stemming in stemmings), strict=True)
        return [tuple(dict.fromkeys(one)) for one in found]

    found = [Asked(one) for one in stems(said)]
    respelt = [(place, kin) for place, word in enumerate(said) for kin in _respelt(word)]
    for (place, _), ways in zip(respelt, stems([kin for _, kin in respelt]), strict=True):
        one, kin, _ = found[place]
        fresh = tuple(way for way in ways if way not in one and way not in kin)
        found[place] = Asked(one, kin + fresh)
    read = plain(text)
    said_with, asked_with = _left_out(tuple(known))
    found += [Asked((), (word,)) for word in capital_words(read, said_with | asked_with)]
    known_words = frozenset(said)
    found += [
        Asked((), tuple(name[:MAX_TERM_CHARACTERS] for name in names), IDENTIFIER)
        for names in asked_identifiers(text)
        if len(names) > 1 or names[0] not in known_words or not names[0].isdecimal()
    ]
    found += [Asked((), (name,), JOINED) for name in joined_identifiers(text)]
    found += [Asked((), (word,)) for word in signed_words(read)]
    found += [Asked((), one, JOINED) for one in stems(_cut(joined_words(read)))]
    parts = [part for some in symbol_parts(read) for part in some if part not in STOP_WORDS]
    parts += [run for word in said if not word.isalpha() for run in _runs(word)]
    return found + [Asked(one, (), PART) for one in stems(parts)]


def words(text: str) -> list[str]:
    """Return the words of *text* in order, in lower case, not stemmed."""
    return _words(plain(text))


def _words(text: str) -> list[str]:
    """Return the words of a plain text."""
    if text.isascii():
        return [word[:MAX_TERM_CHARACTERS] for word in _ASCII_WORD.findall(text.lower())]
    found: list[str] = []
    for run, word in _WORD.findall(_OPTIONAL.sub("", text.lower())):
        if word:
            found.append(word[:MAX_TERM_CHARACTERS])
        else:
            found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    return found


def _said(text: str, languages: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the words of a question that say something, and the languages, in order."""
    known = sorted(set(languages)) or [""]
    said_with, asked_with = _left_out(tuple(known))
    said = [word for word in words(text) if word not in said_with]
    return [word for word in said if word not in asked_with] or said, known


@lru_cache
def _kinds(wanted: frozenset[str]) -> tuple[bool, bool]:
    """Tell whether any of *wanted* has a figure, and whether any has a capital."""
    return any(map(_FIGURE.search, wanted)), any(one != one.lower() for one in wanted)


def _others(text: str, some_words: Iterable[str]) -> list[str]:
    """Return words that stand in a plain text in another way: joined, parted, without marks."""
    found = [*_cut(joined_words(text)), *(part for parts in symbol_parts(text) for part in parts)]
    found += _unmarked(text, some_words)
    return [word for word in found if word not in STOP_WORDS]


def _unmarked(text: str, some_words: Iterable[str]) -> Iterator[str]:
    """Yield the words of *text* that have marks without them, and names with umlauts drawn in."""
    if not text.isascii():
        for word in some_words:
            if not word.isascii() and (bare := without_marks(word)) != word:
                yield bare
    for name in _WRITTEN_OUT_NAME.findall(text):
        drawn = with_umlauts_drawn_in(name.lower())
        if len(drawn) != len(name):
            yield drawn


def _respelt(word: str) -> list[str]:
    """Return a word as it may be written otherwise: without marks, with umlauts drawn in."""
    bare = word if word.isascii() else without_marks(word)
    drawn = with_umlauts_drawn_in(bare)
    return [one for one in dict.fromkeys((bare, drawn)) if one != word]


def _cut(some: Iterable[str]) -> list[str]:
    """Cut what is too long for a term."""
    return [one[:MAX_TERM_CHARACTERS] for one in some]


def _runs(word: str) -> list[str]:
    """Return the letters and the figures of a word that has both; none of another word."""
    runs = _RUN.findall(word)
    return [run for run in runs if len(run) > 1] if len(runs) > 1 else []


class _Stemming(NamedTuple):
    """How words of a language become stems."""

    loses_prefixes: bool
    stemmers: tuple[str, ...]  # languages, one after the other


@lru_cache
def _left_out(languages: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the stop words and the words that ask, of questions over *languages*."""
    asking = frozenset[str]().union(*(_ASKED_WITH.get(name, ()) for name in languages))
    return STOP_WORDS if {"", ENGLISH} & {*languages} else frozenset(), asking


def _stemming(language: str) -> _Stemming:
    """Tell how words of a language are stemmed."""
    english = language in ("", ENGLISH)
    stemmers = [ENGLISH] if english or language in OTHER_SCRIPTS else []
    if language != ENGLISH and language in STEMMERS:
        stemmers.append(language)
    return _Stemming(language == "he", tuple(stemmers))


def _stems(some_words: list[str], stemming: _Stemming) -> list[str]:
    """Stem each word."""
    stems = some_words
    if stemming.loses_prefixes:
        stems = [_HEBREW_PREFIXES.sub("", word) for word in stems]
    for language in stemming.stemmers:
        # Some stemmers leave nothing of a word of one letter; it is its own stem.
        stems = [s or w for w, s in zip(stems, _stemmer(language).stemWords(stems), strict=True)]
    return stems


def _stemmer(language: str) -> Stemmer.Stemmer:
    """Return the stemmer of this thread: PyStemmer's are not to be shared."""
    if not hasattr(_local, "stemmers"):
        _local.stemmers = {}
    name = STEMMERS[language]
    if name not in _local.stemmers:
        _local.stemmers[name] = Stemmer.Stemmer(name)
    stemmer: Stemmer.Stemmer = _local.stemmers[name]
    return stemmer
