"""Titles on the line of what they head, as in `3. Summer fair. Ann Roe organises it`."""

import re

from rag.structure.clause_numbers import mark_of
from rag.terms.light_words import LIGHT

#: Code points of such a heading, its words behind a number, and without one.
LONGEST, _WORDS_NUMBERED, _WORDS_ALONE = 60, 6, 3
#: A line this long may have been broken by the margin: the next one goes on with it.
_MARGIN = 60

_BOLD = re.compile(r"(?:[-*+\u2022]\s+)?(\*\*|__)(?=[^\W_])[^*_\n]{1,60}\1[.:]?")
_MARK = re.compile(r"(?:[-*+\u2022\u2023\u25aa\u25cf]|\(?(?:\d{1,3}|[a-zA-Z]|[IVX]{1,6})[.)])\s+")
_STOPPED = re.compile(r"[^.:!?\n]*[^\W_][)\"'\u201d\u2019]?\.")
#: What is said with few words and is no title: answers, and what goes on about something.
_SAID = re.compile(
    r"(?:yes|no|none|never|always|ja|nein|nie|s\u00ed|nunca|oui|non|jamais|i|we|you|he|she|it|they"
    r"|this|that|these|there|ich|wir|er|sie|es|du|dies\w*|yo|ella?s?|nosotros|je|tu|il|elles?|nous"
    r"|vous|on|c['\u2019]\w+|but|and|so|then|aber|und|dann|pero|mais|et|please|bitte|thank\w*"
    r"|danke|gracias|merci)\b",
    re.IGNORECASE,
)
_FINITE_VERBS = (
    "is are was were has have had may must shall should will would can could do does did ist "
    "sind war waren hat haben darf d\u00fcrfen muss m\u00fcssen soll sollen kann k\u00f6nnen wird "
    "werden "
    "es son est\u00e1 est\u00e1n fue fueron hay tiene tienen debe deben puede pueden est sont ont "
    "doit doivent peut peuvent sera seront \u00e8 sono \u00e9 s\u00e3o zijn heeft moet kan"
)
_FINITE = frozenset(_FINITE_VERBS.split())
#: Words that a title of one to three words does not have.
_OF_TITLES = "and of for und f\u00fcr y de del et du des e di en van & total main"
_VERBS = LIGHT - frozenset(_OF_TITLES.split())
#: What steps begin with, or end with: they say what to do.
_STEP = re.compile(
    r"(?:add|allow|apply|ask|attach|bake|boil|bring|build|call|change|check|choose|clean|clear"
    r"|click|close|connect|cook|copy|cut|disconnect|do|don['\u2019]t|drain|dry|enter|fill|find"
    r"|fit|follow|give|go|heat|hold|insert|install|keep|leave|let|lift|lock|log|loosen|make|mix"
    r"|move|open|pay|place|plug|pour|press|print|pull|push|put|read|release|remove|repeat|replace"
    r"|reset|restart|return|rinse|run|save|screw|see|select|send|set|show|sign|start|stir|stop"
    r"|switch|take|tap|tell|test|tighten|turn|type|unlock|unplug|unscrew|use|wait|wash|wear|wipe"
    r"|write|never|always)\b"
    r"|\w+ez\b|\w+ sie\b|(?:no )?(?:abra|agregue|a\u00f1ada|apague|cierre|conecte|coloque"
    r"|desconecte"
    r"|encienda|espere|gire|haga|introduzca|limpie|llame|llene|mantenga|pulse|presione|ponga|quite"
    r"|retire|vierta)\b",
    re.IGNORECASE,
)
#: In German, a verb at the end; nouns have capitals.
_INFINITIVE = re.compile(r".*\s[a-z\u00e4\u00f6\u00fc\u00df]{3,}en\.$")


def is_run_in(text: str, start: int, end: int, following: tuple[int, int] | None) -> bool:
    """
    Return True if the piece `text[start:end]` is the title of what follows it in its paragraph.

    It begins a line and is a few words, with a number before them or set in bold, or up to three
    words alone. Steps (`1. Press start.`) and short answers (`Yes.`) are none.

    Args:
        text: Of a passage.

        start: Of the piece.

        end: Of the piece.

        following: The span of the next piece, if there is one.
    """
    if end - start > LONGEST or following is None or text[end - 1] not in ".:*_":
        return False
    piece, between = text[start:end], text[end : following[0]]
    if not _begins_line(text, start):
        return False
    if _BOLD.fullmatch(piece):
        return "\n" not in between
    mark = _MARK.match(piece)
    words = piece[mark.end() :] if mark else piece
    numbered = mark is not None and mark_of(piece) is not None
    if not _is_title(words, numbered=numbered):
        return False
    below = text[slice(*following)]
    if numbered and between.count("\n") == 1:
        return mark_of(below) is None
    return "\n" not in between and not below[:1].islower() and len(below) > len(words)


def goes_on(text: str, end: int, start: int) -> bool:
    """Return True if pieces that begin at *start* and end at *end* share a paragraph."""
    between = text[end:start]
    if "\n" not in between:
        return True
    if between.count("\n") > 1 or _MARK.match(text, start):
        return False
    return end - text.rfind("\n", 0, end) > _MARGIN


def bold_lead(text: str, start: int, end: int) -> int:
    """Return where a title in bold ends with which a sentence begins; *start* where none does."""
    bold = _BOLD.match(text, start, min(end, start + 2 * LONGEST))
    if bold is None or not text[bold.end() : bold.end() + 1].isspace():
        return start
    rest = text[bold.end() : end].strip()
    return bold.end() if rest[:1].isupper() and rest[-1] in ".!?" and " " in rest else start


def _begins_line(text: str, start: int) -> bool:
    """Return True if nothing stands before a place on its line."""
    return not text[text.rfind("\n", 0, start) + 1 : start].strip()


def _is_title(words: str, *, numbered: bool) -> bool:
    """Return True if a few words may be a title, as far as verbs are known."""
    if not (words[:1].isupper() and _STOPPED.fullmatch(words)) or any(map(str.isdigit, words)):
        return False
    if _SAID.match(words) or _STEP.match(words) or _INFINITIVE.match(words):
        return False
    told = words.rstrip(".").lower().split()
    verb = any(word in _FINITE or (not numbered and word in _VERBS) for word in told[1:])
    return not verb and len(told) <= (_WORDS_NUMBERED if numbered else _WORDS_ALONE)
