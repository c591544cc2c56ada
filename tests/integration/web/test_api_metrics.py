"""The web's /metrics over a real Redis: what waits, what is refused, and a Redis that is frozen."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from jobs.heartbeats import WorkerState, beat
from protocol.keys import CELERY_PREFIX, key
from runtime.settings import Settings
from tests.support.waiting import quickly, until
from web.app import create_app
from web.scraped_state import LIMIT_S


def scrape(client: FlaskClient) -> str:
    return client.get("/metrics").get_data(as_text=True)


def scraped(client: FlaskClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return series(scrape(client))


def series(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(client: FlaskClient, name: str, **labels: str) -> float:
    wanted = name, tuple(sorted(labels.items()))
    # What cannot be read within a quarter second is absent from that scrape.
    return until(lambda: [v for s, v in scraped(client).items() if s == wanted], told=name)[0]


def test_documents_in_both_kinds_of_lanes_are_counted(client: FlaskClient, worker: Any) -> None:
    redis = worker.storage.redis
    redis.set(key("window", "ingest"), 1)
    redis.set(key("long_window"), 0)
    redis.zadd(key("lane", "ingest+", "ingest:j"), {"long": int(time.time() * 1e6)})
    redis.zadd(key("owners", "ingest+"), {"ingest:j": 1})
    documents = [{"id": name, "text": "x"} for name in ("a", "b", "c")]

    client.post("/api/ingests", json={"documents": documents})

    # One has a message that nobody took, two wait, and one waits beside them.
    assert value(client, "quern_queue_depth", queue="ingest") == 4


def ask(client: FlaskClient, count: int) -> list[str]:
    asked = [client.post("/api/queries", json={"question": f"{n}?"}) for n in range(count)]
    return [answer.get_json()["id"] for answer in asked]


def test_what_waits_is_counted_whether_its_message_is_on_its_way_or_not(
    client: FlaskClient, worker: Any
) -> None:
    first, *_ = ask(client, 20)  # more than are sent without a worker

    assert value(client, "quern_queue_depth", queue="retrieve") == 20
    worker.claim(first)
    assert value(client, "quern_queue_depth", queue="retrieve") == 19
    assert value(client, "quern_queue_depth", queue="generate") == 0
    time.sleep(0.2)
    assert 0.2 <= value(client, "quern_queue_oldest_age_seconds", queue="retrieve") < 60
    assert value(client, "quern_queue_oldest_age_seconds", queue="generate") == 0


def test_messages_that_celery_has_delivered_are_those_sent_and_in_no_queue(
    app: Flask, client: FlaskClient
) -> None:
    ask(client, 3)

    assert value(client, "quern_queue_unacked", queue="retrieve") == 0
    assert app.extensions["quern"].intake._storage.redis.lpop(f"{CELERY_PREFIX}retrieve", 2)
    assert value(client, "quern_queue_unacked", queue="retrieve") == 2


def test_what_waits_for_the_archive_and_for_receivers_is_counted(
    client: FlaskClient, worker: Any
) -> None:
    assert value(client, "quern_archive_waiting") == 0
    assert value(client, "quern_archive_oldest_age_seconds") == 0
    client.post("/api/webhooks", json={"url": "https://192.0.2.7/hook"})
    first, second = ask(client, 2)
    worker.answer(first)
    worker.answer(second)
    redis = worker.storage.redis
    redis.zincrby(key("ended"), -90_000, first)  # it ended so many milliseconds earlier
    redis.hincrby(key("tallies"), "webhooks_dropped", 3)

    assert value(client, "quern_archive_waiting") == 2
    assert 90 <= value(client, "quern_archive_oldest_age_seconds") < 150
    assert value(client, "quern_webhooks_waiting") == 2
    assert value(client, "quern_webhooks_dropped_total") == 3


def test_a_frozen_redis_makes_series_absent_and_no_scrape_long(
    app: Flask, client: FlaskClient
) -> None:
    ask(client, 1)
    until(lambda: value(client, "quern_redis_up") == 1)
    server = app.extensions["quern"].intake._storage.redis.info("server")["process_id"]

    os.kill(server, signal.SIGSTOP)
    try:
        for _ in range(3):
            # Reading half a megabyte of series in Python takes longer than the scrape.
            told = series(quickly(lambda: scrape(client), within_s=LIMIT_S + 1.0))
            assert told["quern_redis_up", ()] == 0
            assert not [name for name, _ in told if name.startswith("quern_queue_")]
            assert not [name for name, _ in told if name.startswith("quern_jobs_")]
    finally:
        os.kill(server, signal.SIGCONT)
    assert value(client, "quern_queue_depth", queue="retrieve") == 1


def test_a_full_queue_is_told_as_such(clean_redis: str, tmp_path: Path) -> None:
    settings = Settings(redis_url=clean_redis, data_dir=tmp_path, max_interactive_jobs=1)
    app = create_app(settings)
    client = app.test_client()
    before = value(client, "quern_http_rejected_total", reason="queue_full")

    statuses = [client.post("/api/queries", json={"question": "?"}).status_code for _ in "ab"]

    assert statuses == [202, 429]
    assert value(client, "quern_http_rejected_total", reason="queue_full") == before + 1
    app.extensions["quern"].close()


def test_paths_and_methods_that_nobody_knows_make_one_series(client: FlaskClient) -> None:
    def count() -> int:
        return sum(name == "quern_http_requests_total" for name, _ in scraped(client))

    client.open("/nowhere", method="GET")
    client.open("/nowhere", method="BREW")
    before = count()
    for n in range(20):
        client.get(f"/nowhere/{n}")
        client.open(f"/elsewhere/{n}", method=f"METHOD{n}")

    assert count() == before


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1:9110"), ("0.0.0.0", "box:9110"),  # noqa: S104  it is not bound
     ("::", "box:9110"),     ("::1", "[::1]:9110"), ("localhost", "localhost:9110")],
)  # fmt: skip
def test_prometheus_finds_the_workers_where_they_listen(
    clean_redis: str, tmp_path: Path, host: str, address: str
) -> None:
    settings = Settings(redis_url=clean_redis, data_dir=tmp_path, host=host, keys="off")
    app = create_app(settings)
    redis = app.extensions["quern"].intake._storage.redis
    known = {"role": "retrieval", "pid": 1, "host": "box", "queues": ("retrieve",), "threads": 1}
    beat(redis, WorkerState(name="a", metrics_port=9110, **known))
    beat(redis, WorkerState(name="without", **known))

    assert app.test_client().get("/prometheus/sd").get_json() == [
        {
            "targets": [address],
            "labels": {"job": "quern-retrieval", "role": "retrieval", "worker": "a"},
        }
    ]
    app.extensions["quern"].close()
