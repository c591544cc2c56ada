"""PDF: lines become paragraphs by where they stand, over the ends of columns and pages too."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from adapters.parsing.pdf.characters import CJK
from adapters.parsing.pdf.columns import Item
from adapters.parsing.pdf.hyphens import CUT, TURN, Vocabulary, is_cut
from adapters.parsing.pdf.lines import Line
from adapters.parsing.pdf.tables import Table

_STOPS = tuple(".!?:;。！？…")  # noqa: RUF001 - Chinese marks are meant
_CLOSERS = "\"'”’»)]¹²³⁴⁵⁶⁷⁸⁹⁰*†"  # noqa: RUF001 - quotation marks are meant
_MARKER = re.compile(
    r"(?:[•‣▪◦●○■□–*\uf0b7\uf0a7-]|\(?(?:\d{1,2}|[a-z])[.)])\s+\S|[¹²³⁴⁵⁶⁷⁸⁹⁰]+(?:\s*[^\W\d_]|\s+\w)"  # noqa: RUF001
)
_NOTE_MARK = re.compile(r"[¹²³⁴⁵⁶⁷⁸⁹⁰]")
_OPEN_ADDRESS = re.compile(r"(?:\w://|www\.)\S*[/_=&?]$")

# In parts of the font size
_SAME_LINE = 0.5
_LETTER_WIDTH = 0.5
_USUAL_PITCH = 1.25
_INDENT = 0.8
_GAP = 1.3  # of the usual distance of lines: more parts two paragraphs
ALIKE = 0.08  # relative difference of font sizes that nobody sees
_NARROW = 8.0  # a column that is not wider holds a list of words, no running text
_NEAR_LINES = 12
_PLACE = 4.0  # left edges in one such part of the page are alike
_ENOUGH_PITCHES = 4


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together, joined; *header* counts the first rows of a table."""

    text: str
    size: float
    bold: bool
    lines: int
    listed: bool = False
    table: Table | None = None
    aside: bool = False  # a running header, a note of a reader: no heading
    last: Line | None = None  # its last line, with the edge that lines reach here
    edge: float = 0.0


@dataclass(slots=True)
class _Measures:
    """What is usual on a page."""

    size: float
    pitch: float
    edges: dict[int, float] = field(default_factory=dict)  # by the number of the line


