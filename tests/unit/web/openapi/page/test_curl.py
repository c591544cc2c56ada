"""A line for a shell: what the shell makes of it is the call."""

import shlex
from typing import Any

from web.openapi.page.curl import curl

BASE = "https://docs.example.org/quern"


def path_parameter(name: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "example": example, "schema": {}}


def described(**more: Any) -> dict[str, Any]:
    return {"responses": {"200": {"content": {"application/json": {}}}}} | more


def with_body(media: str, example: object) -> dict[str, Any]:
    return described(requestBody={"content": {media: {"example": example}}})


def words_of(line: str) -> list[str]:
    """Read a line as a shell does, which takes a backslash before an end of line for none."""
    return shlex.split(line.replace("\\\n", ""))


def test_a_json_body_comes_through_the_shell_as_it_is() -> None:
    media = "application/json"
    operation = with_body(media, {"question": "What is Ann's $HOME?\nÄ `x`"})

    words = words_of(curl(BASE, "post", "/api/queries", operation, media=media))

    assert words == [
        "curl", f"{BASE}/api/queries", "-H", "Content-Type: application/json",
        "-d", '{"question": "What is Ann\'s $HOME?\\nÄ `x`"}',
    ]  # fmt: skip


def test_a_form_names_each_file_and_each_field() -> None:
    media = "multipart/form-data"
    operation = with_body(media, {"files": ["a b.pdf", "c.md"], "metadata": '{"year": 2026}'})

    words = words_of(curl(BASE, "post", "/api/ingests", operation, media=media))

    assert words[2:] == [
        "-F",
        "files=@a b.pdf",
        "-F",
        "files=@c.md",
        "-F",
        'metadata={"year": 2026}',
    ]


def test_a_document_keeps_its_slashes_and_a_query_its_ampersand() -> None:
    operation = described(
        parameters=[
            path_parameter("document_id", "notes/pumps & valves.md"),
            {"name": "start", "in": "query", "example": 0},
            {"name": "end", "in": "query", "example": 70},
            {"name": "generation", "in": "query"},
        ]
    )

    words = words_of(curl(BASE, "get", "/api/documents/{document_id}/text", operation))

    address = f"{BASE}/api/documents/notes/pumps%20%26%20valves.md/text?start=0&end=70"
    assert words == ["curl", address]


def test_what_is_no_usual_call_names_its_method_or_how_it_is_taken() -> None:
    stream = described(responses={"200": {"content": {"text/event-stream": {}}}})
    file = described(responses={"200": {"content": {"application/octet-stream": {}}}})

    assert curl(BASE, "delete", "/x", described()) == f"curl -X DELETE {BASE}/x"
    assert curl(BASE, "post", "/x", described()) == f"curl -X POST {BASE}/x"
    assert curl(BASE, "get", "/x", stream) == f"curl -N {BASE}/x"
    assert curl(BASE, "get", "/x", file) == f"curl -OJ {BASE}/x"


def test_a_header_with_a_usual_value_is_sent() -> None:
    usual = {"name": "Prefer", "in": "header", "example": "respond-async", "x-usual": "wait=10"}
    other = {"name": "Idempotency-Key", "in": "header", "example": "a"}

    words = words_of(curl(BASE, "get", "/x", described(parameters=[usual, other])))

    assert words == ["curl", f"{BASE}/x", "-H", "Prefer: wait=10"]


def test_a_text_is_sent_with_its_lines() -> None:
    media = "text/csv"
    operation = with_body(media, "question\nHow long?\n")

    words = words_of(curl(BASE, "post", "/api/questions", operation, media=media))

    assert words[2:] == [
        "-H", "Content-Type: text/csv", "--data-binary", "question\nHow long?\n",
    ]  # fmt: skip
