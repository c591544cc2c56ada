"""PDF: text page by page, its lines joined into paragraphs by where they stand on the page."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import Any

import pypdfium2
from pypdfium2 import raw

from adapters.parsing.pdf.characters import Word, framed, page_words
from adapters.parsing.pdf.columns import Item, ordered
from adapters.parsing.pdf.forms import form_of, page_marks, shown
from adapters.parsing.pdf.hyphens import TURN
from adapters.parsing.pdf.paragraphs import ALIKE, Flow, Paragraph
from adapters.parsing.pdf.rules import ruled_tables
from adapters.parsing.pdf.running import RunningLines, Sheet
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.titles import given_title
from rag.documents import BlockKind, ParsedDocument
from rag.errors import Unreadable

_HEADING_CHARACTERS = 200
_HEADING_LINES = 3
_LEVELS = 6
_TOGETHER = 32  # pages whose running lines are told together
_FEW_WORDS = 50  # running lines alone
_LOOKED_AT = 32  # objects of a page that may be a picture
_NAMED = 10  # pages, or attachments, that a note names one by one


@dataclass(slots=True)
class _Page:
    """What was read of a page: *words* in its main direction, *others* turned otherwise."""

    words: list[Word] = field(default_factory=list)
    others: list[Word] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    low: float = 0.0
    high: float = 0.0
    pictures: bool = False
    broken: bool = False


def parse_pdf(data: bytes) -> ParsedDocument:
    """
    Return the text layer of a PDF with its pages; pages that are broken are left out.

    Raises:
        Unreadable: `encrypted`, or `corrupt` where nothing of the file can be read.
    """
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable(
                "encrypted", "The PDF is protected by a password; save it without one."
            ) from error
        raise Unreadable(
            "corrupt", "The PDF is cut off or damaged; export or download it again."
        ) from error
    with pdf:
        return _document(pdf)


def _document(pdf: pypdfium2.PdfDocument) -> ParsedDocument:
    """Read an open PDF."""
    kind = pdf.get_formtype()
    with form_of(pdf, kind) as form:
        return _with_form(pdf, kind, form)


def _with_form(pdf: pypdfium2.PdfDocument, kind: int, form: Any) -> ParsedDocument:
    """Read an open PDF; *form* is pdfium's form environment, None where there are no fields."""
    flow, running, out = Flow(), RunningLines(), Assembly()
    broken, bare, count = 0, [], len(pdf)
    for first in range(0, count, _TOGETHER):
        pages = [_page(pdf, n, form) for n in range(first, min(first + _TOGETHER, count))]
        new = running.taken_out([Sheet(p.words, p.low, p.high) for p in pages], first=first)
        for number, (page, asides) in enumerate(zip(pages, new, strict=True), start=first + 1):
            flow.page(_items(page), asides)
            for remark in page.remarks:
                flow.aside(remark)
            broken += page.broken
            if page.pictures and not (page.words or page.others or page.remarks):
                bare.append(number)
    if count and broken == count:
        raise Unreadable("corrupt", "No page of the PDF can be read; the file is damaged.")
    if running.found:
        out.note("Headers and footers that repeat from page to page stand in the text once.")
    _notes(pdf, out, kind=kind, bare=bare, broken=broken)
    labels = [_label(pdf, n) for n in range(count)]
    _assemble(flow, out, labels)
    return out.document("pdf", title=given_title(pdf.get_metadata_value("Title")))


def _page(pdf: pypdfium2.PdfDocument, n: int, form: Any) -> _Page:
    """Read a page."""
    try:
        page = pdf[n]
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return _Page(broken=True)
    try:
        words = page_words(text)
        turn = _main_turn(words)
        main = [word for word in words if word.turn == turn]
        with shown(page.raw, form):
            marks = page_marks(page.raw, form, main, turn=turn)
        main += marks.words
        if main:
            main = ruled_tables(page.raw, main, turn)
        left, low, right, high = page.get_cropbox()
        heights = [framed(x, y, turn)[1] for x in (left, right) for y in (low, high)]
        return _Page(
            words=main,
            others=[word for word in words if word.turn != turn],
            remarks=marks.remarks,
            low=min(heights),
            high=max(heights),
            pictures=len(main) <= _FEW_WORDS and _has_pictures(page.raw),
        )
    finally:
        text.close()
        page.close()


def _main_turn(words: list[Word]) -> int:
    """Return the direction that most letters of a page run in."""
    turns: Counter[int] = Counter()
    for word in words:
        turns[word.turn] += len(word.text)
    return turns.most_common(1)[0][0] if turns else 0


