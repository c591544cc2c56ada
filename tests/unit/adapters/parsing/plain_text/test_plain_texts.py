"""Plain text may be read by a process that reads others too; what is none is told beforehand."""

import gzip

import pytest

from adapters.parsing import formats, text_formats
from adapters.parsing.docx.flat import is_flat
from adapters.parsing.formats import parse
from adapters.parsing.shared.plainness import NotPlain
from rag.errors import NoText, Unreadable
from tests.support.files.office_files import ole, xls, xlsx, zipped
from tests.support.files.pdf_files import pdf, text
from tests.support.files.wordfiles import p, word_file

FLAT = (
    b'<?xml version="1.0"?><?mso-application progid="Word.Document"?>'
    b'<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"></pkg:package>'
)

PLAIN = {
    "a.txt": b"Words.",
    "old.txt": "Füße, Größe, Öl.\n".encode("cp1252") * 20,
    "a.csv": b"a,b\n1,2\n",
    "a.tsv": b"a\tb\n1\t2\n",
    "a.py": b"def f():\n    return '<html>'\n",
    "a.log": b"2024-01-01 10:00:00 INFO start\n2024-01-01 10:00:01 INFO end\n",
    "a.md": b"# Words\n\n- one\n- two\n",
}
OTHER = {
    "a.pdf": pdf(text(72, 700, "Words.")),
    "a.docx": word_file(p("Words.")),
    "flat.xml": FLAT,
    "words before a flat file.txt": b"Words.\n" + FLAT,
    "a.xlsx": xlsx(("S", [["a", "b"], ["c", 1.0]])),
    "a.xls": xls("S", [["a", "b"], ["c", 1.0]]),
    "a.msg": ole({"__properties_version1.0": b""}),
    "a.zip": zipped({"a.txt": b"Words."}),
    "a.txt.gz": gzip.compress(b"Words."),
    "a.rtf": rb"{\rtf1 Words.}",
    "a.eml": b"From: a@e.org\nTo: b@e.org\nSubject: Papers\nMessage-ID: <1@e.org>\n\nWords.\n",
    "a.html": b"<!doctype html><p>Words.",
    "named.txt": b"<!doctype html><p>Words.",
    "a.xml": b"<a><b>Words.</b></a>",
    "a.json": b'{"a": "words"}',
    "a.ipynb": b'{"cells": [], "nbformat": 4}',
    "table.md": b"Words.\n\n<table><tr><td>a<td>b</table>\n",
    "wide.txt": "Words.".encode("utf-16"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_text_is_read_the_same_among_others(name: str) -> None:
    data = PLAIN[name]

    assert parse(data, filename=name, plain_only=True) == parse(data, filename=name)


@pytest.mark.parametrize("name", OTHER)
def test_what_a_library_reads_is_turned_away_before_it_is_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_reader(*_: object, **__: object) -> None:
        raise AssertionError("a reader ran")

    def unpack(data: bytes) -> None:
        if is_flat(data):
            no_reader()

    for module, table in (
        (formats, "_FROM_BYTES"),
        (formats, "_WITH_FILES"),
        (text_formats, "_FROM_TEXT"),
    ):
        monkeypatch.setattr(module, table, dict.fromkeys(getattr(module, table), no_reader))
    monkeypatch.setattr(formats, "parse_packed", no_reader)
    monkeypatch.setattr(formats, "packaged", unpack)

    with pytest.raises(NotPlain):
        parse(OTHER[name], filename=name, plain_only=True)


def test_what_is_no_text_is_refused_as_ever() -> None:
    with pytest.raises(NoText):
        parse(b"", filename="a.txt", plain_only=True)
    with pytest.raises(Unreadable):
        parse(b"GIF89a no picture", filename="a.txt", plain_only=True)
