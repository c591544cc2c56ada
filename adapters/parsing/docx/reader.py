"""Walking a part of a Word file in reading order: paragraphs, lists, tables, boxes and notes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.docx.embedded import program
from adapters.parsing.docx.equations import M
from adapters.parsing.docx.inline import DELETED, Inline, Line
from adapters.parsing.docx.notes import Notes
from adapters.parsing.docx.numbering import Mark, Numbering
from adapters.parsing.docx.package import Package, W
from adapters.parsing.docx.styles import (
    NUM,
    ParagraphStyle,
    Styles,
    among,
    numbering,
    outlined,
    properties_of,
    said,
    switch,
)
from adapters.parsing.docx.tables import read_grid, seen_rows
from adapters.parsing.docx.tree import cells_of, children, drop_cap, rows_of
from adapters.parsing.drawings.charts import ChartPiece, chart_pieces
from adapters.parsing.drawings.diagrams import diagram_lines
from adapters.parsing.shared.grids import listed
from rag.documents import BlockKind

_STYLE, _OUTLINE, _FRAME = f"{W}pStyle", f"{W}outlineLvl", f"{W}framePr"
_PARAGRAPH, _PROPERTIES, _END = f"{W}p", f"{W}pPr", f"{W}rPr"
_HEADING_CHARACTERS = 200  # a longer one is a clause that takes its number from the style
_NO_LIST = "0"
_BULLET = Mark("-", item=True)
_ENDS = (";", ",", ".", ":", "!", "?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of the text to be: see `Assembly.add`."""

    kind: BlockKind
    text: str
    level: int = 0
    header: int = 0
    title: bool = False


@dataclass(slots=True)
class _Said:
    """What a paragraph says, its mark included."""

    line: Line
    text: str
    style: ParagraphStyle
    mark: Mark | None

    @property
    def heading(self) -> bool:
        """Whether it heads what follows."""
        return self.style.kind == "heading" and len(self.text) <= _HEADING_CHARACTERS

    @property
    def item(self) -> bool:
        """Whether it is an item of a list."""
        return self.mark is not None and self.mark.item and not self.heading


