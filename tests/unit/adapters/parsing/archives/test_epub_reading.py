"""Books: chapters in reading order, title and author, what is missing told."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

from adapters.parsing.formats import parse
from tests.support.files.office_files import zipped
from tests.support.files.parsed_files import refused

_CONTAINER = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'


def page(body: str) -> str:
    return f"<?xml version='1.0'?><!DOCTYPE html><html><head><title>t</title></head><body>{body}</body></html>"


def book(
    spine: str = "c2 c1", *, title: str = "Waves", parts: dict[str, str] | None = None
) -> bytes:
    refs = "".join(f'<itemref idref="{name}"/>' for name in spine.split())
    package = (
        f'<package xmlns:dc="d"><metadata><dc:title>{title}</dc:title><dc:creator>Ann Lee</dc:creator>'
        "<dc:creator>Bo Ek</dc:creator></metadata><manifest>"
        '<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="c1" href="one.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="c2" href="text/two%20b.html" media-type="text/html"/>'
        '<item id="x" href="gone.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="i" href="a.png" media-type="image/png"/>'
        f"</manifest><spine>{refs}</spine></package>"
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _CONTAINER,
            "OEBPS/book.opf": package,
            "OEBPS/nav.xhtml": page("Contents"),
            "OEBPS/one.xhtml": page(
                "<h1>One</h1><p>First words &mdash; é</p><table><tr><td>a</td><td>b</td></tr></table>"
            ),
            "OEBPS/text/two b.html": page("bare text<h2>Two</h2>"),
        }
        | (parts or {})
    )


def test_chapters_are_read_in_the_order_of_the_spine() -> None:
    document = parse(book("n c2 i c1"), filename="x")

    assert document.kind == "epub"
    assert document.title == "Waves"
    assert document.text.split("\n\n") == [
        "Waves", "Author: Ann Lee; Bo Ek", "bare text", "Two", "One", "First words — é", "a | b",
    ]  # fmt: skip
    assert [b.level for b in document.blocks if b.kind == "heading"] == [1, 3, 2]


def test_a_missing_chapter_is_told_and_the_others_are_read() -> None:
    document = parse(book("c1 x"), filename="x")

    assert "First words" in document.text
    assert document.notes == ("A part of the book (OEBPS/gone.xhtml) is missing or damaged.",)


def test_fonts_may_be_encrypted_and_chapters_may_not() -> None:
    entry = '<encryption><EncryptedData><CipherData><CipherReference URI="OEBPS/{}"/></CipherData></EncryptedData></encryption>'
    font = {"META-INF/encryption.xml": entry.format("font.ttf")}
    chapter = {"META-INF/encryption.xml": entry.format("text/two%20b.html")}

    assert "One" in parse(book(parts=font), filename="x").text
    assert refused(book(parts=chapter)).reason == "encrypted"


def test_a_book_without_chapters_is_refused() -> None:
    assert refused(book("x")).reason == "corrupt"
