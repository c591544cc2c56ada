import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from runtime.settings import Settings
from tests.support.waiting import below, quickly
from web.app import create_app
from web.server.patient_socket import PatientSocket


def ask(client: FlaskClient, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.post("/api/queries", json={"question": "What is A?"} | body, headers=headers)


def test_a_question_becomes_a_job_that_says_where_it_is(client: FlaskClient) -> None:
    answer = ask(client)

    assert answer.status_code == 202
    job = answer.get_json()
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (job["kind"], job["state"], job["stage"]) == ("query", "queued", "retrieve")
    assert job["request"]["question"] == "What is A?"
    assert job["queue"] == {"position": 0, "eta_s": None}


def test_who_had_to_wait_for_a_thread_is_told_to_come_back_later(client: FlaskClient) -> None:
    job_id = ask(client).get_json()["id"]
    with PatientSocket() as line:
        line.begin_answer(waited_s=1.5)
        answer = client.get(f"/api/jobs/{job_id}", environ_overrides={"gunicorn.socket": line})

    assert answer.headers["Retry-After"] == "6"


def test_a_question_without_passages_skips_retrieval(client: FlaskClient) -> None:
    assert ask(client, top_k=0).get_json()["stage"] == "generate"


def test_a_finished_job_shows_answer_and_sources(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client).get_json()["id"]
    worker.answer(job_id)

    answer = client.get(f"/api/jobs/{job_id}")

    assert "Retry-After" not in answer.headers
    job = answer.get_json()
    assert job["state"] == "succeeded"
    assert job["result"]["answer"] == "A is first. [1]"
    assert [source["document_id"] for source in job["result"]["sources"]] == ["a.md"]
    assert job["timings_ms"]["total"] >= 0


def test_the_sources_are_shown_before_the_answer(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client).get_json()["id"]
    worker.retrieve(job_id)

    job = client.get(f"/api/jobs/{job_id}").get_json()

    assert job["stage"] == "generate"
    assert job["sources"][0]["chunk_id"] == "a.md:1:0"


@pytest.mark.usefixtures("busy_worker")
def test_a_submit_that_prefers_to_wait_gets_the_finished_job(client: FlaskClient) -> None:
    answer = ask(client, {"Prefer": "respond-async, wait=5"})

    assert answer.status_code == 200
    assert answer.get_json()["state"] == "succeeded"
    assert answer.headers["Preference-Applied"] == "respond-async, wait=5"


def test_a_submit_that_waits_in_vain_gets_the_job(client: FlaskClient) -> None:
    began = time.monotonic()
    answer = quickly(lambda: ask(client, {"Prefer": "wait=1"}), within_s=2)

    assert answer.status_code == 202
    assert time.monotonic() - began > 0.9


def test_the_same_key_and_body_is_the_same_job(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, again = ask(client, key), ask(client, key)
    other = ask(client, key, question="Another?")

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert other.status_code == 422
    assert other.get_json()["type"] == "/problems/idempotency-conflict"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": "x" * 9_000}, "question"),
        ({"question": "x", "top_k": 51}, "top_k"),
        ({"question": "x", "colour": "red"}, "colour"),
        ({"question": "x", "callback_url": "http://a"}, "callback_url"),
        ({"question": "x", "filters": {"year": {"above": 1}}}, "filters.year.above"),
        ({"question": "x", "history": [{"role": "system", "text": "x"}]}, "history[0].role"),
        ([], "body"),
    ],
)
def test_an_invalid_field_is_named(client: FlaskClient, body: Any, field: str) -> None:
    answer = client.post("/api/queries", json=body)

    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json()
    assert problem["type"] == "/problems/invalid"
    assert [error["field"] for error in problem["errors"]] == [field]


def test_a_body_that_is_no_json_is_a_bad_request(client: FlaskClient) -> None:
    answer = client.post("/api/queries", data=b"{", content_type="application/json")

    assert answer.status_code == 400


