"""PDFs for tests, written by hand: text where it is asked for, fields, remarks, lines."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_FONTS = {"F": "Helvetica", "B": "Helvetica-Bold"}
_WIDTH, _HEIGHT = 600, 800


def text(
    x: float, y: float, words: str, *, size: float = 10, font: str = "F", turn: int = 0
) -> str:
    """Draw *words* in Windows-1252 at a place, turned against the clock by quarters, in degrees."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /{font} {size} Tf {cos} {sin} {-sin} {cos} {x} {y} Tm ({escaped}) Tj ET\n"


def lines(
    x: float,
    y: float,
    words: Iterable[str],
    *,
    size: float = 10,
    pitch: float = 12,
    font: str = "F",
) -> str:
    """Draw lines under each other."""
    return "".join(
        text(x, y - n * pitch, line, size=size, font=font) for n, line in enumerate(words)
    )


def screen(x: float, y: float, words: str, *, size: float = 10) -> str:
    """Draw any letters of Unicode in the given order of the screen, each half as wide as high."""
    return f"BT /U {size} Tf 1 0 0 1 {x} {y} Tm <{words.encode('utf-16-be').hex()}> Tj ET\n"


def rule(x0: float, y0: float, x1: float, y1: float) -> str:
    """Draw a line."""
    return f"{x0} {y0} m {x1} {y1} l S\n"


def grid(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Draw the lines of a table."""
    across = "".join(rule(min(xs), y, max(xs), y) for y in ys)
    return across + "".join(rule(x, min(ys), x, max(ys)) for x in xs)


@dataclass
class Sheet:
    """A page: what is drawn, its annotations as dictionaries, and more entries of its own."""

    drawn: str = ""
    annotations: list[str] = field(default_factory=list)
    more: str = ""


def pdf(
    *pages: str | Sheet, catalog: str = "", objects: Iterable[str] = (), info: str = ""
) -> bytes:
    """
    Write a PDF of pages of 600 by 800 points.

    *objects* are numbered from 100, *catalog* and *info* are entries of these dictionaries.
    """
    sheets = [page if isinstance(page, Sheet) else Sheet(page) for page in pages]
    body: dict[int, bytes] = {}
    number = 1000
    kids = []
    fonts = " ".join(f"/{name} {n} 0 R" for n, name in enumerate([*_FONTS, "U"], start=3))
    for sheet in sheets:
        drawn = sheet.drawn.encode("cp1252")
        marks = []
        for annotation in sheet.annotations:
            number += 1
            body[number] = f"<< /Type /Annot {annotation} >>".encode("latin-1")
            marks.append(f"{number} 0 R")
        body[number + 1] = b"<< /Length %d >> stream\n%s\nendstream" % (len(drawn), drawn)
        body[number + 2] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents"
            f" {number + 1} 0 R /Resources << /Font << {fonts} >> >>"
            f" /Annots [{' '.join(marks)}] {sheet.more} >>"
        ).encode("latin-1")
        number += 2
        kids.append(f"{number} 0 R")
    fields = " ".join(
        f"{n} 0 R" for n, data in body.items() if b"/Widget" in data and b"/Parent" not in data
    )
    form = f"/AcroForm << /Fields [{fields}] /DA (/F 10 Tf) >>" if fields else ""
    if "/AcroForm" in catalog:
        form = ""
    body[1] = f"<< /Type /Catalog /Pages 2 0 R {form} {catalog} >>".encode("latin-1")
    body[2] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    for n, name in enumerate(_FONTS.values(), start=3):
        body[n] = (
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
        ).encode()
    body[5] = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H"
        b" /DescendantFonts [6 0 R] /ToUnicode 7 0 R >>"
    )
    body[6] = (
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /DW 500 /CIDSystemInfo"
        b" << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 8 0 R >>"
    )
    ranges = [f"<{high:02x}00> <{high:02x}ff> <{high:02x}00>" for high in range(256)]
    cmap = (
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <ffff>"
        f" endcodespacerange 256 beginbfrange {' '.join(ranges)} endbfrange endcmap end"
    ).encode()
    body[7] = b"<< /Length %d >> stream\n%s\nendstream" % (len(cmap), cmap)
    body[8] = (
        b"<< /Type /FontDescriptor /FontName /Any /Flags 4 /FontBBox [0 -200 1000 800]"
        b" /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    for n, data in enumerate(objects, start=100):
        body[n] = data.encode("latin-1")
    body[99] = f"<< {info} >>".encode("latin-1")
    return _written(body)


def _written(body: dict[int, bytes]) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    at = {}
    for number in sorted(body):
        at[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body[number]))
    table = out.tell()
    out.write(b"xref\n")
    out.writelines(b"%d 1\n%010d 00000 n \n" % (n, at[n]) for n in sorted(body))
    out.write(b"trailer << /Size %d /Root 1 0 R /Info 99 0 R >>\n" % (max(body) + 1))
    out.write(b"startxref\n%d\n%%%%EOF\n" % table)
    return out.getvalue()