def _has_pictures(page: Any) -> bool:
    """Return True if a page shows a picture."""
    count = min(raw.FPDFPage_CountObjects(page), _LOOKED_AT)
    kinds = (raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, n)) for n in range(count))
    return any(kind in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM) for kind in kinds)


def _items(page: _Page) -> list[Item]:
    """Return the lines and tables of a page in the order of reading."""
    items = ordered(page.words)
    others = sorted(page.others, key=lambda word: word.turn)
    for _, words in groupby(others, key=lambda word: word.turn):
        items += ordered(words)
    return items


def _label(pdf: pypdfium2.PdfDocument, n: int) -> str:
    """Return what the document calls a page, empty where that is its number."""
    label = " ".join((pdf.get_page_label(n) or "").split())
    return "" if label == str(n + 1) else label


def _notes(
    pdf: pypdfium2.PdfDocument, out: Assembly, *, kind: int, bare: list[int], broken: int
) -> None:
    """Add notes on what the text does not hold."""
    for number in bare[:_NAMED]:
        out.note(f"Page {number} holds a picture and no text; if scanned, run text recognition.")
    if len(bare) > _NAMED:
        out.note(f"{len(bare) - _NAMED} more pages hold pictures and no text.")
    if broken:
        out.note(f"{broken} {'page' if broken == 1 else 'pages'} of the PDF cannot be read.")
    if kind in (raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND):
        out.note("The PDF holds an XFA form, of which only its plain fields are read.")
    names = [_attachment(pdf, n) for n in range(min(pdf.count_attachments(), _NAMED + 1))]
    if names:
        more = " and more" if len(names) > _NAMED else ""
        named = ", ".join(filter(None, names[:_NAMED]))
        out.note(f"Files attached to the PDF are not read: {named}{more}.")


def _attachment(pdf: pypdfium2.PdfDocument, n: int) -> str:
    """Return the name of an attached file."""
    try:
        return " ".join(pdf.get_attachment(n).get_name().split())
    except pypdfium2.PdfiumError:
        return ""


def _assemble(flow: Flow, out: Assembly, labels: list[str]) -> None:
    """Put the paragraphs together; what is larger or bolder than the body text is a heading."""
    parts = flow.end()
    written = [p for p in parts if p and not p.aside and not p.table]
    sizes: Counter[float] = Counter()
    bold: Counter[bool] = Counter()
    for table in (p for p in parts if p and p.table):
        sizes[round(table.size, 1)] += len(table.text)
    for paragraph in written:
        sizes[round(paragraph.size, 1)] += len(paragraph.text)
        bold[paragraph.bold] += len(paragraph.text)
    body = sizes.most_common(1)[0][0] if sizes else 1.0
    plain = not bold[True] > bold[False]
    heads = {id(p): size for p in written if (size := _heading(p, body, plain_body=plain))}
    ranks = sorted({round(size, 1) for size in heads.values()}, reverse=True)
    levels = {size: min(n, _LEVELS) for n, size in enumerate(ranks, start=1)}
    pages = enumerate(labels, start=1)
    for part in parts:
        if part is None:
            number, label = next(pages)
            out.page(number, label=label)
            continue
        kind: BlockKind = "table" if part.table else "list" if part.listed else "paragraph"
        text = flow.words.joined(part.text)
        level, header = 0, 0
        if part.table:
            header = part.table.header
        elif id(part) in heads:
            kind, level = "heading", levels[round(heads[id(part)], 1)]
            text = " ".join(text.split())
        pieces = text.split(TURN)
        ends = accumulate(map(len, pieces))
        turns = [(end, *next(pages)) for end, _ in zip(ends, pieces[1:], strict=False)]
        out.add(kind, "".join(pieces), level=level, header=header, turns=turns)


def _heading(paragraph: Paragraph, body: float, *, plain_body: bool) -> float:
    """Return the size of a heading, 0 for other paragraphs."""
    stands_out = paragraph.size > (1 + ALIKE) * body or (
        paragraph.bold and plain_body and paragraph.size >= (1 - ALIKE) * body
    )
    short = len(paragraph.text) <= _HEADING_CHARACTERS and paragraph.lines <= _HEADING_LINES
    named = sum(map(str.isalpha, paragraph.text)) >= len(paragraph.text) / 2
    ends = paragraph.text.endswith((".", ",", ";"))
    return paragraph.size if stands_out and short and named and not ends else 0.0
