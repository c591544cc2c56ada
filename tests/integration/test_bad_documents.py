"""Broken, hostile and empty files: each is refused in plain words, and the pool goes on."""

import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import NoText, Unreadable
from workers.sandbox import ParserPool

DOCUMENTS = Path(__file__).parents[2].parent / "shared" / "data" / "documents"
MOST_GROWTH = 200 * 2**20  # bytes the calling process may grow by: bombs burst elsewhere
# Empty files of kinds that are not read at all are refused by their kind.
UNREAD = ("ppt", "doc")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not DOCUMENTS.exists() and os.environ.get("CI") != "true", reason="no evaluation data"
    ),
]


def bad_files() -> list[dict[str, Any]]:
    manifest = DOCUMENTS / "manifest.jsonl"
    if not manifest.exists():
        return [{"file": "absent", "kind": "txt", "expect": "error"}]  # fails where it may not skip
    entries = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    return [entry for entry in entries if entry["expect"] in ("error", "empty")]


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(processes=1, memory_mb=512, text_mb=20) as pool:
        yield pool


@pytest.mark.parametrize("entry", bad_files(), ids=lambda entry: str(entry["file"]))
def test_a_bad_file_is_refused_and_the_next_one_is_read(
    pool: ParserPool, entry: dict[str, Any]
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    allowed = {entry["expect"], *entry.get("also_ok", [])}
    if entry["kind"] in UNREAD:
        allowed.add("error")
    text = detail = ""
    try:
        text = pool.parse(DOCUMENTS / entry["file"], filename=entry["file"], timeout_s=30).text
        outcome = "text"
    except NoText as error:
        outcome, detail = "empty", error.detail
    except Unreadable as error:
        outcome, detail = "error", error.detail
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert outcome in allowed
    assert outcome == "text" or detail.endswith(".")
    assert not [word for word in entry.get("must_not_contain", []) if word in text + detail]
    assert (after - before) * 1024 < MOST_GROWTH
    assert pool.parse(b"A good file.", filename="x.txt", timeout_s=30).text == "A good file."
