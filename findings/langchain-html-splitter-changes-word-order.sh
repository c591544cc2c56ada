#!/usr/bin/env bash
# langchain-text-splitters 1.1.3 (HTMLHeaderTextSplitter) takes bold, linked and other marked words
# out of their sentence and puts them behind it.
#
# Expected: "The fee is <b>not</b> refundable." gives "The fee is not refundable."
# Seen: "The fee is refundable." and then "not" on a line of its own, in the same chunk. A link goes
# the same way: "Call before noon." and "Anna". HTMLSectionSplitter of the same package keeps the
# order.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check \
    langchain-text-splitters==1.1.3 beautifulsoup4==4.15.0 lxml==6.1.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from langchain_text_splitters import HTMLHeaderTextSplitter, HTMLSectionSplitter

PAGE = (
    "<!DOCTYPE html><html lang='en'><head><title>t</title></head><body><h1>Terms</h1>"
    "<p>The fee is <b>not</b> refundable.</p>"
    "<p>Call <a href='a.html'>Anna</a> before noon.</p></body></html>"
)
HEADERS = [("h1", "chapter")]
chunk = HTMLHeaderTextSplitter(HEADERS).split_text(PAGE)[-1]
lines = [line.strip() for line in chunk.page_content.splitlines()]
other = " ".join(HTMLSectionSplitter(HEADERS).split_text(PAGE)[-1].page_content.split())
print("HTMLHeaderTextSplitter:", chunk.metadata, lines)
print("HTMLSectionSplitter:", repr(other))
if "The fee is not refundable. Call Anna before noon." not in other:
    sys.exit("HTMLSectionSplitter no longer keeps the order of the words.")
if lines != ["The fee is refundable.", "not", "Call before noon.", "Anna"]:
    sys.exit("HTMLHeaderTextSplitter no longer puts marked words behind their sentence.")
PYTHON
