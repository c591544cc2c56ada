"""Tenants and the tools of MCP: what is another's is not there, whatever tool looks for it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from access.grants import Grant
from protocol.ids import new_id
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app
from web.mcp.tools import TOOLS

MARK = "xylophone"
COLLECTION = f"{MARK}-papers"
DOCUMENT = f"{MARK}/notes.md"
TEXT = f"The {MARK} is out of tune."
#: What each tool is called with, by the ids of the tenant whose things are looked for; a tool that
#: is not listed here fails a test.
CALLS: dict[str, list[dict[str, Any]]] = {
    "search": [{"query": "Why?", "collection": "{collection}"}],
    "fetch": [{"id": "{collection}/{document}"}, {"id": "{collection}/{document}:{generation}:0"}],
    "ask": [{"question": "Why?", "collection": "{collection}"}],
    "get_job": [
        {"job_id": "{query}"},
        {"job_id": "{waiting}", "wait_s": 1},
        {"job_id": "{ingest}"},
    ],
    "list_collections": [{}],
    "delete_document": [{"id": "{document}", "collection": "{collection}"}],
}
#: This makes what it names, for whoever asks.
MAKES = {"ingest_text"}


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, keys="on"))
    yield app
    parts_of(app).close()


def caller(app: Flask, tenant: str, **more: Any) -> FlaskClient:
    _, token = parts_of(app).api_keys.create(Grant(tenant=tenant, **more), name=tenant)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture
def acme(guarded: Flask) -> FlaskClient:
    return caller(guarded, "acme")


@pytest.fixture
def ids(guarded: Flask, acme: FlaskClient) -> dict[str, str]:
    """What `acme` has: a document, its job, a question that was answered and one that waits."""
    worker = HandWorker(parts_of(guarded))
    documents = [{"id": DOCUMENT, "text": TEXT}]
    body = {"collection": COLLECTION, "documents": documents}
    ingest = acme.post("/api/ingests", json=body).get_json()["id"]
    for row in worker.rows(ingest):
        worker.publish(row, TEXT, spans=[(0, len(TEXT))])
    asked = {"question": f"Why the {MARK}?", "collection": COLLECTION}
    query, waiting = (acme.post("/api/queries", json=asked).get_json()["id"] for _ in range(2))
    worker.answer(query)
    shown = acme.get(f"/api/collections/{COLLECTION}/documents/{DOCUMENT}").get_json()
    return {
        "collection": COLLECTION, "document": DOCUMENT, "generation": str(shown["generation"]),
        "query": query, "waiting": waiting, "ingest": ingest,
    }  # fmt: skip


def absent() -> dict[str, str]:
    return {
        "collection": "nothing-papers", "document": "nothing/notes.md", "generation": "1",
        "query": new_id(), "waiting": new_id(), "ingest": new_id(),
    }  # fmt: skip


def result(client: FlaskClient, path: str, tool: str, given: dict[str, Any]) -> dict[str, Any]:
    params = {"name": tool, "arguments": given}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()["result"]
    return found


def seen(
    client: FlaskClient, path: str, tool: str, given: dict[str, Any], ids: dict[str, str]
) -> tuple[bool, str]:
    """What a tool tells of things with these *ids*, whatever the ids are."""
    filled = {
        name: value.format(**ids) if isinstance(value, str) else value
        for name, value in given.items()
    }
    answer = result(client, path.format(**ids), tool, filled)
    text = answer["content"][0]["text"]
    for name, value in ids.items():
        if len(value) > 1:
            text = text.replace(value, f"<{name}>")
    return answer["isError"], text


def tried(path: str) -> list[tuple[str, dict[str, Any]]]:
    """What is called at an address; one that names the collection leaves it no argument."""
    left_out = {"collection"} if "{" in path else set()
    return [
        (tool, {name: value for name, value in given.items() if name not in left_out})
        for tool, calls in CALLS.items()
        for given in calls
    ]


def test_every_tool_is_looked_at() -> None:
    assert {tool.name for tool in TOOLS} == CALLS.keys() | MAKES


@pytest.mark.parametrize("path", ["/mcp", "/mcp/{collection}"])
@pytest.mark.parametrize("tenant", ["stranger", "default"])
def test_every_tool_treats_what_is_anothers_as_what_is_not_there(
    guarded: Flask, acme: FlaskClient, ids: dict[str, str], tenant: str, path: str
) -> None:
    stranger = caller(guarded, tenant)
    before = {name: acme.get(f"/api/jobs/{ids[name]}").get_json() for name in ("query", "waiting")}

    for tool, given in tried(path):
        foreign = seen(stranger, path, tool, given, ids)
        assert foreign == seen(stranger, path, tool, given, absent()), (tool, given)
        assert MARK not in foreign[1], (tool, given)
        assert foreign[0] or tool == "list_collections", (tool, foreign)
    after = {name: acme.get(f"/api/jobs/{ids[name]}").get_json() for name in ("query", "waiting")}
    assert after == before
    (document,) = acme.get(f"/api/collections/{COLLECTION}/documents").get_json()["documents"]
    assert document["document_id"] == DOCUMENT


@pytest.mark.parametrize("path", ["/mcp", "/mcp/{collection}"])
def test_a_key_of_other_collections_finds_nothing_either(
    guarded: Flask, ids: dict[str, str], path: str
) -> None:
    held = caller(guarded, "acme", collections=frozenset({"other"}))

    for tool, given in tried(path):
        foreign = seen(held, path, tool, given, ids)
        assert foreign == seen(held, path, tool, given, absent()), (tool, given)
        assert MARK not in foreign[1], (tool, given)


def test_its_owner_finds_all_of_it_by_the_names_it_was_given(
    acme: FlaskClient, ids: dict[str, str]
) -> None:
    named = {"collection": COLLECTION}
    fetched = result(acme, "/mcp", "fetch", {"id": f"{COLLECTION}/{DOCUMENT}"})
    job = result(acme, "/mcp", "get_job", {"job_id": ids["query"]})
    listed = result(acme, "/mcp", "list_collections", {})
    asked = result(acme, "/mcp", "ask", named | {"question": "Why?", "wait_s": 0})

    assert fetched["structuredContent"]["text"] == TEXT
    assert f"collection={COLLECTION}&" in fetched["structuredContent"]["url"]
    assert job["structuredContent"]["state"] == "succeeded"
    assert listed["structuredContent"]["collections"] == [{"name": COLLECTION, "documents": 1}]
    assert "acme/" not in str([fetched, job, listed, asked])


def test_what_is_added_is_in_the_collection_of_its_own_tenant(
    guarded: Flask, acme: FlaskClient, ids: dict[str, str]
) -> None:
    stranger = caller(guarded, "stranger")
    worker = HandWorker(parts_of(guarded))
    given = {"id": DOCUMENT, "text": "Ours.", "collection": COLLECTION}
    # The row is ended while the tool waits for it.
    asked = {"collection": COLLECTION, "documents": [{"id": DOCUMENT, "text": "Ours."}]}
    job = stranger.post("/api/ingests", json=asked).get_json()["id"]
    for row in worker.rows(job):
        worker.publish(row, "Ours.", spans=[(0, 5)])
    again = result(stranger, "/mcp", "ingest_text", given)

    assert again["structuredContent"]["state"] == "succeeded"
    for client, text in ((acme, TEXT), (stranger, "Ours.")):
        fetched = result(client, "/mcp", "fetch", {"id": f"{COLLECTION}/{DOCUMENT}"})
        assert fetched["structuredContent"]["text"] == text
    assert ids["ingest"] != job
