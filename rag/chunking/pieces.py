"""The pieces of a text that may be quoted: its sentences, long ones by clauses."""

import re
from functools import lru_cache

from rag.structure.run_in import bold_lead
from rag.text.lines import is_record
from rag.text.sentences import sentence_spans
from rag.text.spans import trimmed

MAX_PIECE = 350  # code points of a quote

_CLAUSE = re.compile(r"[;:,\u2013\u2014](?=\s)|[\u3001\uff0c\uff1b]|\n")
_FIELD_END = re.compile(r";(?=\s)")  # of a record, whose fields are not parted from their names
_REFERENCES = re.compile(r"(?:\[[\w ]{1,24}\])+$")


@lru_cache(maxsize=2_048)  # of the passages that many questions find
def pieces(text: str) -> tuple[tuple[int, int], ...]:
    """Return the sentences of *text* without reference marks, long ones cut into clauses."""
    found: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        marks = _REFERENCES.search(text, start, end)
        # A sentence of marks alone, such as "[5m]", is all that there is to quote.
        cut = marks.start() if marks and marks.start() > start else end
        lead = bold_lead(text, start, cut) if text[start] in "*_-+\u2022" else start
        if lead > start:
            found.append((start, lead))
        found.extend(_clauses(text, trimmed(text, lead, cut)[0], cut))
    return tuple(found)


def _clauses(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a span into as few pieces of quotable length as clauses, else blanks, allow."""
    found: list[tuple[int, int]] = []
    ends = _CLAUSE
    if end - start > MAX_PIECE and is_record(text[start:end]) and "; " in text[start:end]:
        ends = _FIELD_END
    while end - start > MAX_PIECE:
        limit = start + MAX_PIECE
        cuts = [match.end() for match in ends.finditer(text, start + 1, limit)]
        cut = cuts[-1] if cuts else text.rfind(" ", start, limit)
        cut = cut if cut > start else limit
        found.append((start, cut))
        start = cut
    found.append((start, end))
    return [span for span in (trimmed(text, *piece) for piece in found) if span[0] < span[1]]
