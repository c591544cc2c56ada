"""Files of vector stores, as they are shown: what rows and errors of the ledger come to."""

from typing import Any

import pytest

from corpus.vector_stores.attachments import Attachment, Counts, Told
from intake.vector_stores.files import batch_of, failure_of, of_attachment, of_batch_row, of_record
from intake.vector_stores.reading import _job_of, batch_id_of
from protocol.ids import new_id

JOB = {"created": "1700000000000000", "total": "3", "state": "running"}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("unsupported", "unsupported_file"), ("corrupt", "invalid_file"),
        ("encrypted", "invalid_file"), ("no_text", "invalid_file"), ("binary", "invalid_file"),
        ("parser_timeout", "invalid_file"), ("deadline", "server_error"),
        ("internal", "server_error"), ("too_many_attempts", "server_error"), ("", "server_error"),
    ],
)  # fmt: skip
def test_a_failure_has_a_code_that_clients_know(kind: str, code: str) -> None:
    told = failure_of({"type": kind, "title": "No", "detail": "It is broken."})

    assert (told.code, told.reason, told.message) == (code, kind, "It is broken.")


@pytest.mark.parametrize(
    ("counted", "more", "status", "left"),
    [
        ({}, {}, "in_progress", 3),
        ({"completed": 2}, {}, "in_progress", 1),
        ({"completed": 2}, {"cancel": "1"}, "in_progress", 1),
        ({"completed": 2, "failed": 1}, {}, "completed", 0),
        ({"failed": 3}, {}, "failed", 0),
        ({"completed": 1, "cancelled": 2}, {"cancel": "1"}, "cancelled", 0),
        ({"cancelled": 3}, {"cancel": "1"}, "cancelled", 0),
        ({"completed": 3}, {"cancel": "1"}, "completed", 0),
        ({"completed": 2, "cancelled": 1}, {}, "completed", 0),
        ({"cancelled": 3}, {}, "failed", 0),
    ],
)
def test_a_batch_is_over_once_each_of_its_files_is(
    counted: dict[str, int], more: dict[str, str], status: str, left: int
) -> None:
    fields = {f"attached_{state}": str(count) for state, count in counted.items()}
    told = batch_of("vsfb_a", "a", JOB | fields | more)

    assert told.status == status
    assert told.counts.in_progress == left
    assert told.counts.total == 3


def test_the_id_of_a_batch_leads_to_its_job() -> None:
    job = new_id()

    assert _job_of(batch_id_of(job)) == job
    for other in ("vsfb_", f"vsfb_{'g/' * 16}", job, f"resp_{'0' * 32}", f"vsfb_{'0' * 33}"):
        assert _job_of(other) is None


def test_a_file_uses_room_once_it_is_completed() -> None:
    told = Told(filename="a.txt", attributes={"n": 1}, chunking=(100, 10))
    one = Attachment(file_id="file-a", state="completed", unit="u", size=5, created_us=7, told=told)
    failed = Attachment(
        file_id="file-a", state="failed", unit="u", size=5, created_us=7, told=told,
        error={"type": "corrupt", "detail": "Broken."},
    )  # fmt: skip

    assert (of_attachment(one).size, of_attachment(one).failure) == (5, None)
    assert of_attachment(failed).size == 0
    assert of_attachment(failed).failure is not None
    assert Told.read(told.as_json()) == told


def test_a_document_is_a_file_without_what_no_attribute_can_be() -> None:
    record: dict[str, Any] = {
        "document_id": "a/b.md", "file": "a/b.md", "bytes": 3, "generation": 9,
        "metadata": {"n": 1, "tags": ["a"]},
    }  # fmt: skip
    told = of_record(record)

    assert (told.file_id, told.filename, told.attributes) == ("a/b.md", "b.md", {"n": 1})


@pytest.mark.parametrize(
    ("more", "state", "code"),
    [
        ({}, "in_progress", None),
        ({"attached_end": "completed"}, "completed", None),
        ({"attached_end": "failed", "note": "No text."}, "failed", "invalid_file"),
        ({"attached_end": "failed", "error": '{"type":"internal"}'}, "failed", "server_error"),
        ({"attached_end": "cancelled"}, "cancelled", None),
    ],
)
def test_a_row_of_a_batch_tells_what_became_of_its_file(
    more: dict[str, str], state: str, code: str | None
) -> None:
    row = {
        "document": "file-a", "filename": "a.txt", "size": "3", "created": "5",
        "own_metadata": '{"n":1}', "chunk_tokens": "100", "chunk_overlap": "20",
    }  # fmt: skip
    told = of_batch_row(row | more)

    assert (told.state, told.attributes, told.chunking) == (state, {"n": 1}, (100, 20))
    assert (told.failure.code if told.failure else None) == code
    assert told.size == (3 if state == "completed" else 0)


def test_counts_add_up() -> None:
    assert Counts(1, 2, 3, 4, 5).total == 10
