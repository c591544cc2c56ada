#!/usr/bin/env bash
# docx2txt 0.9 and kreuzberg 4.10.4 leave out the characters that Word writes as symbols and as
# hyphens that do not break, and close the gap: figures and words become others.
#
# Expected: "10≥5" and "e-mail", or at least a blank where the sign was.
# Seen: "105" and "email". Word's Insert Symbol writes w:sym (a font and a code) and
# Ctrl+Shift+hyphen writes w:noBreakHyphen, both between two w:t of one run; these readers join the
# w:t. mammoth 1.13.0 gives both signs. python-docx 1.2.0 gives the hyphen and loses the symbol.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    docx2txt==0.9 kreuzberg==4.10.4 mammoth==1.13.0 python-docx==1.2.0
"$folder/venv/bin/python" - "$folder/signs.docx" <<'PYTHON'
import sys
from pathlib import Path

import docx
import docx2txt
import kreuzberg
import mammoth
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

document = docx.Document()
document.add_paragraph()._p.append(parse_xml(
    f'<w:r {nsdecls("w")}><w:t xml:space="preserve">Load 10</w:t>'
    '<w:sym w:font="Symbol" w:char="F0B3"/>'
    '<w:t xml:space="preserve">5, by e</w:t><w:noBreakHyphen/><w:t>mail</w:t></w:r>'
))
document.save(sys.argv[1])
texts = {
    "docx2txt": docx2txt.process(sys.argv[1]),
    "kreuzberg": kreuzberg.extract_file_sync(sys.argv[1]).content,
    "python-docx": docx.Document(sys.argv[1]).paragraphs[0].text,
    "mammoth": mammoth.extract_raw_text(Path(sys.argv[1]).open("rb")).value,
}
texts = {name: text.strip() for name, text in texts.items()}
for name, text in texts.items():
    print(f"{name}: {text!r}")
if texts["mammoth"] != "Load 10≥5, by e\u2011mail":
    sys.exit("mammoth no longer gives both signs.")
if texts["python-docx"] != "Load 105, by e-mail":
    sys.exit("python-docx no longer gives the hyphen alone.")
if any(texts[name] != "Load 105, by email" for name in ("docx2txt", "kreuzberg")):
    sys.exit("A reader that lost both signs does otherwise now.")
PYTHON
