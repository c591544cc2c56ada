"""Filters in Chroma's own words, against what they mean: nothing that matches is kept out."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from ulid import ULID

from adapters.chroma.store import ChromaStore
from rag.documents import Chunk, Scalar, Value, chunk_id
from rag.metadata.filters import facts, holds, parse
from rag.ports import StoredChunk
from stack.up import Stack
from tests.support.filtering import VALUES, filters

LISTS: list[dict[str, Value]] = [
    {"a": []},
    *({"a": [value, "b"]} for value in VALUES),
    {"a": [1, 2], "b": 1},
    {"a": 1, "b": [1, 2], "and": ["a"]},
]
KNOWN: list[dict[str, Value]] = [
    {},
    *({"a": value} for value in VALUES),
    *({"b": value, "a": 1} for value in (1, 1.0, True, "1")),
    {"and": "a", "metadata.a": "b", "a": "b"},
    *LISTS,
]
#: Of a list Chroma is told that it is there, so that all of them pass: here those without.
PLAIN = {f"d{n}" for n, known in enumerate(KNOWN) if known not in LISTS}


class Stored:
    """Documents of every kind of value in one collection."""

    def __init__(self, url: str) -> None:
        self.store = ChromaStore(url)
        self.collection_id = str(ULID())
        self.store.create(self.collection_id)
        self.chunks = [
            StoredChunk(chunk_id(f"d{n}", 1, 0), Chunk(0, 0, 1, "x"), 1, f"Title of d{n}", known)
            for n, known in enumerate(KNOWN)
        ]
        self.vector = np.ones(3, dtype=np.float32)
        vectors = np.ones((len(KNOWN), 3), dtype=np.float32)
        self.store.upsert(self.collection_id, self.chunks, vectors)

    def found(self, asked: dict[str, Any]) -> set[str]:
        wanted = parse(asked)
        assert wanted is not None
        hits = self.store.search_where(self.collection_id, self.vector, limit=99, filters=wanted)
        return {name.split(":")[0] for name, _ in hits}

    def matching(self, asked: dict[str, Any]) -> set[str]:
        wanted = parse(asked)
        assert wanted is not None
        return {
            f"d{n}"
            for n, known in enumerate(KNOWN)
            if holds(wanted, facts(f"d{n}", f"Title of d{n}", known))
        }


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    with Stack.start(data_dir=tmp_path_factory.mktemp("chroma"), only=("chroma",)) as stack:
        stored = Stored(stack.chroma_url)
        yield stored
        stored.store.close()


@settings(max_examples=150, deadline=None)
@given(asked=filters)
@example(asked={"a": {"not_in": [9.3e18]}})  # chromadb 1.5.9 takes it for 2**63 - 1
def test_chroma_keeps_nothing_out_that_matches(stored: Stored, asked: dict[str, Any]) -> None:
    assert stored.matching(asked) <= stored.found(asked)


@pytest.mark.parametrize("value", [1.5, -0.5, 0.1, 2**53 + 1, 2**63 - 1])
def test_what_is_not_a_number_that_chroma_rounds_is_kept(stored: Stored, value: Scalar) -> None:
    asked: list[dict[str, Any]] = [{"not": {"a": value}}, {"a": {"not_in": [value, "b"]}}]
    for each in asked:
        assert stored.matching(each) <= stored.found(each)


#: Of other numbers Chroma lets more pass: it compares fractions and whole numbers its own way.
SAID = [0, 1, 2, True, False, 0.0, 1.0, "1", "", "a", "ä", 2**53, -(2**63)]


@pytest.mark.parametrize("value", SAID, ids=repr)
def test_chroma_says_equality_and_membership_exactly(stored: Stored, value: Scalar) -> None:
    asked: list[dict[str, Any]] = [
        {"a": value},
        {"a": {"ne": value}},
        {"a": {"in": [value, "b"]}},
        {"a": {"not_in": [value, 2]}},
        {"not": {"or": [{"a": value}, {"b": 1}]}},
    ]

    assert [stored.found(each) & PLAIN for each in asked] == [
        stored.matching(each) & PLAIN for each in asked
    ]


@pytest.mark.parametrize("order", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("value", [0, 1, 2, 1.0])
def test_chroma_says_ranges_of_numbers_exactly(stored: Stored, order: str, value: Scalar) -> None:
    asked = {"a": {order: value}}

    assert stored.found(asked) & PLAIN == stored.matching(asked) & PLAIN


def test_what_chroma_cannot_say_lets_everything_pass(stored: Stored) -> None:
    everything = {f"d{n}" for n in range(len(KNOWN))}

    assert stored.found({"a": {"gt": "a"}}) == everything
    assert stored.found({"a": {"exists": True}}) == everything
    assert stored.found({"not": {"a": {"gt": 1}}}) == everything


def test_documents_are_found_by_their_id_and_title(stored: Stored) -> None:
    assert stored.found({"document_id": {"in": ["d1", "d2", "elsewhere"]}}) == {"d1", "d2"}
    assert stored.found({"title": "Title of d3"}) == {"d3"}
    assert stored.found({"document_id": {"in": []}}) == set()


def test_a_list_comes_back_as_it_was_and_passes_only_where_its_name_is_asked_for(
    stored: Stored,
) -> None:
    read = stored.store.get(stored.collection_id, [chunk.chunk_id for chunk in stored.chunks])
    number = KNOWN.index({"a": [1, 2], "b": 1})

    assert [dict(read[chunk.chunk_id].metadata) for chunk in stored.chunks] == KNOWN
    assert f"d{number}" in stored.found({"a": 2})
    assert f"d{number}" not in stored.found({"b": 2})
    assert f"d{number}" not in stored.found({"document_id": "d1"})


def test_a_name_that_nothing_has_matches_nothing(stored: Stored) -> None:
    assert stored.found({"never": 1}) == set()
