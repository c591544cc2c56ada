"""Titles that programs make up are none: the first heading or the file's name stands instead."""

# ruff: noqa: E501 - a case is a line

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.shared.titles import given_title
from tests.support.files.office_files import zipped


@pytest.mark.parametrize(
    "title",
    ["Untitled 1", "Untitled-2", "Unbenannt 3", "Document1", "Dokument (2)", "Word Document", "Book1", "Mappe 2",
     "Microsoft Word - lease.doc", "Microsoft PowerPoint - Talk", "Microsoft Word-Dokument", "Untitled Document",
     "PowerPoint Presentation", "Présentation PowerPoint", "Presentación de PowerPoint", "New Page 3", "无标题", "文档1",
     "Slide 1", "lease_v3.docx", "plan.indd", "Page title", "about:blank", "file:///C:/x", "Normal", " ", "--"],
)  # fmt: skip
def test_what_a_program_wrote_is_no_title(title: str) -> None:
    assert given_title(title) is None


@pytest.mark.parametrize(
    "title",
    ["Document management", "Book", "Annual report 2023", "Microsoft Word for beginners", "Socket.ai", "New York",
     "The untitled novel", "Page load times", "Presentation skills", "2024", "Sheet metal 3", "Template method"],
)  # fmt: skip
def test_what_somebody_wrote_is_a_title(title: str) -> None:
    assert given_title(title) == title


def test_an_opendocument_text_that_nobody_named_is_called_by_its_first_heading() -> None:
    names = 'xmlns:o="o" xmlns:x="x" xmlns:dc="dc"'
    heading = '<x:h x:outline-level="1">Lease of pumps</x:h><x:p>Text.</x:p>'

    def title(named: str) -> str | None:
        parts = {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<o:d {names}><o:body><o:text>{heading}</o:text></o:body></o:d>",
            "meta.xml": f"<o:m {names}><o:meta><dc:title>{named}</dc:title></o:meta></o:m>",
        }
        return parse(zipped(parts), filename="x").title

    assert title("Untitled 1") == "Lease of pumps"
    assert title("The lease") == "The lease"


@pytest.mark.parametrize(
    ("named", "title"), [("Untitled Document", "Pumps"), ("Document", "Pumps"), ("Guide", "Guide")]
)
def test_a_page_that_nobody_named_is_called_by_its_first_heading(named: str, title: str) -> None:
    page = f"<html><head><title>{named}</title></head><body><h1>Pumps</h1><p>Text.</p></body>"

    assert parse(page.encode(), filename="x.html").title == title
