"""A list of questions that is given its rows, cancelled and answered by several processes."""

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

from jobs.errors import Full
from jobs.long_jobs import LongJobs
from jobs.question_lists import ListedQuestion, encode, fields_of_all
from protocol.ids import new_id
from protocol.keys import key
from tests.support.workbench import Workbench, window
from tests.support.worlds.dict_blobs import DictBlobs

#: Batch questions that may wait at a time, half of which lists may fill.
LIMIT = 8


def questions(count: int) -> list[ListedQuestion]:
    """Return questions, every third of which is answered without a search."""
    return [
        ListedQuestion(f"q{n}", {"question": f"{n}?", "top_k": n % 3, "deadline_s": 300})
        for n in range(count)
    ]


class Listed(RuleBasedStateMachine):
    """Lists, one after the other, and processes that read one and come back late."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.bench = Workbench(url)
        self.lists: dict[str, list[ListedQuestion]] = {}
        self.blobs = DictBlobs()
        self.service = LongJobs(
            self.bench.ledger, limit=1, question_limit=LIMIT,
            blobs=self.blobs,
        )  # fmt: skip
        self.cancelled: set[str] = set()
        self.read: list[tuple[str, Mapping[str, str]]] = []
        self.answered: dict[str, int] = {}

    def teardown(self) -> None:
        self.bench.close()

    @initialize()
    def there_is_a_collection(self) -> None:
        window(self.bench, 9)
        self.collection_id = self.bench.collection()

    @precondition(lambda self: len(self.lists) < 3)
    @rule(count=st.integers(1, 7))
    def a_list_is_accepted(self, count: int) -> None:
        job_id, asked = new_id(), questions(count)
        self.blobs[job_id] = encode(asked)
        for _ in range(2):  # its first answer was lost
            accepted = self.bench.ledger.slices.begin_list(
                job_id,
                job={
                    "kind": "questions", "incarnation": self.collection_id, "list_blob": job_id,
                    "fill_total": count,
                },
                deadline_s=300,
            )  # fmt: skip
            assert accepted == job_id
        self.lists[job_id] = asked

    @precondition(lambda self: self.lists)
    @rule(which=st.integers(0, 9))
    def a_process_reads_a_list(self, which: int) -> None:
        job_id = sorted(self.lists)[which % len(self.lists)]
        self.read.append((job_id, self.job(job_id)))

    @precondition(lambda self: self.read)
    @rule(which=st.integers(0, 99), size=st.integers(1, 3))
    def a_process_that_read_it_goes_on(self, which: int, size: int) -> None:
        job_id, job = self.read[which % len(self.read)]
        start, asked = int(job["fill_at"]), self.lists[job_id]
        part = asked[start : start + size]
        try:
            self.bench.ledger.slices.fill_questions(
                job_id, fields_of_all(job_id, job), [question.row for question in part],
                start=start, is_last=start + len(part) >= len(asked), limit=LIMIT,
            )  # fmt: skip
        except Full:
            assert self.open_questions() + len(part) > LIMIT

    @rule()
    def a_worker_takes_its_turn(self) -> None:
        self.service.turn()

    @precondition(lambda self: self.lists)
    @rule(which=st.integers(0, 9))
    def somebody_cancels(self, which: int) -> None:
        job_id = sorted(self.lists)[which % len(self.lists)]
        if not self.bench.ledger.rows.is_final(job_id):
            self.cancelled.add(job_id)
        self.bench.ledger.submissions.cancel_job(job_id)

    @rule(well=st.booleans(), role=st.sampled_from(["retrieve", "generate"]))
    def a_question_ends(self, *, well: bool, role: str) -> None:
        for row in sorted(self.bench.in_flight(role))[:1]:
            job_id = self.bench.field(row, "job")
            if job_id in self.cancelled:
                self.bench.claim(row)  # which ends it
                continue
            unit = self.bench.take(row)
            fields = {"result": "{}"} if well else {"error": "{}"}
            state = "succeeded" if well else "failed"
            self.bench.ledger.work.finish(unit, state=state, fields=fields)
            self.answered[job_id] = self.answered.get(job_id, 0) + well

    @precondition(lambda self: self.lists)
    @rule(which=st.integers(0, 9))
    def a_deadline_passes_while_it_waits_for_room(self, which: int) -> None:
        job_id = sorted(self.lists)[which % len(self.lists)]
        if self.job(job_id).get("filling") == "1":
            self.bench.redis.zadd(key("deadlines", "job"), {job_id: 1}, xx=True)
            self.bench.ledger.maintenance.expire("job")
            assert self.job(job_id)["filling"] == "1"

    def job(self, job_id: str) -> Mapping[str, str]:
        return self.bench.ledger.rows.job(job_id) or {}

    def open_questions(self) -> int:
        return int(self.bench.redis.zcard(key("deadlines", "batch")))

    @invariant()
    def each_question_is_there_once_and_in_order(self) -> None:
        for job_id, asked in self.lists.items():
            rows = self.bench.ledger.rows.documents(job_id, first=0, last=99)
            job = self.job(job_id)
            assert [row["question_id"] for row in rows] == [q.id for q in asked[: len(rows)]]
            assert int(job["total"]) == int(job["fill_at"]) == len(rows)
            if job["sealed"] == "1" and job_id not in self.cancelled:
                assert len(rows) == len(asked)

    @invariant()
    def a_list_ends_once_all_of_its_questions_have(self) -> None:
        for job_id, asked in self.lists.items():
            job = self.job(job_id)
            ended = sum(int(job.get(name, "0")) for name in ("done", "failed", "cancelled"))
            left = self.bench.redis.scard(key("open", job_id))
            assert ended + left == int(job["total"])
            assert int(job.get("done", "0")) == self.answered.get(job_id, 0)
            is_over = job["sealed"] == "1" and not left
            assert (job["state"] not in ("queued", "running")) == is_over
            if is_over:
                good = self.answered.get(job_id, 0)
                whole = good == len(asked)
                expected = "succeeded" if whole else "partial" if good else "failed"
                stopped = int(job.get("cancelled", "0")) or int(job["total"]) < len(asked)
                assert job["state"] == ("cancelled" if stopped else expected)

    @invariant()
    def what_waits_is_listed_and_nothing_else(self) -> None:
        asking = set(self.bench.redis.zrange(key("asking"), 0, -1))
        assert asking == {job for job in self.lists if self.job(job).get("filling") == "1"}
        still_open = sum(self.bench.redis.scard(key("open", job)) for job in self.lists)
        assert self.open_questions() == still_open <= LIMIT
        reserved = int(self.bench.redis.hget(key("room"), "reserved") or 0)
        assert (reserved > 0) == (still_open > 0)


def test_a_list_has_every_question_once_whoever_gives_it_its_rows(redis_url: str) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Listed(redis_url),
        settings=settings(max_examples=20, stateful_step_count=25, deadline=None),
    )
