"""Lines of a batch's files: answers as they would have been alone, failures with their status."""

import base64
from typing import Any

import numpy as np
import pytest

from intake.v1.batches.outputs import EndedLine
from web.v1.shapes.batch_lines import output_line

ERROR = {"type": "invalid", "title": "No", "detail": "history: is too long"}


def ended(
    state: str = "failed", *, endpoint: Any = "/v1/chat/completions", kept: Any = None, **more: Any
) -> EndedLine:
    return EndedLine(
        name="abc00001", custom_id="mine", endpoint=endpoint, request={}, kept=kept or {},
        ended_at=1_700_000_000, outcome={"state": state, **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "code"), [("expired", "batch_expired"), ("cancelled", "batch_cancelled")]
)
def test_what_was_never_answered_has_no_response(state: str, code: str) -> None:
    is_good, shown, cost = output_line(ended(state, error=ERROR))

    assert (is_good, cost) == (False, (0, 0))
    assert shown["id"] == "batch_req_abc00001"
    assert (shown["custom_id"], shown["response"], shown["error"]["code"]) == ("mine", None, code)


@pytest.mark.parametrize(
    ("error", "kept", "expected"),
    [
        (ERROR, {"model": "m"}, (400, None, None, "invalid_request_error")),
        (ERROR, {"status": 404, "code": "not_found", "param": "x"},
         (404, "not_found", "x", "invalid_request_error")),
        ({"type": "no_vector", "title": "No"}, {},
         (400, "no_vector", None, "invalid_request_error")),
        ({"type": "too_many_attempts", "title": "No"}, {},
         (500, "too_many_attempts", None, "server_error")),
        (None, {}, (500, None, None, "server_error")),
    ],
)  # fmt: skip
def test_a_failure_is_told_as_the_answer_that_it_is(
    error: Any, kept: Any, expected: tuple[int, str | None, str | None, str]
) -> None:
    is_good, shown, _ = output_line(ended(error=error, kept=kept))
    status, code, param, kind = expected

    told = shown["response"]["body"]["error"]
    assert (is_good, shown["response"]["status_code"]) == (False, status)
    assert (told["code"], told["param"], told["type"]) == (code, param, kind)
    assert shown["error"] == {"code": code or "invalid_request", "message": told["message"]}
    assert told["message"]


def test_an_answer_whose_result_is_gone_has_failed() -> None:
    gone = {"type": "result_gone", "title": "The result is gone", "detail": "Ask again."}
    is_good, shown, _ = output_line(ended("succeeded", error=gone))

    assert (is_good, shown["response"]["status_code"]) == (False, 500)


def test_an_answer_is_a_completion_with_what_it_cost() -> None:
    result = {
        "answer": "A. [1]", "citations": [], "sources": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }  # fmt: skip
    is_good, shown, cost = output_line(ended("succeeded", kept={"model": "m"}, result=result))

    assert (is_good, cost, shown["error"]) == (True, (3, 2), None)
    body = shown["response"]["body"]
    assert (shown["response"]["status_code"], body["id"], body["model"], body["created"]) == (
        200, "chatcmpl-abc00001", "m", 1_700_000_000,
    )  # fmt: skip
    assert body["choices"][0]["message"]["content"] == "A. [1]"


def test_vectors_are_shown_with_what_they_cost() -> None:
    vectors = np.array([[1, 2], [3, 4]], dtype="<f4")
    result = {"vectors": base64.b64encode(vectors.tobytes()).decode(), "dimension": 2, "tokens": 5}
    kept = {"model": "e", "as_base64": False}
    is_good, shown, cost = output_line(
        ended("succeeded", endpoint="/v1/embeddings", kept=kept, result=result)
    )

    assert (is_good, cost) == (True, (5, 0))
    body = shown["response"]["body"]
    assert [one["embedding"] for one in body["data"]] == [[1, 2], [3, 4]]


def test_vectors_of_another_length_than_was_asked_for_are_the_callers_to_change() -> None:
    error = {"type": "dimensions", "title": "No", "detail": "Vectors have 2 dimensions."}
    is_good, shown, _ = output_line(ended(endpoint="/v1/embeddings", error=error))

    assert (is_good, shown["response"]["status_code"]) == (False, 400)
    told = shown["response"]["body"]["error"]
    assert (told["param"], told["code"]) == ("dimensions", "dimensions")
