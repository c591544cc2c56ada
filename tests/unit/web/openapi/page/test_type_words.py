"""A schema in words: what people read instead of JSON Schema."""

from typing import Any

import pytest

from web.openapi.page.type_words import field_rows, named_in, prose, type_words

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (TEXT, "string"),
        ({"type": ["string", "null"]}, "string or null"),
        (
            {"type": "string", "maxLength": 8192, "pattern": r"\S"},
            "string, at most 8,192 characters",
        ),
        ({"type": "string", "format": "binary"}, "file"),
        ({"type": "string", "format": "uri"}, "URL"),
        ({"type": "integer", "minimum": 0, "maximum": 50}, "integer from 0 to 50"),
        ({"type": "integer", "minimum": 0, "maximum": 2**53}, "integer from 0"),
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"enum": ["a", None]}, "one of <code>a</code>, <code>null</code>"),
        ({"type": "array", "items": TEXT, "maxItems": 1000}, "list of string (at most 1,000)"),
        ({"type": "object", "additionalProperties": TEXT}, "object of string"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({"anyOf": [TEXT, {"type": "null"}]}, "string or null"),
        ({"$ref": "#/components/schemas/Job"}, '<a href="#type-Job">Job</a>'),
        ({}, "anything"),
    ],
)
def test_a_schema_is_said_in_words(schema: dict[str, Any], words: str) -> None:
    assert str(type_words(schema)) == words


def test_what_stands_in_a_description_is_text_and_never_markup() -> None:
    assert str(prose("`a<b` & <b>")) == "<code>a&lt;b</code> &amp; &lt;b&gt;"
    assert str(type_words({"enum": ["<b>"]})) == "one of <code>&lt;b&gt;</code>"


def test_fields_of_fields_are_listed_with_their_places() -> None:
    document = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
    schema = {
        "type": "object",
        "properties": {
            "documents": {"type": "array", "items": document},
            "top_k": {"type": "integer", "default": 10, "description": "How many."},
        },
    }

    rows = {row.name: row for row in field_rows(schema)}

    assert list(rows) == ["documents", "documents[].id", "top_k"]
    assert rows["documents[].id"].is_required
    assert not rows["top_k"].is_required
    assert str(rows["top_k"].type) == "integer; default <code>10</code>"
    assert str(rows["top_k"].meaning) == "How many."


def test_a_list_as_a_whole_body_has_the_fields_of_its_entries() -> None:
    schema = {"type": "array", "items": {"type": "object", "properties": {"id": TEXT}}}

    assert [row.name for row in field_rows(schema)] == ["[].id"]


def test_names_are_found_however_deep() -> None:
    inner = {"$ref": "#/components/schemas/B"}
    schema = {"anyOf": [{"$ref": "#/components/schemas/A"}, {"items": inner}]}

    assert list(named_in([schema])) == ["A", "B"]
