"""Answers without what they have from deleted documents: those words give way to a note."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from rag.answers.prompts import UNANSWERED

#: What stands where words of a deleted document stood.
WITHHELD: Final = "(Withheld: the document was deleted.)"

_MARKER: Final = re.compile(r"\[(\d{1,3})\]")
_MARKERS: Final = r"(?:[ \t]*\[\d{1,3}\])"
#: A quote and the markers behind it.
_QUOTE: Final = re.compile(rf".*?{_MARKERS}+|.+", re.DOTALL)
#: A sentence of a model, with the markers that stand behind its full stop, or a line.
_SENTENCE: Final = re.compile(
    # Possessive, and begun only where a run of marks begins: else a million dots take a day.
    rf"[^\n]*?(?:(?<![.!?\u2026])[.!?\u2026]++[\"'\u2019\u201d)\]*_]*+{_MARKERS}*+(?=\s|\Z)"
    rf"|[\u3002\uff01\uff1f]+{_MARKERS}*|\n|\Z)"
)
_PARAGRAPHS: Final = re.compile(r"(\n[ \t]*\n\s*)")
#: What begins a line of Markdown and says nothing: it stays, and so does the blank before a quote.
_BEGINNING: Final = re.compile(r"\s*(?:(?:[-*+>#]+|\d{1,3}[.)])[ \t]+)*")


@dataclass(slots=True)
class _Piece:
    """A quote or a sentence, and the sources that it is from; none where that is not known."""

    text: str
    sources: set[int] = field(default_factory=set)


def without_deleted(text: str, deleted: Collection[int], *, quoted: bool) -> str:
    """
    Return an answer's text without what is from sources whose documents were deleted.

    Args:
        text: The answer, its markers resolved.

        deleted: Numbers of these sources, as in `[n]`, from 1.

        quoted: Whether each piece of the text is a quote with its marker behind it. Else a model
            wrote the text: a sentence without a marker is taken to be from what the next marked
            one of its paragraph is from, the last ones from what the one before is from, and a
            paragraph without markers from all sources.

    The markers stay, behind the note that stands for their words.
    """
    if not deleted or text.strip() == UNANSWERED:
        return text
    parts = _PARAGRAPHS.split(text)
    kept = [
        _paragraph(part, deleted, quoted) if n % 2 == 0 else part for n, part in enumerate(parts)
    ]
    return "".join(kept)


def _paragraph(text: str, deleted: Collection[int], quoted: bool) -> str:
    """Return a paragraph without what is from deleted documents."""
    pieces = list(_quotes(text)) if quoted else _sentences(text)
    kept: list[str] = []
    run: list[_Piece] = []
    for piece in [*pieces, _Piece("")]:
        unknown = not quoted and not piece.sources
        if piece.text.strip() and (unknown or not piece.sources.isdisjoint(deleted)):
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
    markers = dict.fromkeys(match[0] for match in _MARKER.finditer(whole))
    end = whole[len(whole.rstrip()) :]
    return (beginning[0] if beginning else "") + " ".join([WITHHELD, *markers]) + end


def _quotes(text: str) -> Iterator[_Piece]:
    """Yield quotes, each with its markers."""
    for match in _QUOTE.finditer(text):
        yield _Piece(match[0], _numbers(match[0]))


def _sentences(text: str) -> list[_Piece]:
    """Return sentences and lines of a model's paragraph, with what each is taken to be from."""
    pieces = [_Piece(m[0], _numbers(m[0])) for m in _SENTENCE.finditer(text) if m[0]]
    following: set[int] = set()
    for piece in reversed(pieces):
        following = piece.sources = piece.sources or following
    before: set[int] = set()
    for piece in pieces:
        before = piece.sources = piece.sources or before
    return pieces


def _numbers(text: str) -> set[int]:
    """Return the sources that markers in a text name."""
    return {int(match[1]) for match in _MARKER.finditer(text)}
