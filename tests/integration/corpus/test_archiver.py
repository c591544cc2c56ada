"""The archiver: whatever happens to it, each ended row reads the same, and Redis is rid of it."""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.exceptions import ResponseError

from corpus.archiver import Archiver
from corpus.blobs import BlobStore
from corpus.sources import keep_result, keep_sources
from intake.lookup.events import BEGINNING, JobEvents
from intake.lookup.jobs import ROW_STATES, JobLookup
from intake.lookup.views import JobView
from jobs.archive.archive import Archive
from jobs.ledger.submissions import Idempotency
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from rag.errors import StoreUnavailable
from runtime.redis_options import COMPACT
from tests.support.workbench import RETENTION_S, Workbench, now_ms
from workers.blob_sweeper import BlobSweeper

SOURCE = {"chunk_id": "a.md:1:0", "document_id": "a.md", "text": "A mill has sails. " * 20}
BROKEN = orjson.dumps({"type": "corrupt", "title": "No", "detail": "It is broken."}).decode()


class Killed(BaseException):
    """A process that dies between two steps; nothing may catch it."""


@dataclass
class Steps:
    """Counts what an archiver does to the world, and kills it before step *last*."""

    last: int = 10**9
    taken: int = 0
    between: Callable[[], object] = field(default=lambda: None)

    def __call__(self) -> None:
        if self.taken == self.last:
            raise Killed
        self.taken += 1
        self.between()


class Hurt:
    """What an archiver calls, with a step before each call."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        known = getattr(self._inner, name)
        if not callable(known):
            return known

        def call(*given: Any, **named: Any) -> Any:
            self._steps()
            answer = known(*given, **named)
            self._steps()
            return answer

        return call


class House:
    """Jobs that ended, an archive, and how people see them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder / "archive"
        self.archive = Archive(self.folder)
        self.bench = Workbench(url, archive=self.archive)
        self.blobs = BlobStore(folder / "blobs")
        self.storage = self.bench.storage(self.blobs)
        rows = self.bench.ledger.rows
        view = JobView(self.bench.redis, self.blobs, self.bench.change_log)
        self.lookup = JobLookup(self.bench.redis, rows, view, retention_s=RETENTION_S)
        self.events = JobEvents(
            self.bench.redis, rows, self.blobs, view, listen=self.bench.ledger.submissions.listen
        )
        self.collection = self.bench.collection()

    def archiver(self, steps: Steps | None = None) -> Archiver:
        archiver = Archiver(self.storage, self.archive)
        if steps:
            archiver._archive = Hurt(archiver._archive, steps)
            archiver._ledger = Hurt(archiver._ledger, steps)
            archiver._ledger.archiving = Hurt(self.bench.ledger.archiving, steps)
            archiver._blobs = Hurt(archiver._blobs, steps)
        return archiver

    def answered(self, *, passages: int = 1, state: str = "succeeded") -> str:
        asked = self.bench.ask()
        fields, _ = keep_sources([SOURCE] * passages, self.blobs)
        answer = {"answer": "It has sails. " * 200 * passages, "answered": True}
        ended = keep_result(answer, self.blobs) if state == "succeeded" else {"error": BROKEN}
        self.bench.ledger.work.finish(
            self.bench.take(asked), state=state, fields={**fields, **ended}
        )
        return asked

    def ingested(self, *documents: str, keep_open: bool = False) -> tuple[str, list[str]]:
        job_id = new_id()
        rows = [self.row(job_id, document) for document in documents]
        return self.bench.ingest(self.collection, rows=rows, job_id=job_id, keep_open=keep_open)

    def row(self, job_id: str, document: str) -> dict[str, str | int]:
        number = int.from_bytes(document.encode()) * 2_654_435_761
        return self.bench.row(document, unit_id=f"{job_id}:{number % 16**20:020x}")

    def end(self, row: str, state: str = "succeeded") -> None:
        fields = {"error": BROKEN} if state == "failed" else {}
        self.bench.ledger.work.finish(self.bench.take(row), state=state, fields=fields)

    def seen(self, *jobs: str) -> list[Any]:
        """All that people can see of jobs, and lists of them."""
        listed = [
            self.lookup.page(state=state, kind=None, collection=None, limit=50)
            for state in (None, "succeeded", "failed")
        ]
        return [*listed, *(self._job(job) for job in jobs)]

    def _job(self, job: str) -> list[Any]:
        self.bench.redis.delete(key("events", job))  # told from the row
        states = (None, *ROW_STATES)
        pages = [self.lookup.documents(job, state=state, start=0, limit=50) for state in states]
        ended = self.bench.ledger.rows.is_final(job)
        return [self.lookup.show(job), pages, self.events.after(job, BEGINNING) if ended else None]


