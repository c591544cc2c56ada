"""What a nearly full Redis forgets, in which order, and what it never does."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from corpus.blobs import BlobStore
from jobs.counters import read_counters
from jobs.ledger.pace import MOST_ROWS
from jobs.memory import MemorySight
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from tests.support.workbench import Workbench
from workers.shedder import Shedder


def shedder(bench: Workbench, folder: Path, *, known_s: float = 0) -> Shedder:
    return Shedder(bench.storage(BlobStore(folder)), known_s=known_s)


def filled(bench: Workbench, share: float) -> None:
    """Set the bound so that *share* of it is taken."""
    bench.redis.config_set("maxmemory", int(MemorySight.of(bench.redis).taken / share))


@pytest.fixture(autouse=True)
def _bound(bench: Workbench) -> object:
    yield
    bench.redis.config_set("maxmemory", 256 << 20)


def answered(bench: Workbench, *, text: str = "x") -> str:
    asked = bench.ask()
    bench.ledger.work.finish(
        bench.take(asked), state="succeeded", fields={"result": f'{{"answer":"{text}"}}'}
    )
    return asked


def kept(bench: Workbench, jobs: list[str]) -> list[bool]:
    return [bool(bench.redis.exists(key("unit", job))) for job in jobs]


def streams(bench: Workbench) -> int:
    return len(bench.redis.keys(key("events", "*")))


def test_with_room_nothing_is_shed(bench: Workbench, tmp_path: Path) -> None:
    jobs = [answered(bench) for _ in range(3)]
    filled(bench, 0.55)
    shedder(bench, tmp_path).turn()

    assert streams(bench) == 3
    assert all(kept(bench, jobs))


def test_streams_of_ended_jobs_go_first_and_no_others(bench: Workbench, tmp_path: Path) -> None:
    jobs, running = [answered(bench) for _ in range(3)], bench.ask()
    listened, _ = bench.ingest(bench.collection(), "a")
    bench.ledger.submissions.listen(listened)
    filled(bench, 0.64)
    shedder(bench, tmp_path).turn()

    assert all(kept(bench, jobs))
    assert set(bench.redis.keys(key("events", "*"))) == {
        key("events", running), key("events", listened),
    }  # fmt: skip


def test_the_oldest_ended_jobs_go_until_there_is_room(bench: Workbench, tmp_path: Path) -> None:
    waits = bench.ask(priority="batch")
    jobs = [answered(bench, text="x" * 6_000) for _ in range(600)]
    bench.redis.delete(*bench.redis.keys(key("events", "*")))
    filled(bench, 0.72)
    shedder(bench, tmp_path).turn()
    left = kept(bench, jobs)
    sight = MemorySight.of(bench.redis)

    assert bench.state(waits) == "queued"
    assert not left[0]
    assert left[-1]
    assert left == sorted(left)
    assert sight.taken / sight.most < 0.69
    assert bench.redis.zcard(key("jobs")) == 1 + sum(left)
    assert read_counters(bench.redis).forgotten == left.count(False)
    assert sight.forgotten_at > 0


def test_what_has_ended_a_moment_ago_stays(bench: Workbench, tmp_path: Path) -> None:
    jobs = [answered(bench) for _ in range(3)]
    filled(bench, 0.95)
    shedder(bench, tmp_path, known_s=600).turn()

    assert all(kept(bench, jobs))


def test_even_of_a_full_redis_what_ended_in_the_last_ten_minutes_stays(
    bench: Workbench, tmp_path: Path
) -> None:
    old, newer = answered(bench), answered(bench)
    seconds, _ = bench.redis.time()
    for job, age_s in ((old, timings.SHED_AFTER_S + 1), (newer, timings.SHED_AFTER_S - 30)):
        bench.redis.hset(key("unit", job), "finished", int((seconds - age_s) * 1_000_000))
    filled(bench, 0.97)
    Shedder(bench.storage(BlobStore(tmp_path))).turn()

    assert kept(bench, [old, newer]) == [False, True]


def test_a_large_ingest_goes_in_slices(bench: Workbench) -> None:
    documents = [f"d{n}" for n in range(1_200)]
    job, rows = bench.ingest(bench.collection(), *documents, limit=10_000)
    open_job, open_rows = bench.ingest(bench.collection(), "other", limit=10_000)
    for row in rows:
        bench.ledger.submissions.cancel(row)
    turns, at = 0, ""
    while bench.redis.exists(key("job", job)):
        _, at = bench.ledger.shedding.forget(after=at, least_age_s=0)
        turns += 1

    assert turns >= 1_200 / MOST_ROWS
    assert not bench.redis.exists(key("rows", job), *(key("unit", row) for row in rows))
    assert bench.redis.exists(key("job", open_job), key("unit", open_rows[0])) == 2


def test_a_job_whose_retry_is_open_stays(bench: Workbench) -> None:
    collection_id = bench.collection()
    job, rows = bench.ingest(collection_id, "a")
    bench.ledger.submissions.cancel(rows[0])
    bench.ledger.slices.begin_retry(
        new_id(),
        job={
            "kind": "ingest", "incarnation": collection_id, "retry_of": job, "fill_total": "1",
            "pipeline": "p",
        },
        deadline_s=300,
    )  # fmt: skip
    bench.ledger.shedding.forget(after="", least_age_s=0)

    assert bench.redis.exists(key("job", job), key("unit", rows[0])) == 2


def test_who_asks_for_what_was_forgotten_is_told_so(client: FlaskClient, bench: Workbench) -> None:
    job = answered(bench)
    bench.ledger.shedding.forget(after="", least_age_s=0)
    answer = client.get(f"/api/jobs/{job}")

    assert answer.status_code == 410
    assert "Redis was full" in answer.get_json()["detail"]
