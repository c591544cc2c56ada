"""
Write the PDF and DOCX files of `examples/documents/` from the texts in `examples/sources/`.

Run it after a change of a source: `python examples/build_documents.py`. It needs reportlab and
python-docx, which the development environment has. The same source, written by the same versions
of the two libraries, gives the same bytes: dates are fixed and archives carry no time stamps.
"""

import io
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape  # writes mark-up for reportlab; nothing is parsed

import docx
from reportlab.lib import colors  # type: ignore[import-untyped]  # no types are published
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]  # no types are published
from reportlab.lib.styles import (  # type: ignore[import-untyped]  # no types are published
    ParagraphStyle,
)
from reportlab.lib.units import mm  # type: ignore[import-untyped]  # no types are published
from reportlab.platypus import (  # type: ignore[import-untyped]  # no types are published
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Table,
)

HERE = Path(__file__).parent
AUTHOR = "The Quern authors"
SUBJECT = "A field guide to the techniques Quern is made of"
WRITTEN_AT = datetime(2026, 1, 1, tzinfo=UTC)
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a ZIP archive can state

Kind = Literal["title", "heading", "paragraph", "item", "table"]
MARKS: dict[str, Kind] = {"# ": "title", "## ": "heading", "- ": "item"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a source: *text*, or the *rows* of a table, the first of which is its header."""

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


class BadSource(Exception):
    """Raised when a source uses more than the small part of Markdown that is understood here."""


def read_source(text: str) -> list[Piece]:
    """
    Read a source: one `#` title, `##` headings, paragraphs of one line, `-` items and pipe tables.

    Emphasis, code and links are not understood and would be printed as they stand.

    Raises:
        BadSource: The first line is not a title, or a letter is not in Windows-1252, which is all
            that the standard fonts of PDF can show.
    """
    try:
        text.encode("cp1252")
    except UnicodeEncodeError as error:
        shown = text[error.start : error.end]
        raise BadSource(
            f"{shown!r} is not in the standard fonts of PDF, write it otherwise"
        ) from error
    pieces: list[Piece] = []
    table: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if not all(set(cell) == {"-"} for cell in cells):
                table.append(cells)
            continue
        if table:
            pieces.append(Piece("table", rows=tuple(table)))
            table = []
        if line:
            pieces.append(_piece(line))
    if not pieces or pieces[0].kind != "title":
        raise BadSource("a source opens with its title, a line that begins with '# '")
    return pieces


def _piece(line: str) -> Piece:
    for mark, kind in MARKS.items():
        if line.startswith(mark):
            return Piece(kind, line.removeprefix(mark))
    return Piece("paragraph", line)


def build_pdf(pieces: Sequence[Piece]) -> bytes:
    """Set *pieces* as an A4 PDF with real text."""
    buffer = io.BytesIO()
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=24 * mm,
        rightMargin=24 * mm,
        topMargin=21 * mm,
        bottomMargin=21 * mm,
        title=pieces[0].text,
        author=AUTHOR,
        subject=SUBJECT,
        lang="en",
        invariant=1,
    )
    template.build(list(_flowables(pieces)))
    return buffer.getvalue()


def _flowables(pieces: Sequence[Piece]) -> Iterator[Flowable]:
    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=11, leading=14, spaceAfter=6)
    cell = ParagraphStyle("cell", parent=body, fontSize=9.5, leading=12, spaceAfter=0)
    styles = {
        "title": ParagraphStyle(
            "title", fontName="Helvetica-Bold", fontSize=19, leading=24, spaceAfter=14
        ),
        "heading": ParagraphStyle(
            "heading",
            fontName="Helvetica-Bold",
            fontSize=13,
            leading=17,
            spaceBefore=9,
            spaceAfter=5,
            keepWithNext=1,
        ),
        "paragraph": body,
        "item": ParagraphStyle("item", parent=body, leftIndent=14, bulletIndent=3, spaceAfter=4),
    }
    for piece in pieces:
        if piece.kind == "table":
            rows = [[Paragraph(escape(text), cell) for text in row] for row in piece.rows]
            yield Table(
                rows,
                repeatRows=1,
                spaceBefore=4,
                spaceAfter=12,
                style=[
                    ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
                    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ],
            )
        else:
            bullet = "•" if piece.kind == "item" else None
            yield Paragraph(escape(piece.text), styles[piece.kind], bulletText=bullet)


def build_docx(pieces: Sequence[Piece]) -> bytes:
    """Set *pieces* as a Word document with named styles, so that headings are headings."""
    document = docx.Document()
    properties = document.core_properties
    properties.title = pieces[0].text
    properties.author = properties.last_modified_by = AUTHOR
    properties.subject = SUBJECT
    properties.comments = ""
    properties.language = "en"
    # python-docx writes the date as it stands, without a zone; a reader takes it for UTC.
    properties.created = properties.modified = WRITTEN_AT.replace(tzinfo=None)
    properties.revision = 1
    styles = {
        "title": "Title",
        "heading": "Heading 1",
        "paragraph": "Normal",
        "item": "List Bullet",
    }
    for piece in pieces:
        if piece.kind == "table":
            table = document.add_table(rows=0, cols=len(piece.rows[0]), style="Table Grid")
            for row in piece.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        else:
            document.add_paragraph(piece.text, style=styles[piece.kind])
    buffer = io.BytesIO()
    document.save(buffer)
    return _without_time_stamps(buffer.getvalue())


def _without_time_stamps(archive: bytes) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return buffer.getvalue()


BUILDERS: dict[str, Callable[[Sequence[Piece]], bytes]] = {".pdf": build_pdf, ".docx": build_docx}

DOCUMENTS = (
    "hybrid-fusion.pdf",
    "hnsw-graphs.pdf",
    "paged-attention.docx",
    "leases-and-fencing.docx",
)


def build(name: str) -> bytes:
    """Build the document called *name*, one of `DOCUMENTS`, from the source of the same stem."""
    source = HERE / "sources" / Path(name).with_suffix(".md").name
    return BUILDERS[Path(name).suffix](read_source(source.read_text(encoding="utf-8")))


def main() -> int:
    """Write every document that is built."""
    for name in DOCUMENTS:
        target = HERE / "documents" / name
        target.write_bytes(build(name))
        print(f"{target.relative_to(HERE)}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
