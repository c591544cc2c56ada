"""Reading what is asked of vector stores: read as it is meant, or refused by its name."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import InvalidRequest
from web.v1.errors import V1Error
from web.v1.store_requests import (
    read_attributes,
    read_batch,
    read_chunking,
    read_file,
    read_search,
    read_store,
    read_store_change,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = (
    "name", "description", "metadata", "expires_after", "file_ids", "files", "file_id",
    "attributes", "chunking_strategy", "query", "filters", "max_num_results", "ranking_options",
    "rewrite_query", "type", "static", "key", "value", "anchor", "days",
)  # fmt: skip
search = partial(read_search, most_bytes=100)
READERS: list[Callable[[dict[str, Any]], object]] = [
    read_store, read_store_change, read_file, read_batch, search,
]  # fmt: skip


@given(st.sampled_from(READERS), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5))
def test_any_body_is_read_or_refused(
    read: Callable[[dict[str, Any]], object], body: dict[str, Any]
) -> None:
    with suppress(InvalidRequest, V1Error):  # whatever else it raises is a fault of ours
        read(body)


def test_a_store_has_what_is_usual_where_nothing_is_said() -> None:
    told = read_store({})

    assert (told.label, told.metadata, told.expires_days, list(told.files)) == ("", {}, None, [])
    assert read_store({"name": None, "metadata": None, "expires_after": None}) == told
    assert read_store({"unheard_of": 1}) == told


def test_what_is_not_sent_does_not_change_and_null_goes() -> None:
    assert read_store_change({}).fields == {}
    assert read_store_change({"name": None, "metadata": None, "expires_after": None}).fields == {
        "label": "", "metadata": "{}", "expires_days": None,
    }  # fmt: skip
    days = {"anchor": "last_active_at", "days": 7}
    assert read_store_change({"expires_after": days}).fields == {"expires_days": "7"}


def test_common_attributes_hold_for_ids_and_not_for_files_that_have_their_own() -> None:
    common: dict[str, Any] = {"attributes": {"a": 1}, "chunking_strategy": {"type": "auto"}}
    by_id = read_batch(common | {"file_ids": ["x", "y"]})
    alone = read_batch(common | {"files": [{"file_id": "x", "attributes": {"b": 2.5}}]})

    assert [(one.file_id, one.attributes) for one in by_id] == [("x", {"a": 1}), ("y", {"a": 1})]
    assert [(one.file_id, one.attributes) for one in alone] == [("x", {"b": 2.5})]


@pytest.mark.parametrize("count", [2_000, 2_001])
def test_a_batch_has_at_most_two_thousand_files(count: int) -> None:
    ids = [str(n) for n in range(count)]
    for body in ({"file_ids": ids}, {"files": [{"file_id": one} for one in ids]}):
        if count <= 2_000:
            assert len(read_batch(body)) == count
        else:
            with pytest.raises(InvalidRequest, match="2000"):
                read_batch(body)


@pytest.mark.parametrize(
    "given",
    [
        {str(n): n for n in range(17)}, {"a" * 65: 1}, {"a": "x" * 513}, {"a": None}, {"a": [1]},
        {"": 1}, {"a": float("inf")}, {"a": 2**70}, "text", {"a": "\ud800"},
    ],
)  # fmt: skip
def test_attributes_have_bounds(given: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_attributes(given)


def test_attributes_are_texts_numbers_and_flags() -> None:
    told = {"text": "x" * 512, "n": 1, "half": 0.5, "yes": True, "a" * 64: ""}

    assert read_attributes(told) == told
    assert read_attributes(None) == {}


@pytest.mark.parametrize(
    ("most", "overlap", "is_good"),
    [(100, 0, True), (100, 50, True), (4_096, 2_048, True), (100, 51, False), (99, 0, False),
     (4_097, 0, False), (True, 0, False), (200, -1, False), (200, None, False)],
)  # fmt: skip
def test_chunks_overlap_by_half_at_most(most: Any, overlap: Any, is_good: bool) -> None:
    given = {
        "type": "static",
        "static": {"max_chunk_size_tokens": most, "chunk_overlap_tokens": overlap},
    }
    if is_good:
        assert read_chunking(given) == (most, overlap)
    else:
        with pytest.raises(InvalidRequest) as refused:
            read_chunking(given)
        assert refused.value.field.startswith("chunking_strategy.static.")


def test_a_search_has_what_is_usual_where_nothing_is_said() -> None:
    told = search({"query": "Why?"})

    assert (told.queries, told.most, told.least_score, told.mode) == (["Why?"], 10, 0.0, "hybrid")
    assert told.filters is None
    assert search({"query": ["a", "b", "a"]}).queries == ["a", "b"]


@pytest.mark.parametrize(
    ("weights", "mode"), [((1, 1), "hybrid"), ((1, 0), "dense"), ((0, 0.5), "sparse")]
)
def test_weights_say_what_is_searched_by(weights: tuple[float, float], mode: str) -> None:
    meaning, words = weights
    ranking = {"hybrid_search": {"embedding_weight": meaning, "text_weight": words}}

    assert search({"query": "a", "ranking_options": ranking}).mode == mode


@pytest.mark.parametrize("count", [0, 11])
def test_a_search_has_one_to_ten_queries(count: int) -> None:
    with pytest.raises(InvalidRequest, match="10"):
        search({"query": ["a"] * count})


def test_a_store_may_be_made_of_no_files_and_no_batch_may() -> None:
    assert list(read_store({"file_ids": []}).files) == []
    with pytest.raises(InvalidRequest, match="1 to 2000"):
        read_batch({"file_ids": []})
