"""What old answers show of documents that were deleted since: a note, and which they were."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from intake.lookup.deleted_quotes import EARLIER
from jobs.ledger.sights import Sight
from protocol.keys import key
from rag.answers.withheld import WITHHELD
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from tests.support.workbench import hand_over
from web.app import create_app

WORDS = "The code of the safe is 4711."
SOURCE = {
    "chunk_id": "a.md:1:0", "document_id": "a.md", "generation": 1, "n": 0, "title": "The safe",
    "text": WORDS, "start": 0, "end": len(WORDS), "score": 0.9, "page": None,
    "metadata": {"by": "4711"}, "parts": [], "context": "4711",
}  # fmt: skip
OTHER = SOURCE | {
    "chunk_id": "b.md:1:0", "document_id": "b.md", "title": "The well", "text": "The well is deep.",
    "metadata": {}, "context": "",
}  # fmt: skip
RESULT = {
    "answer": f"{WORDS} [1] The well is deep. [2]",
    "citations": [
        {"marker": 1, "source": 0, "start": 0, "end": 29, "quote": WORDS, "shown": WORDS,
         "heading": "4711", "document_id": "a.md", "chunk_id": "a.md:1:0", "page": None},
        {"marker": 2, "source": 1, "start": 0, "end": 17, "quote": "The well is deep.", "shown": "",
         "heading": "", "document_id": "b.md", "chunk_id": "b.md:1:0", "page": None},
    ],
    "answered": True, "confidence": 0.9, "generator": "extractive", "usage": {}, "degraded": [],
}  # fmt: skip
BEFORE = [{"role": "user", "text": "And?"}, {"role": "assistant", "text": WORDS}]


def ingested(client: FlaskClient, worker: HandWorker, *names: str) -> None:
    documents = [{"id": name, "text": f"{WORDS} {name}"} for name in names]
    job = client.post("/api/ingests", json={"documents": documents}).get_json()
    for row in worker.rows(job["id"]):
        worker.publish(row, WORDS, spans=[(0, 5)])


def answered(client: FlaskClient, worker: HandWorker) -> str:
    body = {"question": "What is the code?", "history": BEFORE}
    job_id: str = client.post("/api/queries", json=body).get_json()["id"]
    unit = worker.claim(job_id)
    sources = orjson.dumps([SOURCE, OTHER]).decode()
    worker.ledger.work.finish(
        unit, state="succeeded",
        fields={"sources": sources, "result": orjson.dumps(RESULT).decode()},
    )  # fmt: skip
    return job_id


def delete(client: FlaskClient, worker: HandWorker, name: str) -> None:
    job = client.delete(f"/api/collections/default/documents/{name}").get_json()
    for row in worker.rows(job["id"]):
        worker.remove(row)


@pytest.fixture
def job_id(client: FlaskClient, worker: HandWorker) -> str:
    ingested(client, worker, "a.md", "b.md")
    return answered(client, worker)


def result(client: FlaskClient, job_id: str) -> Any:
    return client.get(f"/api/jobs/{job_id}").get_json()["result"]


def test_the_text_of_a_deleted_document_is_gone_from_an_answer(
    client: FlaskClient, worker: HandWorker, job_id: str
) -> None:
    before = result(client, job_id)
    delete(client, worker, "a.md")
    job = client.get(f"/api/jobs/{job_id}").get_json()
    told = job["result"]

    assert before["answer"] == RESULT["answer"]
    assert "deleted" not in before
    assert "4711" not in json.dumps(told)
    assert told["deleted"] == ["a.md"]
    assert told["answer"] == f"{WITHHELD} [1] The well is deep. [2]"
    assert [source["text"] for source in told["sources"]] == ["", "The well is deep."]
    assert told["sources"][0] | {"deleted": True, "document_id": "a.md"} == told["sources"][0]
    assert [one["quote"] for one in told["citations"]] == ["", "The well is deep."]
    assert job["request"]["history"] == [BEFORE[0], BEFORE[1] | {"text": EARLIER}]


def test_a_list_of_jobs_has_no_answers_in_it(client: FlaskClient, job_id: str) -> None:
    told = client.get("/api/jobs")

    assert job_id in told.text
    assert "4711" not in told.text
    assert told.get_json()["jobs"][0]["conversation"] == {"turn": 2, "began_with": "And?"}


def test_events_told_again_say_nothing_of_it_either(
    client: FlaskClient, worker: HandWorker, job_id: str
) -> None:
    redis = worker.storage.redis
    redis.xadd(key("events", job_id), {"t": "token", "d": orjson.dumps({"text": WORDS})})
    redis.xadd(key("events", job_id), {"t": "done", "d": '{"state":"succeeded"}'})
    assert "4711" in client.get(f"/api/jobs/{job_id}/events").text
    delete(client, worker, "a.md")

    kept = client.get(f"/api/jobs/{job_id}/events").text
    redis.delete(key("events", job_id))
    told = client.get(f"/api/jobs/{job_id}/events").text

    for text in (kept, told):
        assert "4711" not in text
        assert text.count("event: done") == text.count("event: sources") == 1
        assert WITHHELD in text


def test_a_document_that_came_again_does_not_bring_the_quote_back(
    client: FlaskClient, worker: HandWorker, job_id: str
) -> None:
    delete(client, worker, "a.md")
    ingested(client, worker, "a.md")

    assert "4711" not in json.dumps(result(client, job_id))


def test_of_a_document_that_was_replaced_the_answer_shows_what_was_read(
    client: FlaskClient, worker: HandWorker, job_id: str
) -> None:
    new = {"documents": [{"id": "a.md", "text": "No code any more."}]}
    job = client.post("/api/ingests", json=new).get_json()
    worker.publish(worker.rows(job["id"])[0], "No code any more.", spans=[(0, 5)])

    assert result(client, job_id)["sources"][0]["text"] == WORDS


def test_with_its_collection_every_text_is_gone_from_an_answer(
    client: FlaskClient, job_id: str
) -> None:
    client.delete("/api/collections/default")
    told = result(client, job_id)

    assert told["answer"] == f"{WITHHELD} [1] [2]"
    assert told["deleted"] == ["a.md", "b.md"]


def test_what_a_search_found_is_withheld_too(client: FlaskClient, worker: HandWorker) -> None:
    ingested(client, worker, "a.md")
    parts = parts_of(client.application)
    catalogue = parts.intake._storage.catalogue
    row = {
        "kind": "search", "state": "succeeded", "created": "1", "finished": "2", "deadline": "3",
        "result": orjson.dumps({"results": [SOURCE], "degraded": []}).decode(),
        "incarnation": catalogue.collections.collection_id("default") or "",
    }  # fmt: skip
    delete(client, worker, "a.md")
    told = parts.intake.jobs.show("x", seen=Sight(row))["result"]

    assert "4711" not in json.dumps(told)
    assert told["deleted"] == ["a.md"]


def test_answers_keep_quotes_for_as_long_as_was_set(
    settings: Settings, client: FlaskClient, worker: HandWorker, job_id: str
) -> None:
    delete(client, worker, "a.md")
    kept = create_app(replace(settings, deleted_quotes_s=3_600))
    try:
        told = result(kept.test_client(), job_id)
    finally:
        parts_of(kept).close()

    assert told["sources"][0]["text"] == WORDS
    assert "deleted" not in told


def test_a_question_that_was_stopped_shows_no_text_of_it(
    client: FlaskClient, worker: HandWorker
) -> None:
    ingested(client, worker, "a.md")
    job_id = client.post("/api/queries", json={"question": "What is the code?"}).get_json()["id"]
    unit = worker.claim(job_id)
    fields = {"sources": orjson.dumps([SOURCE]).decode()}
    hand_over(worker.ledger, unit, stage="generate", fields=fields, event="sources", data=fields)
    client.delete(f"/api/jobs/{job_id}")
    assert "4711" in client.get(f"/api/jobs/{job_id}/events").text
    delete(client, worker, "a.md")
    told = client.get(f"/api/jobs/{job_id}")

    assert told.get_json()["sources"][0]["deleted"]
    assert "4711" not in told.text
    assert "4711" not in client.get(f"/api/jobs/{job_id}/events").text


def test_an_answer_is_looked_at_in_one_trip_however_many_sources_it_has(
    app: Flask,
    client: FlaskClient,
    worker: HandWorker,
    job_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delete(client, worker, "a.md")
    parts = parts_of(app)
    seen = Sight(parts.intake.jobs.row(job_id))
    trips: list[str] = []
    redis = parts.intake._storage.redis
    for name in ("pipeline", "execute_command"):
        called = getattr(redis, name)

        def counted(*told: Any, name: str = name, called: Any = called, **more: Any) -> Any:
            trips.append(name)
            return called(*told, **more)

        monkeypatch.setattr(redis, name, counted)
    parts.intake.jobs.show(job_id, seen=seen)

    assert trips == ["pipeline"]
