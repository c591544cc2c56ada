"""What of passages may be quoted, and what of a passage belongs to each piece."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.analysis import held_beside, terms
from rag.clause_numbers import named
from rag.clauses import COLONS, HEADING, Clauses, is_row, is_title, items_end
from rag.documents import Passage
from rag.lines import is_setting
from rag.pieces import MAX_PIECE, pieces
from rag.table_rows import TableRows, written

MAX_HEADING_CHARACTERS = 80
MAX_ROW = 600  # code points of a row with the names of its columns
STATEMENT = 4  # terms beyond the question's that make a lead-in say something by itself

_LEADS_ON = ("?", "\uff1f", *COLONS)
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
    is. A *record* is such a row, or a line of a log: its neighbours tell nothing of it. What is
    quoted reaches to *stop*, 0 for *end*: a lead-in has its first items with it, and a clause what
    belongs to it. *clause* tells how well it is the one that the question names, 0 for no clause.
    """

    source: int
    start: int
    end: int
    text: str
    shown: str
    context: str
    terms: frozenset[str]
    record: bool = False
    stop: int = 0
    clause: int = 0

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
    and quoted only where there is nothing else, or with its first items where it says something by
    itself. So is the header of a table, which is read with each of its rows. The clause or the
    step that a question names by its number is a candidate in any case.

    Args:
        question: What is asked.

        passages: In rank order.

        wanted: The terms of the question.
    """
    reader = _Reader(question, wanted)
    for source, passage in enumerate(passages):
        reader.read(source, passage)
    return reader.found or reader.leads


class _Reader:
    """Tells the pieces that may be quoted from those that only lead to them."""

    def __init__(self, question: str, wanted: frozenset[str]) -> None:
        self.found: list[Candidate] = []
        self.leads: list[Candidate] = []
        self._wanted = wanted
        self._negated = any(pattern.search(question) for pattern in (NEGATION, _DENIED))
        self._asked = named(question)

    def read(self, source: int, passage: Passage) -> None:
        """Add the pieces of a passage."""
        known = self._wanted.union(terms(passage.title, passage.language))
        rows = TableRows(passage)
        spans = pieces(passage.text)
        clauses = Clauses(passage.text, spans, self._asked) if self._asked else None
        context, lead = "", frozenset[str]()  # and its terms
        for at, (start, end) in enumerate(spans):
            text = passage.text[start:end]
            held = frozenset(terms(text, passage.language))
            cells = rows.cells(start, end)
            shown = text if cells is None else written(cells)
            shown = shown if len(shown) <= MAX_ROW else text
            told = text if cells is None else _said(cells, self._negated)
            said = held if cells is None else frozenset(terms(told, passage.language))
            said |= held_beside(told, passage.language, self._wanted - said)
            record = cells is not None or is_row(text)
            one = Candidate(source, start, end, text, shown, context, lead | said, record)
            if rows.is_header(start, end):
                self.leads.append(one)
                continue
            leads_on = not record and (
                text.endswith(_LEADS_ON) or _is_heading(passage.text, start, end)
            )
            if clauses is not None and clauses.level(at):
                self.found.append(self._clause(one, clauses, at, passage.language))
            elif not (leads_on or held <= known):
                self.found.append(one)
            else:
                self.leads.append(one)
                if leads_on and text.endswith(COLONS) and len(held - known) >= STATEMENT:
                    stop = items_end(passage.text, spans, at, most=MAX_PIECE)
                    self.found.append(replace(one, stop=stop))
            if not record:  # of a table it leads to all rows
                context, lead = (text, said) if leads_on or held <= known else ("", frozenset())

    def _clause(self, one: Candidate, clauses: Clauses, at: int, language: str) -> Candidate:
        """Return the candidate for a clause: it has the words that the question names it with."""
        words = self._asked.words if self._asked else ""
        return replace(
            one,
            terms=one.terms.union(terms(words, language), terms(words)),
            stop=one.end if one.record else clauses.end(at, most=MAX_PIECE),
            clause=clauses.level(at),
        )


def quoted(one: Candidate, passage: Passage) -> Candidate:
    """Return a candidate as it is quoted: with what belongs to it."""
    if one.stop <= one.end:
        return one
    text = passage.text[one.start : one.stop]
    return replace(one, end=one.stop, text=text, shown=text)


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
    if HEADING.match(piece):
        return True
    if len(piece) <= MAX_HEADING_CHARACTERS and is_title(text, start, end):
        return True
    alone = not text[:start].strip() and text[end : end + 1] == "\n"
    if alone and is_setting(piece) and is_setting(text[end + 1 :].partition("\n")[0].strip()):
        return False
    bare = piece[-1] not in '.!?\u3002\uff01\u2026"\u201d)' and piece[0].isalpha()
    return alone and bare and "\n" not in piece and len(piece) <= MAX_HEADING_CHARACTERS