@pytest.fixture
def house(redis_url: str, tmp_path: Path) -> Iterator[House]:
    house = House(redis_url, tmp_path)
    yield house
    house.bench.close()


def mixed(house: House) -> list[str]:
    """Ended questions, one with passages in the blob store, and an ingest that is still open."""
    questions = [house.answered(), house.answered(passages=30), house.answered(state="failed")]
    job, (first, second, _) = house.ingested("a", "b", "c", keep_open=True)
    house.end(first)
    house.end(second, "failed")
    return [*questions, job]


def test_archived_rows_read_the_same_and_redis_keeps_next_to_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "BLOB_AGE_S", -1.0)
    jobs = mixed(house)
    before = house.seen(*jobs)

    assert house.archiver().archive(at_once=True) == 5
    assert house.seen(*jobs) == before
    redis = house.bench.redis
    assert [redis.memory_usage(key("unit", job)) < 350 for job in jobs[:3]] == [True] * 3
    rows = redis.lrange(key("rows", jobs[3]), 0, -1)
    assert [redis.exists(key("unit", row)) for row in rows] == [0, 0, 1]
    # Nobody needs the blob any more: the passages lie in the segment.
    assert BlobSweeper(house.storage).sweep() == 2
    assert house.seen(*jobs) == before


def test_a_row_is_forgotten_when_it_would_have_been(house: House) -> None:
    asked = house.answered()
    job, (row,) = house.ingested("a")
    house.end(row)
    deadline_s = int(house.bench.redis.hget(key("job", job), "deadline")) / 1000
    house.archiver().archive(at_once=True)

    assert RETENTION_S - 10 < house.bench.redis.ttl(key("unit", asked)) <= RETENTION_S
    left_s = house.bench.redis.ttl(key("archived", job, "first"))
    assert abs(now_ms(house.bench) / 1000 + left_s - deadline_s - RETENTION_S) < 5
    (hour,) = house.folder.iterdir()
    assert int(hour.name, 36) * 3_600 > deadline_s + RETENTION_S


def test_an_archiver_that_dies_between_any_two_steps_loses_and_doubles_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps()
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(handle: int) -> None:
        steps()
        real_fsync(handle)

    def rename(self: Path, target: Path) -> Path:
        steps()
        return real_rename(self, target)

    last = 0
    while True:
        house.bench.redis.flushall()
        house.collection = house.bench.collection()
        jobs = mixed(house)
        before = house.seen(*jobs)
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Path, "rename", rename)
        steps.last, steps.taken = last, 0
        with contextlib.suppress(Killed):
            house.archiver(steps).archive(at_once=True)
        monkeypatch.undo()

        assert house.seen(*jobs) == before, f"killed before step {last}"
        house.archiver().archive(at_once=True)
        assert house.seen(*jobs) == before, f"killed before step {last}, and gone on"
        assert house.bench.redis.zcard(key("ended")) == 0
        assert archived_rows(house, jobs[3]) == 2
        if steps.taken < last:
            break
        last += 1
    assert last > 12


