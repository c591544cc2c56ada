"""No file gets another one read: what names a file beside it gives no word of that file."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.parsing.formats import parse
from rag.errors import Unreadable
from tests.support.files.office_files import relations, zipped
from tests.support.files.wordfiles import p, word_file

SECRET = "heliotrope"  # noqa: S105 - a word that stands in no other file
ODT = "application/vnd.oasis.opendocument.text"
OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"


def entity(path: str, root: str = "a", body: str = "&x;") -> str:
    """Write XML whose entity is another file."""
    return f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY x SYSTEM "file://{path}">]><{root}>{body}</{root}>'


def parameter(path: str) -> str:
    """Write XML whose document type takes another file in."""
    return (
        f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY % x SYSTEM "file://{path}"> %x;]><a>Words.</a>'
    )


def inclusion(path: str) -> str:
    """Write XML that asks for another file by XInclude."""
    return f'<a xmlns:xi="http://www.w3.org/2001/XInclude"><b>Words.</b><xi:include href="file://{path}" parse="text"/></a>'


def word_with_relation(path: str) -> bytes:
    """Write a Word file that takes another one in by a relation to the outside."""
    body = p("Words.") + '<w:altChunk r:id="o"/><w:subDoc r:id="o"/>'
    return word_file(body, external={"o": f"file://{path}"})


def book(path: str) -> bytes:
    """Write an EPUB whose chapter lies outside of it, and whose other one has an entity."""
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
            "b.opf": '<package><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/>'
            f'<item id="o" href="../../../../../..{path}" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="c"/><itemref idref="o"/></spine></package>',
            "c.xhtml": entity(path, "html", "<body><p>Words. &x;</p></body>"),
        }
    )


def linked_tar(path: str) -> bytes:
    """Write a tar archive with a link to a file outside."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        words = tarfile.TarInfo("a.txt")
        words.size = 6
        archive.addfile(words, io.BytesIO(b"Words."))
        for name, kind in (("s.txt", tarfile.SYMTYPE), ("h.txt", tarfile.LNKTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, path
            archive.addfile(link)
    return out.getvalue()


def linked_zip(path: str) -> bytes:
    """Write a zip archive with a link to a file outside, and a member of its name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "Words.")
        link = zipfile.ZipInfo("s.txt")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, path)
        archive.writestr(f"../../../../..{path}", "Other words.")
    return out.getvalue()


FILES: dict[str, Callable[[str], str | bytes]] = {
    "entity.xml": entity,
    "entity.svg": lambda path: entity(path, "svg", "<text>Words. &x;</text>"),
    "entity.rss": lambda path: entity(path, "rss", "<channel><title>&x;</title></channel>"),
    "entity.html": lambda path: entity(path, "html", "<body><p>Words. &x;</p></body>"),
    "parameter.xml": parameter,
    "inclusion.xml": inclusion,
    "sheet.xml": lambda path: f'<?xml version="1.0"?><?xml-stylesheet href="file://{path}"?><a>Words.</a>',
    "entity.docx": lambda path: zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": entity(path)}),
    "inclusion.docx": lambda path: word_file(p("Words.") + inclusion(path)),
    "relation.docx": word_with_relation,
    "entity.xlsx": lambda path: zipped({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": entity(path, "workbook")}),
    "relation.xlsx": lambda path: zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("r", "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="o"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(("o", "worksheet", f"file://{path}")),
        }
    ),
    "entity.pptx": lambda path: zipped({"[Content_Types].xml": "<Types/>", "ppt/presentation.xml": entity(path, "presentation")}),
    "entity.odt": lambda path: zipped({"mimetype": ODT, "content.xml": entity(path, "office")}),
    "section.odt": lambda path: zipped(
        {
            "mimetype": ODT,
            "content.xml": f'<o:document-content xmlns:o="{OFFICE}" xmlns:t="{TEXT}" xmlns:xlink="http://www.w3.org/1999/xlink"><o:body><o:text><t:p>Words.</t:p><t:section><t:section-source xlink:href="file://{path}"/></t:section></o:text></o:body></o:document-content>',
        }
    ),
    "book.epub": book,
    "frame.html": lambda path: f'<!doctype html><p>Words.</p><iframe src="file://{path}"></iframe><object data="file://{path}"></object><link rel="import" href="file://{path}"><script src="file://{path}"></script>',
    "picture.md": lambda path: f"Words.\n\n![]({path})\n\n<object data='file://{path}'></object>\n",
    "include.rst": lambda path: f"Words.\n\n.. include:: {path}\n",
    "include.rtf": lambda path: rf'{{\rtf1 Words. {{\field{{\*\fldinst INCLUDETEXT "{path}"}}{{\fldrslt shown}}}}}}',
    "body.eml": lambda path: f'From: a@example.org\nTo: b@example.org\nSubject: s\nMessage-ID: <1@e.org>\nMIME-Version: 1.0\nContent-Type: message/external-body; access-type=local-file; name="{path}"\n\nContent-Type: text/plain\n\nWords.\n',
    "all.tar": linked_tar,
    "all.zip": linked_zip,
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_names_another_gives_none_of_its_words(name: str, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(SECRET)
    made = FILES[name](str(other))
    data = made if isinstance(made, bytes) else made.encode()
    try:
        document = parse(data, filename=name)
        said = " ".join([document.text, document.title or "", *document.notes])
    except Unreadable as error:
        said = error.detail

    assert said
    assert SECRET not in said
