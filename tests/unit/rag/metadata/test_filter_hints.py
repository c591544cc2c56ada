"""Why a filter matches nothing, as far as its names and the kinds of its values tell."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pytest

from rag.answers.reasons import reason
from rag.documents import Value
from rag.metadata import filter_hints
from rag.metadata.columns import Columns
from rag.metadata.filter_hints import (
    CHARACTERS,
    MOST,
    NAMES,
    TOLD,
    WHOLE,
    bounded,
    hints,
    uncompared,
)
from rag.metadata.filters import facts, parse

KNOWN: list[dict[str, Value]] = [
    {"version": "1.10", "price": 7.5, "release date": "2024-02-29"},
    {"version": "1.1", "tags": ["pump", 3], "title": 7},
    {"gone": 1},
]
KINDS = "the field '{}' holds {} in these documents, and the filter asks for {}"

THERE = (
    "the fields are 'metadata.title', 'price', 'release date', 'tags', 'version', 'document_id', "
    "'title'"
)

TOO = "the field '{}' holds {} too in these documents, which no {} is compared with"


def told(asked: dict[str, Any]) -> list[str]:
    columns = Columns()
    for n, known in enumerate(KNOWN):
        columns.append(facts(f"d{n}", f"Title {n}", known))
    wanted = parse(asked)
    assert wanted is not None
    return hints(wanted, columns.fields(100)(np.array([True, True, False])))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"Version": "1.2"}, ["no document has a field 'Version'; did you mean 'version'?"]),
        ({"verison": "1.2"}, ["no document has a field 'verison'; did you mean 'version'?"]),
        ({"release_date": "x"},
         ["no document has a field 'release_date'; did you mean 'release date'?"]),
        ({"nosuchfield": 1}, ["no document has a field 'nosuchfield'", THERE]),
        ({"gone": 1}, ["no document has a field 'gone'", THERE]),
        ({"Document_ID": "d1"},
         ["no document has a field 'Document_ID'; did you mean 'document_id'?"]),
        ({"metadata.titel": 1}, ["no document has a field 'titel'; did you mean 'title'?"]),
        ({"version": 1.2},
         [KINDS.format("version", "text", "numbers")]),
        ({"version": {"gte": 2}},
         [KINDS.format("version", "text", "numbers")]),
        ({"price": {"in": ["7.50", True]}},
         [KINDS.format("price", "numbers", "true or false and text")]),
        ({"tags": True},
         [KINDS.format("tags", "numbers and text", "true or false")]),
        ({"Price": {"exists": True}}, ["no document has a field 'Price'; did you mean 'price'?"]),
        ({"version": {"in": [1.2, "1.2"]}}, [WHOLE]),
        ({"title": "title 1"}, [WHOLE]),
        ({"version": "9", "price": 1, "tags": "x", "title": "x"}, [WHOLE]),
        ({"price": 1}, []),
        ({"version": {"in": []}}, []),
        ({"not": {"Version": 1}, "version": "9"}, [WHOLE]),
        ({"or": [{"Version": "1"}, {"and": [{"Version": "2"}, {"version": 9}]}]},
         ["no document has a field 'Version'; did you mean 'version'?",
          KINDS.format("version", "text", "numbers")]),
    ],
)  # fmt: skip
def test_a_filter_is_told_by_its_names_and_kinds(asked: dict[str, Any], said: list[str]) -> None:
    assert told(asked) == said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tags": {"gte": 2}}, [TOO.format("tags", "text", "number")]),
        ({"tags": {"gte": "a", "lt": "z"}, "price": {"gt": 7}},
         [TOO.format("tags", "numbers", "text")]),
        ({"price": {"gt": 7}, "version": {"gt": "1"}}, []),
        ({"version": {"gt": 1}, "absent": {"gt": 1}, "tags": 3}, []),
        ({"not": {"tags": {"gte": 2}}}, []),
    ],
)  # fmt: skip
def test_a_bound_tells_which_values_it_passes_over(asked: dict[str, Any], said: list[str]) -> None:
    columns, wanted = Columns(), parse(asked)
    assert wanted is not None
    for n, known in enumerate(KNOWN):
        columns.append(facts(f"d{n}", f"Title {n}", known))

    assert uncompared(wanted, columns.fields(100, bounded(wanted))(np.ones(3, dtype=bool))) == said


def test_not_everything_is_said_at_once() -> None:
    assert len(told({f"absent{n}": n for n in range(20)})) == MOST


def test_so_many_names_of_such_a_length_are_compared_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[str, list[str]]] = []

    def matches(name: str, names: Iterable[str], **more: Any) -> list[str]:
        compared.append((name, list(names)))
        return get_close_matches(name, names, **more)

    monkeypatch.setattr(filter_hints, "get_close_matches", matches)
    known = {f"metadata.{'x' * 40}{n}": frozenset({"text"}) for n in range(2_000)}
    known |= {f"metadata.{'y' * 4_000}": frozenset({"text"})}
    wanted = parse({f"{'x' * 39}z{n}": "v" for n in range(60)} | {"y" * 3_999: "v"})
    assert wanted is not None
    said = hints(wanted, known)

    assert len(said) == len(compared) == MOST
    assert {len(names) for _, names in compared} == {NAMES}
    assert max(len(name) for one, names in compared for name in (one, *names)) <= CHARACTERS
    long = parse({"y" * 3_999: "v"})
    assert long is not None
    first, second = hints(long, known)
    assert first == f"no document has a field '{'y' * 63}\u2026'"
    assert second.startswith("the fields are 'xxx")
    assert second.count(", ") == TOLD


def test_columns_tell_of_the_documents_asked_for_as_they_were() -> None:
    columns = Columns()
    columns.append({"metadata.a": [1, "x"], "title": "T"})
    columns.append({"metadata.b": True})
    tell = columns.fields(100)
    for n in range(100):
        columns.append({"metadata.a": False, f"metadata.{n}": n})

    assert tell(np.array([True, False])) == {
        "metadata.a": frozenset({"number", "text"}),
        "title": frozenset({"text"}),
    }
    assert tell(np.array([False, True])) == {"metadata.b": frozenset({"boolean"})}
    assert len(columns.fields(3)(np.ones(102, dtype=np.bool_))) == 3


def test_the_plainest_reason_is_told() -> None:
    assert reason(documents=0, unmatched=True) == "no_documents"
    assert reason(documents=3, unmatched=True) == "nothing_matches_filter"
    assert reason(documents=3, unmatched=False) == "not_in_documents"
    assert reason(documents=0, unmatched=False, searched=False) == "not_searched"
