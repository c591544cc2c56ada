"""The places of a web process: what one caller does is in no other's way."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from intake.lookup.jobs import Sight
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app

#: A body that is too large to be taken in without a slot.
LARGE = {"documents": [{"id": "a", "text": "x" * 70_000}]}
OTHER = {"REMOTE_ADDR": "192.0.2.9"}


def ask(client: FlaskClient) -> str:
    job_id: str = client.post("/api/queries", json={"question": "?"}).get_json()["id"]
    return job_id


@pytest.mark.usefixtures("busy_worker")
def test_a_client_with_all_its_streams_takes_nothing_from_others_or_its_own_searches(
    app: Flask, client: FlaskClient
) -> None:
    streams = parts_of(app).places.streams  # 8, of which one client may have half
    for _ in range(4):
        streams.take("127.0.0.1")
    job_id = ask(client)
    client.get(f"/api/jobs/{job_id}?wait=10")
    unseen = {"Last-Event-ID": "0-0"}

    refused = client.get(f"/api/jobs/{job_id}/events", headers=unseen)
    others = client.get(f"/api/jobs/{job_id}/events", headers=unseen, environ_base=OTHER)
    found = client.post("/api/search", json={"query": "x"})

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert "QUERN_CLIENT_SHARE 0.5 of QUERN_MAX_STREAMS" in refused.get_json()["detail"]
    assert {refused.get_json()[name] for name in ("limit", "depth")} == {4}
    assert others.status_code == 200
    assert found.status_code == 200
    others.close()


def test_a_search_too_many_is_refused_with_its_setting(app: Flask, client: FlaskClient) -> None:
    searches = parts_of(app).places.searches
    for n in range(searches.limit):
        searches.take(str(n))

    refused = client.post("/api/search", json={"query": "x"})

    assert refused.status_code == 429
    assert "QUERN_MAX_SEARCHES" in refused.get_json()["detail"]


def test_an_upload_too_many_is_refused_and_a_small_request_is_not(
    app: Flask, client: FlaskClient
) -> None:
    uploads = parts_of(app).places.uploads
    for n in range(uploads.limit):
        uploads.take(str(n))
    small = {"documents": [{"id": "a", "text": "x"}]}

    refused = client.post("/api/ingests", json=LARGE)
    endless = client.post("/api/ingests", json=small, headers={"Transfer-Encoding": "chunked"})

    assert [one.status_code for one in (refused, endless)] == [429, 429]
    assert "QUERN_MAX_UPLOADS" in refused.get_json()["detail"]
    assert client.post("/api/ingests", json=small).status_code == 202


@pytest.mark.parametrize("body", [LARGE, {"nonsense": "x" * 70_000}])
def test_the_end_of_an_upload_leaves_its_slot(
    app: Flask, client: FlaskClient, body: dict[str, Any]
) -> None:
    for _ in range(10):
        client.post("/api/ingests", json=body)

    assert parts_of(app).places.uploads.taken == 0


def test_an_upload_that_waits_for_its_job_has_left_its_slot(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    places, jobs, taken = parts_of(app).places, parts_of(app).intake.jobs, []
    look = jobs.look

    def looked_at(job_id: str) -> Sight:
        taken.append(places.uploads.taken)
        return look(job_id)

    monkeypatch.setattr(jobs, "look", looked_at)
    client.post("/api/ingests", json=LARGE, headers={"Prefer": "wait=1"})

    assert taken
    assert set(taken) == {0}


def test_files_of_a_form_come_whole_from_the_spool(
    app: Flask, client: FlaskClient, worker: HandWorker
) -> None:
    texts = [b"%d" % n * 50_000 for n in range(3)]
    files = [(io.BytesIO(text), f"{n}.txt") for n, text in enumerate(texts)]

    answer = client.post("/api/ingests", data={"files": files})

    rows = [worker.ledger.rows.unit(name) for name in worker.rows(answer.get_json()["id"])]
    kept = [worker.storage.blobs.get((row or {})["sha256"]) for row in rows]
    assert kept == texts
    spool = parts_of(app).settings.blobs / ".uploads"
    assert spool.is_dir()
    assert not list(spool.iterdir())


def test_a_spool_without_a_disk_is_told_as_a_store_that_is_away(
    app: Flask, client: FlaskClient
) -> None:
    blobs = parts_of(app).settings.blobs
    blobs.mkdir(parents=True)
    (blobs / ".uploads").touch()

    answer = client.post("/api/ingests", data={"files": [(io.BytesIO(b"x"), "a.txt")]})

    assert answer.status_code == 503


@pytest.fixture
def proxied(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, trusted_proxies=1))
    yield app
    parts_of(app).close()


@pytest.mark.parametrize(
    ("told", "holder", "status"),
    [
        ("203.0.113.5", "203.0.113.5", 429),
        ("203.0.113.5", "203.0.113.6", 204),
        ("2001:db8::1", "2001:db8::", 429),  # one network of 64 bits is one client
        ("::ffff:203.0.113.5", "203.0.113.5", 429),
        ("forged, 203.0.113.5", "203.0.113.5", 429),
    ],
)
def test_a_client_is_who_the_trusted_proxy_says(
    proxied: Flask, told: str, holder: str, status: int
) -> None:
    client, worker = proxied.test_client(), HandWorker(parts_of(proxied))
    job_id = ask(client)
    worker.answer(job_id)
    last = worker.ledger.rows.unit(job_id)
    streams = parts_of(proxied).places.streams
    for _ in range(streams.each):
        streams.take(holder)
    headers = {"X-Forwarded-For": told}
    if status != 429:
        headers["Last-Event-ID"] = (last or {})["last_event"]

    assert client.get(f"/api/jobs/{job_id}/events", headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/metrics", "/prometheus/sd", "/health/history"])
def test_strangers_get_no_numbers(client: FlaskClient, path: str) -> None:
    public = client.get(path, environ_base={"REMOTE_ADDR": "8.8.8.8"})
    passed_on = client.get(path, headers={"X-Forwarded-For": "10.0.0.1"})

    assert [one.status_code for one in (public, passed_on)] == [403, 403]
    assert "QUERN_HEALTH_DETAIL" in public.get_json()["detail"]
    assert client.get(path, environ_base={"REMOTE_ADDR": "10.0.0.1"}).status_code == 200


def test_strangers_may_read_the_api_and_not_which_version_runs(client: FlaskClient) -> None:
    stranger = {"REMOTE_ADDR": "8.8.8.8"}

    described = client.get("/api/openapi.json", environ_base=stranger).get_json()

    assert described["info"]["version"] == "not shown"
    assert client.get("/api/docs", environ_base=stranger).status_code == 200
    assert client.get("/api/openapi.json").get_json()["info"]["version"] != "not shown"
