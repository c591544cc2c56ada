import gc
import hashlib
import io
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from protocol.keys import key


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
    counts = {"done": 0, "failed": 0, "cancelled": 0}
    assert job["progress"] == counts | {"total": 2, "unit": "documents"}
    assert [row["document_id"] for row in rows(client, job["id"])] == ["a.txt", "notes/b.txt"]


def test_the_bytes_are_kept_before_the_answer(client: FlaskClient, worker: Any) -> None:
    send(client, (b"one", "a.txt"))

    assert worker.storage.blobs.get(hashlib.sha256(b"one").hexdigest()) == b"one"


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

    for name in worker.rows(job_id):
        worker.publish(name, "one", spans=[(0, 3)])

    documents = client.get("/api/collections/default/documents").get_json()["documents"]
    assert [document["metadata"] for document in documents] == [
        {"year": 2024, "kind": "x"},
        {"year": 1999, "kind": "x"},
    ]


def weight(worker: Any, job_id: str) -> int:
    """Return the bytes that the first row of an ingest takes in Redis."""
    name = key("unit", worker.rows(job_id)[0])
    return int(worker.ledger.redis.memory_usage(name, samples=0))


def content(worker: Any, job_id: str) -> int:
    """Return the bytes of its names and values: what the allocator adds varies by how it grew."""
    row = worker.ledger.redis.hgetall(key("unit", worker.rows(job_id)[0]))
    return sum(len(text.encode()) for pair in row.items() for text in pair)


def test_what_holds_of_all_documents_takes_no_place_in_their_rows(
    client: FlaskClient, worker: Any
) -> None:
    documents = [{"id": f"{n}", "text": "x"} for n in range(5)]
    most = {f"{n}": "\U0001f600" * 120 for n in range(8)}
    alone = {"documents": [document | {"metadata": {"n": 1}} for document in documents]}

    plain, known, own = (
        client.post("/api/ingests", json=body).get_json()["id"]
        for body in ({"documents": documents}, {"documents": documents, "metadata": most}, alone)
    )

    assert content(worker, known) <= content(worker, plain)
    assert weight(worker, known) < 1_000
    assert weight(worker, plain) < 1_000
    assert weight(worker, own) < 1_000


def test_metadata_that_is_said_of_all_and_again_of_each_is_kept_once(
    client: FlaskClient, worker: Any
) -> None:
    most = {f"{n}": "x" * 480 for n in range(8)}
    body = {"metadata": most, "documents": [{"id": "a", "text": "x", "metadata": most}]}

    job_id = client.post("/api/ingests", json=body).get_json()["id"]

    assert weight(worker, job_id) < 1_000


LARGE = {f"{n}": "\U0001f600" * 120 for n in range(9)}  # 4,384 bytes, 1,080 characters
HALF = {f"h{n}": "\U0001f600" * 120 for n in range(5)}
OTHER_HALF = {f"o{n}": "\U0001f600" * 120 for n in range(5)}


@pytest.mark.parametrize(
    ("body", "field", "found"),
    [
        ({"metadata": LARGE}, "metadata", "4384 bytes"),
        ({"documents": [{"id": "a", "text": "x", "metadata": LARGE}]}, "documents[0].metadata",
         "4384 bytes"),
        ({"metadata": HALF, "documents": [{"id": "a", "text": "x", "metadata": OTHER_HALF}]},
         "metadata", "4881 bytes as JSON together with 'a''s own"),
    ],
)  # fmt: skip
def test_more_metadata_than_a_document_may_have_is_refused_by_its_place_and_size(
    client: FlaskClient, body: dict[str, Any], field: str, found: str
) -> None:
    answer = client.post("/api/ingests", json={"documents": [{"id": "b", "text": "x"}]} | body)
    (error,) = answer.get_json()["errors"]

    assert answer.status_code == 422
    assert error["field"] == field
    assert found in error["message"]
    assert "4096" in error["message"]
    assert client.get("/api/jobs").get_json()["jobs"] == []


def test_more_metadata_of_a_file_than_a_document_may_have_is_refused(client: FlaskClient) -> None:
    large = orjson.dumps({"b.txt": LARGE}).decode()
    alone = send(client, (b"x", "b.txt"), file_metadata=large)
    half, other = orjson.dumps(HALF).decode(), orjson.dumps({"b.txt": OTHER_HALF}).decode()
    together = send(client, (b"x", "a.txt"), (b"x", "b.txt"), metadata=half, file_metadata=other)

    assert alone.get_json()["errors"][0]["field"] == "file_metadata.b.txt"
    assert "'b.txt''s own" in together.get_json()["errors"][0]["message"]
    assert client.get("/api/jobs").get_json()["jobs"] == []