def archived_rows(house: House, job: str) -> int:
    redis = house.bench.redis
    return sum(map(redis.hlen, redis.scan_iter(match=key("archived", job, "*"))))


@pytest.mark.parametrize("step", range(1, 13))
def test_two_archivers_at_once_archive_each_row_once(house: House, step: int) -> None:
    jobs = mixed(house)
    before = house.seen(*jobs)
    steps, counts = Steps(), [0]

    def between() -> None:
        if steps.taken == step:
            counts.append(house.archiver().archive(at_once=True))

    steps.between = between
    counts.append(house.archiver(steps).archive(at_once=True))

    assert sum(counts) == 5
    assert house.seen(*jobs) == before
    assert archived_rows(house, jobs[3]) == 2


def test_a_full_disk_leaves_the_rows_where_they_are_and_is_rid_of_expired_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = mixed(house)
    house.archive.write([{"kind": "query"}], until_s=time.time() - 3 * 3_600)
    before = house.seen(*jobs)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        house.archiver().archive(at_once=True)
    monkeypatch.undo()

    assert house.seen(*jobs) == before
    assert house.bench.redis.zcard(key("ended")) == 5
    assert [path for path in house.folder.rglob("*") if path.is_file()] == []
    assert house.archiver().archive(at_once=True) == 5


def test_a_full_redis_is_rid_of_rows_and_loses_none(house: House) -> None:
    jobs = mixed(house)
    before = house.seen(*jobs)
    redis = house.bench.redis
    bound = redis.config_get("maxmemory")["maxmemory"]
    archiver = house.archiver()
    try:
        redis.config_set("maxmemory", 1)
        with pytest.raises(ResponseError, match="OOM"):
            house.bench.ask()
        assert archiver.archive(at_once=True) == 5
    finally:
        redis.config_set("maxmemory", bound)

    assert house.seen(*jobs) == before


def test_where_memory_is_short_no_row_waits(house: House) -> None:
    house.answered()
    redis = house.bench.redis
    bound = redis.config_get("maxmemory")["maxmemory"]
    house.archiver().turn()
    waiting = redis.zcard(key("ended"))
    try:
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] * 1.5))
        house.archiver().turn()
    finally:
        redis.config_set("maxmemory", bound)

    assert (waiting, redis.zcard(key("ended"))) == (1, 0)


def forget_all(house: House) -> None:
    at = "0"
    while at:
        _, at = house.bench.ledger.shedding.forget(after=at, least_age_s=0)


def test_the_key_of_an_archived_question_that_was_forgotten_before_its_time_is_free(
    house: House,
) -> None:
    def ask() -> str:
        return house.bench.ask(idempotency=Idempotency("key", "body"))

    asked = ask()
    house.bench.ledger.work.finish(
        house.bench.take(asked), state="succeeded", fields={"result": "{}"}
    )
    house.archiver().archive(at_once=True)
    assert ask() == asked
    forget_all(house)
    again = ask()

    assert again != asked
    assert ask() == again


def test_a_job_that_is_forgotten_before_its_time_takes_its_archived_rows_along(
    house: House,
) -> None:
    asked = house.answered()
    job, (row,) = house.ingested("a")
    house.end(row)
    house.archiver().archive(at_once=True)
    forget_all(house)

    left = list(house.bench.redis.scan_iter(match="*:archived:*"))
    assert (left, house.bench.ledger.rows.job(asked)) == ([], None)
    assert house.bench.ledger.rows.job(job) is None


def test_a_document_sent_again_to_an_open_ingest_is_known_when_its_row_is_archived(
    house: House,
) -> None:
    job, rows = house.ingested(*"abcdef", keep_open=True)
    for row in rows:
        house.end(row, "failed")
    house.archiver().archive(at_once=True)
    again = [house.row(job, document) for document in "bdxdx"]
    house.bench.ingest(house.collection, rows=again, job_id=job, keep_open=True)

    assert house.bench.redis.hget(key("job", job), "total") == "7"
    assert house.bench.redis.llen(key("rows", job)) == 7


