import gc
import hashlib
import io
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient


def send(
    client: FlaskClient, *files: tuple[bytes, str], url: str = "/api/ingests", **fields: str
) -> Any:
    data: dict[str, Any] = dict(fields)
    data["files"] = [(io.BytesIO(content), name) for content, name in files]
    return client.post(url, data=data, content_type="multipart/form-data")


def rows(client: FlaskClient, job_id: str, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(
        f"/api/jobs/{job_id}/documents", query_string=parameters
    ).get_json()["documents"]
    return found


def test_files_become_a_job_with_a_row_each(client: FlaskClient) -> None:
    answer = send(client, (b"one", "a.txt"), (b"two", "notes/b.txt"), collection="books")

    assert answer.status_code == 202
    job = answer.get_json()
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert (job["kind"], job["collection"], job["open"]) == ("ingest", "books", False)
    assert job["progress"] == {"done": 0, "total": 2, "unit": "documents", "failed": 0}
    assert [row["document_id"] for row in rows(client, job["id"])] == ["a.txt", "notes/b.txt"]


def test_the_bytes_are_kept_before_the_answer(client: FlaskClient, worker: Any) -> None:
    send(client, (b"one", "a.txt"))

    assert worker.parts.durable.blobs.get(hashlib.sha256(b"one").hexdigest()) == b"one"


@pytest.mark.parametrize(
    ("sent", "document_id"),
    [
        ("/etc/passwd", "etc/passwd"),
        ("../../up.txt", "up.txt"),
        ("a\\\\b\\\\c.txt", "a/b/c.txt"),
        ("a/./b.txt", "a/b.txt"),
        ("u\u0308ber.txt", "\u00fcber.txt"),
    ],
)
def test_a_file_is_called_by_its_relative_path(
    client: FlaskClient, sent: str, document_id: str
) -> None:
    job_id = send(client, (b"one", sent)).get_json()["id"]

    assert rows(client, job_id)[0]["document_id"] == document_id


def test_metadata_is_that_of_all_files_and_that_of_each(client: FlaskClient, worker: Any) -> None:
    job_id = send(
        client, (b"one", "a.txt"), (b"two", "b.txt"), metadata='{"year": 2024, "kind": "x"}',
        file_metadata='{"b.txt": {"year": 1999}}',
    ).get_json()["id"]  # fmt: skip

    kept = [worker.ledger.unit(name)["metadata"] for name in worker.rows(job_id)]
    assert [orjson.loads(text) for text in kept] == [
        {"year": 2024, "kind": "x"},
        {"year": 1999, "kind": "x"},
    ]


@pytest.mark.parametrize(
    ("files", "fields", "status", "field"),
    [
        ([], {}, 422, "documents"),
        ([(b"x", "/")], {}, 422, "files[0]"),
        ([(b"x", "a"), (b"x" * 100_001, "big.txt")], {}, 413, "files[1]"),
        ([(b"x", "a")], {"colour": "red"}, 422, "colour"),
        ([(b"x", "a")], {"metadata": "{"}, 422, "metadata"),
        ([(b"x", "a")], {"open": "maybe"}, 422, "open"),
        ([(b"x", "a")], {"on_duplicate": "explode"}, 422, "on_duplicate"),
        ([(b"x", "a")], {"file_metadata": '{"b": {}}'}, 422, "file_metadata.b"),
        ([(b"x", "a" * 600)], {}, 422, "files[0]"),
    ],
)
def test_what_cannot_be_accepted_is_named(
    client: FlaskClient, files: list[tuple[bytes, str]], fields: Any, status: int, field: str
) -> None:
    answer = send(client, *files, **fields)

    assert answer.status_code == status
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    assert client.get("/api/jobs").get_json()["jobs"] == []


def test_a_file_that_is_too_large_is_told_by_name(client: FlaskClient) -> None:
    assert "big.txt" in send(client, (b"x" * 100_001, "big.txt")).get_json()["detail"]


def test_more_files_than_a_request_may_have_are_refused(client: FlaskClient) -> None:
    answer = send(client, *[(b"x", f"{n}.txt") for n in range(6)])

    assert answer.status_code == 413
    assert answer.get_json()["limit"] == 5


# The form parser leaves the files of a form that it gives up to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_form_with_more_parts_than_that_is_refused(client: FlaskClient) -> None:
    answer = send(client, *[(b"x", f"{n}.txt") for n in range(200)])
    gc.collect()

    assert answer.status_code == 413


def test_documents_come_as_json_too(client: FlaskClient, worker: Any) -> None:
    body = {"documents": [{"id": "a/1", "text": "One.", "title": "First", "metadata": {"n": 1}}]}
    job_id = client.post("/api/ingests", json=body).get_json()["id"]

    row = worker.ledger.unit(worker.rows(job_id)[0])
    assert (row["document"], row["title"], row["filename"]) == ("a/1", "First", "")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"id": "a"}, "documents[0].text"),
        ({"text": "a"}, "documents[0].id"),
        ({"id": "a\n", "text": "a"}, "documents[0].id"),
        ({"id": "a", "text": "a", "colour": 1}, "documents[0].colour"),
        ({"id": "a", "text": "a", "metadata": {"x": []}}, "documents[0].metadata.x"),
        ("a", "documents[0]"),
    ],
)
def test_a_wrong_document_is_named(client: FlaskClient, document: Any, field: str) -> None:
    answer = client.post("/api/ingests", json={"documents": [document]})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == field


