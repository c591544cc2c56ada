"""The Python client on the front end over a real Redis, which asks for keys."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from flask import Flask

from access.grants import Grant, Limits
from quern.client import Client
from quern.errors import NotYet, Refused
from runtime.settings import Settings
from tests.integration.conftest import ANSWER, BusyWorker, HandWorker, parts_of
from web.app import create_app

TEXT = "Leave is twenty days."


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, keys="on"))
    yield app
    parts_of(app).close()


def client_of(app: Flask, **granted: Any) -> Client:
    _, key = parts_of(app).api_keys.create(Grant(**granted), name="a program")
    transport = httpx.WSGITransport(app=app)
    return Client("http://127.0.0.1", key=key, transport=transport, sleep=lambda _: None)


@pytest.fixture
def quern(guarded: Flask) -> Iterator[Client]:
    with client_of(guarded) as quern:
        yield quern


@pytest.fixture
def hand(guarded: Flask) -> HandWorker:
    return HandWorker(parts_of(guarded))


def test_documents_are_added_looked_at_and_deleted(quern: Client, hand: HandWorker) -> None:
    assert quern.create_collection("work")["name"] == "work"
    added = quern.add_files(
        {"a/leave.md": io.BytesIO(TEXT.encode())}, collection="work", metadata={"year": 2026}
    )
    hand.publish(hand.rows(added["id"])[0], TEXT, spans=[(0, len(TEXT))])

    assert quern.wait(added["id"])["state"] == "succeeded"
    assert [row["document_id"] for row in quern.rows(added["id"])] == ["a/leave.md"]
    assert list(quern.rows(added["id"], state="failed")) == []
    (document,) = quern.documents(collection="work", prefix="a/")
    assert document["metadata"] == {"year": 2026}
    assert quern.document("a/leave.md", collection="work")["chars"] == len(TEXT)
    assert quern.text("a/leave.md", collection="work", start=9, end=15)["text"] == "twenty"
    assert {one["name"]: one["documents"] for one in quern.collections()}["work"] == 1
    deleted = quern.delete_document("a/leave.md", collection="work")
    hand.remove(hand.rows(deleted["id"])[0])
    assert quern.wait(deleted["id"])["state"] == "succeeded"
    with pytest.raises(Refused, match="Not Found"):
        quern.document("a/leave.md", collection="work")
    assert quern.delete_collection("work")["kind"] == "delete_collection"


def test_what_is_added_under_the_same_key_again_is_the_same_job(quern: Client) -> None:
    first, second = (quern.add_texts({"a": TEXT}, idempotency_key="mine") for _ in range(2))

    assert first["id"] == second["id"]
    with pytest.raises(Refused, match="Idempotency-Key"):
        quern.add_texts({"b": TEXT}, idempotency_key="mine")


def test_a_question_is_asked_watched_and_answered(quern: Client, hand: HandWorker) -> None:
    job = quern.submit("Which is first?", history=[{"role": "user", "text": "Hello."}])
    hand.answer(job["id"])

    kinds = [event.kind for event in quern.events(job["id"])]
    assert (kinds.count("token"), kinds[-1]) == (2, "done")
    assert list(quern.events(job["id"]))[-1].data["state"] == "succeeded"
    assert quern.wait(job["id"])["result"]["answer"] == ANSWER["answer"]
    assert [one["id"] for one in quern.jobs(kind="query", state="succeeded")] == [job["id"]]


def test_a_question_that_fails_can_be_tried_again_and_stopped(
    quern: Client, hand: HandWorker
) -> None:
    job = quern.submit("Which is first?")
    hand.fail(job["id"])
    assert quern.wait(job["id"])["state"] == "failed"

    again = quern.retry(job["id"])
    assert (again["retry_of"], again["state"]) == (job["id"], "queued")
    quern.cancel(again["id"])
    assert quern.wait(again["id"])["state"] == "cancelled"
    assert quern.cancel(again["id"])["state"] == "cancelled"


def test_answers_and_passages_are_waited_for(guarded: Flask, quern: Client) -> None:
    worker = BusyWorker(parts_of(guarded))
    try:
        assert quern.ask("Which is first?")["answer"] == ANSWER["answer"]
        assert quern.search("first", top_k=3)["results"][0]["document_id"] == "a.md"
        job = quern.ask_many(["Which?", {"id": "q2", "question": "Why?"}], deadline_s=60)
        assert quern.wait(job["id"])["state"] == "succeeded"
        asked = [(one["id"], one["answer"]) for one in quern.answers(job["id"])]
    finally:
        worker.close()

    assert asked == [("1", ANSWER["answer"]), ("q2", ANSWER["answer"])]


def test_who_waits_no_longer_is_told_that_the_job_goes_on(quern: Client, hand: HandWorker) -> None:
    with pytest.raises(NotYet, match="it goes on") as why:
        quern.ask("Which is first?", timeout_s=1)
    job_id = why.value.job["id"]
    hand.answer(job_id)

    assert quern.wait(job_id, timeout_s=1)["state"] == "succeeded"


def test_a_key_may_do_what_it_may_and_no_more(guarded: Flask) -> None:
    with client_of(guarded, scopes=frozenset({"ask"})) as quern:
        with pytest.raises(Refused, match="ingest") as why:
            quern.add_texts({"a": TEXT})
        assert why.value.status == 403
        quern.submit("Which is first?")
        (told,) = quern.usage()
    stranger = Client("http://127.0.0.1", transport=httpx.WSGITransport(app=guarded))
    with stranger, pytest.raises(Refused, match="key") as why:
        stranger.collections()

    assert (told["scopes"], told["today"]["questions"]) == (["ask"], 1)
    assert why.value.status == 401


def test_who_has_spent_all_of_today_is_told_so_at_once(guarded: Flask) -> None:
    with client_of(guarded, limits=Limits(questions_per_day=1)) as quern:
        quern.submit("Which is first?")
        with pytest.raises(Refused) as why:
            quern.submit("Which is second?")

    assert why.value.status == 429
    assert (why.value.retry_after_s or 0) > 0
