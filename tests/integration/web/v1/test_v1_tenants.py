"""Stores and files of one tenant are not there for another, on any route of `/v1`."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from access.grants import Grant, Scope
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app

BLUEPRINTS = (
    "v1_files", "v1_vector_stores", "v1_vector_store_files", "v1_file_batches", "v1_models",
)  # fmt: skip
#: What a call sends, by its endpoint.
BODIES: dict[str, Any] = {
    "v1_vector_stores.update": {"name": "mine"},
    "v1_vector_stores.search": {"query": "Why?"},
    "v1_vector_store_files.create": {"file_id": "FILE"},
    "v1_vector_store_files.update": {"attributes": {"a": 1}},
    "v1_file_batches.create": {"file_ids": ["FILE"]},
}
NOWHERE = {
    "store_id": f"vs_{'0' * 26}", "file_id": f"file-{'0' * 24}", "batch_id": f"vsfb_{'0' * 32}",
    "name": "quern:nothing",
}  # fmt: skip


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, keys="on"))
    yield app
    parts_of(app).close()


def caller(app: Flask, grant: Grant) -> FlaskClient:
    _, token = parts_of(app).api_keys.create(grant, name=grant.tenant)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture
def acme(guarded: Flask) -> FlaskClient:
    return caller(guarded, Grant(tenant="acme"))


@pytest.fixture
def stranger(guarded: Flask) -> FlaskClient:
    return caller(guarded, Grant(tenant="stranger"))


@pytest.fixture
def theirs(guarded: Flask, acme: FlaskClient) -> dict[str, str]:
    """What belongs to acme: a store with a file in a batch, and a collection."""
    made = acme.post("/v1/vector_stores", json={"name": "xylophones"}).get_json()["id"]
    sent = {"file": (io.BytesIO(b"The xylophone is out of tune."), "xylophone.txt")}
    file = acme.post("/v1/files", data=sent | {"purpose": "assistants"}).get_json()["id"]
    path = f"/v1/vector_stores/{made}/file_batches"
    batch = acme.post(path, json={"file_ids": [file]}).get_json()["id"]
    worker = HandWorker(parts_of(guarded))
    digits = batch.removeprefix("vsfb_")
    job = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    (row,) = worker.rows(job)
    worker.publish(row, "The xylophone is out of tune.", spans=[(0, 29)])
    acme.post("/api/collections", json={"name": "xylophone-papers"})
    return {"store_id": made, "file_id": file, "batch_id": batch, "name": "quern:xylophone-papers"}


def routes(app: Flask) -> list[tuple[Rule, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in BLUEPRINTS
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def call(client: FlaskClient, rule: Rule, method: str, ids: dict[str, str]) -> TestResponse:
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids[found[1]], rule.rule)
    body = BODIES.get(rule.endpoint)
    if body is not None and "FILE" in str(body):
        body = {name: ids["file_id"] if name == "file_id" else [ids["file_id"]] for name in body}
    return client.open(path, method=method, json=body)


def told(answer: TestResponse, ids: dict[str, str]) -> tuple[int, str]:
    text = answer.get_data(as_text=True)
    for name, value in ids.items():
        text = text.replace(value, f"<{name}>")
    return answer.status_code, text


def test_what_is_anothers_is_answered_like_what_is_not_there(
    guarded: Flask, acme: FlaskClient, stranger: FlaskClient, theirs: dict[str, str]
) -> None:
    own = stranger.post("/v1/vector_stores", json={}).get_json()["id"]
    before = acme.get(f"/v1/vector_stores/{theirs['store_id']}").get_json()
    checked = 0
    for rule, method in routes(guarded):
        if not rule.arguments:
            if method == "GET":
                assert "xylophone" not in call(stranger, rule, method, theirs).get_data(True)
            continue
        pairs = [(theirs, NOWHERE)]
        if "store_id" in rule.arguments and rule.arguments - {"store_id"}:
            pairs.append((theirs | {"store_id": own}, NOWHERE | {"store_id": own}))
        for foreign, none in pairs:
            seen = told(call(stranger, rule, method, foreign), foreign)
            assert seen == told(call(stranger, rule, method, none), none), (rule, method)
            assert seen[0] == 404, (rule, method, seen)
            checked += 1
    assert checked >= 25
    assert acme.get(f"/v1/vector_stores/{theirs['store_id']}").get_json() == before
    for path in ("", f"/files/{theirs['file_id']}", f"/file_batches/{theirs['batch_id']}"):
        assert acme.get(f"/v1/vector_stores/{theirs['store_id']}{path}").status_code == 200


def test_a_file_of_anothers_cannot_be_attached(
    stranger: FlaskClient, theirs: dict[str, str]
) -> None:
    own = stranger.post("/v1/vector_stores", json={}).get_json()["id"]
    answer = stranger.post(f"/v1/vector_stores/{own}/files", json={"file_id": theirs["file_id"]})

    assert answer.status_code == 404
    assert stranger.get(f"/v1/vector_stores/{own}").get_json()["file_counts"]["total"] == 0


@pytest.mark.parametrize(
    ("scopes", "request_line", "status"),
    [
        ({"ask"}, "POST /v1/vector_stores", 403),
        ({"ask"}, "GET /v1/vector_stores", 200),
        ({"ask"}, "GET /v1/models", 200),
        ({"ask"}, "DELETE /v1/vector_stores/STORE", 403),
        ({"ingest"}, "POST /v1/vector_stores", 200),
        ({"ingest"}, "POST /v1/vector_stores/STORE/search", 403),
        ({"ingest"}, "DELETE /v1/vector_stores/STORE", 200),
        ({"ingest"}, "DELETE /v1/vector_stores/xylophone-papers", 403),
        ({"admin"}, "DELETE /v1/vector_stores/xylophone-papers", 200),
    ],
)
def test_a_key_needs_a_scope(
    guarded: Flask,
    theirs: dict[str, str],
    scopes: set[Scope],
    request_line: str,
    status: int,
) -> None:
    client = caller(guarded, Grant(tenant="acme", scopes=frozenset(scopes)))
    method, path = request_line.replace("STORE", theirs["store_id"]).split()
    answer = client.open(path, method=method, json={})

    assert answer.status_code == status, answer.get_data(as_text=True)


def test_a_key_that_is_held_to_collections_makes_no_stores_and_sees_its_own(
    guarded: Flask, theirs: dict[str, str]
) -> None:
    held = caller(guarded, Grant(tenant="acme", collections=frozenset({"xylophone-papers"})))
    listed = held.get("/v1/vector_stores").get_json()["data"]

    assert held.post("/v1/vector_stores", json={}).status_code == 403
    assert [one["name"] for one in listed] == ["xylophone-papers"]
    assert held.get(f"/v1/vector_stores/{theirs['store_id']}").status_code == 404


def test_a_store_needs_a_key(guarded: Flask) -> None:
    answer = guarded.test_client().get("/v1/vector_stores")

    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(("scope", "status"), [("ask", 403), ("ingest", 200)])
def test_a_key_that_only_asks_deletes_no_files_but_its_own(
    guarded: Flask, theirs: dict[str, str], scope: Scope, status: int
) -> None:
    client = caller(guarded, Grant(tenant="acme", scopes=frozenset({scope})))
    sent = {"file": (io.BytesIO(b"{}"), "batch.jsonl"), "purpose": "batch"}
    own = client.post("/v1/files", data=sent).get_json()["id"]
    answer = client.delete(f"/v1/files/{theirs['file_id']}")

    assert answer.status_code == status, answer.get_data(as_text=True)
    is_there = client.get(f"/v1/files/{theirs['file_id']}").status_code == 200
    assert is_there == (status == 403)
    assert client.delete(f"/v1/files/{own}").status_code == 200
