"""Lists of questions on a real Redis: given their rows by one process, and by another after it."""

from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError

from jobs.ledger.slices import Slices
from jobs.long_jobs import SLICE_BYTES, LongJobs
from jobs.question_lists import ListedQuestion, encode
from protocol.ids import new_id
from protocol.keys import key
from protocol.scripts import Scripts
from tests.support.workbench import RETENTION_S, Workbench, now_ms, window
from tests.support.worlds.dict_blobs import DictBlobs


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 2)


class Lists:
    """Lists in a blob store of one dictionary, and the service of a worker."""

    def __init__(self, bench: Workbench, *, limit: int = 200) -> None:
        self.bench = bench
        self.blobs = DictBlobs()
        self.service = LongJobs(bench.ledger, limit=1, question_limit=limit, blobs=self.blobs)

    def begin(
        self,
        *texts: str,
        deadline_s: int = 300,
        own: dict[str, dict[str, str]] | None = None,
        **fields: str,
    ) -> str:
        """What a web process does of a list before it dies; *own* is what questions have alone."""
        job_id = new_id()
        self.blobs[job_id] = encode(
            ListedQuestion(
                text, {"question": text, "top_k": 3, "deadline_s": deadline_s},
                (own or {}).get(text, {}),
            )
            for text in texts
        )  # fmt: skip
        return self.bench.ledger.slices.begin_list(
            job_id,
            job={
                "kind": "questions", "incarnation": self.bench.collection(), "list_blob": job_id,
                "fill_total": len(texts), "collection": "papers", **fields,
            },
            deadline_s=deadline_s,
        )  # fmt: skip

    def asked(self, job_id: str) -> list[str]:
        rows = self.bench.ledger.rows.documents(job_id, first=0, last=99)
        return [row["question_id"] for row in rows]


@pytest.fixture
def lists(bench: Workbench) -> Lists:
    return Lists(bench)


def test_a_list_whose_process_died_gets_its_rows_from_a_worker(
    bench: Workbench, lists: Lists
) -> None:
    job = lists.begin(*"abcde")
    assert lists.asked(job) == []
    lists.service.turn()

    assert lists.asked(job) == list("abcde")
    row = bench.ledger.rows.job(job)
    assert row is not None
    assert (row["total"], row["sealed"], "filling" in row) == ("5", "1", False)
    assert bench.redis.zcard(key("asking")) == 0


def test_a_list_waits_for_room_and_leaves_half_of_it_to_others(bench: Workbench) -> None:
    window(bench, 0)
    lists = Lists(bench, limit=8)
    job = lists.begin(*"abcdefg")
    lists.service.turn()
    lists.service.turn()
    assert lists.asked(job) == list("abcd")
    assert bench.ask(priority="batch", limit=8)
    window(bench, 9)
    for name in sorted(bench.in_flight("retrieve")):
        bench.ledger.work.finish(bench.take(name), state="succeeded", fields={})
    lists.service.turn()

    assert lists.asked(job) == list("abcdefg")


