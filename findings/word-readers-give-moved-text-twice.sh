#!/usr/bin/env bash
# docx2txt 0.9 and docx2python 3.7.1 give a sentence twice that an author moved while Word tracked
# changes.
#
# Expected: text that is tracked as deleted is left out, so the place a sentence was moved away from
# is left out too, and the sentence stands where it was moved to.
# Seen: it stands at both places. Deleted text has an element of its own (w:delText) that neither
# reader takes; text inside w:moveFrom is plain w:t, and both take every w:t. mammoth 1.13.0 reads
# the same file right. A question for the order of clauses finds the old one as well as the new one.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    docx2txt==0.9 docx2python==3.7.1 mammoth==1.13.0 python-docx==1.2.0
"$folder/venv/bin/python" - "$folder/moved.docx" <<'PYTHON'
import sys
from pathlib import Path

import docx
import docx2txt
import mammoth
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx2python import docx2python

BY = 'w:author="Ann" w:date="2024-05-01T09:00:00Z"'


def moved(number: int, way: str) -> object:
    """Return a paragraph whose only sentence was moved from here, or to here."""
    return parse_xml(
        f'<w:p {nsdecls("w")}><w:move{way}RangeStart w:id="{number}" {BY} w:name="move1"/>'
        f'<w:move{way} w:id="{number + 1}" {BY}>'
        f"<w:r><w:t>Rent is due first.</w:t></w:r></w:move{way}>"
        f'<w:move{way}RangeEnd w:id="{number}"/></w:p>'
    )


document = docx.Document()
first = document.add_paragraph("Heat is paid apart.")
first._p.addprevious(moved(1, "From"))
first._p.addnext(moved(3, "To"))
deleted = document.add_paragraph("The deposit is ")
deleted._p.append(parse_xml(
    f'<w:del {nsdecls("w")} w:id="5" {BY}><w:r><w:delText>one month</w:delText></w:r></w:del>'
))
deleted.add_run("two months.")
document.save(sys.argv[1])

texts = {
    "docx2txt": docx2txt.process(sys.argv[1]),
    "docx2python": docx2python(sys.argv[1]).text,
    "mammoth": mammoth.extract_raw_text(Path(sys.argv[1]).open("rb")).value,
}
for name, text in texts.items():
    print(f"{name}: {text!r}")
if any("one month" in text for text in texts.values()):
    sys.exit("Deleted text is given now, so the comparison with moved text no longer holds.")
if texts["mammoth"].count("Rent is due") != 1:
    sys.exit("mammoth no longer gives the moved sentence once.")
if any(texts[name].count("Rent is due") != 2 for name in ("docx2txt", "docx2python")):
    sys.exit("A reader that gave the moved sentence twice does otherwise now.")
PYTHON
