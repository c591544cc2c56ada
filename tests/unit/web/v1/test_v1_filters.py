from typing import Any

import pytest

from rag.errors import InvalidRequest
from rag.metadata.filters import facts, holds, parse
from web.v1.filters import ours

FACTS = facts("a", "A", {"author": "Knuth", "year": 1968, "is_open": True})


def compare(kind: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize(
    ("given", "matches"),
    [
        (compare("eq", "author", "Knuth"), True), (compare("eq", "author", "Wirth"), False),
        (compare("ne", "author", "Wirth"), True), (compare("ne", "author", "Knuth"), False),
        (compare("gt", "year", 1967), True), (compare("gte", "year", 1968), True),
        (compare("lt", "year", 1968), False), (compare("lte", "year", 1968), True),
        (compare("in", "year", [1967, 1968]), True), (compare("nin", "year", [1968]), False),
        (compare("eq", "is_open", True), True), (compare("eq", "is_open", 1), False),
        (compare("eq", "year", "1968"), False), (compare("gt", "author", 3), False),
        (compare("eq", "none", 1), False), (compare("gt", "none", 1), False),
        (compare("in", "none", [1]), False), (compare("ne", "none", 1), True),
        (compare("nin", "none", [1]), True),
        (compare("eq", "document_id", "a"), False),  # an attribute, whatever it is called
        ({"type": "and", "filters": [compare("eq", "year", 1968)]}, True),
        ({"type": "and", "filters": [
            compare("eq", "year", 1968), compare("eq", "author", "Wirth")]}, False),
        ({"type": "or", "filters": [
            compare("eq", "year", 1), {"type": "and", "filters": [
                compare("gt", "year", 1), compare("ne", "author", "x")]}]}, True),
    ],
)  # fmt: skip
def test_a_filter_means_the_same_as_ours(given: dict[str, Any], matches: bool) -> None:
    wanted = parse(ours(given))

    assert wanted is not None
    assert holds(wanted, FACTS) is matches


def test_nothing_filters_nothing() -> None:
    assert ours(None) is None


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ([], "filters"), ({}, "filters.type"), ({"type": "and"}, "filters.filters"),
        ({"type": "or", "filters": []}, "filters.filters"),
        ({"type": "and", "filters": [{"type": "is"}]}, "filters.filters[0].type"),
        (compare("eq", "", 1), "filters.key"), (compare("eq", "a", None), "filters.value"),
        (compare("eq", "a", [1]), "filters.value"), (compare("in", "a", 1), "filters.value"),
        (compare("nin", "a", []), "filters.value"), (compare("in", "a", [{}]), "filters.value"),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_named(given: Any, place: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ours(given)

    assert refused.value.field == place


def test_filters_are_nested_so_deep_and_no_deeper() -> None:
    given: dict[str, Any] = compare("eq", "a", 1)
    for _ in range(8):
        given = {"type": "and", "filters": [given]}

    with pytest.raises(InvalidRequest, match="nested at most 8 deep"):
        ours(given)
