"""Responses: what is answered, kept, continued, listed and forgotten."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response, ResponseFileSearchToolCall, ResponseOutputMessage

from corpus.archiver import Archiver
from intake.lookup.deleted_quotes import EARLIER
from protocol.keys import key
from rag.answers.conversation import Turn
from rag.documents import Passage
from rag.errors import InvalidRequest
from rag.extractive.relevance import with_relevance
from tests.integration.web.v1.responses.conftest import TEXT
from tests.support.worlds.answering_workers import (
    PASSAGES,
    FixedRetriever,
    ScriptedGenerator,
)

pytestmark = pytest.mark.usefixtures("workers")


def search(store: str, **more: Any) -> Any:
    return {"type": "file_search", "vector_store_ids": [store], **more}


def relevance(question: str, *passages: Passage, beside: Sequence[float] = ()) -> list[float]:
    """Return what a search tells of passages, whose cosines are their scores."""
    cosines = {passage.chunk_id: passage.score for passage in passages}
    told = with_relevance(question, passages, cosines, beside=beside)
    return [float(str(one.relevance)) for one in told]


def ask(openai: OpenAI, store: str, **more: Any) -> Response:
    return openai.responses.create(input="Where is the log?", tools=[search(store)], **more)


def test_an_answer_comes_with_its_search_and_citations(openai: OpenAI, store: str) -> None:
    answer = ask(openai, store, metadata={"a": "b"}, instructions="Be brief.")

    assert (answer.status, answer.model, answer.output_text) == (
        "completed",
        "quern-extractive",
        TEXT,
    )
    call, message = answer.output
    assert isinstance(call, ResponseFileSearchToolCall)
    assert (call.status, call.queries, call.results) == ("completed", ["Where is the log?"], None)
    assert isinstance(message, ResponseOutputMessage)
    notes: list[Any] = message.content[0].annotations  # type: ignore[union-attr]
    assert [(note.file_id, note.filename, TEXT[: note.index]) for note in notes] == [
        ("file-1", "notes.md", "The log hangs beside the door"),
        ("file-1", "notes.md", "The log hangs beside the door. It is blue"),
        ("file-2", "file-2", "The log hangs beside the door. It is blue"),
        ("file-2", "file-2", TEXT[:-1]),
    ]
    assert notes[0].quote == "The calibration log hangs beside the door."
    assert (notes[0].start, notes[0].page) == (0, 3)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.total_tokens) == (7, 12)
    assert (answer.metadata, answer.instructions) == ({"a": "b"}, "Be brief.")
    assert answer.created_at <= (answer.completed_at or 0)


def test_a_model_that_cites_nothing_is_cited_all_the_same(
    openai: OpenAI, store: str, generator: ScriptedGenerator
) -> None:
    generator.pieces = ("The log hangs beside the door. ", "I am sure. ", "Doors are repainted.")
    answer = ask(openai, store)

    notes: list[Any] = answer.output[1].content[0].annotations  # type: ignore[union-attr]
    said = answer.output_text
    assert [(note.file_id, said[: note.index][-5:]) for note in notes] == [
        ("file-1", "door."), ("file-2", "nted."),
    ]  # fmt: skip


def test_results_are_shown_where_they_are_asked_for(openai: OpenAI, store: str) -> None:
    included = ask(openai, store, include=["file_search_call.results"])
    plain = ask(openai, store)
    later = openai.responses.retrieve(plain.id, include=["file_search_call.results"])

    assert plain.output[0].results is None  # type: ignore[union-attr]
    for answer in (included, later):
        first, second = answer.output[0].results  # type: ignore[union-attr,misc]
        assert [first.score, second.score] == relevance("Where is the log?", *PASSAGES)
        assert (first.file_id, first.attributes) == ("file-1", {"author": "Knuth"})
        assert (second.filename, second.start) == ("file-2", 10)


def test_what_is_searched_with_is_what_was_asked_for(
    openai: OpenAI, store: str, retriever: FixedRetriever
) -> None:
    answer = openai.responses.create(
        input="Where does the calibration log hang?",
        tools=[
            search(
                store,
                max_num_results=7,
                filters={"type": "eq", "key": "author", "value": "Knuth"},
                ranking_options={"score_threshold": 0.5},
            )
        ],
        include=["file_search_call.results"],
    )

    (question, given) = retriever.asked[0]
    assert (question, given["top_k"]) == (
        "Where does the calibration log hang?", 7,
    )  # fmt: skip
    assert given["filters"] is not None
    assert [one.file_id for one in answer.output[0].results] == ["file-1"]  # type: ignore[union-attr]
    (tool,) = answer.tools
    assert (tool.max_num_results, tool.filters.key) == (7, "author")  # type: ignore[union-attr]


def test_several_stores_are_searched_as_one(
    openai: OpenAI, store: str, app: Flask, retriever: FixedRetriever
) -> None:
    collections = app.extensions["quern"].intake._storage.catalogue.collections
    letters, _ = collections.create("letters")
    other = replace(PASSAGES[1], document_id="file-9", chunk_id="file-9:1:0", score=0.6)
    retriever.others[letters] = [other]
    ids = [store, "letters", "papers", f"vs_{letters.lower()}"]
    answer = openai.responses.create(
        input="Where?",
        tools=[{"type": "file_search", "vector_store_ids": ids}],
        include=["file_search_call.results"],
    )

    found: list[Any] = answer.output[0].results  # type: ignore[union-attr,assignment]
    assert [one.file_id for one in found] == ["file-1", "file-9", "file-2"]
    near, far = relevance("Where?", *PASSAGES, beside=[other.score])
    (between,) = relevance("Where?", other, beside=[one.score for one in PASSAGES])
    assert [one.score for one in found] == [near, between, far]
    assert near > between > far
    assert near < relevance("Where?", *PASSAGES)[0], "another store's passage is nearly as near"
    assert len(retriever.asked) == 2
    shown = app.test_client().get(f"/api/jobs/{job_of(answer.id)}").get_json()
    assert (shown["collection"], shown["request"]["also"]) == ("papers", ["letters"])


def test_a_store_may_be_named_as_its_collection(openai: OpenAI) -> None:
    assert ask(openai, "papers").output_text == TEXT


def test_without_a_search_nothing_is_searched(
    openai: OpenAI, store: str, retriever: FixedRetriever, generator: ScriptedGenerator
) -> None:
    plain = openai.responses.create(input="Hello", instructions="Be kind.")
    none = openai.responses.create(input="Hello", tools=[search(store)], tool_choice="none")

    for answer in (plain, none):
        assert [item.type for item in answer.output] == ["message"]
    assert len(none.tools) == 1
    assert retriever.asked == []
    assert [request.grounded for request in generator.requests] == [False, False]
    assert generator.requests[0].instructions == "Be kind."


def test_a_conversation_goes_on(openai: OpenAI, store: str, generator: ScriptedGenerator) -> None:
    first = ask(openai, store, instructions="Be brief.")
    second = openai.responses.create(input="And then?", previous_response_id=first.id)
    openai.responses.create(
        previous_response_id=second.id,
        input=[
            {"role": "developer", "content": "Say it in words."},
            {"role": "user", "content": "One more."},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "Last?"},
        ],
    )

    assert second.previous_response_id == first.id
    assert generator.requests[1].instructions == ""
    history = generator.requests[2].history
    assert [(turn.role, turn.text[:17]) for turn in history] == [
        ("user", "Where is the log?"), ("assistant", "The log hangs bes"),
        ("user", "And then?"), ("assistant", "The log hangs bes"),
        ("user", "One more."), ("assistant", "Yes."),
    ]  # fmt: skip
    assert generator.requests[2].instructions == "Say it in words."


def test_words_of_a_deleted_document_are_in_no_answer_before(
    openai: OpenAI, store: str, app: Flask, generator: ScriptedGenerator
) -> None:
    first = ask(openai, store)
    generator.pieces = ("It rains.",)
    second = openai.responses.create(
        previous_response_id=first.id,
        input=[
            {"role": "user", "content": "Is it blue?"},
            {"role": "assistant", "content": "It hangs beside the door."},
            {"role": "user", "content": "And then?"},
        ],
    )
    intake = app.extensions["quern"].intake
    collection_id = intake._storage.catalogue.collections.collection_id("papers")
    intake.redis.zadd(key("deleted", collection_id), {"file-1": 2})
    openai.responses.create(previous_response_id=second.id, input="Last?")

    before, after = (generator.requests[n].history for n in (1, 2))
    assert "hangs beside the door" in before[1].text
    assert "door" not in after[1].text
    assert [(turn.role, turn.text) for turn in (after[0], *after[2:])] == [
        ("user", "Where is the log?"), ("user", "Is it blue?"),
        ("assistant", "It hangs beside the door."), ("user", "And then?"),
        ("assistant", "It rains."),
    ]  # fmt: skip


def test_what_a_response_said_that_is_gone_is_withheld(
    openai: OpenAI, store: str, generator: ScriptedGenerator
) -> None:
    first = ask(openai, store)
    second = openai.responses.create(previous_response_id=first.id, input="And then?")
    openai.responses.delete(first.id)
    openai.responses.create(previous_response_id=second.id, input="Last?")

    history = generator.requests[2].history
    assert [(turn.role, turn.text[:17]) for turn in history] == [
        ("user", "Where is the log?"), ("assistant", EARLIER[:17]),
        ("user", "And then?"), ("assistant", "The log hangs bes"),
    ]  # fmt: skip


def test_of_a_long_chain_the_newest_turns_are_kept(
    openai: OpenAI, generator: ScriptedGenerator
) -> None:
    generator.pieces = ("Yes.",)
    last: str | None = None
    for n in range(13):
        last = openai.responses.create(input=f"{n}?", previous_response_id=last).id

    history = generator.requests[-1].history
    assert [turn.text for turn in history if turn.role == "user"] == [f"{n}?" for n in range(2, 12)]
    assert {turn.text for turn in history if turn.role == "assistant"} == {"Yes."}


def test_of_a_long_conversation_the_newest_turns_are_kept(
    openai: OpenAI, generator: ScriptedGenerator
) -> None:
    roles = ["user", "assistant"] * 30
    said: Any = [{"role": role, "content": f"{n}"} for n, role in enumerate(roles)]
    openai.responses.create(input=[*said, {"role": "user", "content": "Why?"}])

    history = generator.requests[0].history
    assert (len(history), history[0], history[-1].text) == (20, Turn("user", "40"), "59")


def test_input_items_are_listed_in_pages(openai: OpenAI) -> None:
    answer = openai.responses.create(
        input=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "Two?"},
        ],
    )
    newest = list(openai.responses.input_items.list(answer.id, limit=2))
    oldest = openai.responses.input_items.list(answer.id, order="asc", limit=1)

    texts = [item.content[0].text for item in newest]  # type: ignore[union-attr]
    assert texts == ["Two?", "Yes.", "One?", "Be brief."]
    assert len({item.id for item in newest}) == 4
    assert oldest.has_more
    assert oldest.data[0].role == "system"  # type: ignore[union-attr]


def test_what_is_not_to_be_stored_is_not_there_afterwards(openai: OpenAI, app: Flask) -> None:
    answer = openai.responses.create(input="Hello", store=False)

    assert (answer.status, answer.store) == ("completed", False)  # type: ignore[attr-defined]
    with pytest.raises(NotFoundError):
        openai.responses.retrieve(answer.id)
    with pytest.raises(NotFoundError):
        openai.responses.create(input="And?", previous_response_id=answer.id)
    redis = app.extensions["quern"].intake.redis
    assert 0 < redis.ttl(f"quern:unit:{job_of(answer.id)}") <= 60
    assert app.test_client().get("/api/jobs").get_json()["jobs"] == []


@pytest.mark.parametrize("is_archived", [False, True])
def test_a_deleted_response_is_gone(openai: OpenAI, app: Flask, *, is_archived: bool) -> None:
    answer = openai.responses.create(input="Hello")
    if is_archived:
        storage = app.extensions["quern"].intake._storage
        assert Archiver(storage, storage.ledger.archive).archive(at_once=True) == 1
        assert openai.responses.retrieve(answer.id) == answer
    openai.responses.delete(answer.id)

    for call in (
        lambda: openai.responses.retrieve(answer.id),
        lambda: openai.responses.delete(answer.id),
        lambda: openai.responses.input_items.list(answer.id),
        lambda: openai.responses.retrieve(answer.id, stream=True),
    ):
        with pytest.raises(NotFoundError):
            call()
    redis = app.extensions["quern"].intake.redis
    assert redis.keys(f"quern:*{job_of(answer.id)}*") == []


def test_what_is_not_there_is_named(openai: OpenAI, store: str) -> None:
    with pytest.raises(NotFoundError) as gone:
        openai.responses.retrieve("resp_0123")
    with pytest.raises(NotFoundError) as no_store:
        ask(openai, "vs_" + "0" * 26)
    with pytest.raises(NotFoundError) as no_model:
        ask(openai, store, model="gpt-9")
    with pytest.raises(NotFoundError) as before:
        openai.responses.create(input="x", previous_response_id="resp_" + "0" * 32)

    assert "resp_0123" in gone.value.message
    assert "vs_000" in no_store.value.message
    assert (no_model.value.code, no_model.value.param) == ("model_not_found", "model")
    assert before.value.code == "previous_response_not_found"
    assert before.value.param == "previous_response_id"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"background": True, "store": False}, "background"),
        ({"temperature": 3}, "temperature"), ({"max_output_tokens": 15}, "max_output_tokens"),
        ({"max_tool_calls": 0}, "max_tool_calls"), ({"conversation": "conv_1"}, "conversation"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": "x" * 70_000}, "input"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(openai: OpenAI, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        openai.responses.create(**{"input": "x", **body})

    assert refused.value.param == param


def test_fields_that_are_not_known_are_passed_over(openai: OpenAI) -> None:
    answer = openai.responses.create(input="x", extra_body={"of_next_year": 1}, truncation="auto")

    assert (answer.status, answer.truncation) == ("completed", "auto")


def test_a_failure_says_why(openai: OpenAI, generator: ScriptedGenerator) -> None:
    generator.error = InvalidRequest("history", "is too long for the model")
    answer = openai.responses.create(input="Hello")

    assert (answer.status, answer.output, answer.usage) == ("failed", [], None)
    assert answer.error is not None
    assert (answer.error.code, answer.error.message[:7]) == ("invalid_prompt", "history")
    assert openai.responses.retrieve(answer.id).error == answer.error


def test_an_answer_that_was_cut_off_is_incomplete(
    openai: OpenAI, store: str, generator: ScriptedGenerator
) -> None:
    generator.finish_reason = "length"
    answer = ask(openai, store, max_output_tokens=16)

    assert (answer.status, answer.max_output_tokens) == ("incomplete", 16)
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert generator.requests[0].max_tokens == 16


def test_a_request_that_comes_again_is_one_response(openai: OpenAI) -> None:
    headers = {"Idempotency-Key": "the-same"}
    first, second = (
        openai.responses.create(input="Hello", extra_headers=headers) for _ in range(2)
    )

    assert first == second


def test_an_asynchronous_client_gets_the_same(async_openai: AsyncOpenAI, store: str) -> None:
    async def called() -> tuple[Response, Response]:
        async with async_openai as client:
            made = await client.responses.create(input="Where?", tools=[search(store)])
            read = await client.responses.retrieve(made.id)
            await client.responses.delete(made.id)
            return made, read

    made, read = asyncio.run(called())

    assert made == read
    assert made.output_text == TEXT


def test_what_is_asked_and_answered_is_a_job_like_any_other(
    openai: OpenAI, store: str, app: Flask
) -> None:
    answer = ask(openai, store)
    shown = app.test_client().get(f"/api/jobs/{job_of(answer.id)}").get_json()

    assert (shown["state"], shown["collection"]) == ("succeeded", "papers")
    assert shown["result"]["answer"].startswith("The log hangs beside the door [1].")


def job_of(response_id: str) -> str:
    plain = response_id.removeprefix("resp_")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
