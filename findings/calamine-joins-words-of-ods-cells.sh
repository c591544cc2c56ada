#!/usr/bin/env bash
# python-calamine 0.9.1 drops tabs and line breaks inside the cells of ODS sheets, so that the words
# on both sides become one, and gives durations of more than a day as bare codes.
#
# Expected: a tab and a line end (or blanks), as calamine does for text:s and for two paragraphs;
# and a timedelta for every duration.
# Seen: "Ann<text:tab/>Lee<text:line-break/>Oslo" is "AnnLeeOslo". 10:30 is datetime.time(10, 30),
# and 30:30 is the string 'PT30H30M00S'. odfdo 3.27.3 gives both as expected; the same duration in
# an xlsx sheet (openpyxl 3.1.5 writes it) is a timedelta in calamine too.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    python-calamine==0.9.1 odfdo==3.27.3 openpyxl==3.1.5
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import datetime
import sys
import zipfile

import odfdo
import openpyxl
from python_calamine import CalamineWorkbook

ODF = "urn:oasis:names:tc:opendocument:xmlns:"
KIND = "application/vnd.oasis.opendocument.spreadsheet"
cells = "".join(
    f"<table:table-cell {kind}>{text}</table:table-cell>"
    for kind, text in (
        ('office:value-type="string"', "<text:p>Ann<text:tab/>Lee<text:line-break/>Oslo</text:p>"),
        ('office:value-type="string"', '<text:p>a<text:s text:c="2"/>b</text:p><text:p>c</text:p>'),
        ('office:value-type="time" office:time-value="PT10H30M00S"', "<text:p>10:30</text:p>"),
        ('office:value-type="time" office:time-value="PT30H30M00S"', "<text:p>30:30</text:p>"),
    )
)
sheet = sys.argv[1] + "/sheet.ods"
with zipfile.ZipFile(sheet, "w") as file:
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
        '<table:table table:name="S"><table:table-column table:number-columns-repeated="4"/>'
        f"<table:table-row>{cells}</table:table-row>"
        "</table:table></office:spreadsheet></office:body></office:document-content>",
    )
book = openpyxl.Workbook()
book.active.append([datetime.timedelta(hours=30, minutes=30)])
book.save(sys.argv[1] + "/sheet.xlsx")

calamine = CalamineWorkbook.from_path(sheet).get_sheet_by_index(0).to_python()[0]
excel = CalamineWorkbook.from_path(sys.argv[1] + "/sheet.xlsx").get_sheet_by_index(0).to_python()[0]
other = odfdo.Document(sheet).body.get_table(0).get_row(0).get_values()
print("calamine, ods:", calamine)
print("calamine, xlsx:", excel)
print("odfdo, ods:", other)
hours = datetime.timedelta(hours=30, minutes=30)
if other[0] != "Ann\tLee\nOslo" or other[3] != hours or excel != [hours]:
    sys.exit("odfdo, or calamine with xlsx, reads this otherwise now.")
if calamine[1] != "a  b\nc":
    sys.exit("calamine no longer keeps blanks and paragraphs of ODS cells.")
if calamine[0] != "AnnLeeOslo":
    sys.exit("calamine keeps tabs or line breaks of ODS cells now.")
if calamine[2:] != [datetime.time(10, 30), "PT30H30M00S"]:
    sys.exit("calamine reads durations of ODS cells otherwise now.")
PYTHON
