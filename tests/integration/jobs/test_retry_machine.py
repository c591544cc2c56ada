"""A retry that is filled, cancelled and worked off by several processes, in any order."""

import contextlib
from collections.abc import Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs.document_rows import RowMaker, RowSource
from jobs.errors import Full
from jobs.long_jobs import LongJobs
from protocol.ids import new_id
from protocol.keys import key
from tests.support.workbench import Workbench, window
from tests.support.worlds.dict_blobs import DictBlobs

#: Documents that may wait at a time, nine tenths of which a retry may fill.
LIMIT = 4


class Retried(RuleBasedStateMachine):
    """One ended ingest, its retries, and processes that read a retry and come back late."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.bench = Workbench(url)
        self.service = LongJobs(self.bench.ledger, limit=LIMIT, question_limit=1, blobs=DictBlobs())
        self.retry = ""
        self.cancelled: set[str] = set()
        self.read: list[tuple[str, Mapping[str, str]]] = []

    def teardown(self) -> None:
        self.bench.close()

    @initialize(good=st.lists(st.booleans(), max_size=7))
    def an_ingest_has_ended(self, good: list[bool]) -> None:
        window(self.bench, 9)
        self.old, maker = new_id(), RowMaker("1")
        rows = [
            maker.row(
                self.old, RowSource(f"{n}", f"sha-{n}", 3, "", "", "{}"),
                priority="batch", of_all="{}",
            )
            for n in range(len(good))
        ]  # fmt: skip
        self.collection_id = self.bench.collection()
        self.bench.ingest(self.collection_id, rows=rows, job_id=self.old)
        for row, is_good in zip(rows, good, strict=True):
            self.end(str(row["id"]), well=is_good)
        self.failed = [f"{n}" for n, is_good in enumerate(good) if not is_good]
        self.total = len(good)

    def end(self, row: str, *, well: bool) -> None:
        if well:
            self.bench.publish(row)
        else:
            unit = self.bench.take(row)
            self.bench.ledger.work.finish(unit, state="failed", fields={"error": "{}"})

    @rule()
    def somebody_retries(self) -> None:
        was_open = bool(self.retry) and not self.bench.ledger.rows.is_final(self.retry)
        retry = self.bench.ledger.slices.begin_retry(
            new_id(),
            job={
                "kind": "ingest", "incarnation": self.collection_id, "on_duplicate": "index",
                "metadata": "{}", "priority": "batch", "retry_of": self.old,
                "fill_total": str(self.total), "pipeline": "1",
            },
            deadline_s=300,
        )  # fmt: skip
        assert (retry == self.retry) == was_open
        self.retry = retry

    @precondition(lambda self: self.retry)
    @rule()
    def a_process_reads_the_retry(self) -> None:
        if job := self.job():
            self.read.append((self.retry, job))

    @precondition(lambda self: self.read)
    @rule(which=st.integers(0, 99), size=st.integers(1, 3))
    def a_process_that_read_it_fills(self, which: int, size: int) -> None:
        job_id, job = self.read[which % len(self.read)]
        if job.get("filling") == "1":
            with contextlib.suppress(Full):
                self.service._fill(job_id, job, size)

    @rule()
    def a_worker_takes_its_turn(self) -> None:
        self.service.turn()

    @precondition(lambda self: self.retry)
    @rule()
    def somebody_cancels(self) -> None:
        if not self.bench.ledger.rows.is_final(self.retry):
            self.cancelled.add(self.retry)
        self.bench.ledger.submissions.cancel_job(self.retry)

    @rule(well=st.booleans())
    def a_row_ends(self, *, well: bool) -> None:
        for row in sorted(self.bench.in_flight("ingest"))[:1]:
            if self.bench.field(row, "job") in self.cancelled:
                self.bench.claim(row)  # which ends it
            else:
                self.end(row, well=well)

    @precondition(lambda self: self.retry)
    @rule()
    def its_deadline_passes(self) -> None:
        job = self.job()
        if job["state"] in ("queued", "running") and job.get("filling") == "1":
            self.bench.redis.zadd(key("deadlines", "job"), {self.retry: 1}, xx=True)
            self.bench.ledger.maintenance.expire("job")

    def job(self) -> Mapping[str, str]:
        return self.bench.ledger.rows.job(self.retry) or {}

    @invariant()
    def each_failed_row_is_there_once_and_in_order(self) -> None:
        if not self.retry:
            return
        rows = self.bench.ledger.rows.documents(self.retry, first=0, last=99)
        documents, job = [row["document"] for row in rows], self.job()
        assert documents == self.failed[: len(documents)]
        assert int(job["total"]) == len(documents)
        if job["sealed"] == "1" and self.retry not in self.cancelled:
            assert documents == self.failed

    @invariant()
    def who_fills_or_stops_is_listed_and_nobody_else(self) -> None:
        filling = self.bench.redis.zrange(key("filling"), 0, -1)
        stopping = self.bench.redis.zrange(key("stopping"), 0, -1)
        job = self.job() if self.retry else {}
        assert filling == ([self.retry] if job.get("filling") == "1" else [])
        is_open = job.get("state") in ("queued", "running")
        if self.retry in self.cancelled and is_open:
            assert self.retry in stopping
        assert (
            not is_open or job["sealed"] == "0" or self.bench.redis.scard(key("open", self.retry))
        )


def test_a_retry_has_every_failed_row_once_whoever_fills_it(redis_url: str) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Retried(redis_url),
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None),
    )
