"""A queue Redis that takes no changes any more is told on every route as what it is."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from runtime.settings import Settings

DOCUMENT = {"documents": [{"id": "a", "text": "A is first."}]}


@pytest.fixture
def full(settings: Settings, client: FlaskClient, worker: Any) -> Iterator[dict[str, str]]:
    """Fill Redis after everything was looked at; return jobs that were admitted before."""
    asked = {name: _asked(client) for name in ("waits", "failed")}
    worker.fail(asked["failed"])
    ingest = client.post("/api/ingests", json=DOCUMENT | {"open": True}).get_json()["id"]
    with Redis.from_url(settings.redis_url, decode_responses=True) as redis:
        before = redis.config_get("maxmemory")["maxmemory"]
        redis.config_set("maxmemory", 1)
        try:
            yield asked | {"ingest": ingest}
        finally:
            redis.config_set("maxmemory", before)


def _asked(client: FlaskClient) -> str:
    return str(client.post("/api/queries", json={"question": "What is A?"}).get_json()["id"])


@pytest.fixture(params=[-1.0, 3_600.0], ids=["seen", "unseen"])
def believed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the admission see that Redis is full, or meet it only inside the script."""
    monkeypatch.setattr("intake.admission._BELIEVED_S", request.param)


@pytest.mark.usefixtures("believed")
@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("POST /api/queries", {"question": "What is A?"}),
        ("POST /api/queries", {"question": "What is A?", "priority": "batch"}),
        ("POST /api/search", {"query": "A"}),
        ("POST /api/ingests", DOCUMENT),
        ("POST /api/jobs/{ingest}/documents", DOCUMENT),
        ("POST /api/jobs/{failed}/retry", None),
        ("POST /api/collections", {"name": "other"}),
        ("POST /api/admin/check", {}),
        ("DELETE /api/collections/default", None),
    ],
)
def test_what_would_change_something_is_refused_for_a_while(
    client: FlaskClient, full: dict[str, str], call: str, body: Any
) -> None:
    method, path = call.format(**full).split()
    answer = client.open(path, method=method, json=body)

    assert answer.status_code == 429, answer.get_json()
    assert answer.get_json()["type"] == "/problems/memory-full"
    assert 1 <= int(answer.headers["Retry-After"]) <= 120
    assert "QUERN_REDIS_MEMORY_MB" in answer.get_json()["detail"]


def test_a_cancel_is_refused_and_what_is_only_read_is_answered(
    client: FlaskClient, full: dict[str, str]
) -> None:
    cancelled = client.delete(f"/api/jobs/{full['waits']}")
    shown = client.get(f"/api/jobs/{full['waits']}")
    listed = client.get("/api/jobs")
    with client.get(f"/api/jobs/{full['failed']}/events") as events:
        told = events.get_data(as_text=True)

    assert (cancelled.status_code, shown.status_code, listed.status_code) == (429, 200, 200)
    assert cancelled.headers["Retry-After"]
    assert "event: done" in told


def test_workers_of_a_full_redis_do_not_look_dead(full: dict[str, str], worker: Any) -> None:
    redis, ledger = worker.storage.redis, worker.ledger
    redis.config_set("maxmemory", 0)
    unit = worker.claim(full["waits"])
    redis.pexpire(f"quern:claim:{unit.id}", 4_000)
    redis.config_set("maxmemory", 1)

    assert ledger.work.renew([unit]) == ["ok"]
    assert redis.pttl(f"quern:claim:{unit.id}") > 4_000
