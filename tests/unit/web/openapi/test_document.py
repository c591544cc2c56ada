"""The description says of a body what its reader does."""

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from intake.documents import read_listing
from intake.errors import InvalidQuestions, TooManyQuestions
from intake.question_lists.formats import from_list
from intake.question_lists.reading import read_list
from intake.requests import (
    read_check,
    read_ingest,
    read_new_collection,
    read_query,
    read_reindex,
    read_search,
)
from rag.errors import InvalidRequest
from runtime.settings import Settings
from web.openapi.document import openapi_document

SETTINGS = Settings(max_top_k=7, top_k=3, max_question_bytes=40, max_questions=3)
DOCUMENT = openapi_document(version="0", settings=SETTINGS)


def read_questions(body: Any) -> object:
    of_all = dict(body)
    return read_list(of_all, from_list(of_all.pop("questions", None), "questions"), SETTINGS)


READERS: dict[str, Callable[[Any], object]] = {
    "Questions": read_questions,
    "Query": lambda body: read_query(body, SETTINGS),
    "Search": lambda body: read_search(body, SETTINGS),
    "Ingest": lambda body: read_ingest(body, SETTINGS),
    "Check": read_check,
    "Reindex": read_reindex,
    "NewCollection": read_new_collection,
    "Listing": read_listing,
}
TURN = {"role": "user", "text": "Where?"}
RIGHT: dict[str, list[Any]] = {
    "Query": [
        {"question": "Who?", "top_k": 0},
        {"question": "W" * 40, "top_k": 7, "history": [TURN, {"role": "user", "content": "a"}]},
        {"question": "Who?", "max_tokens": None, "temperature": None, "filters": None},
        {"question": "Who?", "priority": "batch", "filters": {"year": {"gte": 1904}}},
    ],
    "Questions": [
        {"questions": [{"question": "Who?", "id": 7}, {"question": "Who?", "top_k": None}]},
        {"questions": [{"question": "Who?", "history": [TURN]}], "filters": {"a": 1}, "top_k": 0},
    ],
    "Search": [{"query": "well", "mode": "sparse", "top_k": 1, "filters": {}}],
    "Ingest": [{}, {"open": True, "metadata": {"tags": ["a", 1, True]}, "on_duplicate": "skip"}],
    "Check": [{}, {"collection": None}, {"collection": "books", "repair": True}],
    "Reindex": [{"collection": "books"}],
    "NewCollection": [{"name": "books"}],
    "Listing": [[], [{"id": "a/b.md", "sha256": "0a" * 32}]],
}
WRONG: dict[str, list[Any]] = {
    "Query": [
        {},
        {"question": " "},
        {"question": "W" * 41},
        {"question": "Who?", "top_k": 8},
        {"question": "Who?", "top_k": None},
        {"question": "Who?", "temperature": 2.5},
        {"question": "Who?", "deadline_s": 0},
        {"question": "Who?", "history": [TURN] * 21},
        {"question": "Who?", "history": [TURN | {"content": "a"}]},
        {"question": "Who?", "callback_url": "https://example.org"},
    ],
    "Questions": [
        {},
        {"questions": []},
        {"questions": [{"question": " "}]},
        {"questions": [{"question": "Who?", "id": ""}]},
        {"questions": [{"question": "Who?", "collection": "a"}]},
        {"questions": [{"question": "Who?"}] * 4},
        {"questions": [{"question": "Who?"}], "priority": "batch"},
    ],
    "Search": [{"query": "well", "top_k": 0}, {"query": "well", "mode": "fast"}],
    "Ingest": [{"metadata": {"a": None}}, {"open": 1}, {"collection": "a/b"}],
    "Check": [[], {"collection": "a/b"}, {"repair": None}],
    "Reindex": [{}, {"collection": None}],
    "NewCollection": [{}, {"name": "-"}, {"name": "a", "collection": "a"}],
    "Listing": [{}, [{"id": "a", "sha256": "0A" * 32}], [{"id": "", "sha256": "0a" * 32}]],
}


def described(name: str, body: object) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return Draft202012Validator(schema).is_valid(body)


@pytest.mark.parametrize(
    ("name", "body"), [(n, body) for n, some in RIGHT.items() for body in some]
)
def test_what_is_accepted_is_described(name: str, body: object) -> None:
    READERS[name](body)

    assert described(name, body)


@pytest.mark.parametrize(
    ("name", "body"), [(n, body) for n, some in WRONG.items() for body in some]
)
def test_what_is_refused_is_not_described(name: str, body: object) -> None:
    with pytest.raises((InvalidRequest, InvalidQuestions, TooManyQuestions)):
        READERS[name](body)

    assert not described(name, body)


def test_defaults_are_those_of_the_settings_and_a_required_field_has_none() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas["Query"]["properties"]["top_k"]["default"] == 3
    assert schemas["Query"]["properties"]["collection"]["default"] == "default"
    for body in ("Query", "Search", "Reindex", "NewCollection"):
        for name in schemas[body]["required"]:
            assert "default" not in schemas[body]["properties"][name], (body, name)


def test_offsets_and_generations_have_an_upper_bound() -> None:
    path = "/api/collections/{name}/documents/{document_id}/text"
    parameters = DOCUMENT["paths"][path]["get"]["parameters"]
    numbers = [one["schema"] for one in parameters if one["in"] == "query"]

    assert numbers == [{"type": "integer", "minimum": 0, "maximum": 2**53}] * 3
