"""The headers of a document's tables: what rows that are cut off from theirs are read with."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from rag.documents import ParsedDocument
from rag.ports import TokenCounter
from rag.text.token_counts import token_counts

#: A header may take this share of what a chunk has beside its title; the rest is for rows.
_SHARE = 2
#: Stands for the columns whose names found no room.
CUT = "\u2026"

_CELL_END = re.compile(r"(?<!\\)\||\n|$")
#: What a line is drawn with that parts a header from its rows.
_RULE = re.compile(r"[ \t|:+=-]+")


class _Table(NamedTuple):
    """Where a table lies, and where the lines end that name its columns."""

    start: int
    end: int
    header_end: int


class TableHeaders:
    """
    What the tables of a document are called by, column by column.

    Args:
        document: Parsed.

        counter: Of tokens.

        budget: Tokens that a chunk has beside its title.
    """

    def __init__(self, document: ParsedDocument, counter: TokenCounter, *, budget: int) -> None:
        self._tables = [
            _Table(block.start, block.end, block.start + block.header)
            for block in document.blocks
            if block.kind == "table" and 0 < block.header < block.end - block.start
        ]
        self._starts = [table.start for table in self._tables]
        texts = [header_of(document.text[one.start : one.header_end]) for one in self._tables]
        self._contexts = _fitting(texts, counter, budget // _SHARE)

    def at(self, start: int) -> tuple[str, int]:
        """Return the header that a chunk beginning at *start* lacks, and its tokens."""
        at = bisect_right(self._starts, start) - 1
        if at < 0 or not self._tables[at].header_end <= start < self._tables[at].end:
            return "", 0
        return self._contexts[at]

    def within(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """Return the spans of the headers that lie wholly in `text[start:end]`."""
        first = bisect_right(self._starts, start - 1)
        last = bisect_right(self._starts, end)
        return tuple(
            (one.start, one.header_end) for one in self._tables[first:last] if one.header_end <= end
        )


def header_of(text: str) -> str:
    """Return the lines of a header without those that only draw a rule."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not is_rule(line))


def is_rule(line: str) -> bool:
    """Return True if a line only parts others."""
    return ("-" in line or "=" in line) and _RULE.fullmatch(line) is not None


def _fitting(headers: Sequence[str], counter: TokenCounter, limit: int) -> list[tuple[str, int]]:
    """Return each header with its tokens, cut behind a cell where it takes more than *limit*."""
    known = {"": ("", 0)}
    different = [header for header in dict.fromkeys(headers) if header]
    counts = token_counts([f"{header}\n" for header in different], counter)
    for header, tokens in zip(different, counts, strict=True):
        fits = tokens <= limit
        known[header] = (header, tokens) if fits else _cut(header, counter, limit)
    return [known[header] for header in headers]


def _cut(header: str, counter: TokenCounter, limit: int) -> tuple[str, int]:
    """Return the cells of a header that fit, and their tokens; nothing where the first does not."""
    ends = [match.start() for match in _CELL_END.finditer(header) if match.start()]

    def cut(end: int) -> str:
        return f"{header[:end].rstrip()} | {CUT}"

    def tokens(end: int) -> int:
        return counter.count_tokens([f"{cut(end)}\n"])[0]

    fitting = bisect_right(ends, limit, key=tokens)
    return (cut(ends[fitting - 1]), tokens(ends[fitting - 1])) if fitting else ("", 0)
