#!/usr/bin/env bash
# openpyxl 3.1.5 opens a workbook of the strict form (Excel: "Strict Open XML Spreadsheet") and
# finds no sheet in it.
#
# Expected: the sheets, or an error that says the format is not read.
# Seen: a workbook whose `sheetnames` is [], and a warning of an invalid specification; a loop over
# it reads nothing and succeeds. The strict form (ISO/IEC 29500) has other namespace names for the
# same elements. python-calamine 0.9.1 reads the file. python-docx 1.2.0 meets a strict Word file
# with a KeyError, and docx2txt 0.9 gives an empty text.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    openpyxl==3.1.5 python-calamine==0.9.1 python-docx==1.2.0 docx2txt==0.9
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
import warnings
import zipfile
from pathlib import Path

import docx
import docx2txt
import openpyxl
from python_calamine import CalamineWorkbook

OLD, NEW = "http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/"
NAMES = {
    "officeDocument/2006/relationships": "officeDocument/relationships",
    "officeDocument/2006/extended-properties": "officeDocument/extendedProperties",
    "officeDocument/2006/docPropsVTypes": "officeDocument/docPropsVTypes",
    "officeDocument/2006/math": "officeDocument/math",
    "spreadsheetml/2006/main": "spreadsheetml/main",
    "wordprocessingml/2006/main": "wordprocessingml/main",
    "drawingml/2006/main": "drawingml/main",
    "drawingml/2006/wordprocessingDrawing": "drawingml/wordprocessingDrawing",
    "drawingml/2006/picture": "drawingml/picture",
}


def strict(source: Path) -> Path:
    """Write the file again with the names of the strict form; return its path."""
    target = source.with_stem("strict")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith((".xml", ".rels")):
                for before, after in NAMES.items():
                    data = data.replace((OLD + before).encode(), (NEW + after).encode())
            new.writestr(name, data)
    return target


folder = Path(sys.argv[1])
book = openpyxl.Workbook()
book.active.append(["Rent", 200])
book.save(folder / "book.xlsx")
letter = docx.Document()
letter.add_paragraph("Rent is 200.")
letter.save(folder / "letter.docx")
sheet_file, word_file = strict(folder / "book.xlsx"), strict(folder / "letter.docx")

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    names = openpyxl.load_workbook(sheet_file).sheetnames
rows = CalamineWorkbook.from_path(sheet_file).get_sheet_by_index(0).to_python()
print("openpyxl:", names, "| it warns:", [str(one.message) for one in told])
print("calamine:", rows)
try:
    docx.Document(word_file)
    refused = ""
except KeyError as error:
    refused = str(error)
print("python-docx:", refused, "| docx2txt:", repr(docx2txt.process(word_file)))
if rows != [["Rent", 200.0]]:
    sys.exit("calamine no longer reads the strict workbook.")
if names:
    sys.exit("openpyxl finds the sheets of a strict workbook now.")
if "officeDocument" not in refused or docx2txt.process(word_file):
    sys.exit("python-docx or docx2txt treats a strict Word file otherwise now.")
PYTHON
