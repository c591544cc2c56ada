"""How text becomes terms: one analysis for the sparse index, its queries and term overlap."""

import re
import threading
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

import Stemmer

ANALYSIS_VERSION = "4"
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
_WORD = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|(?P<word>(?:(?![{UNSPACED}])[^\W_]|[{_MARKS}])+)(?:['\u2019]s\b)?"
)
# Written or left out as the writer likes, in the same word: Hebrew and Arabic points, the stroke
# that stretches an Arabic word, and the dot that lower-casing leaves on a Turkish capital i.
_ASCII_WORD = re.compile(r"([a-z0-9]+)(?:'s\b)?", re.ASCII)  # what `_WORD` finds in such a text
_OPTIONAL = re.compile(
    r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
    r"|(?<=i)\u0307"
)
# A mark raised behind a figure is no digit of it: "320\u00b9" is 320 with a note, not 3201.
_RAISED = re.compile(r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089])")
# And, the, in, to, from, that, as: Hebrew writes these as letters before a word, several at once.
_HEBREW_PREFIXES = re.compile(
    r"^[\u05d5\u05d4\u05d1\u05dc\u05de\u05e9\u05db]+(?=[\u05d0-\u05ea]{3})"
)
_ACCENTED_LATIN = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
_ACCENT = re.compile(r"[\u0300-\u036f]")

_local = threading.local()


def terms(text: str, language: str = "") -> list[str]:
    """
    Return the terms of *text* in order, repeats included, stop words left out.

    NFKC, lower case, words of letters and digits, possessive s dropped, stems of Snowball's
    stemmer for *language*, an ISO 639-1 code. An unknown language, "", counts as English; one
    without a stemmer keeps its words as they are. English words lose their accents. The same text
    gives the same terms in every process, within one ANALYSIS_VERSION.
    """
    english = language in ("", ENGLISH)
    kept = words(text)
    if english:
        kept = [word for word in kept if word not in STOP_WORDS]
    return _stems(kept, _stemming(language))


def query_terms(text: str, language: str = "") -> list[str]:
    """
    Return the terms that stand for a question: those of `terms` without question words.

    A question of question words alone keeps them, so that "The Who" can still be asked for.
    """
    return [stem for (stem,) in query_alternatives(text, (language,))]


def query_alternatives(text: str, languages: Collection[str]) -> list[tuple[str, ...]]:
    """
    Return what may stand for each word of a question, in order, over documents of *languages*.

    A text of many languages holds a word by the stem of the language it is written in; the
    question does not say which. So each word gives one tuple of its distinct stems, the first
    being that of the first language in alphabetical order. Words that say nothing in one of the
    languages are left out.
    """
    known = tuple(sorted(set(languages))) or ("",)
    said_with, asked_with = _left_out(known)
    said = [word for word in words(text) if word not in said_with]
    kept = [word for word in said if word not in asked_with] or said
    stemmings = dict.fromkeys(map(_stemming, known))
    stems = zip(*(_stems(kept, stemming) for stemming in stemmings), strict=True)
    return [tuple(dict.fromkeys(alternatives)) for alternatives in stems]


def words(text: str) -> list[str]:
    """Return the words of *text* in order, in lower case, not stemmed."""
    if text.isascii():
        return [word[:MAX_TERM_CHARACTERS] for word in _ASCII_WORD.findall(text.lower())]
    apart = _RAISED.sub(" ", text)
    plain = _OPTIONAL.sub("", unicodedata.normalize("NFKC", apart).lower())
    found: list[str] = []
    for run, word in _WORD.findall(plain):
        if word:
            found.append(word[:MAX_TERM_CHARACTERS])
        else:
            found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    return found


class _Stemming(NamedTuple):
    """How words of a language become stems."""

    loses_accents: bool
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
    return _Stemming(english, language == "he", tuple(stemmers))


def _stems(some_words: list[str], stemming: _Stemming) -> list[str]:
    """Stem each word."""
    stems = some_words
    if stemming.loses_accents:
        stems = [w if w.isascii() else _without_accents(w) for w in stems]
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


def _without_accents(word: str) -> str:
    """Take the accents off a Latin word: who writes English leaves them out as often as not."""
    if not _ACCENTED_LATIN.search(word):
        return word
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", word)))
