"""Which words of which source an answer rests on: `[n]` markers and what they point at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.analysis import terms
from rag.documents import Passage
from rag.sentences import sentence_spans


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
    """

    marker: int
    source: int
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class ResolvedAnswer:
    """An answer whose every marker resolves; *removed* counts those that did not and are gone."""

    text: str
    citations: tuple[Citation, ...]
    removed: int


# `[1]`, `[1, 3]`, `[2-4]` with the blanks before; code is matched first, so that it stays as it is.
_MARKER = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"
    r"|(?P<space>[ \t]*)\[(?P<numbers>\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\]",
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
    removed = 0
    while (answer := _resolve_once(text, passages)).removed:
        removed += answer.removed
        text = answer.text
    return replace(answer, removed=removed)


def _resolve_once(text: str, passages: Sequence[Passage]) -> ResolvedAnswer:
    """Resolve the markers that are in *text*; removing some may make others."""
    pieces: list[str] = []
    citations: list[Citation] = []
    removed = 0
    end = 0
    for match in _MARKER.finditer(text):
        if match["code"]:
            continue
        pieces.append(text[end : match.start()])
        end = match.end()
        numbers = _numbers(match["numbers"])
        known = [number for number in numbers if 1 <= number <= len(passages)]
        removed += len(numbers) - len(known)
        if known:
            pieces.append(match["space"] + "".join(f"[{number}]" for number in known))
            claim = _claim(text, match.start())
            citations.extend(_cite(number, passages[number - 1], claim) for number in known)
    pieces.append(text[end:])
    return ResolvedAnswer("".join(pieces), tuple(dict.fromkeys(citations)), removed)


def _numbers(inside: str) -> list[int]:
    """Read what stands between the brackets, ranges written out."""
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


def _cite(number: int, passage: Passage, claim: str) -> Citation:
    """Quote the sentence of *passage* that shares most terms with *claim*."""
    wanted = set(terms(claim, passage.language))
    spans = sentence_spans(passage.text) or [(0, len(passage.text))]

    def shared(span: tuple[int, int]) -> int:
        return len(wanted.intersection(terms(passage.text[slice(*span)], passage.language)))

    start, end = max(spans, key=shared)
    return Citation(
        marker=number,
        source=number - 1,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
    )
