"""How text becomes terms: one analysis for the sparse index, its queries and term overlap."""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator

import Stemmer

ANALYSIS_VERSION = "1"
"""Changes whenever the terms of any text change: an index of another version must be rebuilt."""

MAX_TERM_CHARACTERS = 64  # keys, hashes and base64 are cut, and still match themselves

# Lucene's classic English list: it takes away noise without taking away content.
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

# Scripts written without blanks; their runs become overlapping pairs of characters, as in Lucene's
# CJKAnalyzer: Thai and Lao, Myanmar, Khmer, kana, Han with extension A and compatibility forms.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
# Vowel signs and accents that are part of a word, though `\w` leaves them out: combining marks,
# Hebrew and Arabic points, the Indic blocks (without their full stops).
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|(?P<word>(?:(?![{UNSPACED}])[^\W_]|[{_MARKS}])+)(?:['\u2019]s\b)?"
)

_local = threading.local()


def terms(text: str) -> list[str]:
    """
    Return the terms of *text* in order, repeats included, stop words left out.

    NFKC, lower case, words of letters and digits, possessive s dropped, Snowball English stems.
    The same text gives the same terms in every process, within one ANALYSIS_VERSION.
    """
    return _stems(word for word in words(text) if word not in STOP_WORDS)


def query_terms(text: str) -> list[str]:
    """
    Return the terms that stand for a question: those of `terms` without question words.

    A question of question words alone keeps them, so that "The Who" can still be asked for.
    """
    kept = [word for word in words(text) if word not in STOP_WORDS]
    return _stems([word for word in kept if word not in QUESTION_WORDS] or kept)


def words(text: str) -> Iterator[str]:
    """Yield the words of *text* in order, in lower case, not stemmed."""
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).lower()):
        word = match["word"]
        if word is not None:
            yield word[:MAX_TERM_CHARACTERS]
        else:
            run = match["unspaced"]
            yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))


def _stems(some_words: Iterable[str]) -> list[str]:
    """Stem each word with the stemmer of this thread: PyStemmer's are not to be shared."""
    if not hasattr(_local, "stemmer"):
        _local.stemmer = Stemmer.Stemmer("english")
    stems: list[str] = _local.stemmer.stemWords(list(some_words))
    return stems
