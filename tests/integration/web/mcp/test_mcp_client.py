"""MCP as the official client speaks it, in both of its modes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from mcp import MCPError

from access.grants import Grant, Limits
from runtime.settings import Settings
from runtime.version import version
from tests.integration.conftest import ANSWER, SOURCE, BusyWorker, HandWorker, parts_of
from tests.integration.web.mcp.clients import MODES, call, said, served, told, using
from tests.integration.web.server.gunicorn_server import gunicorn
from tests.support.waiting import until
from web.app import create_app

READS = ["search", "fetch", "ask", "get_job", "list_collections"]
CHANGES = ["ingest_text", "delete_document"]
TEXT = "A is first. Ä is sécond. C is third."
SPANS = [(0, 11), (12, 24), (25, 36)]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


def put(client: FlaskClient, worker: HandWorker, **more: Any) -> int:
    """Make a document current; returns its generation."""
    body = {"documents": [{"id": "a.md", "text": TEXT}]} | more
    job = client.post("/api/ingests", json=body).get_json()["id"]
    for row in worker.rows(job):
        worker.publish(row, TEXT, spans=SPANS)
    collection = more.get("collection", "default")
    shown = client.get(f"/api/collections/{collection}/documents/a.md").get_json()
    return int(shown["generation"])


def newest(client: FlaskClient) -> str:
    """Return the job that was made last, as soon as there is one."""
    (job, *_) = until(lambda: client.get("/api/jobs").get_json()["jobs"], told="a job is there")
    return str(job["id"])


def test_it_says_who_it_is_and_which_tools_it_has(address: str, mode: str) -> None:
    async def act(mcp: Any) -> Any:
        return mcp.protocol_version, mcp.server_info, (await mcp.list_tools()).tools

    spoken, server, tools = using(f"{address}/mcp", act, mode=mode)
    assert spoken == MODES[mode]
    assert (server.name, server.version) == ("quern", version())
    assert [tool.name for tool in tools] == READS + CHANGES
    read_only = {tool.name: tool.annotations.read_only_hint for tool in tools}
    assert read_only == dict.fromkeys(READS, True) | dict.fromkeys(CHANGES, False)
    assert {tool.name: tool.input_schema["required"] for tool in tools} == {
        "search": ["query"], "fetch": ["id"], "ask": ["question"], "get_job": ["job_id"],
        "list_collections": [], "ingest_text": ["id", "text"], "delete_document": ["id"],
    }  # fmt: skip


def test_a_search_finds_passages_and_the_page_that_shows_each(
    address: str, client: FlaskClient, busy_worker: BusyWorker, mode: str
) -> None:
    del busy_worker
    client.post("/api/collections", json={"name": "default"})

    answer = call(f"{address}/mcp", "search", query="first", mode=mode)
    assert told(answer) == {
        "results": [
            {
                "id": "default/a.md:1:0", "title": "A", "text": "A is first.",
                "url": f"{address}/documents?collection=default&document=a.md&start=0&end=11",
            }
        ]
    }  # fmt: skip


def test_a_document_is_read_whole_by_the_id_of_a_passage(
    address: str, client: FlaskClient, worker: HandWorker, mode: str
) -> None:
    generation = put(client, worker, metadata={"year": 2026})
    page = f"{address}/documents?collection=default&document=a.md"
    metadata = {
        "year": 2026, "document_id": "a.md", "collection": "default",
        "chars": len(TEXT), "start": 0, "end": len(TEXT),
    }  # fmt: skip

    for name, url in {
        f"default/a.md:{generation}:1": f"{page}&start=12&end=24",
        "default/a.md:1:1": page,  # of a version that was replaced
        f"default/a.md:{generation}:9": page,
        "default/a.md": page,
    }.items():
        answer = call(f"{address}/mcp", "fetch", id=name, mode=mode)
        assert told(answer) == {
            "id": name, "title": "T", "text": TEXT, "url": url, "metadata": metadata,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "span"),
    [
        ({"start": 12}, (12, 36)), ({"start": 12, "end": 24}, (12, 24)), ({"end": 5}, (0, 5)),
        ({"start": -3, "end": -1}, (0, 36)), ({"start": 99}, (36, 36)), ({"end": None}, (0, 36)),
    ],
)  # fmt: skip
def test_a_long_text_may_be_read_in_parts(
    address: str, client: FlaskClient, worker: HandWorker, given: Any, span: tuple[int, int]
) -> None:
    put(client, worker)
    start, end = span
    part = told(call(f"{address}/mcp", "fetch", id="default/a.md", **given))

    assert part["text"] == TEXT[start:end]
    assert {name: part["metadata"][name] for name in ("start", "end", "chars")} == {
        "start": start, "end": end, "chars": 36,
    }  # fmt: skip


def test_an_answer_comes_with_its_quotes_and_the_pages_that_show_them(
    address: str, client: FlaskClient, busy_worker: BusyWorker, mode: str
) -> None:
    del busy_worker
    asked = told(call(f"{address}/mcp", "ask", question="Which is first?", mode=mode))
    again = told(call(f"{address}/mcp", "get_job", job_id=asked["job_id"], mode=mode))

    assert again == asked
    assert (asked["state"], asked["answer"]) == ("succeeded", "A is first. [1]")
    assert (asked["answered"], asked["confidence"], asked["citations"]) == (True, 0.9, [])
    assert asked["url"] == f"{address}/jobs/{newest(client)}"


def test_a_question_that_takes_longer_is_a_job_to_ask_for(
    address: str, client: FlaskClient, worker: HandWorker, mode: str
) -> None:
    waiting = told(call(f"{address}/mcp", "ask", question="Which?", mode=mode))
    assert waiting.keys() == {"job_id", "state", "url", "note"}
    assert waiting["state"] == "queued"

    job = waiting["job_id"]
    worker.retrieve(job)
    unit = worker.claim(job)
    cited = {"marker": 1, "source": 0, "start": 0, "end": 4, "quote": "A is", "shown": "A is"}
    result = ANSWER | {"citations": [cited]}
    worker.ledger.work.finish(
        unit, state="succeeded", fields={"result": orjson.dumps(result).decode()}
    )
    asked = told(call(f"{address}/mcp", "get_job", job_id=job, wait_s=30, mode=mode))
    assert asked["citations"] == [
        {
            "marker": 1, "quote": "A is", "title": SOURCE["title"],
            "url": f"{address}/documents?collection=default&document=a.md&start=0&end=4",
        }
    ]  # fmt: skip
    assert client.get(f"/api/jobs/{job}").get_json()["state"] == "succeeded"


def test_a_question_that_failed_says_why(address: str, worker: HandWorker, mode: str) -> None:
    job = told(call(f"{address}/mcp", "ask", question="Which?", wait_s=0, mode=mode))["job_id"]
    worker.fail(job)

    failed = told(call(f"{address}/mcp", "get_job", job_id=job, mode=mode))
    assert (failed["state"], failed["error"]) == ("failed", "It is broken.")


def test_texts_are_added_and_deleted(
    address: str, client: FlaskClient, worker: HandWorker, mode: str
) -> None:
    async def act(mcp: Any) -> tuple[Any, Any, Any]:
        given = {"id": "a.md", "text": TEXT, "title": "All of it", "collection": "papers"}
        added = told(await mcp.call_tool("ingest_text", given))
        (row,) = worker.rows(added["job_id"])
        worker.publish(row, TEXT, spans=SPANS)
        ended = told(await mcp.call_tool("get_job", {"job_id": added["job_id"]}))
        given = {"id": "a.md", "collection": "papers"}
        deleted = told(await mcp.call_tool("delete_document", given))
        (row,) = worker.rows(deleted["job_id"])
        worker.remove(row)
        return added, ended, told(await mcp.call_tool("get_job", {"job_id": deleted["job_id"]}))

    added, ended, deleted = using(f"{address}/mcp", act, mode=mode)
    assert added["state"] == "queued"
    assert added["url"] == f"{address}/jobs/{added['job_id']}"
    assert (ended["state"], ended["progress"]["done"]) == ("succeeded", 1)
    assert (deleted["state"], deleted["progress"]["done"]) == ("succeeded", 1)
    assert client.get("/api/collections/papers/documents").get_json()["documents"] == []


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what waits for nobody in these tests not wait for half a minute."""
    monkeypatch.setattr("web.mcp.jobs.MOST_WAIT_S", 1)


