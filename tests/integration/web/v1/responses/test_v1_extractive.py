"""Without a language model: quotes with their places, and plain words without any documents."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from openai import OpenAI

from adapters.generators.extractive import NO_MODEL, Extractive
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from runtime.settings import Settings
from tests.integration.conftest import parts_of
from tests.support.worlds.answering_workers import PASSAGES, AnsweringWorkers, FixedRetriever


@pytest.fixture(autouse=True)
def quoting(
    app: Flask, store: str, settings: Settings, retriever: FixedRetriever
) -> Iterator[AnsweringWorkers]:
    assert store
    with AnsweringWorkers(
        parts_of(app).intake._storage, settings.redis_url, retriever=retriever,
        generator=Extractive(ExtractiveGenerator(HashingEmbedder())), whole=True,
    ) as found:  # fmt: skip
        yield found


def asked(**more: Any) -> Any:
    return {
        "input": "Where does the calibration log hang?",
        "tools": [{"type": "file_search", "vector_store_ids": ["papers"]}], **more,
    }  # fmt: skip


def test_an_answer_is_quotes_with_their_places(openai: OpenAI) -> None:
    answer = openai.responses.create(**asked())

    assert (answer.status, answer.model) == ("completed", "quern-extractive")
    text = answer.output_text
    notes: list[Any] = answer.output[1].content[0].annotations  # type: ignore[union-attr]
    assert notes[0].quote == "The calibration log hangs beside the door."
    assert text[: notes[0].index].endswith("hangs beside the door.")
    assert "[" not in text
    assert PASSAGES[0].text[notes[0].start : notes[0].end] == notes[0].quote
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0


def test_a_stream_of_quotes_goes_on_from_every_event(openai: OpenAI) -> None:
    events = list(openai.responses.create(**asked(stream=True)))
    response_id = events[0].response.id  # type: ignore[union-attr]

    assert len([event for event in events if event.type.endswith("text.delta")]) > 1
    for n in range(len(events)):
        rest = list(openai.responses.retrieve(response_id, stream=True, starting_after=n))
        assert rest == events[n + 1 :]


BRACKETS = "The calibration log hangs beside argv[1], as shown in [12] and [1, 2]."


@pytest.fixture
def with_brackets(retriever: FixedRetriever) -> None:
    first, second = PASSAGES
    text = f"{BRACKETS} It is blue."
    retriever.passages = (replace(first, text=text, end=len(text)), second)


@pytest.mark.usefixtures("with_brackets")
def test_brackets_of_a_document_are_words_of_its_quotes(openai: OpenAI) -> None:
    answer = openai.responses.create(**asked())
    events = list(openai.responses.create(**asked(stream=True)))

    notes: list[Any] = answer.output[1].content[0].annotations  # type: ignore[union-attr]
    assert BRACKETS in answer.output_text
    assert answer.output_text[: notes[0].index].endswith(BRACKETS)
    assert notes[0].quote == BRACKETS
    assert {note.file_id for note in notes if note.quote == BRACKETS} == {"file-1"}
    assert "".join(event.delta for event in events if hasattr(event, "delta")) == answer.output_text
    assert events[-1].type == "response.completed"


@pytest.mark.usefixtures("with_brackets")
def test_a_streamed_chat_has_the_brackets_of_a_document(openai: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": asked()["input"]}]
    whole = openai.chat.completions.create(model="quern:papers", messages=messages)
    chunks = list(
        openai.chat.completions.create(model="quern:papers", messages=messages, stream=True)
    )

    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert told == whole.choices[0].message.content
    assert f"{BRACKETS} [1]" in told
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_where_nothing_is_to_be_searched_it_says_that_there_is_no_model(openai: OpenAI) -> None:
    answer = openai.responses.create(input="Write a poem.")
    said = openai.chat.completions.create(
        model="quern", messages=[{"role": "user", "content": "Write a poem."}]
    )

    assert answer.output_text == said.choices[0].message.content == NO_MODEL
    assert (answer.model, said.model) == ("quern-extractive", "quern-extractive")
