"""MCP: the official client in both of its modes, and messages that it would not send."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from werkzeug.serving import make_server

from access.grants import Grant
from runtime.settings import Settings
from tests.integration.conftest import BusyWorker, HandWorker, parts_of
from web.app import create_app

T = TypeVar("T")
READS = ["search", "fetch", "ask", "get_job", "list_collections"]
MODERN = {"MCP-Protocol-Version": "2026-07-28"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "a test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    yield from served(app)


def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=5)


def using(url: str, act: Callable[[Any], Awaitable[T]], *, mode: str = "auto", key: str = "") -> T:
    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode) as client:
                return await act(client)

    return asyncio.run(run())


def put(client: FlaskClient, worker: HandWorker, text: str = "A is first.") -> None:
    body = {"documents": [{"id": "a.md", "text": text}]}
    job = client.post("/api/ingests", json=body).get_json()["id"]
    for row in worker.rows(job):
        worker.publish(row, text, spans=[(0, len(text))])


def called(answer: Any) -> Any:
    """What a tool told, both ways."""
    (content,) = answer.content
    assert not answer.is_error, content.text
    assert orjson.loads(content.text) == answer.structured_content
    return answer.structured_content


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_official_client_finds_reads_and_asks(
    address: str, client: FlaskClient, worker: HandWorker, busy_worker: BusyWorker,
    mode: str, version: str,
) -> None:  # fmt: skip
    del busy_worker
    client.post("/api/collections", json={"name": "default"})

    async def act(mcp: Any) -> None:
        assert mcp.protocol_version == version
        assert mcp.server_info.name == "quern"
        tools = (await mcp.list_tools()).tools
        assert [tool.name for tool in tools][:5] == READS
        assert all(tool.annotations.read_only_hint for tool in tools[:5])
        (found,) = called(await mcp.call_tool("search", {"query": "first"}))["results"]
        assert found.keys() == {"id", "title", "url", "text"}
        assert found["url"] == (
            f"{address}/documents?collection=default&document=a.md&start=0&end=11"
        )
        asked = called(await mcp.call_tool("ask", {"question": "Which is first?"}))
        assert (asked["state"], asked["answer"]) == ("succeeded", "A is first. [1]")
        again = called(await mcp.call_tool("get_job", {"job_id": asked["job_id"]}))
        assert again["answer"] == asked["answer"]
        told = called(await mcp.call_tool("list_collections", {}))
        assert told == {"collections": [{"name": "default", "documents": 0}]}

    using(f"{address}/mcp", act, mode=mode)


def test_a_document_is_read_whole_by_the_id_of_a_result(
    address: str, client: FlaskClient, worker: HandWorker
) -> None:
    put(client, worker, "A is first. B is second.")
    generation = client.get("/api/collections/default/documents/a.md").get_json()["generation"]

    async def act(mcp: Any) -> list[Any]:
        ids = [f"default/a.md:{generation}:0", "default/a.md"]
        return [called(await mcp.call_tool("fetch", {"id": one})) for one in ids]

    passage, whole = using(f"{address}/mcp", act)
    assert passage.keys() == whole.keys() == {"id", "title", "text", "url", "metadata"}
    assert passage["text"] == whole["text"] == "A is first. B is second."
    assert passage["metadata"]["passage"] == 0
    assert whole["url"] == f"{address}/documents?collection=default&document=a.md"


def test_what_a_tool_cannot_do_is_told_to_the_model(address: str) -> None:
    async def act(mcp: Any) -> list[Any]:
        calls = [
            ("fetch", {"id": "default/none"}), ("search", {"query": ""}), ("search", {}),
            ("ask", {"question": "Why?", "collection": "none"}), ("get_job", {"job_id": "x"}),
            ("search", {"query": "x", "more": 1}),
        ]  # fmt: skip
        return [await mcp.call_tool(name, given) for name, given in calls]

    answers = using(f"{address}/mcp", act)
    assert all(answer.is_error for answer in answers)
    said = [answer.content[0].text for answer in answers]
    assert said == [
        "there is no collection 'default'",
        "query: must be a non-empty string",
        "query: is missing",
        "there is no collection 'none'",
        "there is no job 'x'",
        "more: is not an argument of `search`",
    ]


def test_an_address_may_name_the_collection(address: str, client: FlaskClient) -> None:
    client.post("/api/collections", json={"name": "papers"})

    async def act(mcp: Any) -> tuple[list[str], Any]:
        tools = (await mcp.list_tools()).tools
        arguments = [name for tool in tools for name in tool.input_schema["properties"]]
        return arguments, await mcp.call_tool("ask", {"question": "Why?", "wait_s": 0})

    arguments, answer = using(f"{address}/mcp/papers", act)
    assert "collection" not in arguments
    assert called(answer)["state"] == "queued"
    (job,) = client.get("/api/jobs").get_json()["jobs"]
    assert job["collection"] == "papers"


def test_a_key_has_the_tools_of_its_scopes(settings: Settings) -> None:
    app = create_app(replace(settings, keys="on"))
    keys = parts_of(app).api_keys
    _, asks = keys.create(Grant(scopes=frozenset({"ask"})), name="asks")
    _, adds = keys.create(Grant(scopes=frozenset({"ingest"}), tenant="acme"), name="adds")

    async def names(mcp: Any) -> list[str]:
        return [tool.name for tool in (await mcp.list_tools()).tools]

    async def add(mcp: Any) -> Any:
        return await mcp.call_tool("ingest_text", {"id": "a", "text": "A."})

    for address in served(app):
        url = f"{address}/mcp"
        assert using(url, names, key=asks) == READS
        assert using(url, names, key=adds) == [
            "fetch", "get_job", "list_collections", "ingest_text", "delete_document",
        ]  # fmt: skip
        job = called(using(url, add, key=adds))
        assert job["url"] == f"{address}/jobs/{job['job_id']}"
        refused = httpx2.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    parts_of(app).close()


def sent(client: FlaskClient, body: Any, headers: dict[str, str] | None = None) -> Any:
    return client.post("/mcp", json=body, headers=headers)


def modern(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": META}}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ([], {}, 400, -32600),
        ({"id": 1, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "none"}, {}, 200, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call"}, {}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"MCP-Protocol-Version": "1"}, 400, -32600),
        (modern("tools/list"), {}, 400, -32020),
        (modern("tools/list"), MODERN, 400, -32020),
        (modern("tools/list"), MODERN | {"Mcp-Method": "tools/call"}, 400, -32020),
        (modern("tools/list"), {"MCP-Protocol-Version": "2025-11-25"}, 400, -32020),
        (modern("resources/list"), MODERN | {"Mcp-Method": "resources/list"}, 404, -32601),
        (
            modern("tools/call", name="search"),
            MODERN | {"Mcp-Method": "tools/call", "Mcp-Name": "fetch"}, 400, -32020,
        ),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, MODERN, 400, -32020),
    ],
)  # fmt: skip
def test_a_broken_request_is_an_error(
    client: FlaskClient, body: Any, headers: dict[str, str], status: int, code: int
) -> None:
    answer = sent(client, body, headers)

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)


def test_a_version_that_is_not_known_is_told_which_are(client: FlaskClient) -> None:
    body = modern("tools/list")
    body["params"]["_meta"] = META | {"io.modelcontextprotocol/protocolVersion": "1900-01-01"}
    answer = sent(client, body, {"MCP-Protocol-Version": "1900-01-01"})

    assert answer.status_code == 400
    error = answer.get_json()["error"]
    assert (error["code"], error["data"]["requested"]) == (-32022, "1900-01-01")
    assert error["data"]["supported"][0] == "2026-07-28"


def test_a_name_may_come_encoded(client: FlaskClient) -> None:
    headers = MODERN | {
        "Mcp-Method": "tools/call",
        "Mcp-Name": "=?base64?bGlzdF9jb2xsZWN0aW9ucw==?=",
    }
    answer = sent(client, modern("tools/call", name="list_collections"), headers)

    assert answer.get_json()["result"]["structuredContent"] == {"collections": []}


def test_a_list_of_tools_may_be_kept_by_its_caller_alone(client: FlaskClient) -> None:
    answer = sent(client, modern("tools/list"), MODERN | {"Mcp-Method": "tools/list"})

    result = answer.get_json()["result"]
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")


def test_a_notification_is_taken_without_an_answer(client: FlaskClient) -> None:
    answer = sent(client, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert (answer.status_code, answer.get_data()) == (202, b"")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_are_no_streams_and_no_sessions(client: FlaskClient, method: str) -> None:
    assert client.open("/mcp", method=method).status_code == 405


def test_another_sites_page_gets_nothing(client: FlaskClient) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}

    assert sent(client, body, {"Origin": "https://example.org"}).status_code == 403


@pytest.mark.parametrize(
    ("data", "kind", "status"), [(b"{", "application/json", 400), (b"{}", "text/plain", 415)]
)
def test_what_is_no_json_is_refused(
    client: FlaskClient, data: bytes, kind: str, status: int
) -> None:
    answer = client.post("/mcp", data=data, content_type=kind)

    assert answer.status_code == status
    assert answer.get_json()["jsonrpc"] == "2.0"
