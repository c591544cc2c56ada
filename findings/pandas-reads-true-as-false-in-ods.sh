#!/usr/bin/env bash
# pandas 3.1.1 (`read_excel(engine="odf")`, odfpy 1.4.1) reads a true cell of an ODS sheet as False
# unless the sheet was saved in a language whose word for it is TRUE.
#
# Expected: the cell's value (`office:boolean-value="true"`) decides.
# Seen: the words shown decide: "TRUE" is True, and every other word is False, so the true cells of
# a German (WAHR), French (VRAI) or Spanish (VERDADERO) sheet are all False, with no error.
# python-calamine 0.9.1 reads all of them as True, in pandas too (`engine="calamine"`).
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    pandas==3.1.1 odfpy==1.4.1 python-calamine==0.9.1
"$folder/venv/bin/python" - "$folder/flags.ods" <<'PYTHON'
import sys
import zipfile

import pandas as pd

ODF = "urn:oasis:names:tc:opendocument:xmlns:"
KIND = "application/vnd.oasis.opendocument.spreadsheet"
SHOWN = ("TRUE", "WAHR", "VRAI", "VERDADERO")
cells = "".join(
    '<table:table-cell office:value-type="boolean" office:boolean-value="true">'
    f"<text:p>{word}</text:p></table:table-cell>"
    for word in SHOWN
)
with zipfile.ZipFile(sys.argv[1], "w") as file:
    file.writestr("mimetype", KIND)
    file.writestr(
        "META-INF/manifest.xml",
        f'<m:manifest xmlns:m="{ODF}manifest:1.0" m:version="1.2">'
        f'<m:file-entry m:full-path="/" m:media-type="{KIND}"/>'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>',
    )
    file.writestr(
        "content.xml",
        f'<office:document-content xmlns:office="{ODF}office:1.0" xmlns:table="{ODF}table:1.0"'
        f' xmlns:text="{ODF}text:1.0" office:version="1.2"><office:body><office:spreadsheet>'
        '<table:table table:name="S">'
        f'<table:table-column table:number-columns-repeated="{len(SHOWN)}"/>'
        f"<table:table-row>{cells}</table:table-row>"
        "</table:table></office:spreadsheet></office:body></office:document-content>",
    )
read = {}
for engine in ("odf", "calamine"):
    rows = pd.read_excel(sys.argv[1], engine=engine, header=None)
    read[engine] = dict(zip(SHOWN, rows.iloc[0].tolist()))
print("pandas", pd.__version__, read)
if read["calamine"] != dict.fromkeys(SHOWN, True):
    sys.exit("calamine no longer reads every cell as true.")
if read["odf"] != {word: word == "TRUE" for word in SHOWN}:
    sys.exit("The engine odf no longer goes by the English word.")
PYTHON
