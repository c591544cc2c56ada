#!/usr/bin/env bash
# pypdfium2 5.15.2 (PDFium): text that is set with a negative size and a matrix that turns it back is
# told as turned by 180 degrees, though it is drawn upright.
#
# ISO 32000-2, 9.3.1 and 9.4.4: the size scales glyphs before the text matrix does, so a size of -10 with
# the matrix -1 0 0 -1 is upright.
# Expected of FPDFText_GetCharAngle: 0, as for the same text with the size 10 and the matrix 1 0 0 1.
# Seen: pi. Boxes of characters and the picture are the same for both; FPDFText_GetFontSize is -10, and the
# sign is in neither FPDFText_GetMatrix nor the angle. Who orders or drops words by their angle
# reads lines backwards or leaves them out.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check pypdfium2==5.15.2
"$folder/venv/bin/python" - <<'PYTHON'
import math

import pypdfium2
from pypdfium2 import raw


def document(content):
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, starts = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        starts.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = len(written)
    written += b"xref\n0 6\n0000000000 65535 f \n"
    written += b"".join(b"%010d 00000 n \n" % start for start in starts)
    return written + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % table


def read(content):
    page = pypdfium2.PdfDocument(document(content))[0]
    text = page.get_textpage()
    matrix = raw.FS_MATRIX()
    assert raw.FPDFText_GetMatrix(text, 0, matrix)
    return {
        "text": text.get_text_range(),
        "angle": raw.FPDFText_GetCharAngle(text, 0),
        "size": raw.FPDFText_GetFontSize(text, 0),
        "matrix": (matrix.a, matrix.b, matrix.c, matrix.d),
        "boxes": [[round(side, 2) for side in text.get_charbox(n)] for n in range(7)],
        "picture": bytes(page.render().buffer),
    }


plain = read(b"BT /F 10 Tf 1 0 0 1 50 100 Tm (Upright) Tj ET")
negative = read(b"BT /F -10 Tf -1 0 0 -1 50 100 Tm (Upright) Tj ET")
for name, one in (("size 10", plain), ("size -10", negative)):
    print(f"{name:9} angle {one['angle']:.4f}  size {one['size']:.0f}  matrix {one['matrix']}")
assert plain["text"] == negative["text"] == "Upright"
assert plain["picture"] == negative["picture"] and plain["boxes"] == negative["boxes"]
assert plain["angle"] == 0 and math.isclose(negative["angle"], math.pi, rel_tol=1e-6)
assert negative["size"] == -10 and negative["matrix"] == (-1, 0, 0, -1)
PYTHON
echo "as described, with pypdfium2 5.15.2"
