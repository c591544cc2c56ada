"""Stems of words, by the language of their text."""

import re
import threading
from typing import Final, NamedTuple

import Stemmer

ENGLISH: Final = "en"

STEMMERS: Final = {
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
OTHER_SCRIPTS: Final = frozenset(_OTHER_SCRIPTS.split())

# And, the, in, to, from, that, as: Hebrew writes these as letters before a word, several at once.
_HEBREW_PREFIXES = re.compile(
    r"^[\u05d5\u05d4\u05d1\u05dc\u05de\u05e9\u05db]+(?=[\u05d0-\u05ea]{3})"
)

_local = threading.local()


class Stemming(NamedTuple):
    """How words of a language become stems."""

    loses_prefixes: bool
    stemmers: tuple[str, ...]  # languages, one after the other


def stemming(language: str) -> Stemming:
    """Return how words of a language, an ISO 639-1 code, are stemmed; "" counts as English."""
    english = language in ("", ENGLISH)
    stemmers = [ENGLISH] if english or language in OTHER_SCRIPTS else []
    if language != ENGLISH and language in STEMMERS:
        stemmers.append(language)
    return Stemming(language == "he", tuple(stemmers))


def stems(some_words: list[str], how: Stemming) -> list[str]:
    """Stem each word."""
    found = some_words
    if how.loses_prefixes:
        found = [_HEBREW_PREFIXES.sub("", word) for word in found]
    for language in how.stemmers:
        # Some stemmers leave nothing of a word of one letter; it is its own stem.
        found = [s or w for w, s in zip(found, _stemmer(language).stemWords(found), strict=True)]
    return found


def stem(word: str, how: Stemming) -> str:
    """Stem a word of Latin letters."""
    for language in how.stemmers:
        word = _stemmer(language).stemWord(word) or word
    return word


def _stemmer(language: str) -> Stemmer.Stemmer:
    """Return the stemmer of this thread: PyStemmer's are not to be shared."""
    try:
        stemmer: Stemmer.Stemmer = _local.stemmers[language]
    except (AttributeError, KeyError):
        known: dict[str, Stemmer.Stemmer] = _local.__dict__.setdefault("stemmers", {})
        # Without its own cache, which sorts itself when it is full: `rag.terms.analysis` has one.
        stemmer = known[language] = Stemmer.Stemmer(STEMMERS[language], 0)
    return stemmer
