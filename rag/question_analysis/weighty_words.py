"""The words of a question that say what it is about, its names, and what of them a text holds."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Final, NamedTuple

from rag.question_analysis.unspaced_words import WRITTEN, pieces_of
from rag.terms.analysis import UNSPACED
from rag.terms.calendar_dates import MONTH
from rag.terms.light_words import LIGHT, PLAIN_VERBS
from rag.terms.query_terms import query_alternatives

MAX_WORDS: Final = 24  # of a question that are weighed
SHORT: Final = 4  # code points; a shorter stem has to begin a word, a longer one may stand inside
LONG: Final = 6  # code points from which on a stem is that of one word alone
COMPOUND: Final = 9  # code points from which on a word may be made of others
_PART: Final = 6  # code points of its beginning or its end that stand for it

_WORD: Final = re.compile(r"[^\W_][\w'\u2019-]*")
_ENDING: Final = re.compile(r"(?:[^\W\d_]{0,3}|[^\W\d_]?(?:ings?|ers|ation|ments?))(?![^\W\d_])")
# How settings and tables write long words.
_SHORTENED_PAIRS: Final = (
    "maximum/max minimum/min telephone/tel phone/tel database/db configuration/config "
    "directory/dir temperature/temp average/avg environment/env application/app "
    "administrator/admin reference/ref quantity/qty description/desc department/dept "
    "maximal/max minimal/min temperatur/temp datenbank/db anzahl/anz"
)
_SHORTENED: Final = dict(pair.split("/") for pair in _SHORTENED_PAIRS.split())
_MARKS: Final = re.compile(r"[\u0300-\u036f]+")
_POSSESSIVE: Final = re.compile(r"['\u2019]s?$")
# "l'entrée", "dell'anno"
_ELIDED: Final = re.compile(
    r"^(?:[cdjlmnst]|qu|dell|all|nell|sull|un)['\u2019](?=\w{3})", re.IGNORECASE
)
_GERMAN: Final = re.compile(
    r"^\W*(?i:sind|darf|d\u00fcrfen|kann|k\u00f6nnen|ist|hat|haben|gibt|wer|wie|wann|wo|warum|wem|wessen"
    r"|welche\w*|muss|m\u00fcssen|werden|wird)\b|"
    r"\b(?:der|die|das|dem|den|des|wer|wie|was|wann|wo|ein|eine|ist|und|f\u00fcr|bei|warum|gibt|wird"
    r"|welche\w*|werden|kostet|zum|zur|im|am|sind|darf|d\u00fcrfen|kann|muss|m\u00fcssen|hat|haben|ich"
    r"|wir|nicht|mit|von|auf|beim|eine[mnr])\b"
)
_TITLES: Final = frozenset(("frau", "herr", "herrn", "dr", "prof"))
_WEEKDAYS: Final = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:mon|diens|donners|frei|sams|sonn)tags?"
    r"|mittwochs?|lunes|martes|mi\u00e9rcoles|jueves|viernes|s\u00e1bados?|domingos?|lundi|mardi"
    r"|mercredi|jeudi|vendredi|samedi|dimanche"
)
_WEEKDAY: Final = re.compile(_WEEKDAYS)
_CALENDAR: Final = re.compile(rf"{MONTH}|{_WEEKDAYS}|sonnabends?", re.IGNORECASE)
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
_BESIDE_FIGURE: Final = re.compile(r"\d")
_ASKS_A_MEASURE: Final = frozenset(("how", "wie"))  # high, large, loud
_COMPOUNDING: Final = frozenset(("de", "nl", "da", "sv", "no", "fi"))
_OF_NAMES: Final = re.compile(r"(?:\b[^\W\d_a-z][\w'\u2019]*\W{1,2}){2,8}")


class Word(NamedTuple):
    """
    A word of a question.

    Args:
        stems: One of each language, folded.

        name: Whether it names one of a kind.

        text: The word itself, folded.

        weight: What it weighs beside others.
    """

    stems: tuple[str, ...]
    name: bool
    text: str
    weight: float = 1.0


def weighty_words(question: str, languages: Collection[str]) -> list[Word]:
    """
    Return the words that say what *question* is about, in order, each once, at most 24.

    A name has a capital inside the sentence or nothing but capitals; in German, which gives all
    nouns capitals, it is what follows `Frau` or `Herr`, or has nothing but capitals. Words with
    figures are left out: `identifiers` knows those. Where nothing else is there, light words
    count. Of Chinese, Japanese and Korean the words are those of `unspaced_words`, and the
    first one counts as a name.

    Args:
        question: As it was asked.

        languages: ISO 639-1 codes of the texts it is asked of.
    """
    read = question[:2_000]
    spaced = WRITTEN.sub(" ", read)
    found = [match[0] for match in _WORD.finditer(spaced)][: 4 * MAX_WORDS]
    plain = [_bare(word) for word in found]
    german = "de" in languages and _GERMAN.search(question) is not None
    known = tuple(sorted(set(languages)))
    weighty: dict[tuple[str, ...], tuple[bool, str]] = {}
    light: dict[tuple[str, ...], tuple[bool, str]] = {}
    numbered = False
    for at, word in enumerate(plain):
        if any(character.isdigit() for character in word):
            numbered = True
            continue
        shouted = len(word) > 1 and word.isupper()
        before = plain[at - 1].lower() if at else ""
        called = word[:1].isupper() and (before in _TITLES if german else at > 0)
        is_light = word.lower() in LIGHT and not (shouted and not question.isupper())
        is_light = is_light or before in _ASKS_A_MEASURE
        dated, weekday = _of_calendar(word)
        if dated and _BESIDE_FIGURE.search(" ".join(found[max(0, at - 2) : at + 2])):
            continue  # of a date, which has a figure
        name = (shouted or called or weekday) and not is_light
        for stems in _stems(word, known) or (((folded(word),),) if name else ()):
            into = light if is_light else weighty
            into[stems] = (into.get(stems, (False, ""))[0] or name, folded(word))
    chosen = [Word(stems, *told) for stems, told in weighty.items()]
    if spaced != read:
        chosen += _unspaced(read, known, alone=not (chosen or numbered))
    elif not (chosen or numbered):
        chosen = [Word(stems, *told) for stems, told in light.items()]
    return chosen[:MAX_WORDS]


def _unspaced(question: str, languages: tuple[str, ...], *, alone: bool) -> list[Word]:
    """Return the words in scripts without blanks, each once; *alone*, also such as say little."""
    found = {tuple(map(folded, piece.spellings)): piece for piece in reversed(pieces_of(question))}
    if alone and not found:
        pairs = [pair for run in WRITTEN.findall(question) for pair in _stems(run, languages)]
        return [Word(pair, name=False, text=pair[0]) for pair in dict.fromkeys(pairs)]
    return [
        Word(stems, piece.topic, folded(piece.text), piece.weight)
        for stems, piece in reversed(found.items())
    ]


@lru_cache(maxsize=4_096)
def _bare(word: str) -> str:
    """Return a word without what is written to it: "l'", "'s"."""
    return _POSSESSIVE.sub("", _ELIDED.sub("", word))


@lru_cache(maxsize=4_096)
def _of_calendar(word: str) -> tuple[bool, bool]:
    """Return whether a word is a month or a day of the week, and whether it is the latter."""
    return _CALENDAR.fullmatch(word) is not None, _WEEKDAY.fullmatch(word.lower()) is not None


@lru_cache(maxsize=4_096)
def _stems(word: str, languages: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the folded stems of each part of a word."""
    whole = folded(word)
    short = [_SHORTENED[whole]] if whole in _SHORTENED else []
    return tuple(
        tuple(dict.fromkeys([*(_beginning(folded(stem), whole) for stem in stems), *short]))
        for stems in query_alternatives(word, languages)
    )


