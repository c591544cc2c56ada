"""Every call has an example of what is sent and answered, and each is what its schema allows."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runtime.settings import Settings
from web.openapi.document import openapi_document
from web.openapi.examples.all_examples import EXAMPLES

DOCUMENT = openapi_document(version="0", settings=Settings())
CALLS: dict[str, Any] = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}


def is_valid(value: object, schema: dict[str, Any]) -> bool:
    whole = schema | {"components": DOCUMENT["components"]}
    return Draft202012Validator(whole).is_valid(value)


def contents(call: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the contents of a call's body and of what is not an error, each with its place."""
    for media, content in call.get("requestBody", {}).get("content", {}).items():
        yield media, content
    for status, answer in call["responses"].items():
        if status < "300":
            for media, content in answer.get("content", {}).items():
                yield f"{status} {media}", content


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_examples_that_its_schemas_allow(name: str) -> None:
    shown = dict(contents(CALLS[name]))
    wrong = [
        place for place, content in shown.items()
        if "example" in content and not is_valid(content["example"], content["schema"])
    ]  # fmt: skip

    assert wrong == []
    assert [place for place, content in shown.items() if content.get("example") is None] == []


def test_an_example_that_breaks_its_schema_would_be_found() -> None:
    schema = CALLS["ask"]["requestBody"]["content"]["application/json"]["schema"]

    assert is_valid({"question": "Who?"}, schema)
    assert not is_valid({"question": "Who?", "top_k": 51}, schema)
    assert not is_valid({"query": "Who?"}, schema)


def test_no_example_is_of_a_call_that_is_not_there() -> None:
    assert EXAMPLES.keys() - CALLS.keys() == set()


@pytest.mark.parametrize("name", CALLS)
def test_a_parameter_of_a_path_has_an_example_that_its_schema_allows(name: str) -> None:
    parameters = CALLS[name].get("parameters", [])

    for one in parameters:
        assert one["description"], one["name"]
        if one["in"] == "path" or "example" in one:
            assert is_valid(one["example"], one["schema"]), one["name"]


@pytest.mark.parametrize("name", DOCUMENT["components"]["responses"])
def test_a_refusal_has_an_example_of_its_problem(name: str) -> None:
    (content,) = DOCUMENT["components"]["responses"][name]["content"].values()

    assert is_valid(content["example"], content["schema"])
    assert set(content["example"]) <= set(
        DOCUMENT["components"]["schemas"]["Problem"]["properties"]
    )


def test_every_refusal_of_a_call_is_described_or_points_at_one_that_is() -> None:
    for name, call in CALLS.items():
        for status, answer in call["responses"].items():
            shared = answer.get("$ref", "").rpartition("/")[2]
            told = DOCUMENT["components"]["responses"][shared] if shared else answer

            assert told["description"], (name, status)
