"""Webhooks of batches and responses: told as OpenAI does, so that its client verifies them."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openai import OpenAI

from jobs.webhooks.deliveries import Deliveries
from jobs.webhooks.signing import headers
from tests.integration.conftest import HandWorker, parts_of
from tests.support.waiting import until

CHAT: Any = "/v1/chat/completions"
Heard = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def heard(app: Flask, client: FlaskClient, openai: OpenAI) -> Heard:
    """Add a webhook in OpenAI's form; returns what tells what it hears: type and id of each."""
    added = client.post(
        "/api/webhooks", json={"url": "https://example.org/hook", "form": "openai"}
    ).get_json()
    assert added["form"] == "openai"
    intake = parts_of(app).intake
    deliveries = Deliveries(intake.redis, intake.scripts)

    def look() -> list[tuple[str, str]]:
        found = []
        for delivery in deliveries.take(50, running={}):
            payload = delivery.payload()
            signed = headers(delivery.secret, delivery.message_id, payload, now_s=int(time.time()))
            event = openai.webhooks.unwrap(payload, signed, secret=added["secret"])
            found.append((event.type, event.data.id))
        return found

    return look


def begin(openai: OpenAI, *custom_ids: str) -> str:
    lines = [
        {"custom_id": name, "method": "POST", "url": CHAT,
         "body": {"model": "quern", "messages": [{"role": "user", "content": "x"}]}}
        for name in custom_ids
    ]  # fmt: skip
    data = b"\n".join(map(orjson.dumps, lines)) or b"\n"
    file = openai.files.create(file=("a.jsonl", data), purpose="batch")
    return openai.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h").id


def job_of(given: str) -> str:
    plain = given.partition("_")[2]
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def test_the_end_of_a_batch_is_told_by_openais_names(
    openai: OpenAI, worker: HandWorker, heard: Heard
) -> None:
    done = begin(openai, "a", "b")
    first, second = worker.rows(job_of(done))
    worker.generate(first)
    worker.fail(second)
    assert heard() == []
    assert openai.batches.retrieve(done).status == "completed"  # its files are there now
    assert heard() == [("batch.completed", done)]
    failed = begin(openai)
    assert heard() == [("batch.failed", failed)]
    stopped = begin(openai, "a")
    openai.batches.cancel(stopped)
    assert heard() == []
    assert openai.batches.retrieve(stopped).status == "cancelled"  # its files are there now
    assert heard() == [("batch.cancelled", stopped)]
    late = begin(openai, "a")
    (row,) = worker.rows(job_of(late))
    worker.storage.redis.zadd("quern:deadlines:batch", {row: 1})
    worker.ledger.maintenance.expire("batch")
    assert heard() == []
    assert openai.batches.retrieve(late).status == "expired"  # its files are there now
    assert heard() == [("batch.expired", late)]


def test_the_end_of_a_response_is_told_and_of_nothing_else(
    openai: OpenAI, client: FlaskClient, worker: HandWorker, heard: Heard
) -> None:
    done, failed, stopped, cut = (
        openai.responses.create(input="x", background=True).id for _ in range(4)
    )
    worker.generate(job_of(done))
    worker.fail(job_of(failed))
    openai.responses.cancel(stopped)
    worker.ledger.work.finish(
        worker.claim(job_of(cut)), state="succeeded",
        fields={"result_blob": "0" * 64, "cut": "1"},  # the result is large, and on the disk
    )  # fmt: skip
    query = client.post("/api/queries", json={"question": "Why?", "top_k": 0}).get_json()["id"]
    worker.generate(query)

    told: list[tuple[str, str]] = []

    def all_are_told() -> bool:  # two at a time go to one endpoint
        told.extend(heard())
        return len(told) >= 4

    until(all_are_told, told="all are told")
    assert sorted(told) == sorted(
        [
            ("response.completed", done), ("response.failed", failed),
            ("response.cancelled", stopped), ("response.incomplete", cut),
        ]
    )  # fmt: skip
    assert worker.storage.redis.zcard("quern:deliveries") == 4


@pytest.mark.usefixtures("heard")
def test_other_webhooks_hear_of_jobs_as_ever(
    openai: OpenAI, client: FlaskClient, worker: HandWorker
) -> None:
    added = client.post("/api/webhooks", json={"url": "https://example.org/2"}).get_json()
    done = begin(openai, "a")
    (row,) = worker.rows(job_of(done))
    worker.generate(row)
    redis = worker.storage.redis
    (name,) = [name for name in redis.zrange("quern:deliveries", 0, -1) if added["id"] in name]

    event = orjson.loads(redis.hget(f"quern:delivery:{name}", "event"))
    assert (added["form"], event["type"], "openai" in event) == ("quern", "job.succeeded", False)
