"""What is asked of vector stores and cannot be done: refused, and named."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.errors import Full
from jobs.requests import SearchRequest
from protocol.keys import key
from tests.integration.conftest import parts_of

openai = pytest.importorskip("openai")

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "a", "max_num_results": 51}, "max_num_results"),
        ({"query": "a", "filters": {"type": "like", "key": "a", "value": "b"}}, "filters.type"),
        ({"query": "a", "filters": {"type": "and", "filters": []}}, "filters.filters"),
        ({"query": "a", "filters": {"type": "in", "key": "a", "value": "b"}}, "filters.value"),
        ({"query": "a", "ranking_options": {"ranker": "mine"}}, "ranking_options.ranker"),
        (
            {"query": "a", "ranking_options": {"score_threshold": 2}},
            "ranking_options.score_threshold",
        ),
    ],
)
def test_a_search_that_cannot_be_done_names_the_field(
    client: FlaskClient, body: Json, param: str
) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    answer = client.post(f"/v1/vector_stores/{store}/search", json=body)

    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {"name": 5}, "name"),
        ("", {"metadata": {"a": 1}}, "metadata.a"),
        ("", {"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days"),
        ("", {"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ("", {"file_ids": ["a"] * 501}, "file_ids"),
        ("/ID/files", {}, "file_id"),
        ("/ID/files", {"file_id": "a", "attributes": {"a": []}}, "attributes.a"),
        ("/ID/files", {"file_id": "a", "attributes": {"a": "x" * 513}}, "attributes.a"),
        (
            "/ID/files",
            {"file_id": "a", "chunking_strategy": {"type": "semantic"}},
            "chunking_strategy.type",
        ),
        (
            "/ID/files",
            {
                "file_id": "a",
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 101},
                },
            },
            "chunking_strategy.static.chunk_overlap_tokens",
        ),
        ("/ID/file_batches", {}, "file_ids"),
        ("/ID/file_batches", {"file_ids": []}, "file_ids"),
        ("/ID/file_batches", {"file_ids": ["a"], "files": [{"file_id": "a"}]}, "file_ids"),
        ("/ID/file_batches", {"files": [{"file_id": 1}]}, "files[0].file_id"),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(
    client: FlaskClient, path: str, body: Json, param: str
) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    answer = client.post(f"/v1/vector_stores{path.replace('ID', store)}", json=body)

    assert answer.status_code == 400, answer.get_data(as_text=True)
    assert answer.get_json()["error"]["param"] == param
    assert client.get(f"/v1/vector_stores/{store}").get_json()["file_counts"]["total"] == 0


@pytest.mark.parametrize("limit", ["0", "101", "00000010099", "9" * 5_000, "²", "-1", "x", ""])
def test_a_page_has_no_more_than_is_allowed(client: FlaskClient, limit: str) -> None:
    answer = client.get("/v1/vector_stores", query_string={"limit": limit})

    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"] == "limit"


@pytest.mark.parametrize("seconds", ["3599", "000000003600999", "9" * 5_000, "²", "", None])
def test_a_file_is_kept_no_longer_than_may_be_asked(
    client: FlaskClient, seconds: str | None
) -> None:
    sent = {
        "purpose": "assistants", "file": (io.BytesIO(b"x"), "x.txt"),
        "expires_after[anchor]": "created_at",
    }  # fmt: skip
    more = {} if seconds is None else {"expires_after[seconds]": seconds}
    answer = client.post("/v1/files", data={**sent, **more})

    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"] == "expires_after[seconds]"


def test_a_search_that_is_refused_is_no_use_of_the_store(client: FlaskClient, app: Flask) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    name = key("store", store.removeprefix("vs_").upper())
    redis = parts_of(app).intake.redis
    redis.hset(name, "active", 1)
    answer = client.post(f"/v1/vector_stores/{store}/search", json={"query": ""})

    assert (answer.status_code, redis.hget(name, "active")) == (400, "1")


def test_of_several_searches_none_is_left_where_one_is_refused(
    client: FlaskClient, app: Flask
) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    parts = parts_of(app)
    search = parts.intake.queries.submit_search
    made: list[str] = []

    def full(request: SearchRequest) -> str:
        if made:
            raise Full(limit=1, depth=1)
        made.append(search(request))
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.intake.queries, "submit_search", full)
        answer = client.post(f"/v1/vector_stores/{store}/search", json={"query": ["a", "b"]})

    assert answer.status_code == 429
    assert parts.intake.redis.hget(key("unit", made[0]), "state") == "cancelled"


@pytest.mark.parametrize("purpose", ["evals", "fine-tune", ""])
def test_a_file_is_for_what_clients_can_read_back(client: FlaskClient, purpose: str) -> None:
    sent = {"file": (io.BytesIO(b"A."), "a.txt"), "purpose": purpose}
    answer = client.post("/v1/files", data=sent)

    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"] == "purpose"
