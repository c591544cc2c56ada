"""Which words of which source an answer rests on: `[n]` markers and what they point at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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


_PART = r"\d{1,3}(?:\s*[\u2013-]\s*\d{1,3})?"
# `[1]`, `[1, 3]`, `[2-4]` with the blanks before; code is matched first, so that it stays as it is.
# `[12-11-20]` is no marker but a date, say. Blanks are looked through from the first of them alone:
# from each of them would take a square of their number.
_MARKER = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"
    rf"|(?P<space>(?<![ \t])[ \t]*)\[(?P<numbers>{_PART}(?:\s*[,;]\s*{_PART})*)\]",
    re.DOTALL,
)
_RANGE = re.compile(r"(\d+)\s*[\u2013-]\s*(\d+)")
_LONGEST_RANGE = 20  # `[1-200]` is a year, a page or a slip, not two hundred sources


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
    citations = [
        cite(int(match["numbers"]), passages, _claim(text, match.start()))
        for match in _MARKER.finditer(text)
        if not match["code"]
    ]
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

    return _MARKER.sub(apart, text), removed


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


def _claim(text: str, at: int) -> str:
    """Return the sentence of the answer that ends with the marker at *at*, markers left out."""
    before = _MARKER.sub(" ", text[:at]).rstrip()
    spans = sentence_spans(before)
    return before[slice(*spans[-1])] if spans else ""


def cite(number: int, passages: Sequence[Passage], claim: str) -> Citation:
    """Quote the sentence of source *number*, from 1, that shares most terms with *claim*."""
    passage = passages[number - 1]
    wanted = set(terms(claim, passage.language))
    spans = sentence_spans(passage.text) or [(0, len(passage.text))]

    def shared(span: tuple[int, int]) -> int:
        return len(wanted.intersection(terms(passage.text[slice(*span)], passage.language)))

    start, end = max(spans, key=shared)
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