def test_another_media_type_is_refused(client: FlaskClient) -> None:
    assert client.post("/api/queries", data=b"x", content_type="text/plain").status_code == 415
    assert client.post("/api/queries").status_code == 415


def test_too_large_a_body_is_refused_by_its_size(settings: Settings, client: FlaskClient) -> None:
    answer = ask(client, question="x" * (settings.max_json_bytes + 1))

    assert answer.status_code == 413


def test_an_unknown_collection_is_not_found(client: FlaskClient) -> None:
    assert ask(client, collection="nowhere").status_code == 404


def test_a_full_lane_says_when_to_come_back(clean_redis: str, tmp_path: Path) -> None:
    bounded = Settings(redis_url=clean_redis, data_dir=tmp_path, max_interactive_jobs=1)
    app = create_app(bounded)
    client = app.test_client()
    ask(client)
    answer = ask(client)
    other_lane = ask(client, priority="batch")
    app.extensions["quern"].close()

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 120
    problem = answer.get_json()
    assert (problem["limit"], problem["depth"]) == (1, 1)
    assert other_lane.status_code == 202


def test_nothing_is_admitted_once_redis_is_nearly_full(
    client: FlaskClient, settings: Settings
) -> None:
    with Redis.from_url(settings.redis_url) as redis:
        used = int(redis.info("memory")["used_memory"])
        before = redis.config_get("maxmemory")["maxmemory"]
        redis.config_set("maxmemory", int(used * 1.1))
        try:
            answer = ask(client)
        finally:
            redis.config_set("maxmemory", before)

    assert answer.status_code == 429
    assert answer.get_json()["type"] == "/problems/memory-full"
    assert int(answer.headers["Retry-After"]) <= 120


def test_without_redis_the_answer_is_a_quick_503(tmp_path: Path) -> None:
    app = create_app(Settings(redis_url="redis://127.0.0.1:9/0", data_dir=tmp_path))
    client = app.test_client()
    answer = quickly(lambda: ask(client), within_s=1.5)
    app.extensions["quern"].close()

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) <= 120
    assert answer.get_json()["type"] == "/problems/unavailable"


def test_a_poll_returns_as_soon_as_the_job_ends(client: FlaskClient, worker: Any) -> None:
    def returned_after() -> float:
        job_id, ended = ask(client).get_json()["id"], []

        def end() -> None:
            worker.answer(job_id)
            ended.append(time.monotonic())

        timer = threading.Timer(0.3, end)
        timer.start()
        answer = client.get(f"/api/jobs/{job_id}?wait=10")
        returned = time.monotonic()
        timer.join()

        assert answer.get_json()["state"] == "succeeded"
        return returned - ended[0]

    below(returned_after, 0.4)


@pytest.mark.parametrize("wait", ["31", "-1", "x", ""])
def test_a_wait_out_of_bounds_is_refused(client: FlaskClient, wait: str) -> None:
    job_id = ask(client).get_json()["id"]

    assert client.get(f"/api/jobs/{job_id}?wait={wait}").status_code == 422


def test_past_the_cap_a_wait_returns_at_once(app: Flask, client: FlaskClient) -> None:
    job_id = ask(client).get_json()["id"]
    places = app.extensions["quern"].places
    for slots in (places.polls, places.streams):
        for n in range(slots.limit):
            slots.take(str(n))
    answer = quickly(lambda: client.get(f"/api/jobs/{job_id}?wait=10"), within_s=0.5)
    stream = quickly(lambda: client.get(f"/api/jobs/{job_id}/events"), within_s=0.5)

    assert answer.status_code == 200
    assert answer.headers["Retry-After"] == "1"
    assert stream.status_code == 429
    assert stream.headers["Retry-After"] == "1"


def test_a_submit_takes_a_few_milliseconds(client: FlaskClient) -> None:
    for _ in range(20):
        ask(client)

    def middle() -> float:
        times = []
        for _ in range(50):
            began = time.perf_counter()
            ask(client)
            times.append(time.perf_counter() - began)
        return median(times)

    below(middle, 0.02)
