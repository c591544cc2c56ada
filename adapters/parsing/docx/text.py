"""DOCX: what a Word file says, its notes, comments, boxes, margins and embedded pages included."""

from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.docx.embedded import form_of, read_page, word_package
from adapters.parsing.docx.margins import margins
from adapters.parsing.docx.notes import read_notes
from adapters.parsing.docx.numbering import read_numbering
from adapters.parsing.docx.package import Package, R, W, opened
from adapters.parsing.docx.reader import Piece, Reader
from adapters.parsing.docx.styles import read_styles
from adapters.parsing.shared.assembly import Assembly, header_lines, sane_title
from adapters.parsing.shared.titles import given_title
from rag.documents import ParsedDocument
from rag.errors import NoText, Unreadable

_MOST_DEPTH = 3  # Word files within Word files
_PACKAGE = 128 * 1024  # bytes that an embedded Word file counts for beside its own
_MOST_CHUNKS = 64 * 1024 * 1024  # bytes of embedded texts that are read


@dataclass(slots=True)
class _Limits:
    """What the texts embedded in a file may take, and what they share."""

    depth: int = _MOST_DEPTH
    bytes: int = _MOST_CHUNKS
    last_note: int = 0  # the greatest number that is taken by a note of any of the files


def parse_docx(data: bytes) -> ParsedDocument:
    """
    Return the text of a Word file as it reads when all tracked changes are accepted.

    Footnotes, endnotes and comments follow what they belong to, a note under the mark that stands
    in the text, such as `[note 3]`, and after the words it is on. Headers come first and footers
    last, each line once, and only where the body does not say it. Hidden and deleted text, and what
    is no text, is left out; `ParsedDocument.notes` tells so.

    Raises:
        NoText: There are no words, but something was left out.

        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (a DTD).
    """
    out = Assembly()
    with opened(data) as package:
        root, reader = _begun(package, _Limits())
        reader.read(root)
        above, below = margins(reader, root)
        pieces = [*above, *reader.pieces, *below]
        shown = package.relations(reader.part).values()
        if not pieces and any(relation.kind == "image" for relation in shown):
            reader.leave_out("Pictures were left out; if they are scans, run text recognition.")
        for piece in pieces:
            out.add(piece.kind, piece.text, level=piece.level, header=piece.header)
        out.note(*reader.left_out)
        document = out.document("docx", title=_title(package, reader.pieces))
    if not document.text and document.notes:
        raise NoText(f"The Word file holds no text. {' '.join(document.notes)}")
    return document


def _title(package: Package, pieces: list[Piece]) -> str | None:
    """Return the title that the file has among its properties or, once, in the style for titles."""
    if named := given_title(package.title):
        return named
    places = [n for n, piece in enumerate(pieces) if piece.title]
    if places and places[-1] - places[0] == len(places) - 1:  # the lines of one title
        return sane_title(" ".join(pieces[n].text for n in places))
    return None


@dataclass(slots=True)
class _BodyReader(Reader):
    """Reads a body with the texts and pages that are embedded in it."""

    limits: _Limits = field(default_factory=_Limits)

    def read(self, root: etree._Element) -> None:
        """Add what the body of a document says, and what it cannot say."""
        for kind in self.notes.damaged:
            self.leave_out(f"The {kind}s are damaged and were left out.")
        body = root.find(f"{W}body")
        if body is not None:
            self.body(body)
        self.end()

    def chunk(self, element: etree._Element) -> None:
        """Add an embedded text or page where it stands."""
        relation = self.package.relations(self.part).get(element.get(f"{R}id", ""))
        if relation is None or relation.external:
            self.leave_out("An embedded text that lies outside the file was left out.")
            return
        data = word_package(self.package.data(relation.target) or b"")
        kind = self.package.content_type(relation.target)
        form = form_of(data, name=relation.target, content_type=kind)
        self.limits.bytes -= len(data) + (_PACKAGE if form == "word" else 0)
        if self.limits.bytes < 0:
            self.leave_out("Embedded texts past 64 MiB were left out.")
            return
        if form == "word":
            self._nested(data)
        elif (page := read_page(data, form)) is None:
            what = "Rich Text part" if form == "rtf" else "part of an unknown kind"
            self.leave_out(f"An embedded {what} was left out.")
        else:
            for block in page.blocks:
                text, header = page.text[block.start : block.end], header_lines(page.text, block)
                self.add(Piece(block.kind, text, block.level, header))
            for sentence in page.notes:
                self.leave_out(sentence)

    def _nested(self, data: bytes) -> None:
        """Add the body of a Word file that is embedded as a text."""
        if self.limits.depth <= 0:
            self.leave_out("Word files embedded more than 3 deep were left out.")
            return
        self.limits.depth -= 1
        try:
            with opened(data) as package:
                root, reader = _begun(package, self.limits)
                reader.read(root)
        except Unreadable:
            self.leave_out("An embedded Word file that cannot be read was left out.")
        else:
            for piece in reader.pieces:
                self.add(piece)
            for sentence in reader.left_out:
                self.leave_out(sentence)
        finally:
            self.limits.depth += 1


def _begun(package: Package, limits: _Limits) -> tuple[etree._Element, _BodyReader]:
    """Return the root of a package's main part and a reader for it."""
    part = package.main
    root = package.xml(part)
    if root is None or root.tag != f"{W}document":
        raise Unreadable("corrupt", "The Word file is damaged (its main part is missing).")
    damaged = []

    def other(kind: str) -> etree._Element | None:
        name = package.related(part, kind)
        try:
            return package.xml(name) if name else None
        except etree.LxmlError:
            damaged.append(kind)
            return None

    styles = read_styles(other("styles"))
    counted = read_numbering(other("numbering"), styles)
    notes = read_notes(package, part, root, first=limits.last_note)
    limits.last_note = notes.last
    reader = _BodyReader(package, part, styles, counted, notes, limits=limits)
    if "numbering" in damaged:
        reader.leave_out("The numbers of lists and headings are damaged and were left out.")
    return root, reader