def _beginning(stem: str, word: str) -> str:
    """Return what a stem has in common with its word: "deliveri" is no part of "delivery"."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(stem, word, strict=False))
    common = "".join(letter for letter, _ in alike)
    return common if len(common) >= SHORT else stem


@lru_cache(maxsize=1_024)  # of the passages that many questions find
def folded(text: str) -> str:
    """Return *text* in small letters without marks."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))


def holds(text: str, word: Word, languages: Collection[str]) -> bool:
    """
    Return True if *text*, folded, holds a word in some form, also inside a compound.

    Short stems are those of many words: "rech" is of "Rechen" and of "Rechnung".
    """
    if any(_there(text, stem, word.text) for stem in word.stems):
        return True
    longest = max(word.stems, key=len, default="")
    if len(longest) >= COMPOUND and not _COMPOUNDING.isdisjoint(languages):
        return longest[:_PART] in text or longest[-_PART:] in text
    return False


def abbreviates(word: Word, texts: Sequence[str]) -> bool:
    """Return True if a name is made of the first letters of names in *texts*."""
    letters = word.stems[0] if word.stems else ""
    if not (word.name and 2 <= len(letters) <= 6):  # noqa: PLR2004 - of an abbreviation
        return False
    return any(
        letters in "".join(name[0] for name in run[0].split()).lower()
        for text in texts
        for run in _OF_NAMES.finditer(text)
    )


def _there(text: str, stem: str, word: str) -> bool:
    """
    Return True if a stem stands in a text, in a word that begins with it or is made of others.

    A short one has to begin a word and have but an ending behind it, or the whole word has to
    follow; inside a word it takes as much of the word as tells it from others.
    """
    if len(stem) >= LONG or _UNSPACED.match(stem):
        return stem in text
    at = text.find(stem) if stem else -1
    while at >= 0:
        if at == 0 or not text[at - 1].isalnum():
            if _ENDING.match(text, at + len(stem)) or text.startswith(word, at):
                return True
        elif len(stem) >= SHORT and text.startswith(word[: max(len(stem), SHORT + 1)], at):
            return True
        at = text.find(stem, at + 1)
    return False


def plain_verbs(question: str) -> list[str]:
    """Return the verbs of *question*, folded, that a row answers without saying them."""
    found = (match[0].lower() for match in _WORD.finditer(question[:2_000]))
    return [folded(word) for word in found if word in PLAIN_VERBS][:MAX_WORDS]


def holds_verb(text: str, verb: str) -> bool:
    """Return True if *text*, folded, holds a verb, in another ending as well."""
    return _there(text, verb if len(verb) <= SHORT else verb[: max(SHORT, len(verb) - 2)], verb)