def test_where_documents_take_most_of_redis_a_list_goes_on_with_a_few_questions_at_a_time(
    bench: Workbench, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.long_jobs.LISTED_MEMORY_SHARE", 0.0)
    monkeypatch.setattr("jobs.long_jobs.FEW", 3)
    window(bench, 0)
    job = lists.begin(*"abcde")
    lists.service.turn()
    assert lists.asked(job) == list("ab")
    monkeypatch.setattr("jobs.long_jobs.FEW_MEMORY_SHARE", 0.0)
    window(bench, 9)
    for name in sorted(bench.in_flight("retrieve")):
        bench.ledger.work.finish(bench.take(name), state="succeeded", fields={})
    lists.service.turn()
    assert lists.asked(job) == list("ab")
    monkeypatch.undo()
    lists.service.turn()

    assert lists.asked(job) == list("abcde")


def test_a_list_that_finds_no_room_for_a_slice_is_not_read(bench: Workbench) -> None:
    window(bench, 0)
    lists = Lists(bench, limit=4)
    for _ in range(2):
        bench.ask(priority="batch")
    job = lists.begin(*"abc")
    lists.blobs.clear()  # to read it would cancel it
    lists.service.turn()

    assert bench.job_state(job) == "queued"


def test_two_lists_and_a_question_take_turns(bench: Workbench, lists: Lists) -> None:
    window(bench, 0)
    first, second = lists.begin(*"abc"), lists.begin(*"xyz")
    lists.service.turn()
    alone = bench.ask(priority="batch")
    bench.sent.clear()
    window(bench, 9)

    owners = [bench.field(message.unit_id, "owner") for message in bench.sent]
    assert owners[:3] == [f"questions:{first}", f"questions:{second}", "batch"]
    assert sorted(owners[3:]) == sorted([f"questions:{first}"] * 2 + [f"questions:{second}"] * 2)
    assert bench.state(alone) == "queued"


def test_a_list_that_is_gone_from_the_disk_is_cancelled_and_holds_up_no_other(
    bench: Workbench, lists: Lists
) -> None:
    lost, cut, whole = lists.begin("a"), lists.begin(*"bc"), lists.begin("d")
    del lists.blobs[lost]
    lists.blobs[cut] = lists.blobs[cut].splitlines()[0]
    lists.service.turn()

    assert [bench.job_state(job) for job in (lost, cut, whole)] == [
        "cancelled", "cancelled", "queued",
    ]  # fmt: skip


def test_a_list_that_is_cancelled_before_all_have_rows_is_cancelled_not_answered(
    bench: Workbench,
) -> None:
    lists = Lists(bench, limit=4)
    job = lists.begin(*"abc")
    lists.service.turn()
    for name in sorted(bench.in_flight("retrieve")):
        bench.ledger.work.finish(bench.take(name), state="succeeded", fields={})
    bench.cancel_job(job)

    assert lists.asked(job) == list("ab")
    assert bench.job_state(job) == "cancelled"


def test_each_question_has_its_own_time_from_when_it_joined_the_queue(
    bench: Workbench, lists: Lists
) -> None:
    job = lists.begin("a", deadline_s=60)
    bench.redis.hset(key("job", job), "deadline", 1)
    lists.service.turn()
    (row,) = bench.redis.lrange(key("rows", job), 0, -1)

    created_ms = int(bench.field(row, "created")) // 1000
    assert int(bench.field(row, "deadline")) - created_ms in (60_000, 60_001)
    assert bench.redis.hget(key("job", job), "deadline") == bench.field(row, "deadline")


def test_a_question_that_is_handed_to_a_model_tells_its_list_nothing_of_its_passages(
    bench: Workbench, lists: Lists
) -> None:
    job = lists.begin("a")
    lists.service.turn()
    bench.ledger.submissions.listen(job)
    (row,) = bench.redis.lrange(key("rows", job), 0, -1)
    bench.hand_over(
        bench.take(row), stage="generate", fields={"sources": "[]"}, event="sources", data={}
    )

    events = [fields["t"] for _, fields in bench.redis.xrange(key("events", job))]
    assert "sources" not in events


def test_the_list_of_a_full_redis_is_refused_before_it_is_a_job(bench: Workbench) -> None:
    answer = bench.scripts(
        "ask_list", new_id(), '{"kind": "questions", "incarnation": "'
        + bench.collection() + '", "deadline_ms": "9", "fill_total": "1"}', "", "", 0, 1,
    )  # fmt: skip

    assert answer == ["memory"]
    assert bench.redis.zcard(key("asking")) == 0


def test_an_earlier_builds_worker_does_not_meet_a_list(bench: Workbench, lists: Lists) -> None:
    """It would look for the rows of another job, find none, and cancel."""
    lists.begin("a")

    assert bench.redis.zcard(key("filling")) == 0


def test_rows_of_a_list_are_forgotten_with_it(bench: Workbench, lists: Lists) -> None:
    job = lists.begin(*"ab")
    lists.service.turn()
    for name in sorted(bench.in_flight("retrieve")):
        bench.ledger.work.finish(bench.take(name), state="succeeded", fields={})
    assert bench.job_state(job) == "succeeded"
    scripts = Scripts(bench.redis, retention_s=RETENTION_S, event_retention_s=60)
    scripts("forget", "", 10, 0)

    assert [name for name in bench.redis.keys("*") if job in name] == []


def test_a_question_may_have_a_collection_of_its_own(bench: Workbench, lists: Lists) -> None:
    own = {"b": {"collection": "letters", "incarnation": "letters-1"}}
    job = lists.begin("a", "b", own=own)
    lists.service.turn()
    first, second = bench.ledger.rows.documents(job, first=0, last=1)

    assert (first["incarnation"], "collection" in first) == (bench.collection(), False)
    assert (second["incarnation"], second["collection"]) == ("letters-1", "letters")


def test_a_question_of_another_tenants_collection_ends_its_list(
    bench: Workbench, lists: Lists
) -> None:
    own = {"b": {"collection": "acme/letters", "incarnation": "letters-1"}}
    job = lists.begin("a", "b", own=own)
    lists.service.turn()

    assert bench.job_state(job) == "cancelled"
    assert lists.asked(job) == []


def test_a_question_that_was_refused_has_failed_from_the_first(
    bench: Workbench, lists: Lists
) -> None:
    window(bench, 9)
    job = lists.begin("a", "b", "c", own={"b": {"error": '{"type": "invalid"}'}})
    lists.service.turn()
    good, bad, last = bench.redis.lrange(key("rows", job), 0, -1)

    assert [bench.state(name) for name in (good, bad, last)] == ["queued", "failed", "queued"]
    assert bench.in_flight("retrieve") == {good, last}
    assert bench.redis.zscore(key("ended"), bad) is not None
    for name in (good, last):
        bench.ledger.work.finish(bench.take(name), state="succeeded", fields={})
    row = bench.ledger.rows.job(job)
    assert row is not None
    assert (row["state"], row["failed"], row["done"]) == ("partial", "1", "2")
    assert bench.redis.hget(key("room"), "reserved") == "0"
    assert bench.redis.zcard(key("deadlines", "batch")) == 0


def test_a_list_of_refused_questions_alone_ends_when_it_is_filled(
    bench: Workbench, lists: Lists
) -> None:
    job = lists.begin(*"abc", own={name: {"error": "{}"} for name in "abc"})
    lists.service.turn()

    assert bench.job_state(job) == "failed"
    assert bench.redis.hget(key("job", job), "failed") == "3"


def test_all_questions_of_a_batch_are_late_when_it_is(bench: Workbench, lists: Lists) -> None:
    job = lists.begin(*"ab", deadline_s=60, batch="{}")
    bench.redis.hset(key("job", job), "deadline", int(now_ms(bench)) + 5_000)
    deadline = bench.redis.hget(key("job", job), "deadline")
    lists.service.turn()

    assert {bench.field(f"{job}:0000{n}", "deadline") for n in range(2)} == {deadline}
    assert bench.redis.hget(key("job", job), "deadline") == deadline


def test_a_batch_that_is_late_gets_no_rows_any_more(bench: Workbench) -> None:
    lists = Lists(bench, limit=4)
    job = lists.begin(*"abc", batch="{}")
    lists.service.turn()
    for name in sorted(bench.in_flight("retrieve")):
        bench.ledger.work.finish(bench.take(name), state="succeeded", fields={})
    bench.redis.zadd(key("deadlines", "job"), {job: 1})
    bench.ledger.maintenance.expire("job")
    lists.service.turn()

    assert lists.asked(job) == list("ab")
    assert bench.job_state(job) == "partial"
    assert bench.redis.zcard(key("asking")) == 0


def test_a_batch_that_is_late_before_anything_was_answered_has_expired(
    bench: Workbench, lists: Lists
) -> None:
    job = lists.begin(*"abc", batch="{}")
    bench.redis.zadd(key("deadlines", "job"), {job: 1})
    bench.ledger.maintenance.expire("job")

    assert bench.job_state(job) == "expired"


@pytest.mark.parametrize(("fields", "state"), [({"batch": "{}"}, "cancelled"), ({}, "queued")])
def test_a_batch_of_a_key_that_was_revoked_gets_no_rows(
    bench: Workbench, lists: Lists, fields: dict[str, str], state: str
) -> None:
    job = lists.begin("a", key="0123456789ab", **fields)
    lists.service.turn()

    assert bench.job_state(job) == state
    assert lists.asked(job) == (["a"] if state == "queued" else [])


def test_a_list_of_nothing_ends_at_once_as_failed_where_it_says_why(
    bench: Workbench, lists: Lists
) -> None:
    refused, empty = lists.begin(error='{"type": "invalid_batch"}'), lists.begin()

    assert (bench.job_state(refused), bench.job_state(empty)) == ("failed", "succeeded")
    assert bench.redis.zcard(key("asking")) == 0
    assert bench.redis.zcard(key("deadlines", "job")) == 0


def test_large_questions_go_to_redis_a_few_at_a_time(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 100)
    taken: list[int] = []
    fill = Slices.fill_questions

    def noted(slices: Slices, job_id: str, of_all: Any, rows: Any, **more: Any) -> bool:
        taken.append(len(rows))
        return fill(slices, job_id, of_all, rows, **more)

    monkeypatch.setattr(Slices, "fill_questions", noted)
    texts = [*"abc", *(letter * SLICE_BYTES for letter in "de"), *"fg"]
    job = lists.begin(*texts)
    lists.service.turn()

    assert lists.asked(job) == texts
    assert taken == [4, 1, 2]


def test_what_goes_wrong_with_one_list_holds_up_no_other(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = lists.begin("a"), lists.begin("b")
    ask = lists.service.ask

    def refuse(job_id: str, **more: Any) -> None:
        if job_id == bad:
            raise OutOfMemoryError("no memory for this one")
        ask(job_id, **more)

    monkeypatch.setattr(lists.service, "ask", refuse)
    with pytest.raises(OutOfMemoryError, match="this one"):
        lists.service.turn()

    assert (lists.asked(bad), lists.asked(good)) == ([], ["b"])


def test_what_has_no_time_of_its_own_is_late_when_its_list_is(
    bench: Workbench, lists: Lists
) -> None:
    job = lists.begin("a", "b", deadline_s=0, own={"a": {"kind": "embedding"}})
    bench.redis.hset(key("job", job), "deadline", in_an_hour := int(now_ms(bench)) + 3_600_000)
    lists.service.turn()
    for row in bench.redis.lrange(key("rows", job), 0, -1):
        assert int(bench.field(row, "deadline") or 0) == in_an_hour


def test_what_a_batch_came_to_is_written_down_once(bench: Workbench, lists: Lists) -> None:
    job = lists.begin(batch="{}")
    files = [
        ("file-1", "acme", 5, "", {"size": 1}),
        ("file-2", "acme", 6, str(int(now_ms(bench)) + 60_000), {"size": 2}),
    ]  # fmt: skip

    assert not bench.ledger.slices.keep_outputs(job, {"output_file": "file-0"}, files, rows=1)
    assert bench.ledger.slices.keep_outputs(job, {"output_file": "file-1"}, files, rows=0)
    bench.redis.delete(key("file", "file-1"))
    assert not bench.ledger.slices.keep_outputs(job, {"output_file": "file-3"}, files, rows=0)
    assert bench.redis.exists(key("file", "file-1")) == 0
    assert bench.redis.hgetall(key("file", "file-2")) == {"size": "2"}
    assert 0 < bench.redis.ttl(key("file", "file-2")) <= 60
    assert bench.redis.zrange(key("files", "acme"), 0, -1) == ["file-1", "file-2"]
    assert bench.redis.hget(key("job", job), "output_file") == "file-1"
    assert bench.redis.ttl(key("job", job)) > 0
    bench.redis.delete(key("job", job))
    assert not bench.ledger.slices.keep_outputs(job, {}, files, rows=0)
    assert bench.redis.exists(key("job", job)) == 0


def test_texts_of_a_list_stay_with_it_and_count_as_questions(
    bench: Workbench, lists: Lists
) -> None:
    window(bench, 9)
    job = lists.begin("a", own={"a": {"kind": "embedding"}})
    lists.service.turn()
    (row,) = bench.redis.lrange(key("rows", job), 0, -1)
    bench.ledger.work.finish(bench.take(row), state="succeeded", fields={})

    assert bench.field(row, "kind") == "embedding"
    assert bench.redis.zscore(key("ended"), row) is not None  # it goes to the archive
    assert bench.redis.ttl(key("unit", row)) > RETENTION_S - 10
    assert bench.redis.hget(key("tallies"), "question:ok") == "1"
    assert bench.job_state(job) == "succeeded"
