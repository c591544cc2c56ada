"""What of passages may be quoted, and what of a passage belongs to each piece."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.analysis import terms
from rag.documents import Passage
from rag.lines import is_record, is_setting
from rag.pieces import pieces
from rag.table_rows import TableRows, written

MAX_HEADING_CHARACTERS = 80
MAX_ROW = 600  # code points of a row with the names of its columns

_MARKDOWN_HEADING = re.compile(r"#{1,6}\s")
NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|cannot|least|except|fail\w*"
    r"|unable|unlike\w*|lack\w*|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
# Of a column. Not `no`, which more often names a number.
_DENIED = re.compile(
    r"\b(?:not|never|without|excl\w*|nicht|ohne|kein\w*|sans|sin|niet|ikke|inte)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A span of a passage that may be quoted.

    *context* is what stands before it and belongs to it: the question or the heading it answers.
    *shown* is how an answer says it: a row of a table with the names of its columns, all else as it
    is. A *record* is such a row, or a line of a log: its neighbours tell nothing of it.
    """

    source: int
    start: int
    end: int
    text: str
    shown: str
    context: str
    terms: frozenset[str]
    record: bool = False

    @property
    def read(self) -> str:
        """What is read of it: with what belongs to it."""
        return f"{self.context} {self.shown}".strip()


def candidates(
    question: str, passages: Sequence[Passage], wanted: frozenset[str]
) -> list[Candidate]:
    """
    List what may be quoted, in order of rank and place.

    What only leads to an answer is no answer: a question, a line that ends with a colon, a
    heading that says nothing but the question's words. Such text is read with what follows it,
    and quoted only where there is nothing else. So is the header of a table, which is read with
    each of its rows.

    Args:
        question: What is asked.

        passages: In rank order.

        wanted: The terms of the question.
    """
    negated = any(pattern.search(question) for pattern in (NEGATION, _DENIED))
    found: list[Candidate] = []
    leads: list[Candidate] = []
    for source, passage in enumerate(passages):
        known = wanted.union(terms(passage.title, passage.language))
        rows = TableRows(passage)
        context, lead = "", frozenset[str]()  # and its terms
        for start, end in pieces(passage.text):
            text = passage.text[start:end]
            held = frozenset(terms(text, passage.language))
            cells = rows.cells(start, end)
            shown = text if cells is None else written(cells)
            shown = shown if len(shown) <= MAX_ROW else text
            said = held if cells is None else terms(_said(cells, negated), passage.language)
            record = cells is not None or " | " in text or is_record(text)
            one = Candidate(source, start, end, text, shown, context, lead.union(said), record)
            if rows.is_header(start, end):
                leads.append(one)
                continue
            leads_on = not record and (
                text.endswith(("?", ":", "\uff1f", "\uff1a"))
                or _is_heading(passage.text, start, end)
            )
            if leads_on or held <= known:
                leads.append(one)
                context, lead = (context, lead) if record else (text, held)
            else:
                found.append(one)
                # Of a table it leads to all rows.
                context, lead = (context, lead) if record else ("", frozenset())
    return found or leads


def _said(cells: Sequence[tuple[str, str]], negated: bool) -> str:
    """
    Return what a row says in the words of its table.

    What stands in a column such as `Not included` is denied, which speaks for the row only where
    the question denies something, too.
    """
    return written(cell for cell in cells if negated or not _DENIED.search(cell[0]))


def _is_heading(text: str, start: int, end: int) -> bool:
    """Tell whether a piece is a heading: Markdown's, or a passage's bare first line."""
    piece = text[start:end]
    if _MARKDOWN_HEADING.match(piece):
        return True
    alone = not text[:start].strip() and text[end : end + 1] == "\n"
    if alone and is_setting(piece) and is_setting(text[end + 1 :].partition("\n")[0].strip()):
        return False
    bare = piece[-1] not in '.!?\u3002\uff01\u2026"\u201d)' and piece[0].isalpha()
    return alone and bare and "\n" not in piece and len(piece) <= MAX_HEADING_CHARACTERS
