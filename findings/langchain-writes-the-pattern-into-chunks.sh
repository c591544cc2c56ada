#!/usr/bin/env bash
# langchain-text-splitters 1.1.3 writes the regular expression itself into the chunks when a
# splitter cuts at a pattern and does not keep what the pattern matched.
#
# Expected: pieces that are joined into one chunk are joined by what stood between them, or by a
# blank.
# Seen: `CharacterTextSplitter(separator=r"\n\s*\n", is_separator_regex=True)` gives
# "First part.\n\s*\nSecond part." with the characters of the pattern, which then are embedded and
# shown. RecursiveCharacterTextSplitter does so with keep_separator=False. The start of such a chunk
# (`add_start_index`) is -1, and so is that of the sound chunk after it.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check langchain-text-splitters==1.1.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from langchain_text_splitters import CharacterTextSplitter, RecursiveCharacterTextSplitter

PATTERN = r"\n\s*\n"
TEXT = "First part.\n \nSecond part.\n\nA third part that is longer."
options = {"is_separator_regex": True, "chunk_size": 40, "chunk_overlap": 0, "add_start_index": True}
splitters = (
    CharacterTextSplitter(separator=PATTERN, **options),
    RecursiveCharacterTextSplitter(separators=[PATTERN], keep_separator=False, **options),
)
for splitter in splitters:
    documents = splitter.create_documents([TEXT])
    chunks = [(one.page_content, one.metadata["start_index"]) for one in documents]
    print(type(splitter).__name__, chunks)
    if chunks[1][0] != "A third part that is longer.":
        sys.exit("The text is no longer cut where the pattern matches.")
    if chunks[0] != (f"First part.{PATTERN}Second part.", -1):
        sys.exit("The pattern no longer stands in the chunk, or the start of the chunk is known.")
PYTHON
