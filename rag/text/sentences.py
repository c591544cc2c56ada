"""Where sentences begin and end: exact spans of a text, without a model and for most languages."""
# ruff: noqa: RUF001 - the punctuation of other scripts is meant

import re
from collections.abc import Iterator

from rag.text.lines import lines_of
from rag.text.spans import trimmed

_CLOSERS = "\"'”’»›)\\]}」』）】〉》"
# A full stop with the quotes, brackets and reference marks ([3], [note 1]) that belong to it.
# Possessive, and begun only where a run of marks begins: else a million dots take a day.
_STOP = re.compile(
    rf"(?<![.!?…؟۔।॥])(?P<mark>[.!?…؟۔।॥]++)(?P<closers>[{_CLOSERS}]*+)"
    r"(?P<refs>(?:\[[\w ]{1,24}\])*+)(?=\s)"
    rf"|[。！？｡]+[{_CLOSERS}]*"
)
_LINE = re.compile(r"[^\n]+")
_MARKER = re.compile(r"\s*(?:[-*+•‣▪◦●–]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s|#{1,6}\s|\||>\s)")
_WORD = re.compile(r"\S+")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_OPENERS = "\"'“‘«‹([{„‚「『（¿¡*_`"


def _words(text: str) -> frozenset[str]:
    """Return a set of words written with blanks between them."""
    return frozenset(text.split())


# Followed by a name or by the rest of the sentence, hardly ever by a new sentence.
_NEVER_LAST = _words(
    "mr mrs ms mx dr prof gen col capt cmdr cpt lt sgt cpl maj adm brig rev hon sen rep gov pres "
    "supt insp fr msgr mt st ste messrs mme mlle hr frl sra srta dña e.g i.e eg ie cf v vs viz lit "
    "approx ca bzw z.b d.h u.a s.o s.u vgl sog ggf evtl inkl exkl geb gest gegr p.ej"
)
# Followed by a number they are part of the sentence: "No. 5", "Jan. 3", "pp. 4-7".
_BEFORE_NUMBER = _words(
    "no nos nr num fig figs eq eqs vol vols p pp pg ch chap sec sect art arts abs ed eds para par "
    "tab app bd ziff lfd rn § jan feb mar apr jun jul aug sep sept oct nov dec ver pt"
)
# May end a sentence; they do when the next word is one that likes to begin sentences.
_MAYBE_LAST = _words(
    "jr sr inc ltd co corp bros al dept univ assn ave blvd rd est gmbh usw ph.d m.d b.a m.a "
    "a.m p.m b.c a.d u.s u.k u.n d.c e.u u.s.a b.c.e c.e"
)
_STARTERS = _words(
    "the a an this that these those it its he she they we you i his her their our my your in on at "
    "by for from with without to of as and but or so if when while where who what why how which "
    "after before during since until although though because however there here then thus also "
    "another both each every many most some several such all no not one two according despite "
    "der die das den dem ein eine er sie es wir ihr und aber wenn als im am auf für mit nach "
    "el la los las un una y pero en con por para le les il elle ils des du et mais dans"
)
# German writes ordinals with a full stop: "am 3. Oktober", "im 19. Jahrhundert".
_AFTER_ORDINAL = _words(
    "januar februar märz april mai juni juli august september oktober november dezember "
    "jahrhundert jahrhunderts jahrtausend weltkrieg weltkriegs auflage kapitel tag jahr"
)

_WRAPPED_FROM = 40  # characters: narrower columns are lists or verse, their lines stand alone
_WRAPPED_SHARE = 0.7  # of the widest line: a line this full was broken by the margin
_RAGGED_SHARE = 0.45  # the same before a line that goes on in lower case
_ELLIPSIS = 3  # dots; more of them lead the eye
_LOOKBACK = 24  # characters before a full stop that can decide about it


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """
    Return the sentences of `text[start:end]` as half-open spans of *text*, in order.

    Spans are not empty, do not overlap, neither begin nor end with white space, and together hold
    every character that is not white space. Blank lines, list items and lines that were not
    broken by a margin are boundaries; abbreviations, initials and decimals are not. A row of a
    table, a record and a line of a log are one sentence each; lines of settings and of code are
    never joined. Text without a boundary is one sentence, however long. Time is linear in the
    length.
    """
    end = len(text) if end is None else end
    caseless = not any(map(str.isupper, text[start:end]))
    spans: list[tuple[int, int]] = []
    for first, last, whole in _segments(text, start, end):
        begin = first
        for stop in () if whole else _STOP.finditer(text, first, last):
            after = stop.end()
            if after < last and _ends(text, begin, stop, last, caseless=caseless):
                spans.append((begin, after))
                begin = _skip_space(text, after, last)
        spans.append((begin, last))
    return spans