class Flow:
    """
    Joins the lines of a document, page by page.

    *parts* holds what came of them, and None where a page begins between two paragraphs; where one
    begins within a paragraph its text has a `TURN`.
    """

    def __init__(self) -> None:
        self.parts: list[Paragraph | None] = []
        self.words = Vocabulary()
        self._run: Paragraph | None = None  # the paragraph that is being filled
        self._pieces: list[str] = []  # of its text
        self._begins = 0  # pages that have begun since the last line
        self._measures = _Measures(0.0, 0.0)
        self._asides: list[str] = []
        self._first_of_page = 0

    def page(self, items: list[Item], asides: Iterable[str] = ()) -> None:
        """Take in a page; *asides* are set where its first paragraph begins."""
        lines = [item for item in items if isinstance(item, Line)]
        self.words.learn(lines)
        self._notes_first()
        self._begins += 1
        self._asides += asides
        self._first_of_page = len(self.parts)
        self._measures = _measured(lines)
        number = 0
        first = True
        for item in items:
            if isinstance(item, Table):
                self._table(item)
            elif item.text.strip():
                self._line(item, number, fresh=item.fresh or first)
            number += isinstance(item, Line)
            first = False
        if self._asides and not items:
            self._close()
            self._turn()

    def aside(self, text: str) -> None:
        """Add a paragraph that does not belong to the text's flow."""
        self._close()
        self._turn()
        self.parts.append(Paragraph(text, 0.0, bold=False, lines=1, aside=True))

    def end(self) -> list[Paragraph | None]:
        """Return the parts of the whole document."""
        self._close()
        self._turn()
        return self.parts

    def _line(self, line: Line, number: int, *, fresh: bool) -> None:
        """Join a line to the paragraph so far, or begin another one."""
        edge = self._measures.edges[number]
        run = self._run
        if run and run.last:
            joint = self._joint(run, run.last, line, fresh=fresh)
            if joint is not None:
                self._pieces += (joint, TURN * self._begins, line.text)
                run.bold, run.lines, run.last, run.edge = (
                    run.bold and line.bold,
                    run.lines + 1,
                    line,
                    edge,
                )
                self._begins = 0
                return
        self._close()
        self._turn()
        self._pieces = [line.text]
        self._run = Paragraph(
            "",
            line.size,
            line.bold,
            1,
            listed=bool(_MARKER.match(line.text)) and not _NOTE_MARK.match(line.text),
            last=line,
            edge=edge,
        )

    def _joint(self, run: Paragraph, last: Line, line: Line, *, fresh: bool) -> str | None:
        """Return what joins *line* to the paragraph so far; None if it begins another one."""
        stopped = last.text.rstrip(_CLOSERS).endswith(_STOPS) or last.text.endswith(_STOPS)
        cut = is_cut(last.text, line.text)
        goes_on = not stopped and (line.text[:1].islower() or (cut and not fresh))
        word = line.text.split(maxsplit=1)[0]
        full = last.right + _LETTER_WIDTH * line.size * (len(word) + 1) >= run.edge
        full = full and run.edge - last.left >= _NARROW * line.size
        blank = _blank(last.text, line.text, cut=cut)
        if abs(last.size - line.size) > ALIKE * line.size or _MARKER.match(line.text):
            return None
        if last.turn != line.turn or (last.bold != line.bold and not (full and goes_on)):
            return None
        step = last.base - line.base
        if fresh or step < -_SAME_LINE * line.size:  # the next column or page, or a note beside
            normal = abs(line.size - self._measures.size) <= ALIKE * line.size and not line.bold
            further = full and normal and run.lines > 1 and not stopped and line.text[0].isalnum()
            return blank if goes_on or further else None
        normal = abs(line.size - self._measures.size) <= ALIKE * self._measures.size
        pitch = self._measures.pitch if normal else 0.0
        indented = line.left > last.left + _INDENT * line.size and not run.listed
        apart = step > max(_GAP * pitch, _USUAL_PITCH * (1.0 if pitch else _GAP) * line.size)
        if apart or (stopped and (indented or not full)):
            return None
        if last.form or line.form:
            return "\n"
        return blank if full or goes_on else "\n"

    def _table(self, table: Table) -> None:
        """Add a table, or go on with the one that the page before ended with."""
        self._close()
        before = self.parts[-1] if self.parts else None
        if before and before.table and self._begins and not self._asides:
            old = before.table
            same = table.lines[: table.header] == old.lines[: old.header]
            if old.columns == table.columns and (same or not table.header):
                rows = table.lines[table.header :]
                before.text += "\n" + TURN * self._begins + "\n".join(rows)
                self._begins = 0
                return
        self._turn()
        text = "\n".join(table.lines)
        self.parts.append(Paragraph(text, table.size, bold=False, lines=1, table=table))

    def _close(self) -> None:
        """End the paragraph so far."""
        if self._run:
            self._run.text = "".join(self._pieces)
            self.parts.append(self._run)
        self._run = None

    def _turn(self) -> None:
        """Begin the pages that wait for it between two paragraphs."""
        self.parts += [None] * self._begins
        self._begins = 0
        asides, self._asides = self._asides, []
        self.parts += [Paragraph(text, 0.0, bold=False, lines=1, aside=True) for text in asides]

    def _notes_first(self) -> None:
        """Put footnotes before the paragraph that the next page may go on with."""
        self._close()
        parts, body = self.parts, self._measures.size
        place = len(parts)
        while place > self._first_of_page and (part := parts[place - 1]) and _small(part, body):
            place -= 1
        held = parts[place - 1] if place > self._first_of_page else None
        if not held or held.last is None:
            return
        whole = held.text.rstrip(_CLOSERS).endswith(_STOPS)
        reaches = held.last.right >= held.edge - 3 * held.last.size
        if place == len(parts) or (not whole and (reaches or is_cut(held.text, "a"))):
            del parts[place - 1]
            self._run, self._pieces = held, [held.text]


def _small(part: Paragraph, body: float) -> bool:
    """Return True if a paragraph is set smaller than the text of its page."""
    return part.last is not None and part.size < (1 - ALIKE) * body


def _blank(before: str, after: str, *, cut: bool) -> str:
    """Return what stands between two lines of a paragraph."""
    if cut:
        return CUT  # decided with the words of the whole document
    if CJK.match(before[-1]) and CJK.match(after):
        return ""
    if before[-1] in "–—/" and before[-2:-1].isdigit() and after[:1].isdigit():  # noqa: RUF001
        return ""
    if _OPEN_ADDRESS.search(before[-200:]) and after[:1].isalnum():
        return ""
    return " "


def _measured(lines: list[Line]) -> _Measures:
    """Return what is usual among the lines of a page."""
    pitches = [
        a.base - b.base
        for a, b in pairwise(lines)
        if 0 < a.base - b.base < 3 * b.size and abs(a.size - b.size) <= ALIKE * b.size
    ]
    usual = median([line.size for line in lines]) if lines else 0.0
    pitch = median(pitches) if len(pitches) > _ENOUGH_PITCHES else 0.0
    found = _Measures(usual, pitch)
    start = 0
    for end in range(1, len(lines) + 1):
        if end == len(lines) or lines[end].fresh:
            _edges(lines, start, end, found.edges)
            start = end
    return found


def _edges(lines: list[Line], start: int, end: int, edges: dict[int, float]) -> None:
    """Note of each line of a part how far lines like it reach near it."""
    for n in range(start, end):
        line = lines[n]
        near = lines[max(start, n - _NEAR_LINES) : min(end, n + _NEAR_LINES + 1)]
        edges[n] = max(
            other.right
            for other in near
            if abs(other.size - line.size) <= ALIKE * line.size
            and abs(other.left - line.left) <= _PLACE * line.size
            and (other.bold == line.bold or other is line)
        )
