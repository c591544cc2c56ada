"""Batches through the deaths of those who work on them: nothing is lost, nothing is there twice."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from corpus.archiver import Archiver
from intake.v1.batches.outputs import EndedLine
from rag.errors import StoreUnavailable
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from tests.support.waiting import until
from web.app import create_app
from web.v1.shapes.batch_lines import output_line

URL = "/v1/chat/completions"


@pytest.fixture
def second(settings: Settings) -> Iterator[FlaskClient]:
    """Another web process."""
    app = create_app(settings)
    yield app.test_client()
    parts_of(app).close()


def begin(client: FlaskClient, count: int) -> dict[str, Any]:
    lines = [
        {
            "custom_id": f"line {n}", "method": "POST", "url": URL,
            "body": {"model": "quern", "messages": [{"role": "user", "content": f"{n}?"}]},
        }
        for n in range(count)
    ]  # fmt: skip
    data = b"\n".join(map(orjson.dumps, lines))
    sent = {"purpose": "batch", "file": (io.BytesIO(data), "a.jsonl")}
    file = client.post("/v1/files", data=sent).get_json()["id"]
    body = {"input_file_id": file, "endpoint": URL, "completion_window": "24h"}
    told: dict[str, Any] = client.post("/v1/batches", json=body).get_json()
    return told


def job_of(batch: dict[str, Any]) -> str:
    plain = batch["id"].removeprefix("batch_")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def show(client: FlaskClient, batch: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/v1/batches/{batch['id']}").get_json()
    return told


def names(client: FlaskClient, file_id: str) -> list[str]:
    data = client.get(f"/v1/files/{file_id}/content").data
    return [orjson.loads(line)["custom_id"] for line in data.splitlines()]


def test_a_web_process_that_dies_before_the_first_row_leaves_the_batch_to_workers(
    client: FlaskClient, second: FlaskClient, worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = parts_of(client.application).intake.question_lists._long_jobs
    with monkeypatch.context() as patch:
        patch.setattr(type(service), "ask", lambda *_, **__: None)
        batch = begin(client, 5)
    assert batch["status"] == show(second, batch)["status"] == "validating"
    assert batch["request_counts"] == {"total": 5, "completed": 0, "failed": 0}
    service.turn()
    for row in worker.rows(job_of(batch)):
        worker.generate(row)

    done = show(second, batch)
    assert done["status"] == "completed"
    assert names(second, done["output_file_id"]) == [f"line {n}" for n in range(5)]


def test_a_file_that_cannot_be_written_is_made_by_who_looks_next(
    client: FlaskClient, second: FlaskClient, worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = begin(client, 2)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)

    def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("corpus.growing_blobs.Growing.keep", full)
        assert show(client, batch)["status"] == "finalizing"
        assert show(client, batch)["output_file_id"] is None
    assert show(second, batch)["status"] == "completed"
    assert show(client, batch) == show(second, batch)


def test_a_web_process_that_ends_in_the_midst_of_a_file_leaves_nothing_of_it(
    client: FlaskClient, second: FlaskClient, worker: HandWorker, settings: Settings
) -> None:
    batch = begin(client, 3)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)
    outputs = parts_of(client.application).intake.batch_outputs
    begun, ending = threading.Event(), threading.Event()

    def slowly(line: EndedLine) -> Any:
        begun.set()
        ending.wait(30)
        return output_line(line)

    found = parts_of(client.application).intake.batches.find(batch["id"])
    outputs.settle(found, slowly, wait_s=0)
    assert begun.wait(30)
    closing = threading.Thread(target=outputs.close)
    closing.start()
    until(outputs._closing.is_set)
    ending.set()
    closing.join()

    assert show(client, batch)["status"] == "finalizing"
    assert list(settings.data_dir.glob("**/.new-*")) == []
    done = show(second, batch)
    assert (done["status"], len(names(second, done["output_file_id"]))) == ("completed", 3)


def test_what_goes_wrong_with_a_file_is_logged_and_tried_again(
    client: FlaskClient,
    worker: HandWorker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = begin(client, 1)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)

    def broken(_: EndedLine) -> Any:
        raise KeyError("model")

    with monkeypatch.context() as patch:
        patch.setattr("web.v1.routes.batches.output_line", broken)
        assert show(client, batch)["status"] == "finalizing"
    assert "files of a batch not made" in caplog.text
    assert show(client, batch)["status"] == "completed"


@pytest.mark.parametrize(("first", "last", "lost"), [(2, -1, [0, 1]), (0, 1, [2, 3])])
def test_a_batch_that_is_being_forgotten_has_no_line_told_as_another(
    client: FlaskClient, worker: HandWorker, first: int, last: int, lost: list[int]
) -> None:
    batch = begin(client, 4)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)
    worker.storage.redis.ltrim(f"quern:rows:{job_of(batch)}", first, last)
    done = show(client, batch)
    told = [
        orjson.loads(line)
        for line in client.get(f"/v1/files/{done['error_file_id']}/content").data.splitlines()
    ]

    left = [f"line {n}" for n in range(4) if n not in lost]
    assert names(client, done["output_file_id"]) == left
    assert [one["custom_id"] for one in told] == [f"line {n}" for n in lost]
    assert {one["error"]["code"] for one in told} == {"lost"}


def test_a_redis_that_lost_its_memory_of_a_row_has_it_told_as_an_error(
    client: FlaskClient, worker: HandWorker
) -> None:
    batch = begin(client, 3)
    first, second, third = worker.rows(job_of(batch))
    for row in (first, second, third):
        worker.generate(row)
    worker.storage.redis.delete(f"quern:unit:{second}")
    done = show(client, batch)

    assert names(client, done["output_file_id"]) == ["line 0", "line 2"]
    assert names(client, done["error_file_id"]) == ["line 1"]


def test_what_is_in_the_archive_is_told_as_what_is_not(
    client: FlaskClient, worker: HandWorker
) -> None:
    batch = begin(client, 4)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)
    archive = worker.ledger.archive
    assert archive is not None
    Archiver(worker.storage, archive).archive(at_once=True)
    assert worker.storage.redis.keys("quern:unit:*") == []

    done = show(client, batch)
    assert (done["status"], done["error_file_id"]) == ("completed", None)
    assert names(client, done["output_file_id"]) == [f"line {n}" for n in range(4)]


def test_a_batch_is_a_list_of_questions_for_the_native_api(
    client: FlaskClient, worker: HandWorker
) -> None:
    batch = begin(client, 2)
    first, second = worker.rows(job_of(batch))
    worker.generate(first)
    worker.fail(second)
    native = client.get(f"/api/jobs/{job_of(batch)}").get_json()
    questions = client.get(f"/api/jobs/{job_of(batch)}/questions").get_json()["questions"]
    again = client.post(f"/api/jobs/{job_of(batch)}/retry").get_json()["id"]

    assert (native["kind"], native["state"]) == ("questions", "partial")
    assert [(one["id"], one["state"]) for one in questions] == [
        ("line 0", "succeeded"), ("line 1", "failed"),
    ]  # fmt: skip
    assert len(worker.rows(again)) == 1
    assert [one["id"] for one in client.get("/v1/batches").get_json()["data"]] == [batch["id"]]
    assert show(client, batch)["status"] == "completed"


def test_nothing_of_a_file_that_was_refused_can_be_tried_again(client: FlaskClient) -> None:
    batch = begin(client, 0)
    assert batch["status"] == "failed"
    answer = client.post(f"/api/jobs/{job_of(batch)}/retry")

    assert answer.status_code == 409
    assert client.get(f"/api/jobs/{job_of(batch)}/questions").get_json()["questions"] == []
    assert client.get(f"/api/jobs/{job_of(batch)}/export").status_code == 200