def test_what_is_added_to_an_open_ingest_has_its_metadata_and_keeps_its_bound(
    client: FlaskClient, worker: Any
) -> None:
    job_id = client.post("/api/ingests", json={"open": True, "metadata": HALF}).get_json()["id"]
    more = f"/api/jobs/{job_id}/documents"
    refused = client.post(
        more, json={"documents": [{"id": "b", "text": "x", "metadata": OTHER_HALF}]}
    )
    client.post(more, json={"documents": [{"id": "a", "text": "x", "metadata": {"n": 1}}]})
    (row,) = worker.rows(job_id)
    worker.publish(row, "x", spans=[(0, 1)])

    shown = client.get("/api/collections/default/documents/a").get_json()
    assert refused.status_code == 422
    assert shown["metadata"] == HALF | {"n": 1}


def test_metadata_counts_alike_whether_it_is_said_of_all_or_of_each(
    client: FlaskClient, worker: Any
) -> None:
    document: dict[str, Any] = {"id": "a", "text": "x"}
    first = {"metadata": {"year": 2024}, "documents": [document]}
    again = {"documents": [document | {"metadata": {"year": 2024}}]}
    other = {"metadata": {"year": 2024}, "documents": [document | {"metadata": {"year": 2025}}]}
    (row,) = worker.rows(client.post("/api/ingests", json=first).get_json()["id"])
    worker.publish(row, "x", spans=[(0, 1)])

    outcomes = [
        rows(client, client.post("/api/ingests", json=body).get_json()["id"])[0]["outcome"]
        for body in (first, again, other)
    ]

    assert outcomes == ["unchanged", "unchanged", None]


def test_a_retry_has_the_metadata_of_the_first_try(client: FlaskClient, worker: Any) -> None:
    body = {
        "metadata": {"year": 2024, "kind": "x"},
        "documents": [{"id": "a", "text": "x", "metadata": {"year": True}}],
    }
    job_id = client.post("/api/ingests", json=body).get_json()["id"]
    worker.fail(worker.rows(job_id)[0])
    retry_id = client.post(f"/api/jobs/{job_id}/retry").get_json()["id"]
    (row,) = worker.rows(retry_id)
    own = worker.ledger.rows.unit(row)["own_metadata"]
    worker.publish(row, "x", spans=[(0, 1)])
    again = client.post("/api/ingests", json=body).get_json()["id"]

    shown = client.get("/api/collections/default/documents/a").get_json()
    assert own == '{"year":true}'
    assert shown["metadata"] == {"kind": "x", "year": True}
    assert rows(client, again)[0]["outcome"] == "unchanged"


def test_rows_of_an_earlier_build_are_retried_with_the_copy_that_they_have(
    client: FlaskClient, worker: Any
) -> None:
    old = {f"{n}": "\U0001f600" * 1_000 for n in range(4)}  # as much as was taken then
    body = {"documents": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}
    job_id = client.post("/api/ingests", json=body).get_json()["id"]
    redis = worker.ledger.redis
    redis.hset(key("job", job_id), "metadata", orjson.dumps(old).decode())
    for row in worker.rows(job_id):
        redis.hset(key("unit", row), "metadata", orjson.dumps(old | {"year": 1999}).decode())
    first, second = worker.rows(job_id)
    worker.publish(first, "x", spans=[(0, 1)])
    worker.fail(second)
    retry_id = client.post(f"/api/jobs/{job_id}/retry").get_json()["id"]
    worker.publish(worker.rows(retry_id)[0], "y", spans=[(0, 1)])

    documents = client.get("/api/collections/default/documents").get_json()["documents"]
    assert [document["metadata"] for document in documents] == [old | {"year": 1999}] * 2
    assert weight(worker, retry_id) < 2_000


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

    row = worker.ledger.rows.unit(worker.rows(job_id)[0])
    assert (row["document"], row["title"], row["filename"]) == ("a/1", "First", "")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"id": "a"}, "documents[0].text"),
        ({"text": "a"}, "documents[0].id"),
        ({"id": "a\n", "text": "a"}, "documents[0].id"),
        ({"id": "a", "text": "a", "colour": 1}, "documents[0].colour"),
        ({"id": "a", "text": "a", "metadata": {"x": {}}}, "documents[0].metadata.x"),
        ({"id": "a", "text": "a", "metadata": {"x": ["y", ["z"]]}}, "documents[0].metadata.x[1]"),
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
    listed = client.get("/api/jobs?kind=ingest").get_json()["jobs"]
    assert [job.get("retried_as") for job in listed] == [None, retry.get_json()["id"]]
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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("README.md", "README.md"),
        ("a/b.md", "a\\\\b.md"),
        ("b.md", "./b.md"),
        ("ü.md", "u\u0308.md"),
    ],
)
@pytest.mark.parametrize("open_job", [False, True])
def test_two_files_of_one_name_in_a_request_are_refused_by_that_name(
    client: FlaskClient, first: str, second: str, *, open_job: bool
) -> None:
    url = "/api/ingests"
    if open_job:
        job_id = client.post("/api/ingests", json={"open": True}).get_json()["id"]
        url = f"/api/jobs/{job_id}/documents"

    answer = send(client, (b"alpha", first), (b"other", "c.md"), (b"beta", second), url=url)

    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["field"] == "files[2]"
    assert repr(first.replace("./", "")) in error["message"]
    assert "files[0]" in error["message"]
    if not open_job:
        assert client.get("/api/jobs").get_json()["jobs"] == []