def test_rows_beyond_the_first_hashes_are_found_and_known(house: House) -> None:
    """With two rows in each hash: the third is in another by one digit, and so on."""
    house.bench.close()
    few = ((r"ARCHIVED_FIELDS = 128", "ARCHIVED_FIELDS = 2"),)
    house.bench = Workbench(_url(house), without=few, archive=house.archive)
    house.storage = house.bench.storage(house.blobs)
    house.collection = house.bench.collection()
    job = new_id()
    rows = [house.bench.row(f"d{n}", unit_id=f"{job}:{n:016x}{n % 4:02b}ab") for n in range(14)]
    house.bench.ingest(house.collection, rows=rows, job_id=job, keep_open=True)
    for row in rows:
        house.end(str(row["id"]), "failed" if row["document"] == "d7" else "succeeded")
    house.archiver().archive(at_once=True)
    house.bench.ingest(house.collection, rows=rows, job_id=job, keep_open=True)

    read = house.bench.ledger.rows.documents(job, first=0, last=19)
    assert [row["document"] for row in read] == [row["document"] for row in rows]
    assert house.bench.redis.hget(key("job", job), "total") == "14"
    lengths = {
        name.rsplit(":", 1)[1]: house.bench.redis.hlen(name)
        for name in house.bench.redis.scan_iter(match=key("archived", job, "*"))
    }
    assert lengths == {
        "first": 2, "b": 2, "ab": 2, "0ab": 2, "1ab": 2,
        "00ab": 1, "01ab": 1, "10ab": 1, "11ab": 1,
    }  # fmt: skip


def test_redis_keeps_each_hash_of_archived_rows_in_one_piece(house: House) -> None:
    """This Redis has the options with which `quern up` starts its own."""
    documents = [f"d{n}" for n in range(2 * COMPACT["hash-max-ziplist-entries"])]
    job, _ = house.ingested(*documents)
    house.bench.cancel_job(job)
    house.archiver().archive(at_once=True)
    redis = house.bench.redis

    assert archived_rows(house, job) == len(documents)
    hashes = list(redis.scan_iter(match=key("archived", job, "*")))
    assert {redis.object("encoding", name) for name in hashes} <= {"ziplist", "listpack"}


def _url(house: House) -> str:
    given = house.bench.redis.connection_pool.connection_kwargs
    return f"redis://{given['host']}:{given['port']}/0"


def test_what_ended_a_moment_ago_and_few_rows_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [house.answered() for _ in range(3)]
    archiver = house.archiver()

    def ended(unit_id: str, ago_s: float) -> None:
        house.bench.redis.zadd(key("ended"), {unit_id: now_ms(house.bench) - ago_s * 1_000})

    assert archiver.archive() == 0
    ended(asked[0], timings.ARCHIVE_AFTER_S + 1)
    assert archiver.archive() == 0  # one row is no segment's worth
    ended(asked[1], timings.ARCHIVE_WAIT_S + 1)
    assert archiver.archive() == 2
    monkeypatch.setattr("corpus.archiver.ROWS", 1)
    ended(asked[2], timings.ARCHIVE_AFTER_S + 1)
    assert archiver.archive() == 1


def test_searches_and_what_is_about_to_expire_stay_in_redis(house: House) -> None:
    asked = house.answered()
    house.bench.redis.expire(key("unit", asked), int(timings.ARCHIVE_LEAST_S) - 1)
    gone = house.answered()
    house.bench.redis.delete(key("unit", gone))
    search = house.bench.ledger.submissions.submit(
        new_id(),
        stage="retrieve",
        fields={
            "kind": "search", "class": "interactive", "owner": "interactive", "priority": 0,
            "request": "{}",
        },
        limit=10,
        deadline_s=10,
    )  # fmt: skip
    house.bench.ledger.work.finish(
        house.bench.take(search), state="succeeded", fields={"result": "{}"}
    )

    assert house.archiver().archive(at_once=True) == 0
    assert house.bench.redis.zcard(key("ended")) == 0
    assert house.bench.state(asked) == house.bench.state(search) == "succeeded"
    assert not house.folder.exists()