def test_what_a_tool_cannot_do_is_told_to_the_model(address: str, mode: str) -> None:
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("fetch", {"id": "default/none"}, "there is no collection 'default'"),
        ("fetch", {"id": "none"}, "there is no collection 'none'"),
        ("search", {"query": ""}, "query: must be a non-empty string"),
        ("search", {}, "query: is missing"),
        ("search", {"query": 1}, "query: must be text"),
        ("search", {"query": "x", "more": 1}, "more: is not an argument of `search`"),
        ("ask", {"question": "Why?", "wait_s": "1"}, "wait_s: must be a whole number"),
        ("ask", {"question": "Why?", "wait_s": True}, "wait_s: must be a whole number"),
        ("ask", {"question": "Why?", "collection": "none"}, "there is no collection 'none'"),
        ("get_job", {"job_id": "x"}, "there is no job 'x'"),
        ("delete_document", {"id": "x"}, "there is no document 'x' in 'default'"),
        ("ingest_text", {"id": "../x", "text": "A."},
         "document.id: must not begin or end with a slash, or hold empty, . or .. segments"),
    ]  # fmt: skip

    async def act(mcp: Any) -> list[str]:
        return [said(await mcp.call_tool(name, given)) for name, given, _ in calls]

    assert using(f"{address}/mcp", act, mode=mode) == [words for *_, words in calls]


