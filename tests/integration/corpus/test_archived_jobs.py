"""Jobs whose rows lie in the archive: the API shows them as before, and bears what is lost."""

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from corpus.archiver import Archiver
from protocol.keys import key
from runtime.settings import Settings
from tests.integration.conftest import HandWorker


def archive(worker: HandWorker) -> int:
    assert worker.ledger.archive is not None
    return Archiver(worker.storage, worker.ledger.archive).archive(at_once=True)


def ask(client: FlaskClient, question: str = "Why?") -> str:
    answer = client.post("/api/queries", json={"question": question})
    return str(answer.get_json()["id"])


def ingest(client: FlaskClient, *names: str, **more: object) -> str:
    documents = [{"id": name, "text": f"All about {name}."} for name in names]
    answer = client.post("/api/ingests", json={"documents": documents, **more})
    return str(answer.get_json()["id"])


def all_of(client: FlaskClient, *paths: str) -> list[object]:
    answers = (client.get(path) for path in paths)
    return [answer.get_json() if answer.is_json else answer.get_data() for answer in answers]


def segments(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "archive").rglob("*") if path.is_file()]


def test_a_question_its_events_and_lists_are_as_before(
    client: FlaskClient, worker: HandWorker
) -> None:
    answered, failed, open_one = ask(client), ask(client, "How?"), ask(client, "When?")
    worker.answer(answered)
    worker.fail(failed)
    worker.storage.redis.delete(key("events", answered), key("events", failed))
    paths = [
        f"/api/jobs/{answered}", f"/api/jobs/{failed}", f"/api/jobs/{open_one}",
        f"/api/jobs/{answered}/events", f"/api/jobs/{failed}/events",
        "/api/jobs", "/api/jobs?state=failed", "/api/jobs?limit=1", "/api/jobs?kind=query",
        "/api/jobs?collection=default", "/api/jobs?kind=ingest",
    ]  # fmt: skip
    before = all_of(client, *paths)

    assert archive(worker) == 2
    assert all_of(client, *paths) == before


def test_an_event_stream_that_is_still_there_is_complete(
    client: FlaskClient, worker: HandWorker
) -> None:
    asked = ask(client)
    worker.answer(asked)
    before = client.get(f"/api/jobs/{asked}/events").get_data()
    archive(worker)

    assert client.get(f"/api/jobs/{asked}/events").get_data() == before


def test_pages_of_an_ingests_rows_are_as_before(client: FlaskClient, worker: HandWorker) -> None:
    job = ingest(client, *"abcde", open=True)
    for row, name in zip(worker.rows(job), "abcd", strict=False):
        if name in "bd":
            worker.fail(row)
        else:
            worker.publish(row, f"All about {name}.", spans=[(0, 12)])
    path = f"/api/jobs/{job}/documents"
    following = client.get(f"{path}?limit=2").get_json()["next_cursor"]
    paths = [
        path, f"{path}?limit=2", f"{path}?limit=2&cursor={following}", f"{path}?state=failed",
        f"{path}?state=queued", f"{path}?state=succeeded&limit=1", f"/api/jobs/{job}",
    ]  # fmt: skip
    before = all_of(client, *paths)

    assert archive(worker) == 4
    assert all_of(client, *paths) == before


def test_a_retry_finds_its_failed_rows_in_the_archive(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ingest(client, *"abc", metadata={"year": 1999})
    for row, name in zip(worker.rows(job), "abc", strict=True):
        if name == "b":
            worker.fail(row)
        else:
            worker.publish(row, f"All about {name}.", spans=[(0, 12)])
    archive(worker)
    again = client.post(f"/api/jobs/{job}/retry").get_json()["id"]
    (row,) = worker.rows(again)
    unit = worker.claim(row)

    assert unit.fields["document"] == "b"
    assert unit.metadata == {"year": 1999}
    assert worker.storage.blobs.get(unit.fields["sha256"]) == b"All about b."


def test_a_question_in_the_archive_is_asked_again(client: FlaskClient, worker: HandWorker) -> None:
    asked = ask(client, "How deep?")
    worker.fail(asked)
    archive(worker)
    again = client.post(f"/api/jobs/{asked}/retry").get_json()

    assert again["request"]["question"] == "How deep?"
    assert again["retry_of"] == asked


def test_a_document_sent_again_to_an_open_ingest_is_no_new_row(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ingest(client, "a", open=True)
    worker.fail(worker.rows(job)[0])
    archive(worker)
    answer = client.post(
        f"/api/jobs/{job}/documents",
        json={"documents": [{"id": name, "text": f"All about {name}."} for name in "ab"]},
    )

    assert answer.status_code == 202
    assert answer.get_json()["progress"]["total"] == 2


@pytest.mark.parametrize("what", ["gone", "torn"])
def test_a_segment_that_cannot_be_read_costs_no_more_than_what_was_in_it(
    client: FlaskClient, worker: HandWorker, settings: Settings, what: str
) -> None:
    lost, job = ask(client), ingest(client, *"ab")
    worker.fail(lost)
    first, second = worker.rows(job)
    worker.fail(first)
    archive(worker)
    for path in segments(settings):
        path.unlink()
        if what == "torn":
            path.write_bytes(b"QuernSg1, and then nothing")
    worker.publish(second, "All about b.", spans=[(0, 12)])
    kept = ask(client)
    worker.answer(kept)
    archive(worker)
    worker.storage.redis.delete(key("events", lost))

    shown = client.get(f"/api/jobs/{lost}").get_json()
    assert shown["state"] == "failed"
    assert "cannot be read" in shown["note"]
    assert "event: done" in client.get(f"/api/jobs/{lost}/events").get_data(as_text=True)
    refused = client.post(f"/api/jobs/{lost}/retry")
    assert (refused.status_code, "cannot be read" in refused.get_json()["detail"]) == (409, True)
    listed = client.get("/api/jobs").get_json()["jobs"]
    assert [(one["id"], "note" in one) for one in listed] == [
        (kept, False), (job, False), (lost, True),
    ]  # fmt: skip
    rows = client.get(f"/api/jobs/{job}/documents").get_json()["documents"]
    assert [(row["document_id"], row["state"], "note" in row) for row in rows] == [
        ("", "failed", True), ("b", "succeeded", False),
    ]  # fmt: skip
    assert client.post(f"/api/jobs/{job}/retry").status_code == 202


def test_pages_of_a_batch_of_files_are_as_before(client: FlaskClient, worker: HandWorker) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    files = []
    for name in "abc":
        sent = {"file": (io.BytesIO(f"All about {name}.".encode()), f"{name}.txt")}
        made = client.post("/v1/files", data=sent | {"purpose": "assistants"}).get_json()
        files.append(made["id"])
    path = f"/v1/vector_stores/{store}/file_batches"
    batch = client.post(path, json={"file_ids": files}).get_json()["id"]
    digits = batch.removeprefix("vsfb_")
    job = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    rows = worker.rows(job)
    worker.fail(rows[1])
    for row in (rows[0], rows[2]):
        worker.publish(row, "All about it.", spans=[(0, 12)])
    paths = [
        f"{path}/{batch}/files?{asked}"
        for asked in ("", f"after={files[1]}", f"before={files[1]}&order=asc", "filter=failed")
    ]
    before = all_of(client, *paths)

    assert archive(worker) >= 3
    assert worker.storage.redis.exists(key("unit", rows[0])) == 0
    assert all_of(client, *paths) == before
