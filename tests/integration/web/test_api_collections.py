import hashlib
import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from intake.errors import MemoryFull

TEXT = "First part.\nSecond pärt. \U0001d518nicode."


def sent(client: FlaskClient, text: str, document_id: str = "a") -> str:
    body = {"collection": "books", "documents": [{"id": document_id, "text": text}]}
    return str(client.post("/api/ingests", json=body).get_json()["id"])


def put(client: FlaskClient, worker: Any, document_id: str, text: str = TEXT) -> None:
    for name in worker.rows(sent(client, text, document_id)):
        worker.publish(name, text, spans=[(0, 11), (12, len(text))])


def test_a_collection_is_made_once(client: FlaskClient) -> None:
    first = client.post("/api/collections", json={"name": "books"})
    again = client.post("/api/collections", json={"name": "books"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["Location"] == "/api/collections/books"
    assert client.get(first.headers["Location"]).get_json()["documents"] == 0
    names = [entry["name"] for entry in client.get("/api/collections").get_json()["collections"]]
    assert names == ["books"]


@pytest.mark.parametrize("name", ["", "a b", "/", "x" * 64, None, 3])
def test_a_collection_needs_a_plain_name(client: FlaskClient, name: Any) -> None:
    answer = client.post("/api/collections", json={"name": name})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "name"


def test_deleting_a_collection_frees_its_name_and_makes_a_job(client: FlaskClient) -> None:
    client.post("/api/collections", json={"name": "books"})
    answer = client.delete("/api/collections/books")

    assert answer.status_code == 202
    assert answer.get_json()["kind"] == "delete_collection"
    assert client.get("/api/collections/books").status_code == 404
    assert client.delete("/api/collections/books").status_code == 404


def test_documents_are_listed_in_pages(client: FlaskClient, worker: Any) -> None:
    for name in ("c", "a/b", "b"):
        put(client, worker, name)
    page = client.get("/api/collections/books/documents?limit=2").get_json()
    rest = client.get(
        "/api/collections/books/documents", query_string={"cursor": page["next_cursor"]}
    ).get_json()

    assert [entry["document_id"] for entry in page["documents"]] == ["a/b", "b"]
    assert [entry["document_id"] for entry in rest["documents"]] == ["c"]
    assert rest["next_cursor"] is None
    assert "text_blob" not in page["documents"][0]
    assert client.get(page["documents"][0]["links"]["text"]).get_json()["text"] == TEXT


def test_the_documents_of_a_folder_are_listed_by_their_prefix(
    client: FlaskClient, worker: Any
) -> None:
    names = ["a", "sub", "sub/a", "sub/\u65e5", "sub/\U0001f600", "sub0", "su"]
    for name in names:
        put(client, worker, name)
    path = "/api/collections/books/documents"

    found, cursor = [], None
    while True:
        query = {"prefix": "sub/", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get(path, query_string=query).get_json()
        found += [entry["document_id"] for entry in page["documents"]]
        if (cursor := page["next_cursor"]) is None:
            break

    assert found == names[2:5]
    assert len(client.get(f"{path}?prefix=").get_json()["documents"]) == len(names)


def test_documents_are_found_by_a_part_of_their_names(client: FlaskClient, worker: Any) -> None:
    for name in ("Pump/one.md", "old/pump two.md", "well.md"):
        put(client, worker, name)
    path = "/api/collections/books/documents"
    found = client.get(f"{path}?contains=PUMP").get_json()
    first = client.get(f"{path}?contains=pump&limit=1").get_json()
    rest = client.get(f"{path}?contains=pump&limit=1&cursor={first['next_cursor']}").get_json()

    assert [one["document_id"] for one in found["documents"]] == ["Pump/one.md", "old/pump two.md"]
    assert (found["searched"], found["total"], found["next_cursor"]) == (3, 3, None)
    assert (first["searched"], first["total"]) == (1, 3)
    assert [one["document_id"] for one in rest["documents"]] == ["old/pump two.md"]
    assert client.get(f"{path}?contains=a&prefix=b").status_code == 422
    assert client.get("/api/collections/none/documents?contains=a").status_code == 404


def test_the_default_collection_is_there_before_its_first_document(client: FlaskClient) -> None:
    assert client.get("/api/collections/default/documents").get_json()["documents"] == []
    assert client.get("/api/collections/other/documents").status_code == 404


@pytest.mark.parametrize("document_id", ["a", "a/b c.md", "ü#?%2F", "x/text", "..a/b..", "…"])
def test_a_document_is_found_by_any_id(client: FlaskClient, worker: Any, document_id: str) -> None:
    put(client, worker, document_id)
    listed = client.get("/api/collections/books/documents").get_json()["documents"][0]

    assert client.get(listed["links"]["self"]).get_json()["document_id"] == document_id
    assert client.get(listed["links"]["text"]).get_json()["text"] == TEXT
    assert len(client.get(listed["links"]["chunks"]).get_json()["chunks"]) == 2
    assert client.get(listed["links"]["file"]).status_code == 200


def test_a_span_of_the_text_counts_code_points(client: FlaskClient, worker: Any) -> None:
    put(client, worker, "a")
    path = "/api/collections/books/documents/a/text"
    part = client.get(f"{path}?start=12&end=24").get_json()
    rest = client.get(f"{path}?start=25&end=9999").get_json()

    assert part["text"] == TEXT[12:24]
    assert (rest["text"], rest["end"], rest["chars"]) == (TEXT[25:], len(TEXT), len(TEXT))
    assert client.get(f"{path}?start=5&end=2").status_code == 422
    assert client.get(f"{path}?start=-1").status_code == 422


def test_a_replaced_generation_is_gone(client: FlaskClient, worker: Any) -> None:
    put(client, worker, "a")
    path = "/api/collections/books/documents/a/text"
    old = client.get(path).get_json()["generation"]
    put(client, worker, "a", "New text, rather long.")
    new = client.get(path).get_json()["generation"]

    assert client.get(f"{path}?generation={old}").status_code == 410
    assert client.get(f"{path}?generation={new}").get_json()["text"] == "New text, rather long."
    assert client.get(f"{path}?generation={new + 1}").status_code == 404


def test_chunks_are_the_texts_of_their_spans(client: FlaskClient, worker: Any) -> None:
    put(client, worker, "a")
    path = "/api/collections/books/documents/a/chunks"
    first = client.get(f"{path}?limit=1").get_json()
    second = client.get(path, query_string={"cursor": first["next_cursor"]}).get_json()

    assert first["total"] == 2
    assert [chunk["text"] for chunk in first["chunks"]] == [TEXT[0:11]]
    assert [chunk["text"] for chunk in second["chunks"]] == [TEXT[12:]]
    assert second["next_cursor"] is None
    assert first["chunks"][0]["chunk_id"] == f"a:{first['generation']}:0"


def test_a_chunk_shows_the_header_that_it_is_read_with(client: FlaskClient, worker: Any) -> None:
    (row,) = worker.rows(sent(client, TEXT))
    plain = {"n": 0, "start": 0, "end": 11, "page": None}
    cut = {"n": 1, "start": 12, "end": 24, "page": None, "context": "Name | Age", "headers": []}
    worker.publish(row, TEXT, spans=[(0, 11), (12, 24)], chunks=[plain, cut])

    shown = client.get("/api/collections/books/documents/a/chunks").get_json()["chunks"]

    assert [chunk["context"] for chunk in shown] == ["", "Name | Age"]
    assert {frozenset(chunk) for chunk in shown} == {
        frozenset(
            {"chunk_id", "n", "start", "end", "page", "page_label", "page_kind", "text", "context"}
        )
    }


def test_a_document_by_itself_tells_its_notes_and_encoding(
    client: FlaskClient, worker: Any
) -> None:
    put(client, worker, "a")
    (row,) = worker.rows(sent(client, TEXT, "b"))
    told = {"notes": ["Two pictures were left out."], "encoding": "windows-1252"}
    worker.publish(row, TEXT, spans=[(0, 11)], **told)

    path = "/api/collections/books/documents"
    listed = client.get(path).get_json()["documents"]

    shown = [client.get(entry["links"]["self"]).get_json() for entry in listed]
    assert [(one["notes"], one["encoding"]) for one in shown] == [([], ""), tuple(told.values())]
    assert not any("notes" in entry for entry in listed)


def test_the_original_is_a_download_that_no_browser_shows(client: FlaskClient, worker: Any) -> None:
    name = 'ev"il\u00fc.html'
    data = {"collection": "books", "files": [(io.BytesIO(b"<script>"), name)]}
    job_id = client.post("/api/ingests", data=data).get_json()["id"]
    worker.publish(worker.rows(job_id)[0], "text", spans=[(0, 4)])
    listed = client.get("/api/collections/books/documents").get_json()["documents"][0]
    answer = client.get(listed["links"]["file"])

    assert answer.data == b"<script>"
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_deleted_document_is_not_found(client: FlaskClient, worker: Any) -> None:
    put(client, worker, "a/b")
    path = "/api/collections/books/documents/a/b"
    generation = client.get(path).get_json()["generation"]
    answer = client.delete(path)
    worker.remove(worker.rows(answer.get_json()["id"])[0])

    assert answer.status_code == 202
    assert client.get(f"/api/jobs/{answer.get_json()['id']}").get_json()["state"] == "succeeded"
    assert client.get(path).status_code == 404
    assert client.get(f"{path}/text?generation={generation}").status_code == 410
    assert client.delete(path).status_code == 404


def test_a_diff_tells_what_to_send_and_what_is_gone(client: FlaskClient, worker: Any) -> None:
    for name in ("same", "changed", "gone"):
        put(client, worker, name)
    sha256 = hashlib.sha256(TEXT.encode()).hexdigest()
    listing = [
        {"id": "same", "sha256": sha256},
        {"id": "changed", "sha256": "0" * 64},
        {"id": "new", "sha256": sha256},
    ]
    answer = client.post("/api/collections/books/diff", json=listing)
    fresh = client.post("/api/collections/not-yet/diff", json=listing)

    assert answer.get_json() == {
        "send": ["changed", "new"], "new": ["new"], "changed": ["changed"], "failed": [],
        "gone": ["gone"], "unchanged": 1,
    }  # fmt: skip
    assert fresh.get_json()["send"] == ["same", "changed", "new"]


def test_the_hashes_of_a_collection_come_in_pages_and_tell_what_is_gone(
    client: FlaskClient, worker: Any
) -> None:
    for name in ("a", "b/c", "d"):
        put(client, worker, name)
    newer = {"collection": "books", "documents": [{"id": "d", "text": "other"}]}
    assert client.post("/api/ingests", json=newer).status_code == 202
    path, sha256 = "/api/collections/books/hashes", hashlib.sha256(TEXT.encode()).hexdigest()
    first = client.get(f"{path}?limit=2").get_json()
    given = {"limit": 2, "cursor": first["next_cursor"]}
    second = client.get(path, query_string=given).get_json()

    assert first["documents"] == [{"id": name, "sha256": sha256} for name in ("a", "b/c")]
    # Its newer version may be current in a moment: the same bytes are to be sent.
    assert second == {"documents": [{"id": "d", "sha256": ""}], "next_cursor": None}
    assert client.get("/api/collections/none/hashes").status_code == 404
    assert client.get(f"{path}?limit=2001").status_code == 422


def test_a_diff_is_bounded_by_what_is_listed(
    client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        put(client, worker, name)
    listing = [{"id": "a", "sha256": "0" * 64}]
    path = "/api/collections/books/diff"
    redis, asked = worker.storage.redis, []
    real = type(redis).execute_command
    monkeypatch.setattr("intake.lookup.collections._PAGE", 2)

    def watched(self: Any, *words: Any, **options: Any) -> Any:
        asked.append(words[0])
        return real(self, *words, **options)

    monkeypatch.setattr(type(redis), "execute_command", watched)
    unasked = client.post(f"{path}?gone=false", json=listing).get_json()
    assert (unasked["changed"], unasked["gone"]) == (["a"], None)
    assert not {"HSCAN", "HGETALL", "ZRANGEBYLEX"} & set(asked)
    monkeypatch.setattr("intake.lookup.collections.MOST_COMPARED", 3)
    assert client.post(path, json=listing).get_json()["gone"] == ["b", "c"]
    monkeypatch.setattr("intake.lookup.collections.MOST_COMPARED", 2)
    assert client.post(path, json=listing).get_json()["gone"] is None


def test_a_delete_that_comes_again_with_its_key_after_its_end_is_the_same_job(
    client: FlaskClient, worker: Any
) -> None:
    put(client, worker, "a")
    path, keyed = "/api/collections/books/documents", {"Idempotency-Key": "once"}
    job_id = client.delete(f"{path}/a", headers=keyed).get_json()["id"]
    for row in worker.rows(job_id):
        worker.remove(row)

    again = client.delete(f"{path}/a", headers=keyed)

    assert (again.status_code, again.get_json()["id"]) == (202, job_id)
    assert client.delete(f"{path}/b", headers=keyed).status_code == 422
    for other in ({}, {"Idempotency-Key": "another"}):
        assert client.delete(f"{path}/a", headers=other).status_code == 404
    worker.storage.redis.delete(f"quern:job:{job_id}")  # forgotten before its time
    assert client.delete(f"{path}/a", headers=keyed).status_code == 404


def test_documents_are_deleted_together_and_those_not_there_are_left_out(
    client: FlaskClient, worker: Any
) -> None:
    for name in ("a", "b", "c"):
        put(client, worker, name)
    sent(client, TEXT, "on its way")
    path = "/api/collections/books/documents/delete"
    names = ["a", "c", "never", "a", "on its way"]
    shown = client.post(path, json={"ids": names}).get_json()
    for row in worker.rows(shown["id"]):
        worker.remove(row)

    assert (shown["kind"], shown["progress"]["total"]) == ("delete", 3)
    assert client.get(f"/api/jobs/{shown['id']}").get_json()["state"] == "succeeded"
    listed = client.get("/api/collections/books/documents").get_json()["documents"]
    assert [entry["document_id"] for entry in listed] == ["b"]
    again = client.post(path, json={"ids": names}).get_json()
    assert (again["state"], again["progress"]["total"]) == ("succeeded", 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ids": ["a"] * 201}, 422),
        ({"ids": "a"}, 422),
        ({"ids": ["../a"]}, 422),
        ({}, 422),
        ({"ids": ["a"], "more": 1}, 422),
    ],
)
def test_a_delete_of_many_says_what_is_wrong(
    client: FlaskClient, body: dict[str, Any], status: int
) -> None:
    answer = client.post("/api/collections/default/documents/delete", json=body)

    assert answer.status_code == status
    assert answer.get_json()["errors"][0]["field"].startswith(("ids", "more"))


def test_deletes_wait_for_room_as_other_work_does(
    client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(client, worker, "a")
    maintenance = client.application.extensions["quern"].intake.maintenance
    path = "/api/collections/books/documents"
    monkeypatch.setattr(maintenance, "_most", 0)
    assert client.post(f"{path}/delete", json={"ids": ["a"]}).status_code == 429

    def full(kind: str) -> None:
        raise MemoryFull(kind)

    monkeypatch.setattr(maintenance._admission, "admitting", full)
    assert client.post(f"{path}/delete", json={"ids": ["a"]}).status_code == 429
    assert client.delete(f"{path}/a").status_code == 429


def test_a_document_whose_newer_version_is_on_its_way_is_to_be_sent(
    client: FlaskClient, worker: Any
) -> None:
    put(client, worker, "same")
    listing = [{"id": "same", "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}]
    newer = {"collection": "books", "documents": [{"id": "same", "text": "other"}]}
    assert client.post("/api/ingests", json=newer).status_code == 202

    answer = client.post("/api/collections/books/diff", json=listing)

    said = answer.get_json()
    assert (said["send"], said["gone"], said["unchanged"]) == (["same"], [], 0)


def compared(client: FlaskClient, text: str) -> dict[str, Any]:
    listing = [{"id": "a", "sha256": hashlib.sha256(text.encode()).hexdigest()}]
    said: dict[str, Any] = client.post("/api/collections/books/diff", json=listing).get_json()
    return said


@pytest.mark.parametrize("kind", ["corrupt", "too_many_attempts"])
def test_bytes_that_failed_are_told_until_others_succeed(
    client: FlaskClient, worker: Any, kind: str
) -> None:
    for row in worker.rows(sent(client, "bad")):
        worker.fail(row, kind=kind)

    assert (compared(client, "bad")["failed"], compared(client, "bad")["send"]) == (["a"], [])
    assert compared(client, "other")["send"] == ["a"]

    put(client, worker, "a", "good" * 20)
    said = compared(client, "bad")
    assert (said["failed"], said["changed"]) == ([], ["a"])


def test_bytes_that_failed_under_a_document_leave_it_as_it_is(
    client: FlaskClient, worker: Any
) -> None:
    put(client, worker, "a")
    for row in worker.rows(sent(client, "bad")):
        worker.fail(row)

    said = compared(client, "bad")
    assert (said["failed"], said["send"], said["gone"]) == (["a"], [], [])


@pytest.mark.parametrize("kind", ["internal", "embedder_mismatch"])
def test_a_failure_that_is_not_the_files_own_is_to_be_sent_again(
    client: FlaskClient, worker: Any, kind: str
) -> None:
    for row in worker.rows(sent(client, "fine")):
        worker.fail(row, kind=kind)

    assert compared(client, "fine")["new"] == ["a"]


def test_what_failed_under_another_pipeline_is_to_be_sent_again(
    client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in worker.rows(sent(client, "bad")):
        worker.fail(row)
    collections = client.application.extensions["quern"].intake.collections
    monkeypatch.setattr(collections, "made_by", "another parser")

    assert compared(client, "bad")["send"] == ["a"]


def test_a_file_that_holds_no_text_is_told_as_one_that_failed(
    client: FlaskClient, worker: Any
) -> None:
    for row in worker.rows(sent(client, "   ")):
        fields = {"outcome": "empty", "note": "nothing"}
        worker.ledger.work.finish(worker.claim(row), state="succeeded", fields=fields)

    assert compared(client, "   ")["failed"] == ["a"]


def test_a_document_that_would_be_cut_otherwise_today_is_to_be_sent(
    client: FlaskClient, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(client, worker, "same")
    listing = [{"id": "same", "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}]
    collections = client.application.extensions["quern"].intake.collections
    monkeypatch.setattr(collections, "made_by", "another chunker")

    answer = client.post("/api/collections/books/diff", json=listing)

    assert answer.get_json()["send"] == ["same"]


@pytest.mark.parametrize(
    "body", [{}, [1], [{"id": "a"}], [{"id": "a", "sha256": "x"}], [{"id": "", "sha256": "0" * 64}]]
)
def test_a_wrong_listing_is_refused(client: FlaskClient, body: Any) -> None:
    assert client.post("/api/collections/books/diff", json=body).status_code == 422


@pytest.mark.usefixtures("busy_worker")
def test_a_search_is_awaited(client: FlaskClient) -> None:
    answer = client.post("/api/search", json={"query": "first", "mode": "dense"})

    assert answer.status_code == 200
    found = answer.get_json()
    assert found["results"][0]["document_id"] == "a.md"
    assert found["degraded"] == []
    assert found["timings_ms"]["total"] >= 0
    assert client.get("/api/jobs").get_json()["jobs"] == []


def test_a_search_that_nobody_answers_times_out_and_is_cancelled(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.http.searching.SEARCH_DEADLINE_S", 0.3)
    answer = client.post("/api/search", json={"query": "first"})

    assert answer.status_code == 504
    job = client.get(f"/api/jobs/{answer.get_json()['job_id']}").get_json()
    assert job["state"] == "cancelled"
