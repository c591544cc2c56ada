from dataclasses import fields, replace

import pytest
from hypothesis import given

from intake.requests import (
    COLLECTION_NAME,
    IngestRequest,
    ingest_fields,
    query_fields,
    read_check,
    read_ingest,
    read_new_collection,
    read_query,
    read_reindex,
    read_search,
    search_fields,
)
from jobs.requests import QueryRequest, SearchRequest
from rag.answers.conversation import Turn
from rag.errors import InvalidRequest
from runtime.settings import Settings
from tests.unit.intake.test_documents import JSON

SETTINGS = Settings()


def refused(error: pytest.ExceptionInfo[InvalidRequest]) -> str:
    return error.value.field


def test_a_question_gets_the_defaults_of_the_settings() -> None:
    asked = read_query({"question": "x"}, SETTINGS)

    assert (asked.collection, asked.top_k, asked.priority) == ("default", 10, "interactive")
    assert asked.deadline_s == 300


def test_a_batch_question_gets_the_deadline_of_batches() -> None:
    asked = read_query({"question": "x", "priority": "batch"}, SETTINGS)

    assert asked.deadline_s == 86_400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", None),
        ("question", "  "),
        ("question", "ä" * 5_000),
        ("question", "\ud800"),
        ("top_k", -1),
        ("top_k", 51),
        ("top_k", True),
        ("top_k", 1.5),
        ("priority", "urgent"),
        ("priority", ["batch"]),
        ("collection", "a/b"),
        ("collection", ""),
        ("max_tokens", 0),
        ("temperature", 2.1),
        ("temperature", "hot"),
        ("trace", 1),
        ("deadline_s", 0),
        ("cancel_on_disconnect", "yes"),
        ("callback_url", "https://example.org"),
        ("unheard_of", 1),
        ("filters", "author"),
        ("filters", []),
    ],
)
def test_a_wrong_field_of_a_question_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_query({"question": "x"} | {field: value}, SETTINGS)

    assert refused(error) == field


def test_a_turn_may_call_its_text_content() -> None:
    history = [{"role": "user", "text": "a"}, {"role": "assistant", "content": "b"}]

    asked = read_query({"question": "x", "history": history}, SETTINGS)

    assert asked.history == (Turn("user", "a"), Turn("assistant", "b"))
    assert asked.as_json()["history"] == [
        {"role": "user", "text": "a"}, {"role": "assistant", "text": "b"},
    ]  # fmt: skip


TURN = {"role": "user", "text": "a"}


@pytest.mark.parametrize(
    ("history", "field"),
    [
        ("a", "history"),
        ([TURN] * 21, "history"),
        ([TURN | {"text": "a" * 4_000}] * 20, "history"),
        ([TURN, "a"], "history[1]"),
        ([{"text": "a"}], "history[0].role"),
        ([TURN | {"role": "system"}], "history[0].role"),
        ([TURN | {"role": ["user"]}], "history[0].role"),
        ([{"role": "user"}], "history[0].text"),
        ([TURN | {"text": " "}], "history[0].text"),
        ([TURN | {"text": "\ud800"}], "history[0].text"),
        ([TURN | {"content": "b"}], "history[0].content"),
        ([{"role": "user", "content": 1}], "history[0].content"),
        ([TURN | {"name": "Eve"}], "history[0].name"),
    ],
)
def test_a_wrong_turn_is_named(history: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_query({"question": "x", "history": history}, SETTINGS)

    assert refused(error) == field


def test_what_is_planned_is_told_apart_from_what_is_unknown() -> None:
    with pytest.raises(InvalidRequest, match="not supported by this version"):
        read_query({"question": "x", "callback_url": 1}, SETTINGS)


def test_a_filter_is_kept_as_it_was_given_and_an_empty_one_is_none() -> None:
    given_filter = {"year": {"gte": 1968}, "not": {"author": "Knuth"}}
    asked = read_query({"question": "x", "filters": given_filter}, SETTINGS)
    search = read_search({"query": "x", "filters": given_filter}, SETTINGS)

    assert asked.as_json()["filters"] == search.as_json()["filters"] == given_filter
    assert read_search({"query": "x", "filters": {}}, SETTINGS).filters is None
    assert read_search({"query": "x", "filters": None}, SETTINGS).filters is None


def test_a_search_needs_at_least_one_passage() -> None:
    with pytest.raises(InvalidRequest) as error:
        read_search({"query": "x", "top_k": 0}, SETTINGS)

    assert refused(error) == "top_k"


@given(body=JSON)
def test_any_json_is_accepted_or_refused_in_words(body: object) -> None:
    for read in (read_query, read_search, read_ingest):
        try:
            read(body, SETTINGS)
        except InvalidRequest as error:
            assert error.message  # noqa: PT017  # both ends are fine, neither is expected


@pytest.mark.parametrize("value", ["-a", ".a", "a b", "a" * 64, "a\n", "ü"])
def test_a_collection_has_a_plain_name(value: str) -> None:
    with pytest.raises(InvalidRequest):
        COLLECTION_NAME.read(value, "collection")


def test_the_fields_that_are_declared_are_those_of_the_request() -> None:
    def named(kind: type[QueryRequest | SearchRequest | IngestRequest]) -> set[str]:
        return {field.name for field in fields(kind)}

    # Only `/v1` knows words for these.
    others = {"instructions", "least_score", "calibrated", "named", "also"}
    assert set(query_fields(SETTINGS).properties) == named(QueryRequest) - others
    assert set(search_fields(SETTINGS).properties) == named(SearchRequest) - others
    assert set(ingest_fields(SETTINGS).properties) == (named(IngestRequest) - {"keep_open"}) | {
        "open"
    }


def test_bounds_and_defaults_are_those_of_the_settings() -> None:
    small = replace(SETTINGS, max_top_k=4, top_k=3, max_question_bytes=5)
    described = query_fields(small).properties

    top_k = {"type": "integer", "minimum": 0, "maximum": 4, "default": 3}
    assert described["top_k"] == top_k | {"description": described["top_k"]["description"]}
    assert described["question"]["maxLength"] == 5
    assert read_query({"question": "12345"}, small).top_k == 3
    for wrong in ({"question": "123456"}, {"question": "1", "top_k": 5}):
        with pytest.raises(InvalidRequest):
            read_query(wrong, small)


def test_an_ingest_is_of_batches_and_may_stay_open() -> None:
    usual, other = (
        read_ingest(body, SETTINGS) for body in ({}, {"open": True, "priority": "interactive"})
    )

    assert (usual.priority, usual.on_duplicate, usual.keep_open) == ("batch", "index", False)
    assert usual.deadline_s == SETTINGS.batch_deadline_s
    assert (other.priority, other.keep_open) == ("interactive", True)


def test_a_check_is_of_all_collections_or_of_one_and_other_calls_need_a_name() -> None:
    assert read_check({}).collection is read_check({"collection": None}).collection is None
    assert read_check({"collection": "books", "repair": True}).repair
    assert read_reindex({"collection": "books"}) == read_new_collection({"name": "books"})
    for read, field in ((read_reindex, "collection"), (read_new_collection, "name")):
        with pytest.raises(InvalidRequest) as error:
            read({})
        assert refused(error) == field
