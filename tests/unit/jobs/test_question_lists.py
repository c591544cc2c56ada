"""Lists of questions as they are kept: line by line, in their order, each as its row will be."""

import io

import orjson
import pytest

from jobs.question_lists import (
    INLINE_BYTES,
    ListedQuestion,
    encode,
    fields_of_all,
    read_from,
    row_of,
)
from jobs.requests import EmbeddingRequest, QueryRequest

ASKED = {"question": "Why?\nHow?\u2028When?", "top_k": 3, "deadline_s": 60, "priority": "batch"}


def read(data: bytes) -> list[ListedQuestion]:
    return list(read_from(io.BytesIO(data), 0))


def test_a_list_is_read_as_it_was_written_a_line_a_question() -> None:
    questions = [ListedQuestion("a", ASKED), ListedQuestion("b\n", ASKED | {"top_k": 0})]
    data = encode(questions)

    assert read(data) == questions
    assert data.count(b"\n") == 1
    assert read(encode([])) == []


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"id": "a"}'])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read(data)


def test_a_row_is_read_as_the_question_of_a_single_job_is() -> None:
    row = ListedQuestion("a", ASKED | {"history": [{"role": "user", "text": "x"}]}).row
    request = QueryRequest.from_row({"request": str(row["request"])})

    assert (request.question, request.priority, request.top_k) == (ASKED["question"], "batch", 3)
    assert [turn.text for turn in request.history] == ["x"]
    assert (row["question_id"], row["deadline_ms"]) == ("a", 60_000)
    assert orjson.loads(str(row["request"])).keys() == {*ASKED, "history"}


@pytest.mark.parametrize(
    ("top_k", "stage", "role"), [(3, "retrieve", "retrieve"), (0, "generate", "generate")]
)
def test_a_question_without_passages_is_not_searched_for(top_k: int, stage: str, role: str) -> None:
    row = ListedQuestion("a", ASKED | {"top_k": top_k}).row

    assert (row["stage"], row["role"]) == (stage, role)


def test_rows_lead_back_to_the_request_and_wait_in_a_lane_of_their_list() -> None:
    job = {"incarnation": "c-1", "request_id": "r", "traceparent": "t", "webhook_url": "u"}

    assert fields_of_all("j", job) == {
        "request_id": "r", "traceparent": "t", "kind": "query", "class": "batch",
        "owner": "questions:j", "priority": "9", "incarnation": "c-1",
    }  # fmt: skip


def test_what_a_question_has_of_its_own_is_in_its_line_and_in_its_row() -> None:
    own = {"collection": "letters", "incarnation": "c-2", "line": "{}"}
    (kept,) = read(encode([ListedQuestion("a", ASKED, own)]))

    assert kept.row.items() >= own.items()
    assert kept.collections == ("letters",)
    assert ListedQuestion("a", ASKED).collections == ()
    several = ListedQuestion("a", ASKED, own | {"also": "b c"})
    assert several.collections == ("letters", "b", "c")


def test_a_list_is_read_from_any_question_on() -> None:
    questions = [ListedQuestion(str(n), ASKED) for n in range(4)]

    for start in range(5):
        assert list(read_from(io.BytesIO(encode(questions)), start)) == questions[start:]


@pytest.mark.parametrize("size", [10, INLINE_BYTES])
def test_texts_to_be_embedded_lie_in_the_row_or_beside_it(size: int) -> None:
    request = EmbeddingRequest(texts=("x" * size, "y"), truncate=True).as_json()
    question = ListedQuestion("a", request, {"kind": "embedding"})
    kept: dict[str, bytes] = {}

    def put(data: bytes) -> str:
        kept["blob"] = data
        return "blob"

    row = row_of(question, put)
    read = EmbeddingRequest.from_row({"request": str(row["request"])})
    is_inline = size < INLINE_BYTES
    assert (row["role"], row["stage"], row["kind"]) == ("retrieve", "retrieve", "embedding")
    assert read.truncate
    assert (list(read.texts), read.texts_blob) == (
        (["x" * size, "y"], "") if is_inline else ([], "blob")
    )
    assert row.get("texts_blob") == (None if is_inline else "blob")
    assert [orjson.loads(data) for data in kept.values()] == (
        [] if is_inline else [["x" * size, "y"]]
    )
    assert question.question == ""


def test_a_question_is_never_put_beside_its_row() -> None:
    long = ListedQuestion("a", ASKED | {"question": "x" * 10_000})

    assert row_of(long, lambda _: pytest.fail("put")) == long.row
