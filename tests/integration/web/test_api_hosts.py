"""The front end called by names that are not its own, as by a page whose name was moved here."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.heartbeats import WorkerState, beat
from runtime.settings import Settings
from tests.integration.web.test_api_metrics import value
from web.app import create_app

EVIL = {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}
SAME_ORIGIN = EVIL | {"Sec-Fetch-Site": "same-origin"}


def requests(app: Flask) -> list[tuple[str, str]]:
    """Return a request for each method of each route."""
    return sorted(
        (re.sub(r"<[^>]+>", "default", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    )


def test_every_route_refuses_a_request_for_another_host(app: Flask, client: FlaskClient) -> None:
    asked = [*requests(app), ("/none", "GET"), ("/api/jobs", "BREW"), ("/api/jobs/", "GET")]
    refused = {(p, m): client.open(p, method=m, headers=SAME_ORIGIN) for p, m in asked}

    assert {"/", "/livez", "/metrics", "/prometheus/sd", "/api/docs", "/static/default"} <= {
        path for path, _ in refused
    }
    for request, answer in refused.items():
        assert answer.status_code == 421, request
        is_openai = request[0].startswith("/v1/")
        told = "application/json" if is_openai else "application/problem+json"
        assert answer.mimetype == told, request
        assert answer.headers["X-Content-Type-Options"] == "nosniff", request


def test_the_refusal_says_which_setting_would_allow_the_name(client: FlaskClient) -> None:
    problem = client.get("/api/collections", headers=EVIL).get_json()

    assert problem == {
        "type": "/problems/misdirected",
        "title": "Misdirected Request",
        "status": 421,
        "detail": "This server does not answer to evil.example; if it should, add that to "
        "QUERN_ALLOWED_HOSTS.",
        "instance": "/api/collections",
    }


def test_nothing_of_a_refused_request_is_done(app: Flask, client: FlaskClient, worker: Any) -> None:
    before = value(client, "quern_http_rejected_total", reason="misdirected")
    documents = {"documents": [{"id": "a", "text": "b"}]}

    client.post("/api/ingests", json=documents, headers=SAME_ORIGIN)
    client.post("/api/collections", json={"name": "theirs"}, headers=SAME_ORIGIN)

    assert worker.ledger.redis.keys("quern:collection*") == []
    assert worker.ledger.redis.keys("quern:job*") == []
    assert list(app.extensions["quern"].settings.blobs.rglob("*")) == []
    assert value(client, "quern_http_rejected_total", reason="misdirected") == before + 2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.:8000"])
def test_a_name_of_ours_is_answered_and_its_page_may_write(client: FlaskClient, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

    assert client.get("/livez", headers=headers).status_code == 200
    assert client.post("/api/queries", json={"question": "x"}, headers=headers).status_code == 202


def test_what_is_listed_is_answered_and_finds_the_workers(clean_redis: str, tmp_path: Path) -> None:
    settings = Settings(redis_url=clean_redis, data_dir=tmp_path, allowed_hosts="web, .example.org")
    app = create_app(settings)
    client, redis = app.test_client(), app.extensions["quern"].intake._storage.redis
    beat(redis, WorkerState("a", "retrieval", 1, "box", ("retrieve",), 1, metrics_port=9110))

    found = client.get("/prometheus/sd", headers={"Host": "web:8000"})
    proxied = client.get("/", headers={"Host": "quern.example.org"})
    strange = client.get("/prometheus/sd", headers={"Host": "web.evil.example:8000"})

    assert [target["targets"] for target in found.get_json()] == [["127.0.0.1:9110"]]
    assert (proxied.status_code, strange.status_code) == (200, 421)
    app.extensions["quern"].close()
