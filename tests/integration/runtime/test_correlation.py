"""From a request to its job's lines: the id lies in the ledger, whoever sends the message later."""

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from jobs.leases.leases import Leases
from protocol.keys import key
from runtime.logging import correlation
from tests.integration.conftest import HandWorker
from tests.support.workbench import Workbench


def ask(client: FlaskClient, request_id: str) -> str:
    answer = client.post(
        "/api/queries", json={"question": "What is A?"}, headers={"X-Request-ID": request_id}
    )
    return str(answer.get_json()["id"])


def test_a_job_remembers_the_request_that_asked_for_it(
    worker: HandWorker, client: FlaskClient
) -> None:
    job_id = ask(client, "my-request.1")

    row = worker.storage.redis.hgetall(key("unit", job_id))

    assert row["request_id"] == "my-request.1"
    assert correlation.current() == {}  # the thread serves others now


def test_every_document_of_an_ingest_remembers_it_too(
    worker: HandWorker, client: FlaskClient
) -> None:
    body = {"documents": [{"id": "a", "text": "A."}, {"id": "b", "text": "B."}]}
    answer = client.post("/api/ingests", json=body, headers={"X-Request-ID": "r7"})
    job_id = answer.get_json()["id"]
    redis = worker.storage.redis

    rows = [redis.hgetall(key("unit", name)) for name in redis.lrange(key("rows", job_id), 0, -1)]

    assert [row["request_id"] for row in rows] == ["r7", "r7"]
    assert redis.hget(key("job", job_id), "request_id") == "r7"


def test_a_body_is_bound_to_the_ids_of_its_row(bench: Workbench) -> None:
    correlation.begin(request_id="r9")
    job_id = bench.ask()
    correlation.end()
    with (
        Leases(bench.ledger.work, bench.redis, name="test") as leases,
        leases.claim(job_id, "retrieve") as lease,
    ):
        assert lease is not None
        inside = dict(correlation.current())

    assert inside == {"job_id": job_id, "request_id": "r9"}
    assert correlation.current() == {}


def test_a_request_to_the_api_leaves_one_line_with_its_route(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="web")
    job_id = ask(client, "r3")
    client.get(f"/api/jobs/{job_id}")
    client.get("/livez")
    client.get("/health")

    told: list[dict[str, Any]] = [vars(r) for r in caplog.records if r.message == "request"]

    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("POST", "/api/queries", 202),
        ("GET", "/api/jobs/<job_id>", 200),
    ]
    assert told[1]["job_id"] == job_id
    assert all(line["ms"] >= 0 for line in told)