@dataclass(slots=True)
class Reader:
    """
    Turns the body of a part into pieces of text.

    Footnotes, endnotes, comments and text boxes follow the paragraph, list or table they belong
    to. *left_out* names what the part holds and the pieces do not, a sentence each.
    """

    package: Package
    part: str
    styles: Styles
    numbering: Numbering
    notes: Notes
    pieces: list[Piece] = field(default_factory=list)
    left_out: dict[str, None] = field(default_factory=dict)
    inline: Inline = field(init=False)
    _carried: str = ""  # the words of a paragraph whose end was deleted: the next one's begin

    def __post_init__(self) -> None:
        """Make the reader of paragraphs."""
        self.inline = Inline(self.styles, self.notes.mark)

    def body(self, container: etree._Element) -> None:
        """Add each paragraph and table of a body, a cell or a text box."""
        for element in children(container):
            if element.tag == _PARAGRAPH:
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._table(element)
            elif element.tag == f"{W}altChunk":
                self.chunk(element)
            elif element.tag == f"{W}subDoc":
                self.leave_out("A subdocument, which is a file of its own, was left out.")
            elif element.tag in (f"{M}oMathPara", f"{M}oMath"):
                self._emit("paragraph", self.inline.read_alone(element).text)
        self._emit("paragraph", self._take_carried())

    def end(self) -> None:
        """Add the notes that still wait for a list to end."""
        while due := self.notes.due():  # a note may bring a comment of its own
            for lead, note in due:
                if text := self.flat(note):
                    self.pieces.append(Piece("paragraph", f"{lead} {text}"))

    def chunk(self, _: etree._Element) -> None:
        """Add an embedded text; a reader that cannot read them says that it is left out."""
        self.leave_out("An embedded text was left out.")

    def other_part(self, name: str) -> list[Piece]:
        """Return what a header or footer says, page numbers as `PAGE_NUMBER`."""
        kept = self.pieces, self.part, self.inline.pages
        self.pieces, self.part, self.inline.pages = [], name, True
        try:
            root = self.package.xml(name)
            if root is not None:
                self.body(root)
        except etree.LxmlError:
            self.leave_out("A header or footer is damaged and was left out.")
        read = self.pieces
        self.pieces, self.part, self.inline.pages = kept
        return read

    def leave_out(self, sentence: str) -> None:
        """Remember a *sentence* on what the pieces do not hold."""
        self.left_out[sentence] = None

    def add(self, piece: Piece) -> None:
        """Add a piece, and before it the notes of the list or paragraph that it follows."""
        if not piece.text.strip():
            return
        if piece.kind != "list":
            self.end()
        self.pieces.append(piece)

    def flat(self, container: etree._Element) -> str:
        """Return the words of a cell or note on one line, items of a list parted by `;`."""
        text = ""
        item = False
        for is_item, words in self._flat(container):
            if text:
                text += "; " if item and is_item and not text.endswith(_ENDS) else " "
            text += words
            item = is_item
        return text

    def related(self, name: str) -> etree._Element | None:
        """Return the root of the part that relationship *name* leads to, None if there is none."""
        relation = self.package.relations(self.part).get(name)
        try:
            return self.package.xml(relation.target) if relation and not relation.external else None
        except etree.LxmlError:
            return None

    def _emit(self, kind: BlockKind, text: str, *, level: int = 0, header: int = 0) -> None:
        """Add a piece; see `add`."""
        self.add(Piece(kind, text, level, header))

    def _paragraph(self, element: etree._Element) -> None:
        """Add a paragraph, its notes, and then its text boxes."""
        read = self._read(element)
        if read.line.bare and not read.text:
            return  # a third of the paragraphs of many files
        if read.heading:
            self.add(Piece("heading", read.text, read.style.level, title=read.style.title))
        elif read.item:
            self._emit("list", read.text)
        else:
            self._emit("paragraph", read.text)
        self.notes.wait(read.line)
        if not read.item:
            self.end()
        for box in read.line.boxes:
            if isinstance(box, str):
                self._emit("paragraph", box)
            else:
                self.body(box)
        for kind, name in read.line.objects:
            self._object(kind, name)

    def _read(self, element: etree._Element) -> _Said:
        """Read a paragraph, count it, and put its mark before it."""
        found = among(properties_of(element, _PROPERTIES), _STYLE, _OUTLINE, NUM, _FRAME, _END)
        named = said(found.get(_STYLE))
        style = self.styles.paragraph(named)
        if outline := said(found.get(_OUTLINE)):
            style = outlined(style, outline)
        line = self.inline.read(element, hidden=style.hidden)
        if line.hid:
            self.leave_out("Hidden text was left out.")
        if line.deleted:
            self.leave_out("Text deleted in tracked changes was left out.")
        text = self._take_carried() + line.text
        end = found.get(_END)
        deleted = end is not None and bool({change.tag for change in end} & DELETED)
        if deleted or drop_cap(found.get(_FRAME)):
            self._carried = text if deleted else text.rstrip()
            return _Said(line, "", style, None)
        unseen = not text.strip() and (line.hid or switch(end, "vanish", otherwise=style.hidden))
        mark = None if unseen else self._mark(found.get(NUM), named, style)
        if line.notes and self.notes.only_marks(text):
            text = ""  # the mark stands before the words of the note as well
        read = _Said(line, text, style, mark)
        if read.heading or read.item:
            read.text = text = " ".join(text.split())
        if mark and text.strip() and not (read.heading and mark.text == _BULLET.text):
            read.text = f"{mark.text} {text.lstrip()}"
        return read

    def _mark(
        self, number: etree._Element | None, named: str, style: ParagraphStyle
    ) -> Mark | None:
        """Count a paragraph and return its mark, None where it has none."""
        num_id, ilvl = numbering(number)
        if num_id is None and style.num_id is None:
            return _BULLET if style.kind == "list" else None
        by_style = num_id is None
        num_id = style.num_id if num_id is None else num_id
        if num_id is None or num_id == _NO_LIST:
            return None
        if ilvl is None:
            bound = self.numbering.level(num_id, named, style.numbered_by) if by_style else None
            ilvl = style.ilvl or 0 if bound is None else bound
        if num_id not in self.numbering.lists:
            return _BULLET if style.kind != "heading" else None
        return self.numbering.mark(num_id, ilvl)

    def _take_carried(self) -> str:
        """Return what waits for the next paragraph."""
        carried, self._carried = self._carried, ""
        return carried

    def _object(self, kind: str, name: str) -> None:
        """Add the words of a diagram or a chart."""
        for piece, text, header in self._pieces_of(kind, name):
            self._emit(piece, text, header=header)

    def _pieces_of(self, kind: str, name: str) -> list[ChartPiece]:
        """Return the blocks of an object, none for one that is left out."""
        root = self.related(name) if kind in ("diagram", "chart") else None
        pieces: list[ChartPiece] = []
        if kind == "diagram" and root is not None:
            pieces = [("list", line, 0) for line in diagram_lines(root)]
        elif root is not None:
            pieces = chart_pieces(root)
        elif kind == "control":
            self.leave_out("A form control was left out.")
        elif kind == "object":
            self.leave_out(f"An embedded {program(name)} was left out.")
        if kind in ("diagram", "chart") and all(piece == "paragraph" for piece, _, _ in pieces):
            self.leave_out(f"A {kind} was left out.")
        return pieces

    def _flat(self, container: etree._Element) -> Iterator[tuple[bool, str]]:
        """Yield the paragraphs of a cell or note, nested tables and boxes included."""
        for element in children(container):
            if element.tag == f"{W}p":
                yield from self._flat_paragraph(element)
            elif element.tag == f"{W}tbl":
                for row in rows_of(element):
                    cells = (self.flat(cell) for cell in cells_of(row))
                    if words := ", ".join(filter(None, cells)):
                        yield True, words
            elif element.tag == f"{W}altChunk":
                yield False, self._flat_chunk(element)
        if carried := " ".join(self._take_carried().split()):
            yield False, carried

    def _flat_paragraph(self, element: etree._Element) -> Iterator[tuple[bool, str]]:
        """Yield a paragraph and what hangs on it."""
        read = self._read(element)
        self.notes.wait(read.line)
        words = " ".join(read.text.split())
        bullet = read.mark is not None and read.mark.text == _BULLET.text
        if not words and read.mark is not None and not bullet:
            words = read.mark.text  # a cell that holds nothing but its number
        if words:
            yield read.item, words.removeprefix("- ") if bullet else words
        for box in read.line.boxes:
            if isinstance(box, str):
                yield False, " ".join(box.split())
            else:
                yield from self._flat(box)
        for kind, name in read.line.objects:
            for piece, text, _ in self._pieces_of(kind, name):
                for line in text.splitlines():
                    words = listed(line) if piece == "table" else line.strip()
                    yield True, words.removeprefix("- ")

    def _flat_chunk(self, element: etree._Element) -> str:
        """Return an embedded text on one line."""
        kept, self.pieces = self.pieces, []
        self.chunk(element)
        kept, self.pieces = self.pieces, kept
        return " ".join(" ".join(piece.text for piece in kept).split())

    def _table(self, table: etree._Element) -> None:
        """Add a table; one whose rows are of one cell each arranges text, and is that text."""
        self.end()
        rows = [(row, list(cells_of(row))) for row in seen_rows(table, self.leave_out)]
        if all(len(cells) <= 1 for _, cells in rows):
            for _, cells in rows:
                for cell in cells:
                    self.body(cell)
            return
        laid = read_grid(table, rows, styles=self.styles, text=self.flat)
        # The notes of its cells follow the table, so nothing between may call for them.
        captions = (Piece("paragraph", caption) for caption in laid.captions)
        self.pieces.extend(captions)
        if laid.lines:
            self.pieces.append(Piece("table", "\n".join(laid.lines), header=laid.header))
        self.end()
