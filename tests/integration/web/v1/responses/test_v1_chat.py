"""Chat completions: at once and as a stream, from a collection and without one."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from openai import (
    APIError,
    AsyncOpenAI,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAI,
)

from rag.answers.conversation import Turn
from rag.errors import InvalidRequest, Unreadable
from runtime.settings import Settings
from tests.integration.conftest import parts_of
from tests.support.waiting import until
from tests.support.worlds.answering_workers import (
    AnsweringWorkers,
    FixedRetriever,
    ScriptedGenerator,
)
from web.app import create_app

pytestmark = pytest.mark.usefixtures("workers")

QUESTION: Any = [{"role": "user", "content": "Where is the log?"}]
ANSWER = (
    "The log hangs beside the door [1]. It is blue [1][2], and doors are repainted each spring [2]."
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    aliases = "gpt-4o=quern, gpt-4o-mini = quern:papers,"
    return replace(settings, model_aliases=aliases)


def ask(openai: OpenAI, *, model: str = "quern", **more: Any) -> Any:
    return openai.chat.completions.create(model=model, messages=QUESTION, **more)


def test_an_answer_from_a_collection_has_markers_and_what_they_point_at(openai: OpenAI) -> None:
    answer = ask(openai, extra_body={"collection": "papers"})

    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.role, choice.message.content) == (
        "stop", "assistant", ANSWER,
    )  # fmt: skip
    assert [(one["marker"], one["file_id"]) for one in choice.message.citations] == [
        (1, "file-1"), (1, "file-1"), (2, "file-2"),
    ]  # fmt: skip
    assert choice.message.citations[0]["quote"] == "The calibration log hangs beside the door."
    assert (answer.model, answer.usage.total_tokens) == ("quern-extractive", 12)
    assert answer.id.startswith("chatcmpl-")


@pytest.mark.parametrize(
    ("model", "is_searched"),
    [("quern:papers", True), ("gpt-4o-mini", True), ("gpt-4o", False), ("quern-extractive", False)],
)
def test_the_name_of_a_model_may_name_a_collection(
    openai: OpenAI, retriever: FixedRetriever, model: str, is_searched: bool
) -> None:
    answer = ask(openai, model=model)

    assert bool(retriever.asked) is is_searched
    assert bool(answer.choices[0].message.citations) is is_searched
    assert answer.model == "quern-extractive"


def test_a_conversation_is_history_and_instructions(
    openai: OpenAI, generator: ScriptedGenerator, retriever: FixedRetriever
) -> None:
    openai.chat.completions.create(
        model="quern",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": [{"type": "text", "text": "Where?"}]},
        ],
        max_completion_tokens=99_999,
        temperature=0.5,
        seed=3,
        extra_body={
            "collection": "papers",
            "top_k": 1,
            "filters": {"type": "eq", "key": "author", "value": "Knuth"},
        },
    )

    (request,) = generator.requests
    assert (request.question, request.instructions) == ("Where?", "Be brief.\n\nBe kind.")
    assert tuple(request.history) == (Turn("user", "Hello"), Turn("assistant", "Yes?"))
    assert (request.max_tokens, request.temperature) == (8_192, 0.5)
    ((_, given),) = retriever.asked
    assert (given["top_k"], given["filters"] is None) == (1, False)


def test_a_stream_has_the_same_text_and_ends_with_its_citations(openai: OpenAI) -> None:
    chunks = list(
        ask(
            openai, stream=True, stream_options={"include_usage": True},
            extra_body={"collection": "papers"},
        )
    )  # fmt: skip
    *said, last, cost = chunks

    assert said[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in said)
    assert text == ANSWER
    assert len(said) >= 2
    assert {chunk.choices[0].finish_reason for chunk in said} == {None}
    assert last.choices[0].finish_reason == "stop"
    assert last.choices[0].delta.citations[0]["file_id"] == "file-1"
    assert (cost.choices, cost.usage.total_tokens) == ([], 12)
    assert len({chunk.id for chunk in chunks}) == 1


def test_an_asynchronous_client_gets_both(async_openai: AsyncOpenAI) -> None:
    async def called() -> tuple[str, str]:
        async with async_openai as client:
            whole = await client.chat.completions.create(model="quern", messages=QUESTION)
            stream = await client.chat.completions.create(
                model="quern", messages=QUESTION, stream=True
            )
            text = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return whole.choices[0].message.content or "", "".join(text)

    whole, text = asyncio.run(called())

    assert whole == text != ""


def test_an_answer_that_was_cut_off_says_so(openai: OpenAI, generator: ScriptedGenerator) -> None:
    generator.finish_reason = "length"

    assert ask(openai).choices[0].finish_reason == "length"


def test_what_is_not_done_is_named(openai: OpenAI) -> None:
    cases: dict[str, Any] = {
        "tools": [{"type": "function", "function": {"name": "f"}}], "n": 2, "stop": ["x"],
        "logprobs": True, "response_format": {"type": "json_object"}, "modalities": ["audio"],
    }  # fmt: skip
    for name, value in cases.items():
        with pytest.raises(BadRequestError) as refused:
            ask(openai, **{name: value})
        assert refused.value.param == name
    for messages, param in (
        ([], "messages"),
        ([{"role": "tool", "content": "x", "tool_call_id": "1"}], "messages[0].role"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0].type"),
    ):
        wrong: Any = messages
        with pytest.raises(BadRequestError) as refused:
            openai.chat.completions.create(model="quern", messages=wrong)
        assert refused.value.param == param


def test_what_is_not_there_is_not_found(openai: OpenAI) -> None:
    for more in ({"model": "gpt-9"}, {"model": "quern:none"}, {"extra_body": {"collection": "no"}}):
        with pytest.raises(NotFoundError):
            ask(openai, **more)  # type: ignore[arg-type]


def test_a_failure_is_an_error(openai: OpenAI, generator: ScriptedGenerator) -> None:
    generator.error = InvalidRequest("history", "is too long")
    with pytest.raises(BadRequestError, match="history: is too long"):
        ask(openai)
    generator.error = Unreadable("embedder_mismatch", "Another model made it.")
    with pytest.raises(InternalServerError, match="Another model made it") as failed:
        ask(openai)
    with pytest.raises(APIError, match="Another model made it"):
        list(ask(openai, stream=True))

    assert failed.value.code == "embedder_mismatch"


def test_who_leaves_a_stream_ends_it(
    openai: OpenAI, app: Flask, generator: ScriptedGenerator, workers: AnsweringWorkers
) -> None:
    generator.pause_at = 2
    stream = ask(openai, stream=True)
    first = next(iter(stream))
    assert generator.waits.wait(60)
    stream.close()

    jobs = parts_of(app).intake.jobs
    plain = first.id.removeprefix("chatcmpl-")
    job = "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
    until(lambda: jobs.row(job)["state"] == "cancelled", told="the question is cancelled")
    assert workers.leases.bodies in (0, 1)


@pytest.fixture
def modelled(settings: Settings, workers: AnsweringWorkers) -> Iterator[Flask]:
    assert workers.leases.bodies == 0
    app = create_app(replace(settings, generator="openai", model="qwen", model_aliases="*=quern"))
    yield app
    parts_of(app).close()


def test_where_a_model_answers_it_is_named_and_aliases_may_mean_any(modelled: Flask) -> None:
    for name in ("qwen", "anything", None):
        body = {"messages": QUESTION} | ({"model": name} if name else {})
        answer = modelled.test_client().post("/v1/chat/completions", json=body)

        assert answer.get_json()["model"] == "qwen", answer.get_data(as_text=True)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_what_is_not_to_be_stored_is_listed_nowhere(
    openai: OpenAI, app: Flask, *, is_streamed: bool
) -> None:
    answers = [ask(openai, stream=is_streamed, store=store) for store in (False, True)]
    for answer in answers:
        list(answer)  # to the end of a stream
    (listed,) = app.test_client().get("/api/jobs").get_json()["jobs"]

    redis = parts_of(app).intake.redis
    (brief,) = set(redis.keys("quern:unit:*")) - {f"quern:unit:{listed['id']}"}
    assert 0 < redis.ttl(brief) <= 60
