"""The types of the client are those of the API, as its description has them."""

import inspect
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from quern import calls, types
from runtime.settings import Settings
from web.openapi.document import openapi_document

DOCUMENT: Final = openapi_document(version="0", settings=Settings())
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
SCHEMA_OF: Final = {"Found": "SearchResult"}
TYPES: Final[dict[str, Any]] = {
    name: value
    for name, value in vars(types).items()
    if is_typeddict(value) and name != "Turn"  # is sent
}
PLAIN: Final = {
    "string": str, "integer": int, "number": float, "boolean": bool, "null": NoneType,
}  # fmt: skip
NOTHING: Final[set[str]] = set()
SENT: Final = [
    (calls.submit, "Query", {"cancel_on_disconnect"}),
    (calls.search, "Search", NOTHING),
    (calls.ask_many, "Questions", NOTHING),
    (calls.add_texts, "Ingest", {"open", "documents"}),
    (calls.add_files, "IngestForm", {"open", "file_metadata", "files"}),
]


def schema_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMAS[SCHEMA_OF.get(name, name)]
    return found


def fits(hint: Any, schema: dict[str, Any]) -> bool:
    """Return True if a type is what a schema allows, as far as the client tells types."""
    if hint is Any:
        return True
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return hint in TYPES.values() and schema_of(hint.__name__) is SCHEMAS[name]
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if "enum" in schema:
        named = get_args(hint) if get_origin(hint) is Literal else ()
        return set(named or parts) == (
            set(schema["enum"]) if named else {type(one) for one in schema["enum"]}
        )
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return len(parts) == len(kinds) and all(
        any(fits_kind(part, kind, schema) for part in parts) for kind in kinds
    )


def fits_kind(hint: Any, kind: str, schema: dict[str, Any]) -> bool:
    if kind == "array":
        inner = schema.get("items", {"type": "object"})
        return get_origin(hint) is list and fits(get_args(hint)[0], inner)
    if kind == "object":
        inner = schema.get("additionalProperties", {})
        return get_origin(hint) is dict and (
            get_args(hint)[1] is Any if not inner else fits(get_args(hint)[1], inner)
        )
    return hint is PLAIN[kind]


@pytest.mark.parametrize("name", TYPES)
def test_an_object_has_the_fields_that_the_api_tells(name: str) -> None:
    kind, schema = TYPES[name], schema_of(name)

    assert set(kind.__annotations__) == set(schema["properties"])
    assert set(kind.__required_keys__) == set(schema.get("required", ()))


@pytest.mark.parametrize("name", TYPES)
def test_a_field_is_of_the_kind_that_the_api_tells(name: str) -> None:
    hints, fields = get_type_hints(TYPES[name]), schema_of(name)["properties"]

    assert [one for one in hints if not fits(hints[one], fields[one])] == []


@pytest.mark.parametrize(("call", "name", "left_out"), SENT, ids=[name for _, name, _ in SENT])
def test_a_call_takes_what_the_api_takes(
    call: Callable[..., Any], name: str, left_out: set[str]
) -> None:
    takes = set(inspect.signature(call).parameters) - {"idempotency_key", "texts", "files"}

    assert takes == set(SCHEMAS[name]["properties"]) - left_out


def test_what_may_be_chosen_is_what_the_api_lets_one_choose() -> None:
    query, search, ingest = (SCHEMAS[name]["properties"] for name in ("Query", "Search", "Ingest"))

    assert set(get_args(types.Priority)) == set(query["priority"]["enum"])
    assert set(get_args(types.Mode)) == set(search["mode"]["enum"])
    assert set(get_args(types.OnDuplicate)) == set(ingest["on_duplicate"]["enum"])


@pytest.mark.parametrize(
    ("hint", "schema", "does"),
    [
        (str, {"type": "string"}, True),
        (int, {"type": "string"}, False),
        (str | None, {"type": ["string", "null"]}, True),
        (str, {"type": ["string", "null"]}, False),
        (str | None, {"type": "string"}, False),
        (list[str], {"type": "array", "items": {"type": "string"}}, True),
        (list[int], {"type": "array", "items": {"type": "string"}}, False),
        (Literal["a", "b"], {"enum": ["a", "b"]}, True),
        (Literal["a"], {"enum": ["a", "b"]}, False),
        (str | None, {"enum": ["a", None]}, True),
        (str, {"enum": ["a", None]}, False),
        (types.Source, {"$ref": "#/components/schemas/Source"}, True),
        (types.Source, {"$ref": "#/components/schemas/Citation"}, False),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, True),
        (dict[str, str], {"type": "object", "additionalProperties": {"type": "integer"}}, False),
        (dict[str, str], {"type": "object"}, False),
    ],
)
def test_a_type_that_does_not_fit_is_found(
    hint: Any,
    schema: dict[str, Any],
    does: bool,
) -> None:
    assert fits(hint, schema) is does