def test_two_documents_of_one_id_in_a_request_are_refused_by_that_id(client: FlaskClient) -> None:
    documents = [{"id": "a", "text": "one"}, {"id": "b", "text": "x"}, {"id": "a", "text": "one"}]

    answer = client.post("/api/ingests", json={"documents": documents})

    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["field"] == "documents[2].id"
    assert "'a' is the document of documents[0].id too" in error["message"]


def test_one_name_twice_in_two_requests_of_a_job_is_an_update(client: FlaskClient) -> None:
    job_id = client.post("/api/ingests", json={"open": True}).get_json()["id"]
    for content in (b"alpha", b"beta", b"beta"):
        answer = send(client, (content, "README.md"), url=f"/api/jobs/{job_id}/documents")
        assert answer.status_code == 202

    assert [row["document_id"] for row in rows(client, job_id)] == ["README.md", "README.md"]


def test_a_retry_takes_failed_rows_of_any_number(
    client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 2)
    monkeypatch.setattr("intake.ingests.FIRST_TURN_S", 60.0)  # long enough for all
    job_id = client.post("/api/ingests", json={"open": True}).get_json()["id"]
    for part in ("abc", "de"):
        files = [(name.encode(), f"{name}.txt") for name in part]
        assert send(client, *files, url=f"/api/jobs/{job_id}/documents").status_code == 202
    client.post(f"/api/jobs/{job_id}/close")
    for n, row in enumerate(worker.rows(job_id)):
        if n == 1:
            worker.publish(row, "b", spans=[(0, 1)])
        else:
            worker.fail(row)

    retried = client.post(f"/api/jobs/{job_id}/retry").get_json()

    names = [row["document_id"] for row in rows(client, retried["id"])]
    assert names == ["a.txt", "c.txt", "d.txt", "e.txt"]
    assert (retried["filling"], retried["open"]) == (False, False)
    assert retried["progress"]["total"] == 4
    for row in worker.rows(retried["id"]):
        worker.publish(row, "x", spans=[(0, 1)])
    assert client.get(f"/api/jobs/{retried['id']}").get_json()["state"] == "succeeded"


def test_a_retry_that_finds_no_room_is_accepted_and_shown_as_being_filled(
    client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(name.encode(), f"{name}.txt") for name in "abcd"]
    job_id = send(client, *files).get_json()["id"]
    for row in worker.rows(job_id):
        worker.fail(row)
    long_jobs = client.application.extensions["quern"].intake.ingests._long_jobs
    monkeypatch.setattr(long_jobs, "_limit", 3)

    answer = client.post(f"/api/jobs/{job_id}/retry")
    again = client.post(f"/api/jobs/{job_id}/retry")

    assert (answer.status_code, again.status_code) == (202, 202)
    shown = answer.get_json()
    assert again.get_json()["id"] == shown["id"]
    assert (shown["filling"], shown["open"], shown["progress"]["total"]) == (True, True, 3)
    more = send(client, (b"x", "x.txt"), url=f"/api/jobs/{shown['id']}/documents")
    assert more.status_code == 409
    monkeypatch.setattr(long_jobs, "_limit", 4)
    long_jobs.turn()
    whole = client.get(f"/api/jobs/{shown['id']}").get_json()
    assert (whole["filling"], whole["open"], whole["progress"]["total"]) == (False, False, 4)
