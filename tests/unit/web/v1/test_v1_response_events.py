"""Events of responses: in the order that clients need, with the same numbers each time."""

from collections.abc import Sequence
from typing import Any

import pytest

from web.v1.shapes.cited_text import MarkerFilter, annotations
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


def told(*tools: dict[str, Any], background: bool = False) -> dict[str, Any]:
    request = {
        "background": background, "instructions": None, "max_output_tokens": None, "metadata": {},
        "model": "quern", "previous_response_id": None, "store": True, "temperature": 1.0,
        "tool_choice": "auto", "tools": list(tools), "top_p": 1.0,
    }  # fmt: skip
    return {
        "id": "resp_1", "created_at": 5, "question": "Which?", "request": request, "ended_at": 6,
    }  # fmt: skip


def job(*texts: str, end: dict[str, Any] | None = None) -> list[tuple[str, Any]]:
    tokens = [("token", {"text": text, "attempt": 1}) for text in texts]
    done = {"state": "succeeded", "result": RESULT} if end is None else end
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
        "output_text.annotation.added", "output_text.annotation.added", "output_text.done",
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
        *job("A is fi")[:-1], ("reset", {"attempt": 2}), ("token", {"text": "A is", "attempt": 2}),
        ("token", {"text": " first. [1] B is second [1][2], it says.", "attempt": 2}),
        ("done", {"state": "succeeded", "result": RESULT}),
    ]  # fmt: skip
    events = list(all_events(told(SEARCH), anew))

    deltas = [event["delta"] for event in events if "delta" in event]
    assert deltas == ["A is fi", "rst. B is second, it says."]
    assert kinds(events).count("output_item.added") == 2
    assert kinds(events)[-1] == "completed"


def test_an_answer_that_is_told_otherwise_the_second_time_ends_the_stream() -> None:
    anew = [
        *job("A is last")[:-1], ("reset", {"attempt": 2}),
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


def test_the_events_of_a_job_that_ended_long_ago_have_the_same_beginning_and_end() -> None:
    live = list(all_events(told(SEARCH), job("A is first. [1] B ", "is second [1][2], it says.")))
    again = list(all_events(told(SEARCH), job(RESULT["answer"])))

    assert kinds(live)[:9] == kinds(again)[:9]
    assert live[-1]["response"] == again[-1]["response"]


def test_results_are_shown_where_they_are_asked_for() -> None:
    ended = {"state": "succeeded", "result": RESULT | {"sources": [SOURCE]}}
    plain = response_object(told(SEARCH), ended)
    included = response_object(told(SEARCH), ended, include=["file_search_call.results"])

    assert plain["output"][0]["results"] is None
    (found,) = included["output"][0]["results"]
    assert (found["file_id"], found["score"], found["page"]) == ("file-1", 0.9, 3)


def test_annotations_stand_where_the_markers_stood() -> None:
    ended = {"state": "succeeded", "result": RESULT | {"sources": [SOURCE]}}
    part = response_object(told(), ended)["output"][0]["content"][0]

    assert [(note["index"], note["quote"]) for note in part["annotations"]] == [
        (11, "A is first."), (23, "B is second."),
    ]  # fmt: skip
    assert part["text"][:11] == "A is first."
    assert {note["filename"] for note in part["annotations"]} == {"notes.md"}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_markers_are_found_however_the_text_is_cut(size: int) -> None:
    text = "One [1] two [12]. a[3] and [x] then [1234] [ 5] end ["
    markers = MarkerFilter()
    said = [markers.feed(text[at : at + size]) for at in range(0, len(text), size)]
    said.append(markers.end())

    assert "".join(said) == markers.text == "One two. a and [x] then [1234] [ 5] end ["
    assert [number for number, _ in markers.markers] == [1, 12, 3]
    assert annotations(markers.markers, [], []) == []
