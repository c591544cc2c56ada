"""The blob sweep on a real Redis: what is named stays, in few trips, whoever sweeps too."""

import os
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from corpus.blobs import BlobStore
from corpus.storage import Storage
from jobs.archive.segment import BLOB_FIELDS
from protocol import timings
from protocol.keys import key
from tests.integration.workers.test_maintenance import trips
from tests.support.workbench import Workbench
from workers import rounds
from workers.blob_sweeper import BlobSweeper

__all__ = ["trips"]


@pytest.fixture
def storage(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setattr(timings, "BLOB_AGE_S", -1.0)
    return bench.storage(BlobStore(tmp_path))


def test_what_rows_and_documents_name_stays_and_the_rest_goes(
    bench: Workbench, storage: Storage
) -> None:
    inc = bench.collection()
    (row,) = bench.ingest(inc, "a")[1]
    kept = {field: storage.blobs.put(field.encode()) for field in BLOB_FIELDS}
    bench.redis.hset(key("unit", row), mapping=kept)
    loose = [storage.blobs.put(f"loose {n}".encode()) for n in range(9)]

    assert BlobSweeper(storage).sweep() == len(loose)
    assert all(storage.blobs.has(name) for name in kept.values())
    assert not any(storage.blobs.has(name) for name in loose)


def test_a_list_of_questions_stays_as_long_as_its_job(bench: Workbench, storage: Storage) -> None:
    name, job = storage.blobs.put(b"{}"), key("job", "listed")
    bench.redis.hset(job, "list_blob", name)
    BlobSweeper(storage).sweep()
    assert storage.blobs.has(name)
    bench.redis.delete(job)

    assert BlobSweeper(storage).sweep() == 1


def test_many_rows_are_read_in_few_trips(
    bench: Workbench, storage: Storage, trips: list[object]
) -> None:
    bench.ingest(bench.collection(), *(f"d{n}" for n in range(300)))
    trips.clear()
    BlobSweeper(storage).sweep()

    assert len(trips) < 20


def test_a_sweep_goes_on_from_turn_to_turn_and_begins_anew_an_hour_later(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        storage.blobs.put(f"loose {n}".encode())
    clock = count(step=0.4)  # a few steps a turn
    monkeypatch.setattr(rounds, "time", SimpleNamespace(monotonic=clock.__next__))
    sweeper = BlobSweeper(storage)
    sweeper.turn()
    assert not storage.blobs.is_empty()  # the first sweep is an hour after the start

    sweeper._rounds._ended_at = float("-inf")
    turns = 0
    while not storage.blobs.is_empty() and turns < 500:
        sweeper.turn()
        turns += 1
    assert turns > 1
    assert storage.blobs.is_empty()


def test_a_file_that_another_sweep_deletes_at_the_same_moment_is_gone(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        storage.blobs.put(f"loose {n}".encode())
    rename = os.rename

    def taken(source: str, target: str) -> None:
        rename(source, target)
        list(BlobStore.older_than(storage.blobs, -1.0))  # removes what waits under another name

    monkeypatch.setattr(os, "rename", taken)

    assert BlobSweeper(storage).sweep() == 5
    assert storage.blobs.is_empty()
