#!/usr/bin/env bash
# MarkItDown 0.1.9 puts table cells into the wrong columns wherever a cell to their left spans rows.
#
# Expected: a row that lies under a merged cell keeps an empty cell (or the merged words again)
# there.
# Seen: "| North | 2023 | 10 |" is followed by "| 2024 | 12 |": the year stands under Region and the
# figure under Year. So it is for Word tables and for rowspan in HTML. markdownify 1.2.3, which
# writes the table, pads for cells that span columns and has nothing for rows. A row that is quoted
# with its column names then says something false.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    'markitdown[docx]==0.1.9' mammoth==1.13.0 markdownify==1.2.3 python-docx==1.2.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import docx
from markitdown import MarkItDown

folder = Path(sys.argv[1])
document = docx.Document()
table = document.add_table(rows=3, cols=3)
rows = (("Region", "Year", "Sales"), ("North", "2023", "10"), ("", "2024", "12"))
for row, words in enumerate(rows):
    for column, word in enumerate(words):
        table.cell(row, column).text = word
table.cell(1, 0).merge(table.cell(2, 0)).text = "North"
document.save(folder / "table.docx")
(folder / "table.html").write_text(
    "<!DOCTYPE html><html lang='en'><head><title>t</title></head><body><table>"
    "<tr><th>Region</th><th>Year</th><th>Sales</th></tr>"
    "<tr><td rowspan='2'>North</td><td>2023</td><td>10</td></tr><tr><td>2024</td><td>12</td></tr>"
    "<tr><td colspan='2'>All</td><td>22</td></tr></table></body></html>"
)
for name in ("table.docx", "table.html"):
    lines = MarkItDown().convert(str(folder / name)).markdown.strip().splitlines()
    print(name, *lines, sep="\n  ")
    if "| North | 2023 | 10 |" not in lines:
        sys.exit(f"The row where the merged cell begins is written otherwise now ({name}).")
    if "| 2024 | 12 |" not in lines:
        sys.exit(f"The row under the merged cell is no longer moved to the left ({name}).")
if "| All | | 22 |" not in lines:
    sys.exit("A cell that spans columns is no longer padded, so the comparison no longer holds.")
PYTHON