def _segments(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield runs of lines that may hold sentences across their line breaks, or are one, trimmed."""
    run: list[tuple[int, int]] = []
    for line in _LINE.finditer(text, start, end):
        span = trimmed(text, *line.span())
        if span[0] == span[1]:  # white space alone is a blank line
            yield from _joined(text, run)
            run = []
            continue
        if run and text.count("\n", run[-1][1], span[0]) > 1:
            yield from _joined(text, run)
            run = []
        run.append(span)
    yield from _joined(text, run)


def _joined(text: str, lines: list[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    """Join the lines of one paragraph that only the margin parted; marks which are one sentence."""
    if not lines:
        return
    width = max(last - first for first, last in lines)
    begin, end = lines[0]
    kinds = lines_of(text, lines)
    whole = kinds[0].whole
    for (first, last), kind in zip(lines[1:], kinds[1:], strict=True):
        word = _WORD.match(text, first, last)
        reach = end - _line_start(text, begin, end) + 1 + (len(word[0]) if word else 0)
        share = _RAGGED_SHARE if text[first].islower() else _WRAPPED_SHARE
        wrapped = (
            width >= _WRAPPED_FROM
            and reach >= share * width
            and not kind.alone
            and not _MARKER.match(text, first, last)
        )
        if not wrapped:
            yield begin, end, whole
            begin, whole = first, kind.whole
        end = last
    yield begin, end, whole


def _line_start(text: str, begin: int, end: int) -> int:
    """Return where the last line of `text[begin:end]` starts."""
    return max(begin, text.rfind("\n", begin, end) + 1)


def _ends(text: str, begin: int, stop: re.Match[str], last: int, *, caseless: bool) -> bool:
    """Return True if the full stop *stop* of the sentence that began at *begin* ends it."""
    mark = stop["mark"]
    if mark is None:  # an ideographic full stop needs no white space and has no other use
        return True
    if stop.start() == begin:  # "... and", ".NET": nothing was said yet
        return False
    lone = text[stop.start() - 1].isspace()  # "the wing . the flow": tokenised text
    following = _WORD.match(text, _skip_space(text, stop.end(), last), last)
    word = following[0].lstrip(_OPENERS) if following else ""
    if following is None or not word:
        return True
    # The leader and the page of a line of a table of contents.
    page = len(mark) > _ELLIPSIS and word[0].isdigit()
    if page or (word[0].islower() and not (caseless or lone)):
        return mark == "?" and not stop["closers"]
    if not (word[0].isalnum() or following[0][0] in _OPENERS):
        return word[0] in "-–—•#|§$€£+@<" and not caseless
    return mark != "." or lone or bool(stop["refs"]) or not _abbreviates(text, begin, stop, word)


def _abbreviates(text: str, begin: int, stop: re.Match[str], following: str) -> bool:
    """Return True if the full stop belongs to an abbreviation, an initial or an ordinal."""
    at = stop.start()
    before = text[max(begin, at - _LOOKBACK) : at]
    word = before.rsplit(maxsplit=1)[-1].lstrip(_OPENERS + "-–—/")
    small = word.lower()
    number = following[0].isdigit()
    next_word = re.split(r"\W", following, maxsplit=1)[0].lower()
    starter = next_word in _STARTERS
    if word.isdigit():
        opens = begin + len(word) >= at  # "1. Introduction" numbers what follows
        return opens or (len(word) < 3 and next_word in _AFTER_ORDINAL)  # noqa: PLR2004 - days, centuries
    if stop["closers"].strip(")]"):
        return False
    if small in _NEVER_LAST:
        return True
    # A lone capital is an initial ("Michael P. Millardi") unless a number follows ("P. 12").
    if small in _BEFORE_NUMBER and (number or len(word) > 1):
        return number
    if small in _MAYBE_LAST or _DOTTED.fullmatch(word):
        return not starter
    spaced = following[1:2] == "."  # "z. B.", "J. K. Rowling"
    initial = len(word) == 1 and word.isalpha()
    return initial and (spaced or (word.isupper() and not starter))


def _skip_space(text: str, at: int, end: int) -> int:
    """Return the first position from *at* on that is not white space."""
    while at < end and text[at].isspace():
        at += 1
    return at
