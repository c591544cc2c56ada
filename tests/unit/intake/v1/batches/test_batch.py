"""Batches: what they are called, how far they are, what is counted."""

from typing import Any

import pytest

from intake.v1.batches.batch import Batch, BatchRequest, LineError, job_of, told_of

JOB = "0190b0a0-1111-7222-8333-444455556666"
ASKED = BatchRequest(
    input_file_id="file-1", endpoint="/v1/responses", completion_window="1h", window_s=3_600
)


def batch(**more: Any) -> Batch:
    row = {"state": "running", "fill_total": "4", "total": "4", "batch": told_of(ASKED)} | more
    found = Batch.of(JOB, row)
    assert found is not None
    return found


def test_its_id_is_that_of_its_job_without_dashes() -> None:
    assert batch().id == "batch_0190b0a01111722283334444" + "55556666"
    assert job_of(batch().id) == JOB
    for wrong in ("batch_", "batch_x", JOB, f"resp_{JOB}", ""):
        assert job_of(wrong) is None


def test_another_list_of_questions_is_none() -> None:
    assert Batch.of(JOB, {"state": "running", "fill_total": "1"}) is None


@pytest.mark.parametrize(
    ("more", "status", "needs_files"),
    [
        ({"state": "queued", "filling": "1", "fill_at": "0", "total": "0"}, "validating", False),
        ({"state": "queued", "filling": "1", "fill_at": "2", "total": "2"}, "in_progress", False),
        ({"state": "queued"}, "in_progress", False),
        ({"state": "running", "cancel": "1"}, "cancelling", False),
        ({"state": "succeeded"}, "finalizing", True),
        ({"state": "partial"}, "finalizing", True),
        ({"state": "cancelled", "cancel": "1"}, "cancelling", True),
        ({"state": "succeeded", "outputs_at": "1"}, "completed", False),
        ({"state": "failed", "failed": "4", "outputs_at": "1"}, "completed", False),
        ({"state": "partial", "expired": "1", "outputs_at": "1"}, "expired", False),
        ({"state": "partial", "total": "2", "outputs_at": "1"}, "expired", False),
        ({"state": "cancelled", "cancel": "1", "total": "2", "outputs_at": "1"}, "cancelled",
         False),
        ({"state": "succeeded", "cancel": "1", "outputs_at": "1"}, "cancelled", False),
        ({"state": "failed", "error": "{}", "fill_total": "0", "total": "0"}, "failed", False),
    ],
)  # fmt: skip
def test_its_status_follows_from_its_job(
    more: dict[str, str],
    status: str,
    needs_files: bool,
) -> None:
    assert (batch(**more).status, batch(**more).needs_files) == (status, needs_files)


def test_what_was_late_has_failed_and_what_was_stopped_has_not() -> None:
    done = {"done": "1", "failed": "1"}

    assert batch(**done).counts == {"total": 4, "completed": 1, "failed": 1}
    late = batch(state="partial", total="3", expired="1", **done)
    assert late.counts == {"total": 4, "completed": 1, "failed": 3}
    stopped = batch(state="cancelled", total="3", cancelled="1", cancel="1", **done)
    assert stopped.counts == {"total": 4, "completed": 1, "failed": 1}


def test_what_is_kept_of_it_says_all_that_was_asked_and_what_is_wrong() -> None:
    told = batch(batch=told_of(ASKED, model="m", errors=[LineError("c", "x", 3, "p")])).told

    assert told == {
        "input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "1h",
        "window_s": 3_600, "metadata": None, "output_s": None, "model": "m",
        "errors": [{"code": "c", "message": "x", "line": 3, "param": "p"}],
    }  # fmt: skip
