"""The front end over a real Redis, and a stand-in for the workers that ends units by hand."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus.storage import Storage
from jobs.ledger.ledger import Ledger
from jobs.units import Delta, Unit
from protocol.messages import ROLES
from runtime.settings import Settings
from tests.support.workbench import Workbench, activate, hand_over
from web.app import create_app
from web.front_end import FrontEnd

SOURCE = {
    "chunk_id": "a.md:1:0", "document_id": "a.md", "generation": 1, "n": 0, "title": "A",
    "text": "A is first.", "start": 0, "end": 11, "score": 0.9, "page": None, "metadata": {},
}  # fmt: skip
ANSWER = {
    "answer": "A is first. [1]", "citations": [], "answered": True, "confidence": 0.9,
    "generator": "extractive", "usage": {}, "degraded": [],
}  # fmt: skip


class HandWorker:
    """Claims and ends units as the tests say."""

    def __init__(self, parts: FrontEnd) -> None:
        self.storage: Storage = parts.intake._storage
        self.ledger: Ledger = self.storage.ledger

    def claim(self, unit_id: str) -> Unit:
        row = self.ledger.rows.unit(unit_id)
        assert row is not None
        stage: Any = row["stage"]
        unit = self.ledger.work.claim(
            unit_id, stage=stage, holder="test", bodies=0, quarantine_running=False
        )
        assert isinstance(unit, Unit), unit
        return unit

    def rows(self, job_id: str) -> list[str]:
        names: list[str] = self.storage.redis.lrange(f"quern:rows:{job_id}", 0, -1)
        return names

    def retrieve(self, unit_id: str) -> None:
        fields = {"sources": orjson.dumps([SOURCE]).decode()}
        data = {"sources": [SOURCE]}
        hand_over(
            self.ledger,
            self.claim(unit_id),
            stage="generate",
            fields=fields,
            event="sources",
            data=data,
        )

    def generate(self, unit_id: str) -> None:
        unit = self.claim(unit_id)
        for number, text in enumerate(("A is ", "first. [1]"), start=1):
            self.ledger.work.append_deltas([Delta(unit, number, text)])
        self.ledger.work.finish(
            unit, state="succeeded", fields={"result": orjson.dumps(ANSWER).decode()}
        )

    def answer(self, unit_id: str) -> None:
        self.retrieve(unit_id)
        self.generate(unit_id)

    def fail(self, unit_id: str, *, kind: str = "corrupt") -> None:
        error = orjson.dumps({"type": kind, "title": "No", "detail": "It is broken."}).decode()
        self.ledger.work.finish(self.claim(unit_id), state="failed", fields={"error": error})

    def publish(
        self, unit_id: str, text: str, *, spans: list[tuple[int, int]], **told: Any
    ) -> None:
        """Make a document row's text current, as the workers do; *told* is in its manifest."""
        blobs = self.storage.blobs
        chunks = [
            {"n": n, "start": start, "end": end, "page": None}
            for n, (start, end) in enumerate(spans)
        ]
        text_blob = blobs.put(text.encode())
        manifest = blobs.put_json({"chunks": chunks, "text_blob": text_blob, **told})
        fields = {"manifest_blob": manifest, "text_blob": text_blob, "chunks": len(chunks)}
        hand_over(self.ledger, self.claim(unit_id), stage="publish", fields=fields)
        unit = self.claim(unit_id)
        record = {
            "document_id": unit.fields["document"], "generation": int(unit.fields["generation"]),
            "title": "T", "file": unit.fields["filename"], "sha256": unit.fields["sha256"],
            "source_blob": unit.fields["sha256"], "text_blob": text_blob,
            "manifest_blob": manifest, "chars": len(text), "chunks": len(chunks),
            "bytes": int(unit.fields["size"]), "kind": "text",
            "metadata": unit.metadata, "updated_at": "2026-01-01T00:00:00Z",
            "made_by": unit.fields.get("made_by", ""),
        }  # fmt: skip
        activate(self.ledger, unit, document=record)

    def remove(self, unit_id: str) -> None:
        activate(self.ledger, self.claim(unit_id), document={})


class BusyWorker:
    """Ends whatever is dispatched, for tests that only need an end."""

    def __init__(self, parts: FrontEnd) -> None:
        self._hand = HandWorker(parts)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        redis = self._hand.storage.redis
        while not self._closing.wait(0.005):
            for role in ROLES:
                for unit_id in redis.zrange(f"quern:inflight:{role}", 0, 50):
                    self._end(unit_id)

    def _end(self, unit_id: str) -> None:
        ledger = self._hand.ledger
        stage: Any = (ledger.rows.unit(unit_id) or {}).get("stage", "")
        unit = ledger.work.claim(
            unit_id, stage=stage, holder="busy", bodies=0, quarantine_running=False
        )
        if not isinstance(unit, Unit):
            return
        if unit.fields["kind"] == "search":
            result: Any = {"results": [SOURCE], "degraded": []}
        elif unit.fields["kind"] == "check":
            result = {"repair": False, "consistent": True, "collections": []}
        else:
            result = ANSWER
        ledger.work.finish(
            unit, state="succeeded", fields={"result": orjson.dumps(result).decode()}
        )


def parts_of(app: Flask) -> FrontEnd:
    parts: FrontEnd = app.extensions["quern"]
    return parts


@pytest.fixture
def bench(redis_url: str) -> Iterator[Workbench]:
    bench = Workbench(redis_url)
    yield bench
    bench.close()


@pytest.fixture
def settings(clean_redis: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis,
        chroma_url="http://127.0.0.1:9", max_streams=8, max_file_bytes=100_000, max_files=5,
    )  # fmt: skip


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    parts_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def worker(app: Flask) -> HandWorker:
    return HandWorker(parts_of(app))


@pytest.fixture
def busy_worker(app: Flask) -> Iterator[BusyWorker]:
    worker = BusyWorker(parts_of(app))
    yield worker
    worker.close()
