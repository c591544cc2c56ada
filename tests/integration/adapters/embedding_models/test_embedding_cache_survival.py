"""The embedding cache on real Redis servers: what kill -9 leaves, and who goes when it is full."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapters.embedding_models.redis_bytes import RedisBytes
from benchmarks.running.private_redis import PrivateRedis
from rag.embedding_cache import CachedEmbedder
from rag.in_memory_ports.embedder import HashingEmbedder
from tests.support.waiting import PATIENCE_S, until

DIMENSION = 384
TEXTS = [f"The warden of gate {n} keeps {3 * n + 7} keys." for n in range(200)]
WORKER = """
import itertools, sys
from rag.embedding_cache import CachedEmbedder
from rag.in_memory_ports.embedder import HashingEmbedder
from adapters.embedding_models import redis_bytes
from adapters.embedding_models.redis_bytes import RedisBytes

redis_bytes.TIMEOUT_S = 60.0
with RedisBytes.open(sys.argv[1]) as store:
    cache = CachedEmbedder(HashingEmbedder(dimension=384), store, ttl_s=600)
    for n in itertools.count():
        cache.embed([f"The warden of gate {n} keeps {3 * n + 7} keys."])
        print(n, flush=True)
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a Redis that is slow once count as there; a killed one refuses at once."""
    monkeypatch.setattr("adapters.embedding_models.redis_bytes.TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def server(folder: Path) -> Iterator[PrivateRedis]:
    with PrivateRedis(folder) as server:
        yield server


def until_written(server: PrivateRedis) -> None:
    """Wait until its append-only file holds all that it was told; an fsync may hold writes back."""
    until(lambda: server.client.info("persistence")["aof_buffer_length"] == 0)


def embed(url: str, texts: list[str], *, entries: int = 5_000) -> tuple[np.ndarray, int, int]:
    """Embed in a new process' cache; returns vectors, hits of the store, and what was computed."""
    with RedisBytes.open(url) as store:
        embedder = HashingEmbedder(dimension=DIMENSION)
        cache = CachedEmbedder(embedder, store, ttl_s=600, entries=entries)
        vectors = cache.embed(texts)
        assert store.trouble == ""
        return vectors, cache.counts.hits_l2, len(embedder.seen)


