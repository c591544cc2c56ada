"""Answers without what they have from deleted documents: those words give way to a note."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from rag.answers.prompts import UNANSWERED

#: What stands where words of a deleted document stood.
WITHHELD: Final = "(Withheld: the document was deleted.)"

_MARKER: Final = re.compile(r"\[(\d{1,3})\]")
_MARKERS: Final = r"(?:[ \t]*\[\d{1,3}\])"
#: A sentence of a model, with the markers that stand behind its full stop, or a line.
_SENTENCE: Final = re.compile(
    # Possessive, and begun only where a run of marks begins: else a million dots take a day.
    rf"[^\n]*?(?:(?<![.!?\u2026])[.!?\u2026]++[\"'\u2019\u201d)\]*_]*+{_MARKERS}*+(?=\s|\Z)"
    rf"|[\u3002\uff01\uff1f]+{_MARKERS}*|\n|\Z)"
)
_PARAGRAPHS: Final = re.compile(r"(\n[ \t]*\n\s*)")
#: What begins a line of Markdown and says nothing: it stays, and so does the blank before a quote.
_BEGINNING: Final = re.compile(r"\s*(?:(?:[-*+>#]+|\d{1,3}[.)])[ \t]+)*")


class Quoted(NamedTuple):
    """A quote as an answer says it, and the number of its source, which follows it as `[n]`."""

    words: str
    source: int


@dataclass(slots=True)
class _Piece:
    """A quote or a sentence, and the sources that it is from; none where that is not known."""

    text: str
    sources: set[int]
    markers: list[int]


def quotes_without_deleted(text: str, quotes: Sequence[Quoted], deleted: Collection[int]) -> str:
    """
    Return an answer of *quotes*, in this order, without those whose documents were *deleted*.

    These are numbers of sources. What leads to a quote goes with it. Where a quote is not found in
    the text, nobody knows what is whose: the note stands for the whole.
    """
    if not deleted or text.strip() == UNANSWERED:
        return text
    pieces: list[_Piece] = []
    at = 0
    for quote, end in zip(quotes, quote_ends(text, quotes), strict=False):
        pieces.append(_Piece(text[at:end], {quote.source}, [quote.source]))
        at = end
    rest = [] if at else [quote.source for quote in quotes]
    return _joined([*pieces, _Piece(text[at:], set(), rest)], deleted)


def quote_ends(text: str, quotes: Sequence[Quoted]) -> list[int]:
    """
    Return where in an answer of *quotes*, in this order, each ends with its marker.

    Where one of them is not found in the text, none is.
    """
    ends: list[int] = []
    at = 0
    for words, source in quotes:
        marked = f"{words} [{source}]"
        found = text.find(marked, at)
        if found < 0:
            return []
        at = found + len(marked)
        ends.append(at)
    return ends


def prose_without_deleted(text: str, deleted: Collection[int]) -> str:
    """
    Return what a model wrote without what is from sources whose documents were *deleted*.

    A sentence without a marker is taken to be from what the next marked one of its paragraph is
    from, the last ones from what the one before is from, and a paragraph without markers from all
    sources. The markers stay, behind the note that stands for their words.
    """
    if not deleted or text.strip() == UNANSWERED:
        return text
    parts = _PARAGRAPHS.split(text)
    return "".join(
        _joined(_sentences(part), deleted) if n % 2 == 0 else part for n, part in enumerate(parts)
    )


def _joined(pieces: Sequence[_Piece], deleted: Collection[int]) -> str:
    """Return pieces as a text, a note in place of those that are from deleted documents."""
    kept: list[str] = []
    run: list[_Piece] = []
    for piece in [*pieces, _Piece("", set(), [])]:
        known = piece.sources and piece.sources.isdisjoint(deleted)
        if piece.text.strip() and not known:
            run.append(piece)
            continue
        if run:
            kept.append(_note(run))
            run = []
        kept.append(piece.text)
    return "".join(kept)


def _note(run: list[_Piece]) -> str:
    """Return what stands for pieces that follow each other: the note, and their markers."""
    whole = "".join(piece.text for piece in run)
    beginning = _BEGINNING.match(whole)
    markers = dict.fromkeys(f"[{marker}]" for piece in run for marker in piece.markers)
    end = whole[len(whole.rstrip()) :]
    return (beginning[0] if beginning else "") + " ".join([WITHHELD, *markers]) + end


def _sentences(text: str) -> list[_Piece]:
    """Return sentences and lines of a model's paragraph, with what each is taken to be from."""
    pieces = []
    for match in _SENTENCE.finditer(text):
        numbers = [int(number) for number in _MARKER.findall(match[0])]
        pieces.append(_Piece(match[0], set(numbers), numbers))
    following: set[int] = set()
    for piece in reversed(pieces):
        following = piece.sources = piece.sources or following
    before: set[int] = set()
    for piece in pieces:
        before = piece.sources = piece.sources or before
    return pieces
