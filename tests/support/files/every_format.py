"""A small file of each format that is read, for tests of what holds for all of them."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage

from tests.support.files.office_files import ole, xls, xlsx, zipped
from tests.support.files.pdf_files import lines, pdf, text
from tests.support.files.table_files import opendocument, page, rich_text, slide, word
from tests.support.files.wordfiles import p, tbl, tr, word_file

_ROWS = [["Item", "Price", "Since"], ["Pump a|b", "5.00", "2020"], ["Valve", "7.50", "2021"]]
_PROSE = (
    "The lease of the pumps begins in May. It ends when the Seller says so, e.g. by letter.\n\n"
    "Dr. Ek signs it. Clause 2.2 holds: no pump leaves the hall.\nNobody enters."
)


def _text() -> bytes:
    return _PROSE.encode()


def _log() -> bytes:
    return b"".join(
        b"2024-05-0%d 10:00:00 INFO pump %d started\n  twice\n" % (n, n) for n in range(1, 8)
    )


def _csv() -> bytes:
    return "\n".join(";".join(row) for row in _ROWS).encode()


def _json() -> bytes:
    return json.dumps(
        {
            "pumps": [{"id": 1, "at": {"hall": "B"}}, {"id": 2, "tags": ["a", "b"]}],
            "note": _PROSE * 8,
        }
    ).encode()


def _json_lines() -> bytes:
    return b"".join(
        json.dumps(dict(zip(_ROWS[0], row, strict=True))).encode() + b"\n" for row in _ROWS[1:]
    )


def _xml() -> bytes:
    return b"<?xml version='1.0'?><pumps><pump id='1'><hall>B</hall><note>It <b>runs</b>.</note></pump><pump id='2'/></pumps>"


def _html() -> bytes:
    table = page(_ROWS).decode().removeprefix("<html><body>").removesuffix("</body></html>")
    return (
        f"<!DOCTYPE html><html><head><meta charset=utf-8><title>Pumps</title></head><body><h1>Pümps</h1><p>{_PROSE}</p>"
        f"<ul><li>one<li>two<ul><li>three</ul></ul>{table}<pre>x = 1\n  y = 2</pre></body></html>"
    ).encode()


def _markdown() -> bytes:
    table = "\n".join(
        "| " + " | ".join(row).replace("a|b", r"a\|b") + " |"
        for row in (_ROWS[0], ["---"] * 3, *_ROWS[1:])
    )
    return f"---\ntitle: Pumps\n---\n# Pumps\n\n{_PROSE}\n\n- one\n- two\n\n{table}\n\n```\nx = 1\n```\n".encode()


def _notebook() -> bytes:
    cells = [
        {"cell_type": "markdown", "source": ["# Pumps\n", _PROSE]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
        },
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _code() -> bytes:
    return b'"""Pumps."""\n\nimport os\n\n\nclass Pump:\n    def start(self):\n        return 1\n\n\ndef stop(pump):\n    pump.end()\n'


def _pdf() -> bytes:
    table = "".join(
        text(50 + 150 * c, 500 - 14 * n, w)
        for n, row in enumerate(_ROWS)
        for c, w in enumerate(row)
    )
    first = (
        text(50, 760, "Lease of pumps", size=20)
        + lines(50, 720, ["The lease of the pumps begins in", "May and ends when it ends."])
        + table
    )
    return pdf(first, lines(50, 720, ["It goes on over the page.", "Nobody enters the hall."]))


def _docx() -> bytes:
    body = (
        p("Lease", style="H1")
        + p(_PROSE.replace("\n", " "))
        + tbl(*(tr(*row) for row in _ROWS))
        + p("The end.")
    )
    return word_file(body)


def _pptx() -> bytes:
    return slide(_ROWS, bold=True)


def _xlsx() -> bytes:
    return xlsx(
        ("Prices", [["Item", "Price"], ["Pump", 5], ["Valve", 7.5]]),
        ("More", [["a|b", 1], ["c", 2]]),
    )


def _xls() -> bytes:
    return xls("Prices", [["Item", "Price"], ["Pump", 5.0], ["Valve", 7.5]])


def _open(kind: str, body: str) -> bytes:
    names = 'xmlns:o="o" xmlns:x="x" xmlns:t="t" xmlns:d="d" xmlns:s="s"'
    content = f"<o:d {names}><o:body><o:{kind}>{body}</o:{kind}></o:body></o:d>"
    return zipped(
        {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content}
    )


def _ods() -> bytes:
    rows = (
        "<t:table-row>"
        + "".join(f'<t:table-cell o:value-type="string"><x:p>{c}</x:p></t:table-cell>' for c in row)
        + "</t:table-row>"
        for row in _ROWS
    )
    return _open("spreadsheet", f'<t:table t:name="Prices">{"".join(rows)}</t:table>')


def _odp() -> bytes:
    return _open(
        "presentation",
        "".join(
            f"<d:page><d:frame><d:text-box><x:p>{words}</x:p></d:text-box></d:frame></d:page>"
            for words in ("One.", "Two.")
        ),
    )


def _epub() -> bytes:
    container = '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
    book = (
        '<package xmlns:dc="d"><metadata><dc:title>Pumps</dc:title></metadata><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "b.opf": book,
            "a.xhtml": _html().decode(),
        }
    )


def _mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Ann <ann@example.org>",
        "bo@example.org",
        "Pümps",
    )
    message["Date"] = "Tue, 5 Mar 2024 10:00:00 +0100"
    message.set_content(_PROSE)
    message.add_alternative(_html().decode(), subtype="html")
    message.add_attachment(_csv(), maintype="text", subtype="csv", filename="prices.csv")
    return message.as_bytes()


def _mbox() -> bytes:
    return b"".join(
        b"From ann@example.org Tue Mar  5 10:00:0%d 2024\n" % n + _mail() + b"\n\n"
        for n in range(2)
    )


def _saved_page() -> bytes:
    head = b"MIME-Version: 1.0\nSubject: Pumps\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n"
    return head + _html() + b"\n--b--\n"


def _msg() -> bytes:
    wide = {"0037": "Pumps", "1000": _PROSE, "0C1A": "Ann"}
    return ole(
        {
            "__properties_version1.0": bytes(32),
            **{f"__substg1.0_{k}001F": v.encode("utf-16-le") for k, v in wide.items()},
        }
    )


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, body in {"a.txt": _text(), "in/b.csv": _csv()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


_MADE: Mapping[str, Callable[[], bytes]] = {
    "a.txt": _text, "a.log": _log, "a.csv": _csv, "a.json": _json, "a.jsonl": _json_lines, "a.xml": _xml, "a.html": _html,
    "a.md": _markdown, "a.ipynb": _notebook, "a.py": _code, "a.pdf": _pdf, "a.docx": _docx, "b.docx": lambda: word(_ROWS),
    "a.pptx": _pptx, "a.xlsx": _xlsx, "a.xls": _xls, "a.odt": lambda: opendocument(_ROWS), "a.ods": _ods, "a.odp": _odp,
    "a.rtf": lambda: rich_text(_ROWS), "a.epub": _epub, "a.eml": _mail, "a.mbox": _mbox, "a.mht": _saved_page, "a.msg": _msg,
    "a.zip": lambda: zipped({"a.txt": _PROSE, "in/b.csv": _csv()}), "a.tar": _tar, "a.txt.gz": lambda: gzip.compress(_text(), mtime=0),
}  # fmt: skip

#: Bytes by file name.
FILES: Mapping[str, bytes] = {name: make() for name, make in _MADE.items()}
