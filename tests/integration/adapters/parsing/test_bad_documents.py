"""Broken, protected and empty files: each is refused in plain words, and the pool goes on."""

import gzip
import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.parsing.sandbox.parser_pool import ParserPool
from rag.errors import NoText, Unreadable
from tests.support.files.office_files import ole, xls, xlsx, zipped
from tests.support.files.pdf_files import pdf, text
from tests.support.files.wordfiles import p, word_file

DOCUMENTS = Path(__file__).parents[4].parent / "shared" / "data" / "documents"
MOST_GROWTH = 100 * 2**20  # bytes the calling process may grow by: files are read elsewhere
# Empty files of kinds that are not read at all are refused by their kind.
UNREAD = ("ppt", "doc")

PDF = pdf(text(72, 700, "Words."))
DOCX = word_file(p("Words."))
ENTITY = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "words">]><a>&x;</a>'
# What the tests make themselves: (name, bytes, outcome).
MADE: list[tuple[str, bytes, str]] = [
    ("zero.docx", b"", "empty"),
    ("zero.pdf", b"", "empty"),
    ("blank.txt", b" \n\t\n ", "empty"),
    ("blank.pdf", pdf(""), "empty"),
    ("blank.docx", word_file(p("")), "empty"),
    ("blank.xlsx", xlsx(("S", [])), "empty"),
    ("blank.html", b"<!doctype html><body><script>words()</script></body>", "empty"),
    ("header only.pdf", PDF[:20], "error"),
    ("no pdf.pdf", b"just words", "error"),
    ("cut.docx", DOCX[: len(DOCX) // 2], "error"),
    ("cut.xlsx", xlsx(("S", [["a"], ["b"]]))[:-30], "error"),
    ("cut.xls", xls("S", [["a"], ["b"]])[:600], "error"),
    ("cut.txt.gz", gzip.compress(b"Words. " * 99)[:-12], "error"),
    ("no zip.odt", b"no archive stands behind this name", "error"),
    ("protected.docx", ole({"EncryptedPackage": b"x" * 600}), "error"),
    ("entity.xml", ENTITY, "error"),
    ("entity.docx", word_file(p("Words."), others=[("s", "styles", "s.bin", ENTITY)]), "error"),
    ("picture.png", b"\x89PNG\r\n\x1a\n", "error"),
    ("bytes.txt", bytes(range(256)) * 8, "error"),
    ("pictures.zip", zipped({"a.png": b"\x89PNG\r\n\x1a\n"}), "empty"),
]  # fmt: skip


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


def check_refusal(pool: ParserPool, data: bytes | Path, name: str, allowed: set[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    detail = "."
    try:
        pool.parse(data, filename=name, timeout_s=30)
        outcome = "text"
    except NoText as error:
        outcome, detail = "empty", error.detail
    except Unreadable as error:
        outcome, detail = "error", error.detail
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert outcome in allowed
    assert detail.endswith(".")
    assert (after - before) * 1024 < MOST_GROWTH
    assert pool.parse(b"A good file.", filename="x.txt", timeout_s=30).text == "A good file."


@pytest.mark.parametrize(("name", "data", "expected"), MADE, ids=[name for name, _, _ in MADE])
def test_a_bad_file_is_refused_and_the_next_one_is_read(
    pool: ParserPool, name: str, data: bytes, expected: str
) -> None:
    check_refusal(pool, data, name, {expected})


@pytest.mark.shared
@pytest.mark.skipif(
    not DOCUMENTS.exists() and os.environ.get("CI") != "true", reason="no evaluation data"
)
@pytest.mark.parametrize("entry", bad_files(), ids=lambda entry: str(entry["file"]))
def test_a_bad_file_of_another_program_is_refused(pool: ParserPool, entry: dict[str, Any]) -> None:
    allowed = {entry["expect"], *entry.get("also_ok", [])}
    if entry["kind"] in UNREAD:
        allowed.add("error")

    check_refusal(pool, DOCUMENTS / entry["file"], entry["file"], allowed)
