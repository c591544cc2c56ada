"""Health in the real server: stores in a black hole, strangers, and the last seconds."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient
from redis import Redis

from runtime.settings import Settings
from tests.support.answer_times import assert_quick
from tests.support.waiting import until
from web.app import create_app


@contextmanager
def server(settings: Settings) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The front end in gunicorn, as it runs in production."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "web.app:create_app()",
        "--worker-class=web.server.patient_worker.PatientThreadWorker",
        "--threads=8", f"--bind=127.0.0.1:{port}", "--no-control-socket",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUERN_")}
    process = subprocess.Popen(
        command, env=environment | settings.environment(), cwd=Path(__file__).parents[3],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: status(url, "/livez") == 200, told="the server answers")
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=35)


def status(url: str, path: str) -> int:
    try:
        return httpx.get(url + path, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


def test_stores_in_a_black_hole_delay_no_answer_and_are_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        at = f"127.0.0.1:{hole.getsockname()[1]}"
        settings = Settings(
            data_dir=tmp_path, redis_url=f"redis://{at}/0", cache_url=f"redis://{at}/1",
            chroma_url=f"http://{at}",
        )  # fmt: skip
        with server(settings) as (url, _):
            assert_quick(url)
            named = {f"{store}:responseTime" for store in ("redis", "cache", "chroma")}
            until(lambda: named <= httpx.get(f"{url}/health").json()["checks"].keys(), within_s=15)
            assert_quick(url)
            checks = httpx.get(f"{url}/health").json()["checks"]
            ready = httpx.get(f"{url}/readyz")

    statuses = {name: checks[name][0]["status"] for name in checks}
    assert statuses["redis:responseTime"] == statuses["chroma:responseTime"] == "fail"
    assert statuses["cache:responseTime"] == "warn"
    assert (ready.status_code, ready.json()["output"]) == (503, "redis does not answer")


def test_after_sigterm_the_server_answers_on_and_says_that_it_is_going(
    clean_redis: str, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis, web_drain_s=8.0
    )
    with server(settings) as (url, process):
        until(lambda: status(url, "/readyz") == 200, told="the server is ready")
        process.send_signal(signal.SIGTERM)
        until(lambda: status(url, "/readyz") == 503, within_s=settings.web_drain_s)
        alive, told = status(url, "/livez"), httpx.get(f"{url}/readyz").json()
        ended = process.wait(timeout=20)

    assert (alive, told["output"]) == (200, "going down")
    assert ended == 0


@pytest.mark.parametrize(
    ("allowed", "headers", "address", "detailed"),
    [
        ("private", {}, "127.0.0.1", True),
        ("private", {}, "10.1.2.3", True),
        ("private", {}, "::1", True),
        ("private", {}, "9.9.9.9", False),
        ("private", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", False),
        ("everyone", {}, "9.9.9.9", True),
        ("nobody", {}, "127.0.0.1", False),
    ],
)
def test_strangers_are_told_the_status_alone(
    clean_redis: str,
    tmp_path: Path,
    allowed: str,
    headers: dict[str, str],
    address: str,
    *,
    detailed: bool,
) -> None:
    settings = Settings(
        data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis,
        chroma_url="http://127.0.0.1:9", health_detail=allowed, health_disk_floor_mb=10**9,
    )  # fmt: skip
    app = create_app(settings)
    client: FlaskClient = app.test_client()
    caller = {"REMOTE_ADDR": address}
    health = client.get("/health", headers=headers, environ_base=caller).get_json()
    ready = client.get("/readyz", headers=headers, environ_base=caller).get_json()
    app.extensions["quern"].close()

    assert ("checks" in health) == detailed
    assert ("output" in ready) == detailed
    assert ready["status"] == "fail"  # there is no such disk


def test_a_queue_redis_that_evicts_fails_health(clean_redis: str, tmp_path: Path) -> None:
    with Redis.from_url(clean_redis) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
    app = create_app(Settings(data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis))
    try:
        client = app.test_client()
        until(lambda: "redis:evictionPolicy" in client.get("/health").get_json()["checks"])
        answer = client.get("/health")
    finally:
        app.extensions["quern"].close()
        with Redis.from_url(clean_redis) as redis:
            redis.config_set("maxmemory-policy", "noeviction")

    check = answer.get_json()["checks"]["redis:evictionPolicy"][0]
    assert (check["status"], answer.status_code) == ("fail", 503)
    assert "noeviction" in check["output"]


def test_the_numbers_for_graphs_are_read_without_waiting(clean_redis: str, tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis,
        chroma_url="http://127.0.0.1:9",
    )  # fmt: skip
    app = create_app(settings)
    health = app.extensions["quern"].health
    before = dict(health.statuses())
    health.start()
    seen = {"redis:responseTime", "chroma:responseTime", "workers:retrieve"}

    def all_seen() -> dict[str, float]:
        numbers = dict(health.statuses())
        # A first look that took long warns, until the next.
        return numbers if seen <= numbers.keys() and numbers["redis:responseTime"] == 1 else {}

    numbers = until(all_seen)
    app.extensions["quern"].close()

    assert before == {}
    assert numbers["chroma:responseTime"] == 0.0
    assert numbers["workers:retrieve"] == 0.5
