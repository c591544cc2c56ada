"""Which words of which source an answer rests on: `[n]` markers and what they point at."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rag.documents import Passage
from rag.structure.clauses import is_row
from rag.structure.headings import path_at
from rag.structure.sections import PARTED
from rag.terms.analysis import terms
from rag.text.plain import without_markup
from rag.text.sentences import sentence_spans
from rag.text.table_rows import TableRows, written


@dataclass(frozen=True, slots=True)
class Citation:
    """
    One marker of an answer, resolved.

    Args:
        marker: The n of `[n]`, from 1.

        source: Index of the source in the answer's list of sources, from 0.

        start: First code point of the quote in the document's parsed text.

        end: One past its last code point.

        quote: Exactly `text[start:end]` of the parsed text.

        shown: The quote as people read it: without markup, a row with the names of its columns.

        heading: What it stands under, the highest first: headings, or the names of settings.
    """

    marker: int
    source: int
    start: int
    end: int
    quote: str
    shown: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedAnswer:
    """An answer whose every marker resolves; *removed* counts those that did not and are gone."""

    text: str
    citations: tuple[Citation, ...]
    removed: int


_PART: Final = r"\d{1,3}(?:\s*+[\u2013-]\s*+\d{1,3})?"
#: What a marker is: `[1]`, `[1, 3]`, `[2-4]`, with the blanks before. `[12-11-20]` is none but a
#: date, say. Blanks are looked through from the first of them alone: from each of them would take a
#: square of their number.
MARKER: Final = (
    r"(?<![ \t])(?P<space>[ \t]*+)"
    rf"\[(?P<numbers>{_PART}(?:\s*+[,;]\s*+{_PART})*+)\]"
)
#: Code and markers of a whole text; code comes first, so that it stays as it is.
MARKED: Final = re.compile(rf"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)|{MARKER}", re.DOTALL)
_RANGE = re.compile(r"(\d+)\s*[\u2013-]\s*(\d+)")
_LONGEST_RANGE = 20  # `[1-200]` is a year, a page or a slip, not two hundred sources
_LONGEST_CLAIM = 4_000  # characters: all that is before a marker, for each, would be a square


def resolve(text: str, passages: Sequence[Passage]) -> ResolvedAnswer:
    """
    Resolve the markers of a generated answer; `[n]` means `passages[n - 1]`.

    Combined markers are written apart (`[1, 3]` becomes `[1][3]`). A marker without a source is
    removed together with the blanks before it; so is one that appears by that, as `[0]` in
    `[[7]0]`. Each citation quotes the sentence of its source
    that shares most terms with the sentence that cites it, the first one where none does. Code
    between backticks is left alone.
    """
    text, removed = _written_apart(text, len(passages))
    gone = removed
    while gone:  # removing a marker may make another
        text, gone = _written_apart(text, len(passages))
        removed += gone
    citations = [cite(number, passages, claim_at(text, at)) for number, at in markers(text)]
    return ResolvedAnswer(text, tuple(dict.fromkeys(citations)), removed)


def _written_apart(text: str, sources: int) -> tuple[str, int]:
    """Write each number in brackets of its own; leaves out, and counts, those without a source."""
    removed = 0

    def apart(match: re.Match[str]) -> str:
        nonlocal removed
        if match["code"]:
            return match[0]
        numbers = numbers_in(match["numbers"])
        known = [number for number in numbers if 1 <= number <= sources]
        removed += len(numbers) - len(known)
        return match["space"] + "".join(f"[{number}]" for number in known) if known else ""

    return MARKED.sub(apart, text), removed


def numbers_in(inside: str) -> list[int]:
    """Read what stands between the brackets of a marker, ranges written out."""
    numbers: list[int] = []
    for part in re.split(r"[,;]", inside):
        bounds = _RANGE.fullmatch(part.strip())
        if bounds is None:
            numbers.append(int(part))
            continue
        first, last = int(bounds[1]), int(bounds[2])
        inner = range(first, last + 1) if 0 <= last - first < _LONGEST_RANGE else (first, last)
        numbers.extend(inner)
    return list(dict.fromkeys(numbers))


def markers(text: str) -> Iterator[tuple[int, int]]:
    """Yield the number of each marker of a text, and where the blanks before it begin."""
    for match in MARKED.finditer(text):
        if not match["code"]:
            yield from ((number, match.start()) for number in numbers_in(match["numbers"]))


def claim_at(text: str, at: int) -> str:
    """Return the sentence of an answer that ends with the marker at *at*, markers left out."""
    before = MARKED.sub(" ", text[max(0, at - _LONGEST_CLAIM) : at]).rstrip()
    spans = sentence_spans(before)
    return before[slice(*spans[-1])] if spans else ""


def supports(claim: str, language: str) -> Callable[[str], int]:
    """Return what tells how many terms of a claim a sentence in a language has."""
    wanted = set(terms(claim, language))
    return lambda sentence: len(wanted.intersection(terms(sentence, language)))


def cite(number: int, passages: Sequence[Passage], claim: str) -> Citation:
    """Quote the sentence of source *number*, from 1, that shares most terms with *claim*."""
    passage = passages[number - 1]
    shared = supports(claim, passage.language)
    spans = sentence_spans(passage.text) or [(0, len(passage.text))]
    start, end = max(spans, key=lambda span: shared(passage.text[slice(*span)]))
    quote = passage.text[start:end]
    cells = TableRows(passage).cells(start, end)
    return Citation(
        marker=number,
        source=number - 1,
        start=passage.start + start,
        end=passage.start + end,
        quote=quote,
        shown=without_markup(quote, row=is_row(quote))
        if cells is None
        else without_markup(written(cells)),
        heading=PARTED.join(path_at(passage, spans, start)),
    )
