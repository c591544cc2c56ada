#!/usr/bin/env bash
# kreuzberg 4.10.4 loses all the words of a Word paragraph in which a text box is anchored.
#
# Expected: the paragraph's own words, and the words of the box before or after them.
# Seen: the words of the box alone; what stands before and after it in the same paragraph is gone,
# without an error or a warning. Word anchors every box in a paragraph. mammoth 1.13.0 keeps
# the words of both.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    kreuzberg==4.10.4 mammoth==1.13.0 python-docx==1.2.0
"$folder/venv/bin/python" - "$folder/box.docx" <<'PYTHON'
import sys
from pathlib import Path

import docx
import kreuzberg
import mammoth
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

WORDS = "<w:txbxContent><w:p><w:r><w:t>Words in the box.</w:t></w:r></w:p></w:txbxContent>"
BOX = f"""
<w:r {nsdecls("w", "wp", "a")} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
 xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
 xmlns:v="urn:schemas-microsoft-com:vml"><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>
<wp:inline><wp:extent cx="914400" cy="457200"/><wp:docPr id="7" name="Box"/><a:graphic>
<a:graphicData uri="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"><wps:wsp>
<wps:cNvSpPr txBox="1"/><wps:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="914400" cy="457200"/></a:xfrm>
<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></wps:spPr><wps:txbx>{WORDS}</wps:txbx><wps:bodyPr/>
</wps:wsp></a:graphicData></a:graphic></wp:inline></w:drawing></mc:Choice><mc:Fallback><w:pict>
<v:shape style="width:72pt;height:36pt"><v:textbox>{WORDS}</v:textbox></v:shape></w:pict></mc:Fallback>
</mc:AlternateContent></w:r>"""

document = docx.Document()
document.add_paragraph("First paragraph.")
anchor = document.add_paragraph("The fee is 200 euros")
anchor._p.append(parse_xml(BOX))
anchor.add_run(" and is due in May.")
document.add_paragraph("Last paragraph.")
document.save(sys.argv[1])

result = kreuzberg.extract_file_sync(sys.argv[1])
other = mammoth.extract_raw_text(Path(sys.argv[1]).open("rb")).value
print("kreuzberg:", repr(result.content))
print("mammoth:", repr(other))
if "The fee is 200 euros and is due in May." not in other:
    sys.exit("mammoth no longer keeps the paragraph.")
kept = ("First paragraph.", "Words in the box.", "Last paragraph.")
if any(words not in result.content for words in kept):
    sys.exit("The box or the paragraphs around are lost as well now.")
if "200 euros" in result.content or "due in May" in result.content:
    sys.exit("The words of the paragraph that holds the box are kept now.")
PYTHON
