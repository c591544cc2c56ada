"""MCP as HTTP: what is refused before a message is read, and how messages are answered."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from runtime.settings import Settings
from tests.integration.conftest import parts_of
from web.app import create_app

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}


def test_headers_are_read_whatever_the_case_of_their_names(client: FlaskClient) -> None:
    params = {"name": "list_collections", "_meta": META}
    body = LIST | {"method": "tools/call", "params": params}
    headers = {name.upper(): value for name, value in MODERN.items()}
    found = client.post("/mcp", json=body, headers=headers | {"mcp-name": "list_collections"})
    lost = client.post("/mcp", json=body, headers=headers | {"mcp-name": "search"})

    assert found.get_json()["result"]["structuredContent"] == {"collections": []}
    assert (lost.status_code, lost.get_json()["error"]["code"]) == (400, -32020)


def test_a_notification_is_taken_without_an_answer(client: FlaskClient) -> None:
    answer = client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert (answer.status_code, answer.get_data()) == (202, b"")


@pytest.mark.parametrize("path", ["/mcp", "/mcp/papers"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_are_no_streams_and_no_sessions(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method)

    assert answer.status_code == 405
    assert "Mcp-Session-Id" not in client.post(path, json=LIST).headers


@pytest.mark.parametrize("path", ["/mcp", "/mcp/papers"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://example.org"}, 403),
        ({"Origin": "http://localhost.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "rebound.example.org"}, 421),
        ({"Host": "rebound.example.org", "Origin": "http://rebound.example.org"}, 421),
    ],
)
def test_another_sites_page_gets_nothing(
    client: FlaskClient, headers: dict[str, str], status: int, path: str
) -> None:
    assert client.post(path, json=LIST, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, -32700), (b"{}", "text/plain", 415, -32600),
        (b"[]", "application/json", 400, -32600), (b"", "application/json", 400, -32700),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(
    client: FlaskClient, data: bytes, kind: str, status: int, code: int
) -> None:
    answer = client.post("/mcp", data=data, content_type=kind)

    assert answer.status_code == status
    assert answer.get_json()["error"]["code"] == code


def test_a_message_may_be_as_large_as_any_json(client: FlaskClient) -> None:
    most = client.application.config["MAX_CONTENT_LENGTH"]

    assert (
        client.post("/mcp", data=b" " * most + b"1", content_type="application/json").status_code
        == 413
    )


def test_pages_are_named_as_people_know_them(settings: Settings) -> None:
    known = replace(settings, trusted_proxies=1, allowed_hosts="example.org")
    app = create_app(known)
    headers = {
        "X-Forwarded-Host": "example.org", "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/quern",
    }  # fmt: skip
    params = {"name": "ask", "arguments": {"question": "Why?", "wait_s": 0}}
    body = LIST | {"method": "tools/call", "params": params}
    answer = app.test_client().post("/mcp", json=body, headers=headers)
    parts_of(app).close()

    told = answer.get_json()["result"]["structuredContent"]
    assert told["url"] == f"https://example.org/quern/jobs/{told['job_id']}"


def test_no_answer_is_kept_on_its_way(client: FlaskClient) -> None:
    assert client.post("/mcp", json=LIST).headers["Cache-Control"] == "no-store"


def test_a_fault_of_ours_is_none_of_the_tool(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("intake.lookup.collections.Collections.all", burst)
    body = LIST | {"method": "tools/call", "params": {"name": "list_collections"}}
    answer = client.post("/mcp", json=body)

    assert answer.status_code == 500
    assert "secret" not in answer.get_data(as_text=True)
