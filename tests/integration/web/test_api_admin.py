"""`/api/admin` over a real Redis: jobs that operators ask for."""

import time
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient


@pytest.fixture
def books(client: FlaskClient) -> str:
    client.post("/api/collections", json={"name": "books"})
    return "books"


def test_a_reindex_is_a_job_with_progress_and_a_result(
    client: FlaskClient, worker: Any, books: str
) -> None:
    answer = client.post("/api/admin/reindex", json={"collection": books})
    job_id = answer.get_json()["id"]
    unit = worker.claim(job_id)
    said = orjson.dumps({"done": 1, "total": 3, "unit": "documents"}).decode()
    worker.storage.redis.hset(f"quern:unit:{job_id}", "progress", said)
    running = client.get(f"/api/jobs/{job_id}").get_json()
    result = orjson.dumps({"documents": 3}).decode()
    worker.ledger.work.finish(unit, state="succeeded", fields={"result": result})
    (listed,) = client.get("/api/jobs?kind=reindex&collection=books").get_json()["jobs"]

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/jobs/{job_id}"
    assert running["progress"] == {"done": 1, "total": 3, "unit": "documents", "failed": 0}
    assert listed["id"] == job_id
    assert client.get(f"/api/jobs/{job_id}").get_json()["result"] == {"documents": 3}


def test_a_second_reindex_is_refused_and_told_of_the_first(client: FlaskClient, books: str) -> None:
    first = client.post("/api/admin/reindex", json={"collection": books}).get_json()["id"]
    second = client.post("/api/admin/reindex", json={"collection": books})
    client.delete(f"/api/jobs/{first}")

    assert second.status_code == 409
    assert second.get_json()["job_id"] == first
    assert client.post("/api/admin/reindex", json={"collection": books}).status_code == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [({"collection": "nothing"}, 404), ({}, 422), ({"collection": 3}, 422), ({"name": "a"}, 422)],
)
def test_what_cannot_be_reindexed_is_refused(
    client: FlaskClient, body: dict[str, Any], status: int
) -> None:
    assert client.post("/api/admin/reindex", json=body).status_code == status


def test_a_reindex_that_failed_can_be_retried(client: FlaskClient, worker: Any, books: str) -> None:
    job_id = client.post("/api/admin/reindex", json={"collection": books}).get_json()["id"]
    worker.fail(job_id)
    again = client.post(f"/api/jobs/{job_id}/retry")

    assert again.status_code == 202
    assert again.get_json()["kind"] == "reindex"
    assert again.get_json()["retry_of"] == job_id


def test_jobs_that_ended_long_ago_are_forgotten_and_a_dry_run_only_counts(
    client: FlaskClient, worker: Any
) -> None:
    old, fresh = (
        client.post("/api/queries", json={"question": "Why?"}).get_json()["id"] for _ in range(2)
    )
    worker.answer(old)
    worker.answer(fresh)
    then = int(time.time() * 1e6) - 3 * 86_400 * 10**6
    worker.storage.redis.hset(f"quern:unit:{old}", "finished", then)
    worker.storage.redis.zadd("quern:jobs", {old: then})
    asked = {"older_than_s": 2 * 86_400}

    counted = client.post("/api/admin/purge", json=asked | {"dry_run": True}).get_json()
    done = client.post("/api/admin/purge", json=asked).get_json()

    assert counted == done == {"jobs": 1, "documents": 0, "next_cursor": None}
    assert client.get(f"/api/jobs/{old}").status_code == 404
    assert [job["id"] for job in client.get("/api/jobs").get_json()["jobs"]] == [fresh]


@pytest.mark.parametrize(
    "body",
    [{}, {"older_than_s": 3_600}, {"older_than_s": 86_400, "cursor": "x"}, {"older_than_s": "1d"}],
)
def test_a_purge_of_the_last_day_or_of_no_time_is_refused(
    client: FlaskClient, body: dict[str, Any]
) -> None:
    assert client.post("/api/admin/purge", json=body).status_code == 422
