#!/usr/bin/env bash
# kreuzberg 4.10.4, with its default output, leaves out of HTML pages the terms and meanings of
# definition lists, the captions of figures and tables, addresses, and text that stands in the body
# itself.
#
# Expected: plain text holds the words that the Markdown of the same page holds, without the marks.
# Seen: `output_format="markdown"` has all of them; "plain", the default, has the heading, the
# paragraphs and the cells and none of these. Nothing tells of it. Glossaries are written as <dl>.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check kreuzberg==4.10.4
"$folder/venv/bin/python" - "$folder/page.html" <<'PYTHON'
import sys
from pathlib import Path

import kreuzberg

KEPT = ("Heading", "First paragraph.", "Quoted words.", "cell")
LOST = ("Term", "Meaning", "Figure caption", "Table caption", "Street 1", "Bare words")
Path(sys.argv[1]).write_text(
    "<!DOCTYPE html><html lang='en'><head><title>Page</title></head><body><h1>Heading</h1>"
    "<p>First paragraph.</p><blockquote><p>Quoted words.</p></blockquote>"
    "<dl><dt>Term</dt><dd>Meaning</dd></dl>"
    "<figure><img src='a.png' alt='Picture'><figcaption>Figure caption</figcaption></figure>"
    "<table><caption>Table caption</caption><tr><th>name</th></tr><tr><td>cell</td></tr></table>"
    "<address>Street 1</address>Bare words</body></html>"
)
default = kreuzberg.extract_file_sync(sys.argv[1]).content
config = kreuzberg.ExtractionConfig(output_format="markdown")
markdown = kreuzberg.extract_file_sync(sys.argv[1], config=config).content
print("default:", repr(default))
print("markdown:", repr(markdown))
if any(words not in markdown for words in KEPT + LOST):
    sys.exit("The Markdown lacks words of the page now, so the comparison no longer holds.")
if any(words not in default for words in KEPT):
    sys.exit("The plain text lacks more words of the page than it did.")
if back := [words for words in LOST if words in default]:
    sys.exit(f"The plain text holds words that it left out: {back}.")
PYTHON