def test_an_address_may_name_the_collection_and_then_there_is_no_other(
    address: str, client: FlaskClient, worker: HandWorker, mode: str
) -> None:
    put(client, worker, collection="papers")
    put(client, worker)
    other = client.post("/api/queries", json={"question": "Why?"}).get_json()["id"]

    async def act(mcp: Any) -> list[Any]:
        tools = (await mcp.list_tools()).tools
        assert all("collection" not in tool.input_schema["properties"] for tool in tools)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("ask", {"question": "Why?", "wait_s": 0}), ("list_collections", {}),
            ("fetch", {"id": "papers/a.md"}), ("fetch", {"id": "default/a.md"}),
            ("get_job", {"job_id": other}), ("ask", {"question": "Why?", "collection": "x"}),
        ]  # fmt: skip
        return [await mcp.call_tool(name, given) for name, given in calls]

    asked, listed, own, foreign, job, named = using(f"{address}/mcp/papers", act, mode=mode)
    shown = client.get(f"/api/jobs/{told(asked)['job_id']}").get_json()
    assert shown["collection"] == "papers"
    assert told(listed) == {"collections": [{"name": "papers", "documents": 1}]}
    assert told(own)["text"] == TEXT
    assert said(foreign) == "there is nothing with the id 'default/a.md'"
    assert said(job) == f"there is no job '{other}'"
    assert said(named) == "collection: is not an argument of `ask`"


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, keys="on"))
    yield app
    parts_of(app).close()


def test_a_key_has_the_tools_of_its_scopes_alone(guarded: Flask, mode: str) -> None:
    keys = parts_of(guarded).api_keys
    _, asks = keys.create(Grant(scopes=frozenset({"ask"})), name="asks")
    _, adds = keys.create(Grant(scopes=frozenset({"ingest"}), tenant="acme"), name="adds")

    async def names(mcp: Any) -> tuple[str, list[str]]:
        return mcp.server_info.version, [tool.name for tool in (await mcp.list_tools()).tools]

    async def refused(mcp: Any) -> None:
        with pytest.raises(MCPError, match="Unknown tool: ingest_text"):
            await mcp.call_tool("ingest_text", {"id": "a", "text": "A."})

    with served(guarded) as address:
        url = f"{address}/mcp"
        # Who does not run the installation is not told which version does.
        assert using(url, names, key=asks, mode=mode) == ("not shown", READS)
        _, found = using(url, names, key=adds, mode=mode)
        assert found == ["fetch", "get_job", "list_collections", *CHANGES]
        using(url, refused, key=asks, mode=mode)
        job = told(call(url, "ingest_text", key=adds, mode=mode, id="a", text="A."))
    assert job["state"] == "queued"


def test_a_tool_spends_what_its_key_may_spend(guarded: Flask, mode: str) -> None:
    limits = Limits(questions_per_day=1)
    _, key = parts_of(guarded).api_keys.create(Grant(limits=limits), name="little")

    with served(guarded) as address:
        asked = {"question": "Why?", "wait_s": 0, "key": key, "mode": mode}
        told(call(f"{address}/mcp", "ask", **asked))
        refused = said(call(f"{address}/mcp", "ask", **asked))
    assert refused.startswith("This key may spend 1 questions a day, and has")


def test_without_a_key_it_says_how_to_come_by_one(guarded: Flask) -> None:
    with served(guarded) as address:
        for headers in ({}, {"Authorization": "Bearer qk_no"}):
            body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            refused = httpx2.post(f"{address}/mcp", json=body, headers=headers)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="quern"')


def test_the_examples_of_the_page_on_mcp_work(
    address: str, client: FlaskClient, busy_worker: BusyWorker, capsys: pytest.CaptureFixture[str]
) -> None:
    del busy_worker
    client.post("/api/collections", json={"name": "default"})
    page = (Path(__file__).parents[4] / "docs" / "mcp.md").read_text("utf-8")
    page = page.replace("http://127.0.0.1:8000", address).replace("qk_…", "qk_any")
    (program,) = re.findall(r"```python\n(import .+?)```", page, re.DOTALL)
    (kind, url, body) = re.findall(r"curl -H '(.+?)' (\S+) -d '(.+?)'", page, re.DOTALL)[0]

    exec(program, {})  # noqa: S102  what the page tells people to run
    assert capsys.readouterr().out == "A is first. [1]\n"
    found = httpx2.post(url, content=body, headers=[tuple(kind.split(": "))]).json()
    assert found["result"]["structuredContent"]["results"][0]["text"] == "A is first."


def test_a_question_is_answered_over_the_server_that_runs_in_production(
    settings: Settings, busy_worker: BusyWorker, tmp_path: Path
) -> None:
    del busy_worker
    with gunicorn(settings, tmp_path, "--threads=4") as (address, _):
        for mode in MODES:
            asked = told(call(f"{address}/mcp", "ask", question="Which is first?", mode=mode))
            assert asked["answer"] == "A is first. [1]"
