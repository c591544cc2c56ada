"""Requests in rows: of this build, of one before it and of one after it."""

import orjson
import pytest

from intake.requests import read_check, read_query, read_search
from jobs.requests import (
    CheckRequest,
    EmbeddingRequest,
    IngestTerms,
    QueryRequest,
    SearchRequest,
)
from rag.answers.conversation import Turn
from runtime.settings import Settings

#: As earlier builds wrote them.
QUERY = (
    '{"question":"And how deep is it?","history":[{"role":"user","text":"Where is the well?"},'
    '{"role":"assistant","text":"In Aston [1]."}],"collection":"county","top_k":10,'
    '"filters":{"year":{"gte":1904}},"priority":"batch","max_tokens":200,"temperature":0.5,'
    '"trace":true,"deadline_s":300,"cancel_on_disconnect":true}'
)
SEARCH = (
    '{"query":"wells","collection":"county","top_k":3,"filters":null,"mode":"dense","trace":true}'
)
CHECK = '{"collection":null,"repair":true}'


def test_a_question_of_an_earlier_build_is_read() -> None:
    assert QueryRequest.from_row({"request": QUERY, "kind": "query"}) == QueryRequest(
        question="And how deep is it?",
        history=(Turn("user", "Where is the well?"), Turn("assistant", "In Aston [1].")),
        collection="county",
        top_k=10,
        filters={"year": {"gte": 1904}},
        priority="batch",
        max_tokens=200,
        temperature=0.5,
        trace=True,
        deadline_s=300,
        cancel_on_disconnect=True,
    )


def test_a_search_and_a_check_of_an_earlier_build_are_read() -> None:
    assert SearchRequest.from_row({"request": SEARCH}) == SearchRequest(
        query="wells", collection="county", top_k=3, mode="dense", trace=True
    )
    assert CheckRequest.from_row({"request": CHECK}) == CheckRequest(repair=True)


@pytest.mark.parametrize(
    ("kind", "text"), [(QueryRequest, QUERY), (SearchRequest, SEARCH), (CheckRequest, CHECK)]
)
def test_a_row_is_written_as_earlier_builds_read_it(
    kind: type[QueryRequest | SearchRequest | CheckRequest], text: str
) -> None:
    assert orjson.dumps(kind.from_row({"request": text}).as_json()).decode() == text


def test_what_a_row_lacks_has_its_default_and_what_is_not_known_is_left_out() -> None:
    asked = QueryRequest.from_row({"request": '{"question":"x","top_k":1,"deadline_s":2,"mood":1}'})
    search = SearchRequest.from_row({"request": '{"query":"x","top_k":1,"history":[]}'})

    assert asked == QueryRequest(question="x", top_k=1, deadline_s=2)
    assert search == SearchRequest(query="x", top_k=1)
    assert CheckRequest.from_row({"request": "{}"}) == CheckRequest()


def test_what_is_taken_in_is_what_is_read_back() -> None:
    settings = Settings()
    turns = [{"role": "user", "text": "a"}, {"role": "assistant", "content": "b"}]
    asked = [
        read_query({"question": "x", "temperature": 1, "history": turns}, settings),
        read_search({"query": "x", "filters": {"year": 1904}}, settings),
        read_check({"collection": "county"}),
    ]

    for one in asked:
        assert type(one).from_row({"request": orjson.dumps(one.as_json()).decode()}) == one


def test_the_terms_of_an_ingest_are_read_from_the_row_of_its_job_and_written_as_they_were() -> None:
    kept = {
        "kind": "ingest", "collection": "county", "incarnation": "01M8M0", "priority": "batch",
        "on_duplicate": "skip", "metadata": '{"year":1904}',
    }  # fmt: skip
    terms = IngestTerms.from_row(kept | {"state": "running", "total": "2", "sealed": "0"})

    assert terms == IngestTerms(
        collection="county", collection_id="01M8M0", priority="batch", on_duplicate="skip",
        metadata='{"year":1904}',
    )  # fmt: skip
    assert terms.as_row() == kept


def test_how_long_vectors_are_to_be_is_written_where_somebody_said_it() -> None:
    usual, said = EmbeddingRequest(texts=("a",)), EmbeddingRequest(texts=("a",), dimensions=3)

    assert usual.as_json() == {"collection": "default", "texts": ("a",), "truncate": False}
    row = {"request": orjson.dumps(said.as_json()).decode()}
    assert EmbeddingRequest.from_row(row).dimensions == 3
