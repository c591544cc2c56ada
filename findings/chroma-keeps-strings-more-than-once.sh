#!/usr/bin/env bash
# Chroma 1.5.9 (chromadb, embedded or served by `chroma run`) keeps each string of a row's metadata
# twice on disk, and a row's document three times.
#
# Expected: a string that is stored once takes its length and a little more.
# Seen: 2.3 times its length, and a document 8.1 times, with its trigrams. Metadata goes into the table
# `embedding_metadata` and once more into the index `embedding_metadata_string_value` (key,
# string_value), which holds whole strings; a document is such a string too (`chroma:document`), and
# lies a third time in the full text index's own content table. So bytes packed into metadata as text
# take more than twice their size, and each small entry is a row in every one of these.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check chromadb==1.5.9
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import random
import sqlite3
import string
import sys
from pathlib import Path

import chromadb

ROWS, LENGTH = 2_000, 300
draw = random.Random(1)


def copies(kind: str) -> dict[str, int]:
    """Return how many rows of which table or index hold the whole string."""
    folder = Path(sys.argv[1]) / kind
    rows = chromadb.PersistentClient(str(folder)).create_collection("rows")
    texts = ["".join(draw.choices(string.ascii_lowercase, k=LENGTH)) for _ in range(ROWS)]
    for at in range(0, ROWS, 100):
        some = texts[at : at + 100]
        rows.add(
            ids=[str(at + n) for n in range(100)],
            embeddings=[[1.0, float(at + n)] for n in range(100)],
            metadatas=[{"note": text} for text in some] if kind == "metadata" else None,
            documents=some if kind == "document" else None,
        )
    file = sqlite3.connect(folder / "chroma.sqlite3")
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.execute("VACUUM")
    stored = {"table": file.execute(
        "SELECT count(*) FROM embedding_metadata WHERE length(string_value) = ?", (LENGTH,)
    ).fetchone()[0]}
    (index,) = file.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'embedding_metadata_string_value'"
    ).fetchone()
    assert "string_value" in index, index
    stored["full text"] = file.execute(
        "SELECT count(*) FROM embedding_fulltext_search_content WHERE length(c0) = ?", (LENGTH,)
    ).fetchone()[0]
    return stored | {"bytes": (folder / "chroma.sqlite3").stat().st_size}


nothing, metadata, document = (copies(kind) for kind in ("nothing", "metadata", "document"))
print("chromadb", chromadb.__version__, "| metadata:", metadata, "| document:", document)
each = ROWS * LENGTH
times = (metadata["bytes"] - nothing["bytes"]) / each
print(f"a string of metadata takes {times:.2f} times its length")
more = (document["bytes"] - nothing["bytes"]) / each
print(f"a document takes {more:.2f} times its length, its trigrams in the full text index included")
assert metadata["table"] == document["table"] == document["full text"] == ROWS
assert metadata["full text"] == 0
assert 2.0 <= times < 3.0, times
assert more > 3.0, more
PYTHON
