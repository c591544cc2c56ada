"""Chat completions: requests, and chunks out of a job's events."""

from typing import Any

import pytest

from rag.answers.citations import resolve
from rag.documents import Passage
from rag.errors import InvalidRequest
from web.v1.chat_requests import read_chat
from web.v1.errors import V1Error
from web.v1.shapes.chat import ChatChunks, completion

PASSAGE = Passage("a:1:0", "a", 1, 0, "", "A. B. C.", 0, 8, 0.5)
TOLD = {"id": "chatcmpl-1", "created": 5, "model": "quern"}
USER = {"role": "user", "content": "Why?"}
SOURCE = {"document_id": "file-1", "title": "", "text": "A."}
RESULT = {
    "answer": "A is first [1].", "sources": [SOURCE], "finish_reason": "stop",
    "citations": [
        {"marker": 1, "source": 0, "start": 0, "end": 2, "quote": "A.", "page": 2},
        {"marker": 2, "source": 4, "start": 0, "end": 2, "quote": "?"},
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 5},
}  # fmt: skip
DONE = ("done", {"state": "succeeded", "result": RESULT})


def test_only_who_says_so_has_nothing_kept() -> None:
    told = [read_chat({"messages": [USER], "store": one}).is_brief for one in (None, True, False)]

    assert told == [False, False, True]
    with pytest.raises(InvalidRequest, match="store"):
        read_chat({"messages": [USER], "store": "no"})


def chunks(*events: tuple[str, Any], **more: Any) -> list[dict[str, Any]]:
    made = ChatChunks(TOLD, **more)
    return [chunk for kind, data in events for chunk in made.take(kind, data)]


def text(told: list[dict[str, Any]]) -> str:
    deltas = [one["choices"][0]["delta"] for one in told if one.get("choices")]
    return "".join(delta.get("content") or "" for delta in deltas)


def token(words: str) -> tuple[str, Any]:
    return "token", {"text": words}