def test_the_same_key_and_files_are_the_same_job(client: FlaskClient) -> None:
    def submit(content: bytes) -> Any:
        data = {"files": [(io.BytesIO(content), "a.txt")]}
        return client.post("/api/ingests", data=data, headers={"Idempotency-Key": "k"})

    first, again, other = submit(b"one"), submit(b"one"), submit(b"two")

    assert first.get_json()["id"] == again.get_json()["id"]
    assert (again.status_code, other.status_code) == (202, 422)


def test_an_open_ingest_takes_more_until_it_is_closed(client: FlaskClient, worker: Any) -> None:
    job = client.post("/api/ingests", json={"open": True}).get_json()
    more = f"/api/jobs/{job['id']}/documents"
    assert job["open"]
    for _ in range(2):
        assert send(client, (b"one", "a.txt"), url=more).status_code == 202
    assert client.post(more, json={"documents": [{"id": "b", "text": "x"}]}).status_code == 202
    closed = client.post(f"/api/jobs/{job['id']}/close")
    again = client.post(f"/api/jobs/{job['id']}/close")
    late = send(client, (b"two", "c.txt"), url=more)
    for name in worker.rows(job["id"]):
        worker.fail(name)

    assert [row["document_id"] for row in rows(client, job["id"])] == ["a.txt", "b"]
    assert (closed.status_code, again.status_code, late.status_code) == (200, 200, 409)
    assert not closed.get_json()["open"]
    assert client.get(f"/api/jobs/{job['id']}").get_json()["state"] == "failed"


def test_an_open_ingest_that_is_closed_empty_has_succeeded(client: FlaskClient) -> None:
    job_id = client.post("/api/ingests", json={"open": True}).get_json()["id"]

    assert client.post(f"/api/jobs/{job_id}/close").get_json()["state"] == "succeeded"


def test_only_an_ingest_takes_documents(client: FlaskClient) -> None:
    job_id = client.post("/api/queries", json={"question": "x"}).get_json()["id"]

    assert send(client, (b"x", "a"), url=f"/api/jobs/{job_id}/documents").status_code == 404
    assert client.post(f"/api/jobs/{job_id}/close").status_code == 404


def test_failed_rows_are_listed_apart_and_retried_alone(client: FlaskClient, worker: Any) -> None:
    job_id = send(client, (b"one", "a.txt"), (b"two", "b.txt")).get_json()["id"]
    good, bad = worker.rows(job_id)
    worker.publish(good, "one", spans=[(0, 3)])
    worker.fail(bad)
    failed = rows(client, job_id, state="failed")
    retry = client.post(f"/api/jobs/{job_id}/retry")

    assert client.get(f"/api/jobs/{job_id}").get_json()["state"] == "partial"
    assert [row["document_id"] for row in failed] == ["b.txt"]
    assert failed[0]["error"] == {"type": "corrupt", "title": "No", "detail": "It is broken."}
    assert retry.status_code == 202
    assert retry.get_json()["retry_of"] == job_id
    assert [row["document_id"] for row in rows(client, retry.get_json()["id"])] == ["b.txt"]


def test_rows_come_in_pages(client: FlaskClient) -> None:
    documents = [{"id": f"{n}", "text": f"{n}"} for n in range(5)]
    job_id = client.post("/api/ingests", json={"documents": documents}).get_json()["id"]
    seen, cursor = [], None
    while True:
        given = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"/api/jobs/{job_id}/documents", query_string=given).get_json()
        seen += [row["document_id"] for row in page["documents"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ["0", "1", "2", "3", "4"]


def test_a_form_that_cannot_be_read_is_told_of(client: FlaskClient) -> None:
    body = b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
    answer = client.post(
        "/api/ingests", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert answer.status_code in (400, 422)
    assert "malformed" in str(answer.get_json())


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_page_of_another_origin_may_not_write(client: FlaskClient, origin: str) -> None:
    body = {"documents": [{"id": "a", "text": "b"}]}
    answer = client.post("/api/ingests", json=body, headers={"Origin": origin})
    own = client.post("/api/ingests", json=body, headers={"Origin": "http://localhost"})

    assert answer.status_code == 403
    assert own.status_code == 202
