"""A disk with no room left takes no new work, and what was refused leaves no bytes on it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from corpus.blobs import BlobStore
from runtime.settings import Settings
from tests.integration.conftest import parts_of
from web.app import create_app

DOCUMENTS = {"documents": [{"id": "a", "text": "A is first."}, {"id": "b", "text": "B is next."}]}


def blobs(settings: Settings) -> set[Path]:
    return {path for path in settings.blobs.glob("??/*") if path.is_file()}


@pytest.fixture
def narrow(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Leave 100,000 bytes above the floor."""
    monkeypatch.setattr(BlobStore, "free_bytes", lambda _: 1_000_100_000)
    app = create_app(replace(settings, health_disk_floor_mb=1_000))
    yield app
    parts_of(app).close()


def test_what_would_fill_the_disk_is_refused(narrow: Flask, settings: Settings) -> None:
    client = narrow.test_client()
    large = {"documents": [*DOCUMENTS["documents"], {"id": "c", "text": "x" * 60_000}]}
    fits = client.post("/api/ingests", json=DOCUMENTS)
    before = blobs(settings)
    refused = client.post("/api/ingests", json=large | {"collection": "other"})

    assert fits.status_code == 202
    assert refused.status_code == 503
    assert refused.get_json()["type"] == "/problems/disk-full"
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert "QUERN_HEALTH_DISK_FLOOR_MB" in refused.get_json()["detail"]
    assert blobs(settings) == before


def test_below_the_floor_only_what_makes_room_is_accepted(
    narrow: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = narrow.test_client()
    client.post("/api/ingests", json=DOCUMENTS)
    open_job = client.post("/api/ingests", json=DOCUMENTS | {"open": True}).get_json()["id"]
    monkeypatch.setattr(BlobStore, "free_bytes", lambda _: 999_000_000)
    statuses = {
        path: client.post(path, json=body).status_code
        for path, body in {
            "/api/ingests": DOCUMENTS,
            f"/api/jobs/{open_job}/documents": DOCUMENTS,
            "/api/queries": {"question": "What is A?"},
            "/api/search": {"query": "A"},
        }.items()
    }

    assert set(statuses.values()) == {503}
    assert client.delete("/api/collections/default/documents/a").status_code == 202
    assert client.get("/api/jobs").status_code == 200


@pytest.mark.parametrize("refused_by", ["a full lane", "another body", "a field"])
def test_the_bytes_of_a_refused_ingest_are_removed_at_once(
    settings: Settings, refused_by: str
) -> None:
    app = create_app(replace(settings, max_ingest_documents=4))
    client, key = app.test_client(), {"Idempotency-Key": "k"}
    accepted = client.post("/api/ingests", json=DOCUMENTS, headers=key)
    before = blobs(settings)
    more: dict[str, Any] = {
        "documents": [*DOCUMENTS["documents"], {"id": "c", "text": "C."}, {"id": "d", "text": "D."}]
    }
    if refused_by == "a field":
        more["documents"][-1]["metadata"] = {"note": "n" * 5_000}
    answer = client.post(
        "/api/ingests", json=more, headers=key if refused_by == "another body" else {}
    )
    parts_of(app).close()

    assert accepted.status_code == 202
    assert answer.status_code == (429 if refused_by == "a full lane" else 422)
    assert len(before) == 2
    assert blobs(settings) == before
