"""How the command prints the quotes of an answer."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.commands.ask import show_answer

SOURCES = [
    {"document_id": f"{name}.md", "title": name, "page": None, "text": "x", "score": 0.5}
    for name in ("lamps", "bells")
]


def printed(**changes: Any) -> str:
    result = {
        "answer": "Lamps: It is\n1.2. [1] It rings. [2]",
        "citations": [
            {"marker": 1, "quote": "It is\n**1.2**.", "shown": "It is 1.2.", "heading": "Lamps"},
            {"marker": 2, "quote": "It rings."},
        ],
        "sources": SOURCES, "answered": True, "confidence": 0.9, "generator": "extractive",
        "degraded": [],
    }  # fmt: skip
    out = StringIO()
    show_answer(
        Console(file=out, width=100),
        {"state": "succeeded", "result": result | changes, "timings_ms": {"total": 12.0}},
    )
    return out.getvalue()


def test_each_quote_has_a_line_of_its_own() -> None:
    assert printed().splitlines()[:2] == ["Lamps: It is 1.2. [1]", "It rings. [2]"]


def test_a_citation_is_printed_with_its_heading_and_without_markup() -> None:
    text = printed()

    assert "    Lamps: \u201cIt is 1.2.\u201d" in text
    assert "    \u201cIt rings.\u201d" in text
    assert "**" not in text


@pytest.mark.parametrize("missing", [["0x8007ffff"], ["2031", "v9.9"]])
def test_what_no_passage_holds_is_told(missing: list[str]) -> None:
    text = printed(missing=missing, generator="model", answered=False)

    assert f"Not in the passages: {', '.join(missing)}" in text


def test_a_quote_of_a_deleted_document_is_said_to_be_withheld() -> None:
    gone = {"marker": 1, "quote": "", "shown": "", "deleted": True}
    text = printed(citations=[gone, {"marker": 2, "quote": "It rings."}])

    assert "    withheld: the document was deleted" in text
    assert "\u201c\u201d" not in text
    assert "\u201cIt rings.\u201d" in text
