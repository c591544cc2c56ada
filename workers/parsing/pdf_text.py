"""PDF: text page by page, its lines joined into paragraphs by where they stand on the page."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import pypdfium2
from pypdfium2 import raw

from rag.documents import BlockKind, ParsedDocument
from rag.errors import Unreadable
from workers.parsing.assembly import Assembly, sane_title

_HYPHENS = "\x02\ufffe"  # what pdfium writes for a hyphen at the end of a line, line end and all
_HYPHENATED = re.compile(rf"(\w*)(?:[{_HYPHENS}][\r\n]*|(?<=\w)[-\xad]\n)(\w*)")
_WORD = re.compile(r"[^\W\d_]+")
_STOPS = tuple(".!?:;。！？…")  # noqa: RUF001 - Chinese marks are meant
_MARKER = re.compile(r"(?:[•‣▪◦●○■–*\uf0b7-]|\(?(?:\d{1,2}|[a-z])[.)])\s+\S")  # noqa: RUF001 - bullets
_NO_TITLE = re.compile(
    r"^(?:microsoft \w+ - .*|untitled.*|document\d*"
    r"|.*\.(?:docx?|pdf|tex|dvi|indd|qxd|pptx?|xlsx?|rtf|odt))$",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

# In parts of the font size
_SAME_LINE = 0.5  # baselines nearer than this are one line, for example with a raised figure
_TIGHT = 0.15  # fragments nearer than this have no blank between them
_LETTER_WIDTH = 0.5
_USUAL_PITCH = 1.25
_INDENT = 0.8
_GAP = 1.3  # of the usual distance of lines: more parts two paragraphs
_ALIKE = 0.08  # relative difference of font sizes that nobody sees
_BOLD = 600
_HEADING_CHARACTERS = 200
_HEADING_LINES = 3
_LEVELS = 6


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as pdfium found it: *top* and *bottom* are its first and last baseline, upwards."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool
    turned: bool


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """Lines that belong together, joined."""

    text: str
    size: float
    bold: bool
    lines: int
    listed: bool


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
        pages = [_page(pdf, n) for n in range(len(pdf))]
        named = pdf.get_metadata_value("Title")
    if pages and all(page is None for page in pages):
        raise Unreadable("corrupt", "No page of the PDF can be read; the file is damaged.")
    paragraphs = [_paragraphs(page or []) for page in pages]
    out = _assembled(paragraphs, _vocabulary(pages))
    title = sane_title(named)
    return out.document("pdf", title=None if title and _NO_TITLE.match(title) else title)


def _page(pdf: pypdfium2.PdfDocument, n: int) -> list[_Line] | None:
    """Return the lines of a page, None if it cannot be read."""
    try:
        page = pdf[n]
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return None
    try:
        return list(_lines(text))
    finally:
        text.close()
        page.close()


def _lines(page: pypdfium2.PdfTextPage) -> Iterator[_Line]:
    """Yield the lines of a page, in the order of the file, with their geometry."""
    codes = [raw.FPDFText_GetUnicode(page, n) for n in range(page.count_chars())]
    first = 0
    for n, code in enumerate([*codes, 10]):
        if code not in (10, 13):
            continue
        text = _characters(codes[first:n])
        if text.strip():
            yield _line(page, text, first, n - 1)
        first = n + 1


def _characters(codes: Iterable[int]) -> str:
    """Return text from UTF-16 units or code points, whichever pdfium gave."""
    text = "".join(map(chr, codes))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _line(page: pypdfium2.PdfTextPage, text: str, first: int, last: int) -> _Line:
    """Measure the line of the characters from *first* to *last*."""
    x, top, bottom, right, unused = (ctypes.c_double() for _ in range(5))
    matrix = raw.FS_MATRIX()
    middle = (first + last) // 2
    raw.FPDFText_GetCharOrigin(page, last, unused, bottom)
    raw.FPDFText_GetCharOrigin(page, first, x, top)
    raw.FPDFText_GetCharBox(page, last, unused, right, unused, unused)
    real = (n for n in range(middle, last + 1) if not raw.FPDFText_IsGenerated(page, n))
    middle = next(real, first)  # a blank that pdfium made up has no size
    raw.FPDFText_GetMatrix(page, middle, matrix)
    size = raw.FPDFText_GetFontSize(page, middle) * (matrix.c**2 + matrix.d**2) ** 0.5
    weights = [raw.FPDFText_GetFontWeight(page, n) for n in (first, middle, last)]
    return _Line(
        text=text.strip(),
        left=x.value,
        right=max(right.value, x.value),
        top=top.value,
        bottom=bottom.value,
        size=size or 1.0,
        bold=min(weights) >= _BOLD,
        turned=abs(matrix.b) > abs(matrix.a),
    )


def _paragraphs(fragments: list[_Line]) -> list[_Paragraph]:
    """Join the lines of a page into paragraphs."""
    lines = _whole_lines(fragments)
    pitches = [
        a.bottom - b.top
        for a, b in pairwise(lines)
        if 0 < a.bottom - b.top < 3 * b.size and abs(a.size - b.size) <= _ALIKE * b.size
    ]
    usual = median(line.size for line in lines) if lines else 0.0
    pitch = median(pitches) if len(pitches) > 4 else 0.0  # noqa: PLR2004 - too few to be usual
    edges: dict[int, float] = {}  # the right edge of the column that begins near a left edge
    for line in lines:
        place = round(line.left / (4 * line.size))
        for near in (place - 1, place, place + 1):
            edges[near] = max(edges.get(near, 0.0), line.right)
    done: list[_Paragraph] = []
    run: list[_Line] = []
    text = ""
    for line in lines:
        if run:
            edge = edges[round(run[-1].left / (4 * run[-1].size))]
            normal = abs(line.size - usual) <= _ALIKE * usual
            joint = _joint(run, line, pitch=pitch if normal else 0.0, edge=edge)
            if joint is not None:
                text += joint + line.text
                run.append(line)
                continue
            done.append(_paragraph(run, text))
        run, text = [line], line.text
    return [*done, _paragraph(run, text)] if run else done


def _paragraph(run: list[_Line], text: str) -> _Paragraph:
    """Return the paragraph of some joined lines."""
    bold = all(line.bold for line in run)
    return _Paragraph(text, run[0].size, bold, len(run), bool(_MARKER.match(text)))


def _whole_lines(fragments: list[_Line]) -> list[_Line]:
    """Join fragments on one baseline, which a raised figure or a table had parted."""
    lines: list[_Line] = []
    for fragment in fragments:
        last = lines[-1] if lines else None
        size = max(last.size, fragment.size) if last else 0.0
        if (
            last
            and not (last.turned or fragment.turned)
            and abs(last.bottom - fragment.top) < _SAME_LINE * size
            and fragment.left > last.right - _SAME_LINE * size
        ):
            blank = "" if fragment.left - last.right < _TIGHT * size else " "
            big = last if last.size >= fragment.size else fragment
            lines[-1] = replace(
                last,
                text=last.text + blank + fragment.text,
                right=fragment.right,
                bottom=last.bottom if big is last else fragment.bottom,
                size=size,
                bold=last.bold and fragment.bold,
            )
        else:
            lines.append(fragment)
    return lines


def _joint(run: list[_Line], line: _Line, *, pitch: float, edge: float) -> str | None:
    """Return what joins *line* to the paragraph so far; None if it begins another one."""
    last = run[-1]
    stopped = last.text.endswith(_STOPS)
    goes_on = line.text[:1].islower() and not stopped
    blank = "" if _CJK.match(last.text[-1]) and _CJK.match(line.text) else " "
    if last.text[-1] in "-\xad" and line.text[:1].islower():
        blank = "\n"  # decided with the words of the whole document
    if (
        last.turned != line.turned
        or last.bold != line.bold
        or abs(last.size - line.size) > _ALIKE * line.size
        or _MARKER.match(line.text)
    ):
        return None
    step = last.bottom - line.top
    if last.turned or step < -_SAME_LINE * line.size:  # the next column, or a note beside the text
        return blank if goes_on else None
    word = line.text.split(maxsplit=1)[0]
    full = last.right + _LETTER_WIDTH * line.size * (len(word) + 1) >= edge
    listed = bool(_MARKER.match(run[0].text))
    indented = line.left > last.left + _INDENT * line.size and not listed
    apart = step > max(_GAP * pitch, _USUAL_PITCH * (1.0 if pitch else _GAP) * line.size)
    if apart or (stopped and (indented or not full)):
        return None
    return blank if full or goes_on else "\n"


def _vocabulary(pages: list[list[_Line] | None]) -> Counter[str]:
    """Count the whole words of a document, to decide which hyphens at line ends are real."""
    words: Counter[str] = Counter()
    for page in pages:
        for line in page or []:
            words.update(_WORD.findall(_HYPHENATED.sub(" ", line.text).lower()))
    return words


def _unhyphenated(text: str, words: Counter[str]) -> str:
    """Join words that a line end parted; the hyphen stays where both halves are words."""

    def joined(match: re.Match[str]) -> str:
        before, after = match[1], match[2]
        whole = (before + after).lower()
        if not before or not after or words[whole]:
            return before + after
        apart = words[before.lower()] and words[after.lower()] and min(len(before), len(after)) > 1
        return f"{before}-{after}" if apart or not after[0].islower() else before + after

    return _HYPHENATED.sub(joined, text)


def _assembled(pages: list[list[_Paragraph]], words: Counter[str]) -> Assembly:
    """Put the paragraphs together; what is larger or bolder than the body text is a heading."""
    sizes: Counter[float] = Counter()
    bold: Counter[bool] = Counter()
    for paragraph in (p for page in pages for p in page):
        sizes[round(paragraph.size, 1)] += len(paragraph.text)
        bold[paragraph.bold] += len(paragraph.text)
    body = sizes.most_common(1)[0][0] if sizes else 1.0
    plain = not bold[True] > bold[False]
    kinds = [[_heading(p, body, plain_body=plain) for p in page] for page in pages]
    ranks = sorted({round(k, 1) for page in kinds for k in page if k}, reverse=True)
    levels = {size: min(n, _LEVELS) for n, size in enumerate(ranks, start=1)}
    out = Assembly()
    for number, (page, sizes_of) in enumerate(zip(pages, kinds, strict=True), start=1):
        out.page(number)
        for paragraph, size in zip(page, sizes_of, strict=True):
            kind: BlockKind = "list" if paragraph.listed else "paragraph"
            text = _unhyphenated(paragraph.text, words)
            if size:
                out.add("heading", " ".join(text.split()), level=levels[round(size, 1)])
            else:
                out.add(kind, text)
    return out


def _heading(paragraph: _Paragraph, body: float, *, plain_body: bool) -> float:
    """Return the size of a heading, 0 for other paragraphs."""
    stands_out = paragraph.size > (1 + _ALIKE) * body or (
        paragraph.bold and plain_body and paragraph.size >= (1 - _ALIKE) * body
    )
    short = len(paragraph.text) <= _HEADING_CHARACTERS and paragraph.lines <= _HEADING_LINES
    named = sum(map(str.isalpha, paragraph.text)) >= len(paragraph.text) / 2
    ends = paragraph.text.endswith((".", ",", ";"))
    return paragraph.size if stands_out and short and named and not ends else 0.0
