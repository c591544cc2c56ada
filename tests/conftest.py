"""A private Redis for the whole run, emptied before each test that asks for it."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from redis import Redis
from redis.exceptions import RedisError

from access import grants
from adapters.embedding_models.processor import integer_unit
from benchmarks.figures.reporting import host
from stack.redis_server import find_redis_server, redis_command

pytest_plugins = ("tests.support.folder_times", "tests.support.second_try")

# A time limit for each example fails where the machine is busy; CI's profile has none either.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")


def pytest_report_header() -> str:
    """Say what multiplies int8 numbers here: the vectors are the same, the speed is not."""
    return f"processor: {host()['cpu']}, int8 products: {integer_unit()}"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a private Redis with an append-only file; yields its URL."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = redis_command(
        find_redis_server(), folder=folder, port=port, memory_mb=256, evicts=False
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        with Redis.from_url(url) as client:
            _wait_for(client)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def clean_redis(redis_url: str) -> str:
    """Empty the private Redis; returns its URL."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture(autouse=True)
def nobody_calls() -> Iterator[None]:
    """Forget after each test for whom its thread worked: the next one works for everybody."""
    yield
    grants.begin(grants.OPEN)


def _wait_for(client: "Redis[bytes]") -> None:
    end = time.monotonic() + 10
    while True:
        try:
            client.ping()
        except RedisError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
