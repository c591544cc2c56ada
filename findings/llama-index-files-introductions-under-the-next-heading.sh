#!/usr/bin/env bash
# llama-index-readers-file 0.7.0 (MarkdownReader) joins the text below a heading with the text of
# the first deeper heading after it, under the names of both.
#
# Expected: one document for each heading, with the text that stands between it and the next.
# Seen: "# Fees", "Members pay nothing.", "## Guests", "Guests pay ten euros." is one document that
# begins with "Fees Guests" and holds both sentences in a row, so that "Members pay nothing." stands
# under Guests. The reader ends a document at a heading of a level it has met, and at no other. Two
# headings of the same level are told apart. Lines also lose their indentation: nested items of a
# list become plain ones.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    llama-index-readers-file==0.7.0 llama-index-core==0.14.25
"$folder/venv/bin/python" - "$folder/fees.md" <<'PYTHON'
import sys
from pathlib import Path

from llama_index.readers.file import MarkdownReader


def read(text: str) -> list[str]:
    """Return the text of each document that the reader makes."""
    Path(sys.argv[1]).write_text(text)
    return [one.text.strip() for one in MarkdownReader().load_data(Path(sys.argv[1]))]


level = read("# Fees\n\nMembers pay nothing.\n\n# Guests\n\nGuests pay ten euros.\n")
deeper = read(
    "# Fees\n\nMembers pay nothing.\n\n## Guests\n\nGuests pay ten euros.\n\n- day\n    - half a day\n"
)
print("same level:", level)
print("deeper:", deeper)
if level != ["Fees\nMembers pay nothing.", "Guests\nGuests pay ten euros."]:
    sys.exit("Headings of the same level are no longer told apart.")
if deeper != ["Fees Guests\nMembers pay nothing.\nGuests pay ten euros.\n- day\n- half a day"]:
    sys.exit("The introduction is no longer joined with the section after it.")
PYTHON
