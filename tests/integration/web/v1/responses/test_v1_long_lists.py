"""Long lists of texts: one is embedded at a time, and one that takes too long is given up."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from access.grants import Grant
from protocol.keys import key
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import Vectors
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from tests.support.waiting import PATIENCE_S, until
from tests.support.worlds.answering_workers import (
    AnsweringWorkers,
    FixedRetriever,
    ScriptedGenerator,
)
from web.app import create_app

LONG = [f"text number {n}" for n in range(70)]


class GatedEmbedder(HashingEmbedder):
    """Embeds once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.at_once, self.most = 0, 0

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        assert self.go.wait(PATIENCE_S)
        self.at_once -= 1
        return super().embed(texts, truncate=truncate)


def embed(app: Flask, texts: Sequence[str], **more: Any) -> TestResponse:
    return app.test_client().post("/v1/embeddings", json={"input": texts}, **more)


def test_a_long_list_waits_outside_while_another_is_embedded(
    app: Flask, settings: Settings
) -> None:
    embedder, storage = GatedEmbedder(), parts_of(app).intake._storage
    workers = AnsweringWorkers(
        storage, settings.redis_url, retriever=FixedRetriever(), generator=ScriptedGenerator(),
        embedder=embedder,
    )  # fmt: skip
    with workers, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(embed, app, LONG) for _ in range(2)]
        (later,) = until(
            lambda: storage.redis.zrange(key("later", "retrieve"), 0, -1), told="one waits"
        )
        until(lambda: workers.leases.bodies == 1, told="its thread is free")
        embedder.go.set()
        storage.redis.zadd(key("later", "retrieve"), {later: 0}, xx=True)

        def dispatched() -> bool:
            storage.ledger.maintenance.dispatch("retrieve")
            return all(one.done() for one in asked)

        until(dispatched, told="both are embedded")
        answers = [one.result().get_json()["data"] for one in asked]

    assert [len(answer) for answer in answers] == [len(LONG), len(LONG)]
    assert embedder.most == 1


@pytest.fixture
def hurried(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """A server that waits for a second, and asks for keys."""
    monkeypatch.setattr("web.v1.waiting._SWEEP_S", 0.0)
    app = create_app(replace(settings, interactive_deadline_s=1, keys="on"))
    yield app
    parts_of(app).close()


@pytest.fixture
def headers(hurried: Flask) -> dict[str, str]:
    """What a caller sends who may add documents, and not ask."""
    grant = Grant(tenant="acme", scopes=frozenset({"ingest"}))
    parts_of(hurried).intake._storage.catalogue.collections.create("acme/default")
    _, token = parts_of(hurried).api_keys.create(grant, name="acme")
    return {"Authorization": f"Bearer {token}"}


def test_a_list_that_nobody_embeds_in_time_is_given_up_by_whoever_sent_it(
    hurried: Flask, headers: dict[str, str]
) -> None:
    answer = embed(hurried, LONG, headers=headers)
    redis = parts_of(hurried).intake.redis
    (name,) = redis.keys("quern:unit:*")

    assert redis.hget(name, "state") == "cancelled"
    # A status with which OpenAI's client does not send the same again.
    assert answer.status_code == 400
    error = answer.get_json()["error"]
    assert (error["param"], error["code"]) == ("input", "deadline")
    assert "send fewer" in error["message"]


def test_a_list_that_expires_says_the_same(hurried: Flask, headers: dict[str, str]) -> None:
    worker = HandWorker(parts_of(hurried))
    problem = orjson.dumps({"type": "deadline", "title": "Late", "detail": "Too late."}).decode()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(embed, hurried, LONG, headers=headers)
        (unit_id,) = until(lambda: worker.storage.redis.zrange("quern:inflight:retrieve", 0, -1))
        worker.ledger.work.finish(worker.claim(unit_id), state="expired", fields={"error": problem})
        answer = asked.result()

    assert answer.status_code == 400
    assert "send fewer" in answer.get_json()["error"]["message"]
