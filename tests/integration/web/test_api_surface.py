import re
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.wrappers import Response

from jobs.heartbeats import WorkerState, beat
from runtime.settings import Settings
from tests.support.waiting import until
from web.app import create_app


def documented(client: FlaskClient) -> set[tuple[str, str]]:
    paths = client.get("/api/openapi.json").get_json()["paths"]
    return {(path, method.upper()) for path, methods in paths.items() for method in methods}


def routed(app: Flask) -> set[tuple[str, str]]:
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        # MCP describes itself, by `tools/list`; `/v1` is described by OpenAI.
        if rule.endpoint.partition(".")[0] not in ("static", "pages", "sessions", "mcp")
        and not rule.endpoint.startswith("v1_")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_documented_and_every_document_is_a_route(
    app: Flask, client: FlaskClient
) -> None:
    assert documented(client) == routed(app)


def test_the_schemas_of_the_description_are_schemas(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()

    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_schema_that_is_named_is_there(client: FlaskClient) -> None:
    text = client.get("/api/openapi.json").get_data(as_text=True)
    there = set(client.get("/api/openapi.json").get_json()["components"]["schemas"])

    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= there


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/ask"])
def test_the_description_is_a_page_that_loads_nothing_from_elsewhere(
    client: FlaskClient, path: str
) -> None:
    page = client.get(path).get_data(as_text=True)

    assert "/api/queries" in page
    assert re.findall(r'(?:src|href)="?(?:https?:)?//', page) == []
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert " style=" not in page


def test_each_call_has_a_page_and_nothing_else_has(client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").get_json()["paths"]
    names = [call["operationId"] for methods in paths.values() for call in methods.values()]
    overview = client.get("/api/docs").get_data(as_text=True)

    assert {name: client.get(f"/api/docs/{name}").status_code for name in names} == dict.fromkeys(
        names, 200
    )
    assert [name for name in names if f'href="../api/docs/{name}"' not in overview] == []
    assert client.get("/api/docs/none").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/health", "/api/jobs", "/api/docs", "/api/none", "/none"]
)
def test_every_answer_carries_the_guards(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Referrer-Policy" in headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Request-ID"]


def test_a_request_id_is_returned_if_it_is_a_plain_word(client: FlaskClient) -> None:
    given = client.get("/livez", headers={"X-Request-ID": "abc-1.2_3"}).headers["X-Request-ID"]
    odd = client.get("/livez", headers={"X-Request-ID": "a b<"}).headers["X-Request-ID"]

    assert given == "abc-1.2_3"
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", odd)


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-origin", 202), ("none", 202)]
)
def test_a_foreign_page_cannot_write(client: FlaskClient, site: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site}

    answer = client.post("/api/queries", json={"question": "x"}, headers=headers)
    assert answer.status_code == status
    assert client.get("/api/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("PUT", "/api/jobs", 405),
        ("GET", "/api/queries", 405),
        ("POST", "/livez", 405),
    ],
)
def test_what_does_not_exist_is_a_problem_in_plain_words(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["instance"] == path
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_fault_shows_no_trace(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("intake.lookup.jobs.JobLookup.page", burst)
    answer = client.get("/api/jobs")

    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert "secret" not in answer.get_data(as_text=True)


def test_nothing_starts_before_the_first_request(settings: Settings) -> None:
    before = set(threading.enumerate())
    app = create_app(settings)

    assert set(threading.enumerate()) <= before
    assert app.test_client().get("/livez").get_json() == {"status": "pass"}
    app.extensions["quern"].close()


def test_the_front_end_is_ready_once_redis_answers(client: FlaskClient) -> None:
    until(lambda: client.get("/readyz").status_code == 200)

    assert client.get("/readyz").get_json() == {"status": "pass"}


def test_health_tells_of_every_part(client: FlaskClient) -> None:
    parts = {"redis:responseTime", "chroma:responseTime", "disk:data"}

    def seen() -> Response | None:
        answer = client.get("/health")
        checks = answer.get_json()["checks"]
        # A first look that took long warns, until the next.
        passes = parts <= checks.keys() and checks["redis:responseTime"][0]["status"] == "pass"
        return answer if passes else None

    answer = until(seen)
    report = answer.get_json()

    assert answer.mimetype == "application/health+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert report["checks"]["redis:responseTime"][0]["status"] == "pass"
    assert report["checks"]["redis:persistence"][0]["status"] == "pass"
    assert report["checks"]["redis:evictionPolicy"][0]["observedValue"] == "noeviction"
    assert report["checks"]["workers:retrieve"][0]["observedValue"] == 0
    # No Chroma listens at its address.
    assert report["checks"]["chroma:responseTime"][0]["status"] == "fail"
    assert (report["status"], answer.status_code) == ("fail", 503)


def test_health_says_what_questions_wait_for(client: FlaskClient, worker: Any) -> None:
    state = WorkerState(
        "g", "generation", 1, "host", ("generate",), 16, trouble="the server is silent"
    )

    def seen() -> dict[str, Any]:
        beat(worker.ledger.redis, state)
        checks = client.get("/health").get_json()["checks"]
        check: dict[str, Any] = checks.get("workers:generate", [{}])[0]
        return check if check.get("observedValue") == 1 else {}

    check = until(seen, told="the worker is seen")

    assert check["status"] == "warn"
    assert check["output"] == "jobs wait: the server is silent"


def test_health_says_what_the_embedding_cache_saves_and_what_ails_it(
    client: FlaskClient, worker: Any
) -> None:
    counts = {"hits_l1": 5, "hits_l2": 1, "misses": 2, "joined": 0, "corrupt": 1}
    states = [WorkerState("g", "generation", 1, "host", ("generate",), 16)]
    for name, trouble in (("a", ""), ("b", "embedding cache is away: refused")):
        told = {"embedding_cache": counts | {"trouble": trouble}}
        states.append(WorkerState(name, "retrieval", 1, "host", ("retrieve",), 8, details=told))

    def seen() -> dict[str, Any]:
        for state in states:
            beat(worker.ledger.redis, state)
        checks = client.get("/health").get_json()["checks"]
        return dict(checks.get("cache:embeddings", [{}])[0])

    check = until(seen, told="the embedding cache is seen")

    assert (check["status"], check["output"]) == ("warn", "embedding cache is away: refused")
    assert check["observedValue"] == 0.75
    assert (check["hits_l1"], check["misses"], check["corrupt"]) == (10, 4, 2)


def test_without_redis_nothing_is_ready_but_the_process_lives(tmp_path: Path) -> None:
    app = create_app(Settings(redis_url="redis://127.0.0.1:9/0", data_dir=tmp_path))
    client = app.test_client()
    until(lambda: client.get("/readyz").get_json().get("output") != "starting")
    ready, alive = client.get("/readyz"), client.get("/livez")
    app.extensions["quern"].close()

    assert (ready.status_code, alive.status_code) == (503, 200)
    assert "redis" in ready.get_json()["output"]