def test_the_list_of_jobs_forgets_those_whose_rows_are_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpus.archiver._JOBS", 2)
    kept, waits = house.answered(), house.bench.ask()
    long_ago_us = int((time.time() - RETENTION_S - 60) * 1e6)
    ancient = {new_id(): long_ago_us - n for n in range(5)}
    house.bench.redis.zadd(key("jobs"), ancient | {waits: long_ago_us - 10})
    house.archiver().archive()

    assert set(house.bench.redis.zrange(key("jobs"), 0, -1)) == {kept, waits}


def test_blobs_that_archived_rows_name_outlive_the_sweep(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "BLOB_AGE_S", -1.0)
    trace, source, loose = (house.blobs.put(text) for text in (b"[1]", b"source", b"loose"))
    asked = house.answered()
    _, (row,) = house.ingested("a")
    house.bench.redis.hset(key("unit", asked), "trace_blob", trace)
    house.bench.redis.hset(key("unit", row), "sha256", source)
    house.end(row, "failed")
    house.archiver().archive(at_once=True)
    BlobSweeper(house.storage).sweep()

    assert [house.blobs.has(name) for name in (trace, source, loose)] == [True, True, False]
    assert house.lookup.show(asked)["result"]["trace"] == [1]


class Archiving(RuleBasedStateMachine):
    """Jobs come and end while archivers die wherever they are; a model knows what ended how."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.house.bench.redis.flushall()
        self.house.collection = self.house.bench.collection()
        self.job, _ = self.house.ingested("first", keep_open=True)
        self.documents = {"first": "queued"}
        self.questions: dict[str, Any] = {}

    @rule(state=st.sampled_from(["succeeded", "failed"]), passages=st.sampled_from([1, 30]))
    def ask(self, state: str, passages: int) -> None:
        asked = self.house.answered(state=state, passages=passages)
        self.questions[asked] = self.house.lookup.show(asked)

    @rule(documents=st.lists(st.sampled_from(list("abcdef")), min_size=1, max_size=4))
    def add(self, documents: list[str]) -> None:
        rows = [self.house.row(self.job, document) for document in documents]
        self.house.bench.ingest(self.house.collection, rows=rows, job_id=self.job, keep_open=True)
        self.documents = dict.fromkeys(documents, "queued") | self.documents

    @rule(state=st.sampled_from(["succeeded", "failed"]), which=st.integers(0, 20))
    def end(self, state: str, which: int) -> None:
        waiting = sorted(name for name, was in self.documents.items() if was == "queued")
        if waiting:
            document = waiting[which % len(waiting)]
            self.house.end(str(self.house.row(self.job, document)["id"]), state)
            self.documents[document] = state

    @rule(last=st.integers(0, 14))
    def archive(self, last: int) -> None:
        with contextlib.suppress(Killed):
            self.house.archiver(Steps(last=last)).archive(at_once=True)

    @rule()
    def archive_all(self) -> None:
        self.house.archiver().archive(at_once=True)

    @invariant()
    def everything_is_there_once(self) -> None:
        page, following = self.house.lookup.documents(self.job, state=None, start=0, limit=50)
        assert following is None
        assert sorted((row["document_id"], row["state"]) for row in page) == sorted(
            self.documents.items()
        )
        assert {name: self.house.lookup.show(name) for name in self.questions} == self.questions
        listed, _ = self.house.lookup.page(state=None, kind="query", collection=None, limit=99)
        assert sorted(job["id"] for job in listed) == sorted(self.questions)


def test_archivers_that_die_among_jobs_that_come_and_end_lose_nothing(house: House) -> None:
    class Machine(Archiving):
        pass

    Machine.house = house
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
