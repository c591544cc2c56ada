"""Only what somebody reads is written down, and whoever reads misses nothing."""

from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from protocol.keys import key
from protocol.timings import LISTENED_MS
from tests.support.waiting import PATIENCE_S
from web.callers import Caller
from web.http.event_stream import EventStream

Told = list[tuple[str, str, Any]]


class Reader:
    """Reads a job's events as they come, as a caller of the route does."""

    def __init__(self, app: Flask, job_id: str, *, after: str = "0-0") -> None:
        intake = app.extensions["quern"].intake
        reader = intake.control.reader(job_id, intake.jobs.row(job_id))
        self._lines = EventStream(
            intake,
            job_id,
            after=after,
            caller=Caller({}),
            departures=app.extensions["quern"].departures,
            reader=reader,
        ).lines()
        next(self._lines)

    def next(self) -> tuple[str, str, Any]:
        told = dict(line.split(": ", 1) for line in next(self._lines).splitlines() if line)
        return told["id"], told["event"], orjson.loads(told["data"])

    def until(self, kind: str) -> Told:
        told = [self.next()]
        while told[-1][1] != kind:
            told.append(self.next())
        return told

    def leave(self) -> None:
        self._lines.close()


def ask(client: FlaskClient, **body: Any) -> str:
    answer = client.post(
        "/api/queries", json={"question": "What is A?", "priority": "batch"} | body
    )
    return str(answer.get_json()["id"])


def ingest(client: FlaskClient, *names: str) -> str:
    body = {"documents": [{"id": name, "text": name} for name in names]}
    return str(client.post("/api/ingests", json=body).get_json()["id"])


def kinds(told: Told) -> list[str]:
    return [kind for _, kind, _ in told]


def test_what_nobody_reads_has_no_stream_and_is_told_from_its_row(
    app: Flask, client: FlaskClient, worker: Any
) -> None:
    asked, gone = ask(client), ingest(client, "a", "b")
    worker.answer(asked)
    for name in worker.rows(gone):
        worker.fail(name)

    assert not worker.storage.redis.keys("quern:events:*")
    told = Reader(app, asked).until("done")
    assert kinds(told) == ["sources", "verdict", "token", "done"]
    assert told[-1][2]["result"]["answer"] == "A is first. [1]"
    assert kinds(Reader(app, gone).until("done")) == ["progress", "done"]
    # Who has read it to its end has seen all.
    headers = {"Last-Event-ID": told[-1][0]}
    assert client.get(f"/api/jobs/{asked}/events", headers=headers).status_code == 204


def test_an_interactive_question_has_its_stream_before_anybody_reads(
    client: FlaskClient, worker: Any
) -> None:
    asked = ask(client, priority="interactive")

    assert worker.storage.redis.pttl(key("events", asked)) == -1


@pytest.mark.parametrize("step", ["waits", "runs", "has sources"])
def test_a_reader_who_comes_later_is_told_what_was_and_all_that_comes(
    app: Flask, client: FlaskClient, worker: Any, step: str
) -> None:
    asked = ask(client)
    before = ["state"]
    if step == "runs":
        unit = worker.claim(asked)
        before += ["state", "stage"]
    elif step == "has sources":
        worker.retrieve(asked)
        before += ["state", "stage", "sources"]
    reader = Reader(app, asked)
    told = [reader.next() for _ in before]
    if step == "runs":
        worker.ledger.work.release(unit, at_once=True)
    worker.generate(asked) if step == "has sources" else worker.answer(asked)
    told += reader.until("done")

    assert kinds(told)[: len(before)] == before
    assert kinds(told).count("sources") == kinds(told).count("done") == 1
    assert told[-1][2]["result"]["sources"][0]["document_id"] == "a.md"
    assert [entry for entry, _, _ in told] == sorted({entry for entry, _, _ in told}, key=numbers)


def numbers(entry: str) -> tuple[int, ...]:
    return tuple(map(int, entry.split("-")))


def test_a_reader_who_comes_again_goes_on_where_he_was(
    app: Flask, client: FlaskClient, worker: Any
) -> None:
    job_id = ingest(client, "a", "b", "c")
    first, second, third = worker.rows(job_id)
    reader = Reader(app, job_id)
    reader.until("progress")
    worker.fail(first)
    seen = reader.until("progress")[-1]
    reader.leave()
    worker.fail(second)
    again = Reader(app, job_id, after=seen[0])
    told = again.until("progress")
    again.leave()
    worker.storage.redis.delete(key("events", job_id))  # nobody has listened for a while
    later = Reader(app, job_id, after=told[-1][0])
    told_later = later.until("progress")
    worker.fail(third)

    assert [data["done"] for _, _, data in [seen, told[-1], told_later[-1]]] == [1, 2, 2]
    assert later.until("done")[-1][2]["state"] == "failed"


def test_a_stream_that_began_for_readers_goes_after_the_last_of_them(
    app: Flask, client: FlaskClient, worker: Any
) -> None:
    redis = worker.storage.redis
    job_id = ingest(client, "a")
    Reader(app, job_id).until("progress")
    redis.pexpire(key("events", job_id), 1_000)
    Reader(app, job_id).until("progress")

    assert 1_000 < redis.pttl(key("events", job_id)) <= LISTENED_MS


def test_a_reader_who_was_told_all_there_is_waits_to_be_woken(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.http.event_stream.KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr("web.http.event_stream.POLL_S", 0.02)
    intake = app.extensions["quern"].intake
    after, looks = intake.events.after, []

    def watched(job_id: str, last: str) -> Any:
        looks.append(last)
        return after(job_id, last)

    monkeypatch.setattr(intake.events, "after", watched)
    asked = ask(client, priority="interactive")
    with intake.notifier.waiting_for("another") as changed:
        assert changed.wait(PATIENCE_S)  # once, when listening begins
        reader = Reader(app, asked)
        reader.next()
        silence = next(reader._lines)
        reader.leave()

    assert silence.startswith(":")
    assert looks == ["0-0"]


def test_an_end_that_comes_between_two_looks_is_told_once(
    app: Flask, client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = app.extensions["quern"].intake
    asked = ask(client, priority="interactive")
    (queued,) = intake.events.after(asked, "0-0")
    is_final = worker.ledger.rows.is_final

    def ended_meanwhile(job_id: str) -> bool | None:
        monkeypatch.undo()
        worker.answer(job_id)
        return is_final(job_id)  # type: ignore[no-any-return]  # the worker is any

    monkeypatch.setattr(intake._storage.ledger.rows, "is_final", ended_meanwhile)
    told = intake.events.after(asked, queued.id)

    assert [event.kind for event in told].count("state") == 1
    assert told[-1].kind == "done"
    assert "reset" not in [event.kind for event in told]
