"""What an earlier build left in its data folder is served, and what waits there is done."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from protocol.keys import key
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app

#: The queue Redis and the blobs of a stack that was stopped with a question and a file waiting.
LEFT: dict[str, Any] = json.loads(Path(__file__).with_name("build_before.json").read_text("utf-8"))


def restore(redis: "Redis[bytes]", name: str, kind: str, value: Any) -> None:
    match kind:
        case "string":
            redis.set(name, value)
        case "hash":
            redis.hset(name, mapping=value)
        case "list":
            redis.rpush(name, *value)
        case "set":
            redis.sadd(name, *value)
        case "zset":
            redis.zadd(name, value)
        case "stream":
            for entry, fields in value:
                redis.xadd(name, fields, id=entry)


@pytest.fixture
def left(settings: Settings) -> Settings:
    """Lay the data folder out again; its time goes on with what waits."""
    with Redis.from_url(settings.redis_url) as redis:
        for name, (kind, value) in LEFT["redis"].items():
            restore(redis, name, kind, value)
        later = int(redis.time()[0] + 300) * 1_000
        for waiting in (LEFT["waiting"], *LEFT["redis"][key("open", LEFT["coming"])][1]):
            redis.hset(key("unit", waiting), "deadline", later)
    for name, data in LEFT["blobs"].items():
        path = settings.data_dir / "blobs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))
    return settings


@pytest.fixture
def served(left: Settings) -> Iterator[tuple[FlaskClient, HandWorker]]:
    app = create_app(left)
    yield app.test_client(), HandWorker(parts_of(app))
    parts_of(app).close()


def test_what_had_ended_is_shown(served: tuple[FlaskClient, HandWorker]) -> None:
    client, _ = served
    asked = client.get(f"/api/jobs/{LEFT['asked']}").get_json()
    events = client.get(f"/api/jobs/{LEFT['asked']}/events").get_data(as_text=True)
    ingested = client.get(f"/api/jobs/{LEFT['ingested']}").get_json()
    listed = client.get("/api/jobs").get_json()["jobs"]

    assert asked["state"] == "succeeded"
    assert "31 metres deep" in asked["result"]["answer"]
    assert asked["result"]["citations"][0]["document_id"] == "wells"
    assert events.count("event: done") == 1
    assert ingested["progress"]["done"] == ingested["progress"]["total"] == 2
    assert [job["id"] for job in listed] == [
        LEFT["coming"], LEFT["waiting"], LEFT["asked"], LEFT["ingested"],
    ]  # fmt: skip


def test_documents_are_there_with_their_text(served: tuple[FlaskClient, HandWorker]) -> None:
    client, _ = served
    documents = client.get("/api/collections/county/documents").get_json()["documents"]
    text = client.get("/api/collections/county/documents/mills/text").get_data(as_text=True)

    assert [document["document_id"] for document in documents] == ["mills", "wells"]
    assert "24 blades" in text


def test_what_was_accepted_and_waits_is_done(served: tuple[FlaskClient, HandWorker]) -> None:
    client, worker = served
    worker.answer(LEFT["waiting"])
    (row,) = worker.rows(LEFT["coming"])
    worker.publish(row, "The gate of Corby faces the river.", spans=[(0, 34)])

    assert client.get(f"/api/jobs/{LEFT['waiting']}").get_json()["state"] == "succeeded"
    assert client.get(f"/api/jobs/{LEFT['coming']}").get_json()["state"] == "succeeded"
    documents = client.get("/api/collections/county/documents").get_json()["documents"]
    assert [document["document_id"] for document in documents] == ["gates", "mills", "wells"]
