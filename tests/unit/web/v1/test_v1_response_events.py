"""Events of responses: in the order that clients need, with the same numbers each time."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from rag.answers.citations import markers as markers_of
from rag.answers.withheld import WITHHELD, Quoted, quotes_without_deleted
from web.v1.shapes.cited_text import MarkerFilter, pieces, rest_of
from web.v1.shapes.response_events import all_events
from web.v1.shapes.responses import response_object

SEARCH = {
    "type": "file_search", "vector_store_ids": ["vs_1"], "filters": None, "max_num_results": 20,
    "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
}  # fmt: skip
SOURCE = {
    "chunk_id": "file-1:1:0", "document_id": "file-1", "title": "notes.md", "text": "A is first.",
    "start": 0, "end": 11, "score": 0.9, "page": 3, "metadata": {"author": "x"},
}  # fmt: skip
RESULT = {
    "answer": "A is first. [1] B is second [1][2], it says.", "finish_reason": "stop",
    "citations": [
        {"marker": 1, "source": 0, "start": 0, "end": 11, "quote": "A is first."},
        {"marker": 1, "source": 0, "start": 12, "end": 24, "quote": "B is second."},
        {"marker": 2, "source": 9, "start": 0, "end": 1, "quote": "?"},
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 5},
}  # fmt: skip
TEXT = "A is first. B is second, it says."
PIECES = ["A is first. ", "B is second, ", "it says."]


def told(*tools: dict[str, Any], background: bool = False, grounded: bool = True) -> dict[str, Any]:
    request = {
        "background": background, "instructions": None, "max_output_tokens": None, "metadata": {},
        "model": "quern", "previous_response_id": None, "store": True, "temperature": 1.0,
        "tool_choice": "auto", "tools": list(tools), "top_p": 1.0,
    }  # fmt: skip
    return {
        "id": "resp_1", "created_at": 5, "question": "Which?", "request": request, "ended_at": 6,
        "grounded": grounded,
    }  # fmt: skip


def job(*texts: str, end: dict[str, Any] | None = None) -> list[tuple[str, Any]]:
    tokens = [("token", {"text": text, "attempt": 1}) for text in texts]
    done = {"state": "succeeded", "result": RESULT, "ended_at": 6} if end is None else end
    return [
        ("state", {"state": "queued"}), ("state", {"state": "running"}),
        ("stage", {"stage": "retrieve"}), ("sources", {"sources": [SOURCE]}), *tokens,
        ("done", done),
    ]  # fmt: skip


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_searched_answer_is_told_in_the_order_that_clients_need() -> None:
    events = list(all_events(told(SEARCH), job("A is first. [", "1] B is second [1][2], it says.")))

    assert kinds(events) == [
        "created", "in_progress", "output_item.added", "file_search_call.in_progress",
        "file_search_call.searching", "file_search_call.completed", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.delta", "output_text.annotation.added", "output_text.annotation.added",
        "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    deltas = [event["delta"] for event in events if "delta" in event]
    assert "".join(deltas) == TEXT
    last = events[-1]["response"]
    assert [item["type"] for item in last["output"]] == ["file_search_call", "message"]
    assert last["output"][1] == events[-2]["item"]
    assert last["output"][1]["content"][0]["text"] == TEXT
    assert last["usage"]["total_tokens"] == 12


def test_without_a_search_the_message_is_the_first_item() -> None:
    events = list(all_events(told(), job("A is first. B")))

    added = [event for event in events if event["type"].endswith("output_item.added")]
    assert [event["output_index"] for event in added] == [0]
    assert events[-1]["response"]["output"][0]["type"] == "message"


def test_in_the_background_it_is_queued_first() -> None:
    events = list(all_events(told(background=True), job()))

    assert kinds(events)[:3] == ["created", "queued", "in_progress"]
    assert events[0]["response"]["status"] == "queued"


def test_what_was_told_before_a_worker_died_is_not_told_again() -> None:
    anew = [
        *job("A is first. [1] B is")[:-1], ("reset", {"attempt": 2}),
        ("token", {"text": "A is", "attempt": 2}),
        ("token", {"text": " first. [1] B is second [1][2], it says.", "attempt": 2}),
        ("done", {"state": "succeeded", "result": RESULT}),
    ]  # fmt: skip
    events = list(all_events(told(SEARCH), anew))

    deltas = [event["delta"] for event in events if "delta" in event]
    assert deltas == PIECES
    assert kinds(events).count("output_item.added") == 2
    assert kinds(events)[-1] == "completed"


def test_an_answer_that_is_told_otherwise_the_second_time_ends_the_stream() -> None:
    anew = [
        *job("A is the last of all")[:-1], ("reset", {"attempt": 2}),
        ("token", {"text": "A is first", "attempt": 2}),
        ("done", {"state": "succeeded", "result": RESULT}),
    ]  # fmt: skip
    events = list(all_events(told(SEARCH), anew))

    assert kinds(events)[-1] == "failed"
    assert "responses.retrieve" in events[-1]["response"]["error"]["message"]
    assert len([event for event in events if "delta" in event]) == 1


@pytest.mark.parametrize(
    ("end", "kind", "status"),
    [
        ({"state": "failed", "error": {"detail": "It broke."}}, "failed", "failed"),
        ({"state": "expired", "error": {"detail": "Too late."}}, "failed", "failed"),
        ({"state": "cancelled"}, "failed", "cancelled"),
        (
            {"state": "succeeded", "result": RESULT | {"finish_reason": "length"}},
            "incomplete", "incomplete",
        ),
    ],
)  # fmt: skip
def test_every_end_is_told(end: dict[str, Any], kind: str, status: str) -> None:
    events = list(all_events(told(), job("A", end=end)))

    assert kinds(events)[-1] == kind
    assert events[-1]["response"]["status"] == status


def test_the_events_are_the_same_however_the_text_came_and_once_the_row_tells_all() -> None:
    live = list(all_events(told(SEARCH), job("A is first. [", "1] B ", "is second [1][2], it ")))
    letters = list(all_events(told(SEARCH), job(*RESULT["answer"])))
    again = list(all_events(told(SEARCH), job(RESULT["answer"])))

    assert live == letters == again
    assert live[-1]["response"]["completed_at"] == 6


def test_a_search_that_came_again_is_told_with_what_it_found_last() -> None:
    other = SOURCE | {"document_id": "file-2"}
    events = list(
        all_events(
            told(SEARCH),
            [("sources", {"sources": [other]}), *job("A is first. B is")],
            include=("file_search_call.results",),
        )
    )

    done = [event["item"] for event in events if event["type"].endswith("output_item.done")]
    assert [found["file_id"] for found in done[0]["results"]] == ["file-1"]
    assert done[0] == events[-1]["response"]["output"][0]


def test_what_no_documents_were_asked_for_keeps_its_brackets() -> None:
    result = RESULT | {"answer": " Use a[1]. ", "citations": []}
    end = {"state": "succeeded", "result": result}
    events = list(all_events(told(grounded=False), job(" Use a[1]. ", end=end)))

    assert [event["delta"] for event in events if "delta" in event] == ["Use a[1]."]
    assert events[-1]["response"]["output"][0]["content"][0]["annotations"] == []


def test_a_failure_has_a_code_of_openais_list_and_ours_beside_it() -> None:
    error = {"type": "invalid", "title": "No", "detail": "It is too long."}
    failed = response_object(told(), {"state": "failed", "error": error})

    assert failed["error"] == {
        "code": "invalid_prompt", "message": "It is too long.", "type": "invalid",
    }  # fmt: skip
    assert response_object(told(), {"state": "expired"})["error"]["code"] == "server_error"


def test_results_are_shown_where_they_are_asked_for() -> None:
    ended = {"state": "succeeded", "result": RESULT | {"sources": [SOURCE]}}
    plain = response_object(told(SEARCH), ended)
    included = response_object(told(SEARCH), ended, include=["file_search_call.results"])

    assert plain["output"][0]["results"] is None
    (found,) = included["output"][0]["results"]
    assert (found["file_id"], found["score"], found["page"]) == ("file-1", 0.9, 3)


def test_where_a_model_wrote_no_markers_its_sentences_are_annotated() -> None:
    told_by_words = {"at": 11, "source": 0, "start": 0, "end": 11, "quote": "A is first."}
    result = RESULT | {
        "answer": "A is first. And so on.", "citations": [], "sources": [SOURCE],
        "attributions": [told_by_words, told_by_words | {"source": 7}],
    }  # fmt: skip
    shown = response_object(told(SEARCH), {"state": "succeeded", "result": result})

    (note,) = shown["output"][1]["content"][0]["annotations"]
    assert (note["file_id"], note["index"], note["quote"]) == ("file-1", 11, "A is first.")


def shown(result: dict[str, Any]) -> dict[str, Any]:
    ended = {"state": "succeeded", "result": RESULT | {"sources": [SOURCE] * 3} | result}
    (message,) = response_object(told(), ended)["output"]
    part: dict[str, Any] = message["content"][0]
    return part


def test_an_annotation_is_never_behind_the_end() -> None:
    """Earlier builds left the white space before a removed marker in the answer."""
    by_words = {"at": 10, "source": 0, "start": 0, "end": 11, "quote": "A is first."}
    part = shown({"answer": " A is one.", "citations": [], "attributions": [by_words]})

    assert part["text"] == "A is one."
    assert [note["index"] for note in part["annotations"]] == [9]


def quote(words: str, n: int, start: int, **more: Any) -> dict[str, Any]:
    return {
        "marker": n, "source": n - 1, "start": start, "end": start + len(words), "quote": words,
        "shown": words, **more,
    }  # fmt: skip


def test_each_marker_is_annotated_with_the_words_that_it_was_found_by() -> None:
    """A result has each citation once: three markers here are of two."""
    rim, wick = quote("The rim is brass.", 1, 0), quote("Its wick is cotton.", 1, 18)
    part = shown(
        {
            "answer": "Brass is the rim.[1] The rim, brass.[1] Of cotton is the wick.[1]",
            "citations": [rim, wick],
        }
    )

    assert [note["quote"] for note in part["annotations"]] == [
        rim["quote"], rim["quote"], wick["quote"],
    ]  # fmt: skip


QUOTES = [
    quote("Set argv[1] to the path, see [12].", 2, 0), quote("It is x[2] [1, 3].", 1, 40),
    quote("`[2]` is last", 2, 60),
]  # fmt: skip
QUOTED = (
    "Set argv[1] to the path, see [12]. [2] Notes [1]: It is x[2] [1, 3]. [1] `[2]` is last [2]"
)

QUOTED_TEXT = "Set argv[1] to the path, see [12]. Notes [1]: It is x[2] [1, 3]. `[2]` is last"


def test_brackets_of_quotes_are_words_and_the_marker_behind_each_is_annotated() -> None:
    part = shown({"answer": QUOTED, "citations": QUOTES, "generator": "extractive"})

    assert part["text"] == QUOTED_TEXT
    assert [(note["start"], note["quote"]) for note in part["annotations"]] == [
        (one["start"], one["quote"]) for one in QUOTES
    ]
    for note in part["annotations"]:
        assert part["text"][: note["index"]].endswith(note["quote"])


@pytest.mark.parametrize("gone", [{1}, {2}, {1, 2}])
def test_of_quotes_of_deleted_documents_the_note_is_annotated(gone: set[int]) -> None:
    quotes = [*QUOTES, quote("And so on.", 2, 90)]
    answer = quotes_without_deleted(
        f"{QUOTED} And so on. [2]", [Quoted(one["shown"], one["marker"]) for one in quotes], gone
    )
    citations = [
        one | {"quote": "", "shown": "", "deleted": True} if one["marker"] in gone else one
        for one in quotes
    ]
    part = shown({"answer": answer, "citations": citations, "generator": "extractive"})

    kept = [one for one in citations if not one.get("deleted")]
    notes = [note for note in part["annotations"] if note["quote"]]
    assert [note["start"] for note in notes] == [one["start"] for one in kept]
    assert all(part["text"][: note["index"]].endswith(note["quote"]) for note in notes)
    others = [note for note in part["annotations"] if not note["quote"]]
    assert others
    assert all(part["text"][: note["index"]].endswith(WITHHELD) for note in others)
    assert part["text"].count(WITHHELD) == answer.count(WITHHELD)


def test_quotes_that_are_not_in_the_answer_are_read_as_a_models() -> None:
    part = shown({"answer": "It is so [1].", "citations": [QUOTES[1]], "generator": "extractive"})

    assert (part["text"], part["annotations"][0]["index"]) == ("It is so.", 8)


def test_a_stream_of_quotes_has_their_brackets() -> None:
    result = RESULT | {"answer": QUOTED, "citations": QUOTES, "generator": "extractive"}
    end = {"state": "succeeded", "result": result | {"sources": [SOURCE] * 3}, "ended_at": 6}
    *_, token, done = job(QUOTED, end=end)
    events = list(all_events(told(), [*job()[:-1], ("verdict", {}), token, done]))

    assert "".join(event.get("delta", "") for event in events) == QUOTED_TEXT
    assert events[-1]["response"] == response_object(told(), end)


def test_where_markers_alone_differ_the_stream_goes_on() -> None:
    """Of a marker in a marker its reader sees a part; in the answer it is gone."""
    result = RESULT | {"answer": "So it is, as the first one of them all says, to the last word."}
    raw = "So it is, as [[7]0] the first one of them all says, to the last word."
    events = list(all_events(told(), job(*raw, end={"state": "succeeded", "result": result})))

    assert kinds(events)[-1] == "completed"
    deltas = "".join(event.get("delta", "") for event in events)
    assert deltas == raw.replace("[[7]0]", "[0]")
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == result["answer"]


@pytest.mark.parametrize(
    ("answer", "said", "rest"),
    [
        ("One two", "One", " two"), ("One two", "One two three", ""), ("", "", ""),
        ("One [1][2]. Two", "[9] One [1]", "[2]. Two"), ("One two", "One [7]", " two"),
        ("One [1].", "[0] One.", ""), ("One", "[0]", "One"), ("Two", "One", None),
        ("One", "[0] One two", None), ("a`[1]` b", "[0] a`[2]`", None),
    ],
)  # fmt: skip
def test_the_rest_of_an_answer_is_what_was_not_said(
    answer: str, said: str, rest: str | None
) -> None:
    assert rest_of(answer, said) == rest


def test_an_answer_whose_result_is_gone_has_failed() -> None:
    gone = {"type": "blob_gone", "title": "The result is gone", "detail": "It was not kept."}
    end = {"state": "succeeded", "error": gone, "ended_at": 6}
    whole = response_object(told(), end)
    events = list(all_events(told(SEARCH), job("A is first.", end=end)))

    assert (whole["status"], whole["output"], whole["usage"]) == ("failed", [], None)
    assert whole["error"]["message"] == "It was not kept."
    assert kinds(events)[-1] == "failed"
    assert events[-1]["response"]["error"] == whole["error"]


def test_annotations_stand_where_the_markers_stood() -> None:
    ended = {"state": "succeeded", "result": RESULT | {"sources": [SOURCE]}}
    part = response_object(told(), ended)["output"][0]["content"][0]

    assert [(note["index"], note["quote"]) for note in part["annotations"]] == [
        (11, "A is first."), (23, "B is second."),
    ]  # fmt: skip
    assert part["text"][:11] == "A is first."
    assert {note["filename"] for note in part["annotations"]} == {"notes.md"}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("text", "expected", "markers"),
    [
        ("One [1] two [12]. a[3] and [x] then [1234] [ 5] end [",
         "One two. a and [x] then [1234] [ 5] end [", [1, 12, 3]),
        ("  One [1, 3] and [2-4].\n [5]\n", "One and.", [1, 3, 2, 3, 4, 5]),
        ("A `b[4]` and `` and ``` c[1]\n [2] ``` then [9]",
         "A `b[4]` and `` and ``` c[1]\n [2] ``` then", [9]),
        ("A `b [1]\n[2] c", "A `b\n c", [1, 2]),
    ],
)  # fmt: skip
def test_markers_are_found_however_the_text_is_cut(
    text: str, expected: str, markers: list[int], size: int
) -> None:
    found = MarkerFilter()
    for at in range(0, len(text), size):
        found.feed(text[at : at + size])
    found.end()

    assert found.text == expected
    assert [number for number, _ in found.markers] == markers
    assert [number for number, _ in markers_of(text)] == markers


@pytest.mark.parametrize("size", [40, 10**6])
@pytest.mark.parametrize("part", ["a", " ", "`", "[1, ", "`a\n", "\t["])
def test_a_text_that_repeats_itself_takes_no_square_of_its_length(part: str, size: int) -> None:
    text = f"a{part * 20_000}b"
    began = time.process_time()
    found = MarkerFilter()
    for at in range(0, len(text), size):
        found.feed(text[at : at + size])
    found.end()

    assert time.process_time() - began < 5


@pytest.mark.parametrize("size", [1, 3, 7, 500])
@pytest.mark.parametrize("text", ["words of  a text\n\nwith a_long_one" * 9, "\u65e5\u672c" * 90])
def test_a_text_is_cut_by_its_words_alone(text: str, size: int) -> None:
    told: list[str] = []
    for end in range(size, len(text) + size, size):
        told += pieces(text[:end], sum(map(len, told)))

    assert told == list(pieces(text, 0))
    assert text.startswith("".join(told))
    assert max(map(len, told)) <= 48
    assert len(text) - sum(map(len, told)) <= 48
