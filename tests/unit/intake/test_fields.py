"""What a field's schema says and what its reader accepts are one thing."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from intake.fields import Field, Fields, Kind, choice, flag, nullable, number, text, whole
from rag.errors import InvalidRequest

KINDS: list[tuple[Kind[Any], list[object], list[tuple[object, str]]]] = [
    (
        text(4),
        ["a", " a ", "abcd"],
        [
            ("", "must be a non-empty string"),
            (" ", "must be a non-empty string"),
            (None, "must be a non-empty string"),
            (1, "must be a non-empty string"),
            ("abcde", "must have at most 4 bytes"),
        ],
    ),
    (
        whole(2, 9),
        [2, 9],
        [(wrong, "must be a whole number from 2 to 9") for wrong in (1, 10, 2.5, True, "2", None)],
    ),
    (
        number(0, 2.0),
        [0, 1, 0.5, 2.0],
        [(wrong, "must be a number from 0 to 2.0") for wrong in (-0.1, 2.1, True, "1", None)],
    ),
    (
        choice("red", "green"),
        ["red", "green"],
        [(wrong, "must be one of: red, green") for wrong in ("blue", None, ["red"], {}, 1)],
    ),
    (flag(), [True, False], [(wrong, "must be true or false") for wrong in (0, 1, "true", None)]),
    (nullable(flag()), [None, True], [(0, "must be true or false")]),
]
CASES = [
    (kind, value, message)
    for kind, right, wrong in KINDS
    for value, message in [*((value, "") for value in right), *wrong]
]


@pytest.mark.parametrize(("kind", "value", "message"), CASES)
def test_what_is_read_is_what_is_described(kind: Kind[Any], value: object, message: str) -> None:
    assert Draft202012Validator(kind.schema).is_valid(value) == (not message)
    if not message:
        assert kind.read(value, "there") == value
        return
    with pytest.raises(InvalidRequest) as error:
        kind.read(value, "there")
    assert (error.value.field, error.value.message) == ("there", message)


def test_a_text_is_bounded_in_bytes() -> None:
    assert text(4).read("\u00e4\u00e4", "there") == "\u00e4\u00e4"
    with pytest.raises(InvalidRequest, match="at most 4 bytes"):
        text(4).read("\u00e4\u00e4a", "there")


def fields() -> Fields:
    return Fields(
        {
            "colour": Field(choice("red", "green"), default="red"),
            "size": Field(whole(1, 9), required=True, description="In metres."),
            "weight": Field(
                whole(1, 9), usual=lambda known: 2 if known["colour"] == "red" else known["size"]
            ),
            "painted": Field(flag(), default=False),
        },
        planned=("price",),
    )


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"size": 3}, ("red", 3, 2, False)),
        ({"size": 3, "colour": "green"}, ("green", 3, 3, False)),
        ({"size": 3, "weight": 7, "painted": True}, ("red", 3, 7, True)),
    ],
)
def test_what_is_absent_has_its_default_or_follows_from_the_fields_before(
    body: dict[str, Any], read: tuple[object, ...]
) -> None:
    assert tuple(fields().read(body).values()) == read


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ([], "{}", "must be a JSON object"),
        ({"size": 1, "price": 1}, "price", "is not supported by this version"),
        ({"size": 1, "age": 1}, "age", "is not a known field"),
        ({}, "size", "must be a whole number from 1 to 9"),
        ({"size": None}, "size", "must be a whole number from 1 to 9"),
        ({"size": 1, "weight": None}, "weight", "must be a whole number from 1 to 9"),
        ({"size": 0, "colour": "blue"}, "colour", "must be one of: red, green"),
    ],
)
def test_the_first_field_that_is_wrong_is_named_where_it_stands(
    body: object, field: str, message: str
) -> None:
    for where in ("", "things[4]"):
        with pytest.raises(InvalidRequest) as error:
            fields().read(body, where)
        expected = {"": "body", "things[4]": "things[4]"}[where] if field == "{}" else field
        if where and field != "{}":
            expected = f"{where}.{field}"
        assert (error.value.field, error.value.message) == (expected, message)


def test_an_object_is_described_by_its_fields() -> None:
    assert fields().schema == {
        "type": "object",
        "properties": {
            "colour": {"type": "string", "enum": ["red", "green"], "default": "red"},
            "size": {
                "type": "integer", "minimum": 1, "maximum": 9, "description": "In metres.",
            },
            "weight": {"type": "integer", "minimum": 1, "maximum": 9},
            "painted": {"type": "boolean"},
        },
        "additionalProperties": False,
        "required": ["size"],
    }  # fmt: skip