def test_what_a_killed_worker_embedded_is_there_for_the_next(server: PrivateRedis) -> None:
    command = [sys.executable, "-c", WORKER, server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        while int(worker.stdout.readline()) < 50:
            pass
        worker.kill()  # in the middle of embedding; what it printed Redis has

    vectors, hits, computed = embed(server.url, TEXTS[:51])

    assert (hits, computed) == (51, 0)
    assert np.array_equal(vectors, embed(server.url, TEXTS[:51])[0])


def test_a_killed_redis_loses_its_last_seconds_at_most(server: PrivateRedis) -> None:
    early, _, computed = embed(server.url, TEXTS[:150])
    until_written(server)
    late, _, _ = embed(server.url, TEXTS[150:])
    server.kill()  # while what is late may still wait for an fsync to end
    server.start()

    found, hits, again = embed(server.url, TEXTS)

    assert computed == 150
    assert hits >= 150
    assert again == len(TEXTS) - hits
    assert np.array_equal(found, np.concatenate([early, late]))


def test_how_long_a_vector_lives_is_not_prolonged_by_a_restart(server: PrivateRedis) -> None:
    embed(server.url, TEXTS[:1])
    key = server.client.keys("quern:emb:*")[0]
    before_s = server.client.ttl(key)
    time.sleep(1.5)
    server.kill()
    server.start()

    assert server.client.ttl(key) <= before_s - 1


@pytest.mark.parametrize("torn", [0, 1, 400, 5_000], ids=lambda torn: f"{torn} bytes torn off")
def test_after_a_power_cut_the_cache_starts_from_what_reached_the_disk(
    server: PrivateRedis, folder: Path, tmp_path: Path, torn: int
) -> None:
    fresh, _, _ = embed(server.url, TEXTS)
    until_written(server)
    shutil.copytree(folder, tmp_path / "disk")  # as it lies, while Redis runs
    server.kill()
    log = max((tmp_path / "disk").rglob("*aof*"), key=lambda path: path.stat().st_size)
    with log.open("rb+") as file:
        file.truncate(log.stat().st_size - torn)

    with PrivateRedis(tmp_path / "disk") as again:
        found, hits, computed = embed(again.url, TEXTS)
        whole = embed(again.url, TEXTS)

    lost = -(-torn // 700)  # a value takes 776 bytes and its key
    assert len(TEXTS) - lost <= hits <= len(TEXTS) - (torn > 0)
    assert computed == len(TEXTS) - hits
    assert np.array_equal(found, fresh)
    assert whole[1] == len(TEXTS)


def test_a_worker_outlives_its_cache_and_fills_it_again(
    server: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.embedding_models.redis_bytes.PAUSE_S", 0.0)
    with RedisBytes.open(server.url) as store:
        embedder = HashingEmbedder(dimension=DIMENSION)
        cache = CachedEmbedder(embedder, store, ttl_s=600)
        cache.embed(TEXTS[:10])
        until_written(server)
        server.kill()
        without = cache.embed(TEXTS[:20])
        trouble = cache.report()["trouble"]
        server.start()
        cache.embed(TEXTS[20:30])
        over = cache.report()["trouble"]
        lost = 30 - server.client.dbsize()
        cache.embed(TEXTS[:30])
        cache.embed(TEXTS[30:31])

    assert without.shape == (20, DIMENSION)
    assert embedder.seen == TEXTS[:31]
    assert (cache.counts.hits_l1, cache.counts.misses) == (40, 31)
    assert str(trouble).startswith("embedding cache is away: ")
    assert over == ""
    # The first ten were written before, the last ten after; those between only the process had.
    assert lost == 10
    assert embed(server.url, TEXTS[:30])[1] == 30


def test_a_full_cache_keeps_its_bound_and_what_is_in_use_and_never_touches_the_queue(
    server: PrivateRedis, tmp_path: Path
) -> None:
    (tmp_path / "queue").mkdir()
    bound = 5_000_000
    server.client.config_set("maxmemory", bound)
    hot, peak, written = TEXTS[:50], 0, 0
    with (
        PrivateRedis(tmp_path / "queue", evicts=False, memory_mb=2) as queue,
        RedisBytes.open(server.url) as store,
    ):
        queue.client.set("quern:job:1", "succeeded")
        cache = CachedEmbedder(HashingEmbedder(dimension=DIMENSION), store, ttl_s=600)
        cache.embed(hot)
        first = [f"first {n}" for n in range(50)]
        cache.embed(first)
        for batch in range(25):
            cache.embed([f"batch {batch} text {n}" for n in range(400)])
            written += 400
            cache.embed(hot)  # from the process: the store sees none of it but by being told
            memory = server.client.info("memory")
            peak = max(peak, memory["used_memory"] - memory["mem_not_counted_for_evict"])
        kept = server.client.dbsize()
        evicted = server.client.info("stats")["evicted_keys"]
        queue_evicted = queue.client.info("stats")["evicted_keys"]
        job = queue.client.get("quern:job:1")

    assert evicted == written + 100 - kept
    assert kept < written / 2
    assert peak < 1.05 * bound
    assert embed(server.url, hot)[1] >= 48
    assert embed(server.url, first)[1] <= 2
    assert (queue_evicted, job) == (0, b"succeeded")


def test_a_killed_redis_remembers_what_was_used_last(server: PrivateRedis) -> None:
    server.client.config_set("maxmemory", 5_000_000)
    used = [f"used {n}" for n in range(300)]
    embed(server.url, used)
    embed(server.url, [f"old {n}" for n in range(3_000)])
    hits = embed(server.url, used)[1]  # by a new process, so Redis answers
    until_written(server)
    server.kill()
    server.start()
    server.client.config_set("maxmemory", 5_000_000)
    batch = 0
    while server.client.info("stats")["evicted_keys"] < 1_500:
        embed(server.url, [f"new {batch} {n}" for n in range(200)])
        batch += 1

    assert hits == 300
    assert embed(server.url, used)[1] >= 290


def test_a_cache_that_takes_no_writes_is_still_read_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with PrivateRedis(tmp_path, evicts=False) as server, RedisBytes.open(server.url) as store:
        CachedEmbedder(HashingEmbedder(dimension=DIMENSION), store, ttl_s=600).embed(TEXTS[:10])
        server.client.config_set("maxmemory", 1)
        cache = CachedEmbedder(HashingEmbedder(dimension=DIMENSION), store, ttl_s=600)
        cache.embed(TEXTS[10:20])
        trouble = store.trouble
        cache.embed(TEXTS[20:30])
        cache.embed(TEXTS[:10])
        still = store.trouble
        server.client.config_set("maxmemory", "100mb")
        cache.embed(TEXTS[30:40])
        over = store.trouble

    assert cache.counts.hits_l2 == 10
    assert trouble == still
    assert trouble.startswith("embedding cache refuses to write: ")
    assert "maxmemory" in trouble
    assert over == ""
    assert [record.message for record in caplog.records].count(trouble.split(":")[0]) == 1
