"""A batch through the deaths of its web server, a worker and Redis: each line is answered once."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from openai import OpenAI
from redis import Redis
from redis.exceptions import RedisError

from corpus.blobs import BlobStore
from jobs.long_jobs import LongJobs
from runtime.settings import Settings
from stack.redis_server import find_redis_server, redis_command
from tests.integration.conftest import HandWorker, parts_of
from tests.integration.web.server.gunicorn_server import gunicorn
from tests.integration.web.v1.responses.test_v1_killed_server import client_of, kill
from tests.support.waiting import until
from tests.support.worlds.answering_workers import (
    AnsweringWorkers,
    FixedRetriever,
    ScriptedGenerator,
)
from web.app import create_app
from workers.maintenance import Rescuer

LINES = 120
CHAT = "/v1/chat/completions"


class OwnRedis:
    """A Redis that may be killed, and started again on what it had on its disk."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        self._command = redis_command(
            find_redis_server(), folder=folder, port=port, memory_mb=256, evicts=False
        )
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers, told="Redis answers")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)

    def _answers(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    folder = tmp_path / "redis"
    folder.mkdir()
    redis = OwnRedis(folder)
    yield redis
    redis.kill()


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[tuple[OpenAI, "subprocess.Popen[bytes]"]]:
    """Serve from processes of their own, until the block ends."""
    folder.mkdir()
    with gunicorn(settings, folder, "--threads=8") as (url, process), client_of(url) as client:
        yield client, process


def begun(client: OpenAI) -> str:
    lines = [
        {"custom_id": f"line {n}", "method": "POST", "url": CHAT,
         "body": {"model": "quern:papers", "messages": [{"role": "user", "content": f"{n}?"}]}}
        for n in range(LINES)
    ]  # fmt: skip
    data = b"\n".join(map(orjson.dumps, lines))
    file = client.files.create(file=("a.jsonl", data), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
    ).id


def test_each_line_is_answered_once_whatever_dies(
    settings: Settings, own_redis: OwnRedis, tmp_path: Path
) -> None:
    mine = replace(settings, redis_url=own_redis.url, cache_url=own_redis.url)
    app = create_app(mine)
    storage = parts_of(app).intake._storage
    storage.catalogue.collections.create("papers")
    with served(mine, tmp_path / "first") as (client, server):
        batch = begun(client)
        kill(server)
    dead = HandWorker(parts_of(app))
    for unit in storage.redis.zrange("quern:inflight:retrieve", 0, 2):
        dead.claim(unit)  # and never comes back to it
    time.sleep(1.5)  # Redis syncs its log each second
    own_redis.kill()
    own_redis.start()
    rescuer = Rescuer(storage)
    long_jobs = LongJobs(
        storage.ledger, limit=1, question_limit=10_000, blobs=BlobStore(mine.blobs)
    )  # fmt: skip
    workers = AnsweringWorkers(
        storage, own_redis.url, retriever=FixedRetriever(), generator=ScriptedGenerator("A [1].")
    )
    with workers, served(mine, tmp_path / "second") as (client, _):

        def is_over() -> bool:
            rescuer.turn()
            long_jobs.turn()
            return client.batches.retrieve(batch).status == "completed"

        until(is_over, within_s=120, every_s=0.5, told="the batch ends")
        told = client.batches.retrieve(batch)
        assert told.request_counts is not None
        assert told.request_counts.model_dump() == {
            "total": LINES, "completed": LINES, "failed": 0,
        }  # fmt: skip
        assert told.output_file_id is not None
        answers = client.files.content(told.output_file_id).text.splitlines()
    parts_of(app).close()

    assert [orjson.loads(line)["custom_id"] for line in answers] == [
        f"line {n}" for n in range(LINES)
    ]
