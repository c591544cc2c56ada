"""Maintenance on a real Redis: what a turn costs, and what it leaves."""

import threading
from pathlib import Path
from typing import Any

import pytest
from redis.connection import AbstractConnection

from corpus.blobs import BlobStore
from corpus.check_and_repair.checker import Checker
from corpus.files import FileRecord
from jobs.searches import SearchSight
from protocol import timings
from protocol.keys import key
from rag.in_memory_ports.vector_store import DictVectors
from tests.support.workbench import Workbench, now_ms
from workers.maintenance import BackgroundCheck, GarbageCollector


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what this thread has sent to Redis: an item for each trip."""
    sent: list[object] = []
    send, mine = AbstractConnection.send_packed_command, threading.get_ident()

    def noted(self: AbstractConnection, command: Any, **given: Any) -> None:
        if threading.get_ident() == mine:
            sent.append(command)
        send(self, command, **given)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", noted)
    return sent


def test_garbage_is_looked_for_in_as_many_trips_for_many_collections_as_for_one(
    bench: Workbench, tmp_path: Path, trips: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "TRIM_S", 1e9)  # logs are trimmed now and then, once here
    bench.collection("first")
    collector = GarbageCollector(bench.storage(BlobStore(tmp_path)), DictVectors())
    collector.turn()
    trips.clear()
    collector.turn()
    one = len(trips)
    for n in range(40):
        bench.collection(f"quiet {n}")
    trips.clear()
    collector.turn()

    assert len(trips) == one


def test_a_check_between_two_walks_asks_nothing_of_collections_without_vectors(
    bench: Workbench, tmp_path: Path, trips: list[object]
) -> None:
    vectors, storage = DictVectors(), bench.storage(BlobStore(tmp_path))
    checker = Checker(
        vectors=vectors, catalogue=storage.catalogue, change_log=storage.change_log,
        blobs=storage.blobs, repairer=None,  # type: ignore[arg-type]  # nothing is walked
        searches=SearchSight(bench.redis),
    )  # fmt: skip
    check = BackgroundCheck(checker, storage.catalogue)
    check._rounds._ended_at = float("inf")
    for n in range(40):
        bench.collection(f"quiet {n}")
    trips.clear()
    check.turn()

    assert len(trips) == 2


@pytest.mark.parametrize(
    ("days_ago", "fields", "is_kept"),
    [
        (7.9, {"label": "", "expires_days": "1"}, True),
        (8.1, {"label": "", "expires_days": "1"}, False),
        (8.1, {"label": "", "expires_days": "2"}, True),
        (99.0, {"label": ""}, True),  # it lasts for ever
        (99.0, {"expires_days": "1"}, True),  # it was made as a collection
    ],
)
def test_a_store_goes_a_week_after_it_expired(
    bench: Workbench, tmp_path: Path, days_ago: float, fields: dict[str, str], *, is_kept: bool
) -> None:
    collection_id, _ = bench.catalogue.collections.create("vs-a", store=fields)
    now_us = int(now_ms(bench)) * 1_000
    bench.redis.hset(key("store", collection_id), "active", now_us - int(days_ago * 86_400_000_000))
    collector = GarbageCollector(bench.storage(BlobStore(tmp_path)), DictVectors())
    collector.turn()

    assert bench.catalogue.collections.exists(collection_id) == is_kept
    assert bool(bench.redis.keys("quern:store:*")) == is_kept


def test_files_that_expired_are_not_listed_for_good(
    bench: Workbench, tmp_path: Path, trips: list[object]
) -> None:
    storage = bench.storage(BlobStore(tmp_path))
    name = key("files", "acme")
    for n in range(450):
        record = FileRecord(
            file_id=f"file-{n}", tenant="acme", key_id="", filename="a.txt", size=1,
            purpose="batch", sha256="0" * 64, created_us=n,
        )  # fmt: skip
        storage.files.add(record)
    for n in range(0, 450, 3):
        bench.redis.delete(key("file", f"file-{n}"))
    trips.clear()
    storage.files.forget_expired()

    assert len(trips) < 30
    assert bench.redis.zcard(name) == 300
    bench.redis.delete(key("file", "file-1"))
    GarbageCollector(storage, DictVectors()).turn()
    assert bench.redis.zscore(name, "file-1") is None
    assert bench.redis.zscore(name, "file-2") == 2