def test_a_completion_says_what_its_markers_point_at() -> None:
    told = completion(TOLD, RESULT)

    message = told["choices"][0]["message"]
    assert message["content"] == "A is first [1]."
    assert message["citations"] == [
        {
            "marker": 1, "file_id": "file-1", "filename": "file-1", "quote": "A.", "start": 0,
            "end": 2, "page": 2,
        }
    ]  # fmt: skip
    assert told["usage"] == {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def test_chunks_begin_with_a_role_and_end_with_a_reason() -> None:
    told = chunks(("state", {}), token("A is "), token("first [1]."), DONE)

    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert text(told) == "A is first [1]."
    assert [one["choices"][0]["finish_reason"] for one in told] == [None, None, None, "stop"]
    assert told[-1]["choices"][0]["delta"]["citations"][0]["file_id"] == "file-1"
    assert all("usage" not in one for one in told)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_markers_are_written_as_in_the_whole_answer(size: int) -> None:
    raw = " A [1, 2]. B [2-3], C [9]. `x[1]`\n"
    sources = ("sources", {"sources": [SOURCE] * 3})
    answer = resolve(raw.strip(), [PASSAGE] * 3).text
    end = ("done", {"state": "succeeded", "result": RESULT | {"answer": answer}})
    told = chunks(sources, *(token(raw[at : at + size]) for at in range(0, len(raw), size)), end)

    assert text(told) == answer == "A [1][2]. B [2][3], C. `x[1]`"
    assert told[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("quote", ["Set argv[0], see [12] or [1, 3].", "[7] Set x[2]"])
def test_brackets_of_a_quote_stay_as_they_are(quote: str) -> None:
    answer = f"{quote} [1] B [2]"
    told = chunks(
        ("sources", {"sources": [SOURCE] * 3}), ("verdict", {"answered": True}), token(answer),
        ("done", {"state": "succeeded", "result": RESULT | {"answer": answer}}),
    )  # fmt: skip

    assert text(told) == answer
    assert told[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("raw", "known", "expected"),
    [
        # Of four sources the model was shown one: nobody knew it while the text was written.
        ("A is [3] first [1][2]. B [1].", 1, "A is [3] first [1][2]. B [1]."),
        ("A is [3] first [1", 1, "A is [3] first"), ("[[7]0] A is first [1].", 4, None),
        ("A [[[7]0]2] is [[9]1].", 2, None), ("[4] A is first.", 3, None),
    ],
)  # fmt: skip
def test_where_markers_alone_differ_the_stream_goes_on(
    raw: str, known: int, expected: str | None
) -> None:
    whole = "A is [3] first [1][2]. B [1]." if raw.startswith("A is [3]") else raw
    answer = resolve(whole, [PASSAGE] * known).text
    told = chunks(
        ("sources", {"sources": [SOURCE] * 4}), *(token(letter) for letter in raw),
        ("done", {"state": "succeeded", "result": RESULT | {"answer": answer}}),
    )  # fmt: skip

    assert told[-1]["choices"][0]["finish_reason"] == "stop"
    assert without_markers(text(told)) == without_markers(answer)
    assert expected is None or text(told).startswith(expected)


def without_markers(said: str) -> str:
    return "".join(resolve(said, []).text.split())


def test_an_answer_that_is_written_anew_is_told_while_it_is() -> None:
    told = chunks(("verdict", {}), token("A is first"), ("reset", {}), token("A is"))

    assert text(told) == "A is"


def test_brackets_of_what_is_from_no_documents_stay() -> None:
    result = RESULT | {"answer": "Use a[1, 2]."}
    told = chunks(
        token("Use a[1,"), token(" 2]."), ("done", {"state": "succeeded", "result": result})
    )

    assert text(told) == "Use a[1, 2]."


def test_usage_is_the_last_of_all_where_it_is_wanted() -> None:
    *others, last = chunks(token("A"), DONE, tells_usage=True)

    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 12)
    assert {one["usage"] for one in others} == {None}


def test_what_was_not_told_piece_by_piece_is_told_at_the_end() -> None:
    assert text(chunks(DONE)) == "A is first [1]."
    assert text(chunks(token("A is"), DONE)) == "A is first [1]."


def test_what_a_worker_told_that_died_is_not_told_again() -> None:
    told = chunks(token("A is"), ("reset", {}), token("A"), token(" is first"), DONE)

    assert text(told) == "A is first [1]."


def test_where_its_successor_says_something_else_the_stream_ends() -> None:
    told = chunks(token("A is"), ("reset", {}), token("B is"), token(" last"), DONE)

    assert text(told) == "A is"
    assert told[-1]["error"]["code"] == "told_anew"


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ({"state": "failed", "error": {"type": "invalid", "detail": "x"}}, "invalid_request_error"),
        ({"state": "expired"}, "server_error"), ({"state": "cancelled"}, "server_error"),
        ({"state": "gone"}, "server_error"),
    ],
)  # fmt: skip
def test_without_an_answer_there_is_an_error(end: dict[str, Any], kind: str) -> None:
    *_, last = chunks(token("A"), ("done", end))

    assert last["error"]["type"] == kind
    assert last["error"]["message"]


def test_the_newer_name_of_a_bound_goes_before_the_older() -> None:
    body = {"messages": [USER], "max_tokens": 5, "max_completion_tokens": 7}

    assert read_chat(body).asked.max_tokens == 7
    assert read_chat({"messages": [USER], "max_tokens": 5}).asked.max_tokens == 5


def test_what_says_nothing_is_passed_over() -> None:
    asked = read_chat(
        {"messages": [USER], "tools": [], "stop": None, "user": "x", "logit_bias": {}, "seed": 1}
    )

    assert (asked.is_streamed, asked.tells_usage, asked.asked.stores) == (False, False, ())


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [USER], "n": 2}, {"messages": [USER], "functions": [{}]},
        {"messages": [USER], "stop": "x"}, {"messages": [USER], "audio": {"voice": "x"}},
        {"messages": [USER], "response_format": {"type": "json_schema"}},
    ],
)  # fmt: skip
def test_what_would_change_the_answer_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(V1Error) as refused:
        read_chat(body)

    assert refused.value.code == "unsupported_value"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"), ({"messages": []}, "messages"), ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"messages": [USER], "temperature": 3}, "temperature"),
        ({"messages": [USER], "stream": 1}, "stream"), ({"messages": [USER], "top_k": 0}, "top_k"),
        ({"messages": [USER], "filters": {"type": "is"}}, "filters.type"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_chat(body)

    assert refused.value.field == field
