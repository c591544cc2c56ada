"""Words that say nothing: in texts of English, and in what questions are asked with."""

from functools import lru_cache
from typing import Final

from rag.terms.stems import ENGLISH

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
AS_ENGLISH: Final = frozenset(("", ENGLISH))
EMPTY = STOP_WORDS | QUESTION_WORDS

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


@lru_cache
def left_out(languages: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the stop words and the words that ask, of questions over *languages*."""
    asking = frozenset[str]().union(*(_ASKED_WITH.get(name, ()) for name in languages))
    return STOP_WORDS if {"", ENGLISH} & {*languages} else frozenset(), asking
