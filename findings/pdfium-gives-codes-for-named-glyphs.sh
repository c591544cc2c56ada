#!/usr/bin/env bash
# PDFium (pypdfium2 5.15.2) gives control characters for letters that a PDF names by ligature names,
# and for all letters of Type 3 fonts that have no table of characters (ToUnicode).
#
# Expected: the names in the font's encoding tell the letters, as PDF (9.10.2) and Adobe's list of
# glyph names say: f_f_i is "ffi", T_h is "Th", and A in a Type 3 font is "A".
# Seen: "office" with /f_f_i is "o\x01ce" in a Type 1 font, while /fi is right; three plain letters
# of a Type 3 font become "\x01", two of them dropped. pdfminer.six 20260107 gives every letter.
# pypdf 7.1.1 writes the names of some into the text: "/T_he" for "The".
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    pypdfium2==5.15.2 pdfminer.six==20260107 pypdf==7.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import pypdf
import pypdfium2
from pdfminer.high_level import extract_text

SQUARE = b"600 0 0 0 500 500 d1 0 0 500 500 re f"


def file(text: bytes, names: list[str], *, type3: bool) -> bytes:
    """Return a PDF of one line of text in a font that names its codes 1, 2, and so on."""
    encoding = f"/Encoding<</Type/Encoding/Differences[1 {' '.join('/' + name for name in names)}]>>"
    drawn = " ".join(f"/{name} 6 0 R" for name in names)
    font = (
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 500 500]/FontMatrix[0.001 0 0 0.001 0 0]/FirstChar 1"
        f"/LastChar {len(names)}/Widths[{' '.join(['600'] * len(names))}]/Resources<<>>"
        f"/CharProcs<<{drawn}>>{encoding}>>"
        if type3
        else f"<</Type/Font/Subtype/Type1/BaseFont/Helvetica{encoding}>>"
    )
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]"
        b"/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>"
    )
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", pages, page, font.encode()]
    for stream in (b"BT /F 12 Tf 50 200 Td (" + text + b") Tj ET", SQUARE):
        objects.append(b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream))
    out, starts = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    count = len(objects) + 1
    tail = (
        b"xref\n0 %d\n0000000000 65535 f \n%s"
        b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    )
    return out + tail % (count, table, count, len(out))


def read(data: bytes) -> tuple[str, str, str]:
    """Return the text by PDFium, pdfminer and pypdf."""
    pdfium = pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range()
    pypdf_text = pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text()
    return pdfium, extract_text(io.BytesIO(data)).strip(), pypdf_text


plain = read(file(rb"of\001ce", ["fi"], type3=False))
joined = read(file(rb"o\001ce", ["f_f_i"], type3=False))
other = read(file(rb"\001e", ["T_h"], type3=False))
type3 = read(file(rb"\001\002\003", ["A", "B", "C"], type3=True))
for name, texts in {"fi": plain, "f_f_i": joined, "T_h": other, "Type 3": type3}.items():
    print(name, dict(zip(("pdfium", "pdfminer", "pypdf"), texts)))
if plain[0] != "office" or (joined[1], other[1], type3[1]) != ("office", "The", "ABC"):
    sys.exit("PDFium no longer reads /fi, or pdfminer no longer gives every letter.")
if (joined[0], other[0], type3[0]) != ("o\x01ce", "\x01e", "\x01"):
    sys.exit("PDFium no longer gives control characters for these names.")
if other[2] != "/T_he":
    sys.exit("pypdf no longer writes the name of the glyph into the text.")
PYTHON
