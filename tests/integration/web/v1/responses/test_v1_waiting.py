"""Callers who wait for one answer: it is made as long as one of them is there."""

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from flask import Flask
from openai import OpenAI

from protocol.keys import key
from tests.integration.conftest import parts_of
from tests.support.waiting import until
from tests.support.worlds.answering_workers import ScriptedGenerator

pytestmark = pytest.mark.usefixtures("workers")

HEADERS = {"Idempotency-Key": "the-same"}
BODY: Any = {"input": "Hello", "model": "quern"}


def handlers() -> int:
    """Count the threads of the server that handle a request."""
    return sum("process_request_thread" in one.name for one in threading.enumerate())


def test_who_leaves_takes_the_answer_from_nobody_else(
    openai: OpenAI, url: str, app: Flask, generator: ScriptedGenerator
) -> None:
    generator.pause_at = 1
    redis = parts_of(app).intake.redis
    first = http.client.HTTPConnection(urlsplit(url).netloc)
    headers = {"Content-Type": "application/json", **HEADERS}
    first.request("POST", "/v1/responses", orjson.dumps(BODY), headers)
    assert generator.waits.wait(60)
    (unit,) = redis.keys("quern:unit:*")
    readers = key("readers", unit.removeprefix("quern:unit:"))
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(lambda: openai.responses.create(**BODY, extra_headers=HEADERS))
        until(lambda: redis.zcard(readers) == 2, told="both wait")
        first.close()
        until(lambda: redis.zcard(readers) == 1, told="one has left")
        until(lambda: handlers() == 1, told="nothing more is done for the one who left")
        generator.go.set()
        answer = second.result()

    assert answer.status == "completed"
    assert not redis.exists(readers)


def test_the_last_who_leaves_ends_it(url: str, app: Flask, generator: ScriptedGenerator) -> None:
    generator.pause_at = 1
    redis = parts_of(app).intake.redis
    only = http.client.HTTPConnection(urlsplit(url).netloc)
    only.request("POST", "/v1/responses", orjson.dumps(BODY), {"Content-Type": "application/json"})
    assert generator.waits.wait(60)
    (unit,) = redis.keys("quern:unit:*")
    only.close()

    until(lambda: redis.hget(unit, "state") == "cancelled", told="it is cancelled")


def test_who_waits_long_says_again_and_again_that_they_are_there(
    openai: OpenAI, app: Flask, generator: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.http.waiting.LISTEN_S", 0.1)
    monkeypatch.setattr("web.http.waiting.LOOK_S", 0.05)
    generator.pause_at = 1
    redis = parts_of(app).intake.redis
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: openai.responses.create(**BODY))
        assert generator.waits.wait(60)
        (unit,) = redis.keys("quern:unit:*")
        readers = key("readers", unit.removeprefix("quern:unit:"))

        def there_until() -> float:
            return sum(score for _, score in redis.zrange(readers, 0, -1, withscores=True))

        first = until(there_until, told="one waits")
        until(lambda: there_until() > first, told="the same one is there still", within_s=20)
        assert redis.zcard(readers) == 1
        generator.go.set()
        answer = asked.result()

    assert answer.status == "completed"
