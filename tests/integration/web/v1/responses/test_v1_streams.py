"""Streams of responses: their order, their numbers, and going on from any of them."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from openai import AsyncOpenAI, BadRequestError, OpenAI

from corpus.archiver import Archiver
from jobs.units import Delta, Unit
from protocol.keys import key
from tests.integration.conftest import HandWorker
from tests.integration.web.v1.responses.conftest import TEXT
from tests.integration.web.v1.responses.test_v1_responses import job_of
from tests.support.waiting import until
from tests.support.worlds.answering_workers import AnsweringWorkers, ScriptedGenerator
from tests.support.worlds.http_server import served
from web.http.event_stream import KEEP_ALIVE_S

Event = Any
RESULT = {
    "answer": "The log hangs beside the door [1]. It is blue.", "citations": [], "answered": True,
    "confidence": None, "generator": "x", "usage": {}, "degraded": [],
}  # fmt: skip


def asked(**more: Any) -> Any:
    return {
        "input": "Where?", "tools": [{"type": "file_search", "vector_store_ids": ["papers"]}],
        **more,
    }  # fmt: skip


def kinds(events: list[Event]) -> list[str]:
    return [event.type.removeprefix("response.") for event in events]


def check(events: list[Event], *, first: int = 0) -> None:
    """Check what holds of every stream: numbers without gaps, pairs that close, one response."""
    assert [event.sequence_number for event in events] == list(range(first, first + len(events)))
    opened: dict[Any, str] = {}
    for event in events:
        index = getattr(event, "output_index", None)
        if event.type == "response.output_item.added":
            opened[index] = event.item.id
        elif index is not None and (index in opened or first == 0):
            assert getattr(event, "item_id", None) in (None, opened[index])
    assert len({event.response.id for event in events if hasattr(event, "response")}) <= 1


def told(openai: OpenAI, **more: Any) -> list[Event]:
    return list(openai.responses.create(**asked(stream=True, **more)))


def read(openai: OpenAI, response_id: str, **more: Any) -> list[Event]:
    return list(openai.responses.retrieve(response_id, stream=True, **more))


def test_an_answer_is_told_in_order(openai: OpenAI, workers: AnsweringWorkers) -> None:
    events = told(openai)

    assert workers.leases.bodies == 0
    check(events)
    assert [kind for kind in kinds(events) if kind != "output_text.delta"] == [
        "created", "in_progress", "output_item.added", "file_search_call.in_progress",
        "file_search_call.searching", "file_search_call.completed", "output_item.done",
        "output_item.added", "content_part.added", *["output_text.annotation.added"] * 4,
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert "".join(event.delta for event in events if hasattr(event, "delta")) == TEXT
    last = events[-1].response
    assert last == openai.responses.retrieve(last.id)


def test_the_helper_of_the_client_follows(openai: OpenAI, workers: AnsweringWorkers) -> None:
    with openai.responses.stream(model="quern", **asked()) as stream:
        said = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()

    assert said[-1] == final.output_text == TEXT
    assert len(said) > 2
    assert workers.leases.bodies == 0


@pytest.fixture
def recorded(openai: OpenAI, workers: AnsweringWorkers) -> list[Event]:
    assert workers.leases.bodies == 0
    events = told(openai, background=True)
    assert kinds(events)[:3] == ["created", "queued", "in_progress"]
    check(events)
    return events


def later(app: Flask, recorded: list[Event], when: str) -> None:
    """Let time pass after a recorded stream: its events are forgotten, or its row is archived."""
    storage = app.extensions["quern"].intake._storage
    if when != "at once":
        storage.redis.delete(key("events", job_of(recorded[0].response.id)))
    if when == "once it is archived":
        assert Archiver(storage, storage.ledger.archive).archive(at_once=True) == 1


@pytest.mark.parametrize(
    "when", ["at once", "once its events are forgotten", "once it is archived"]
)
def test_a_stream_goes_on_after_every_one_of_its_events(
    openai: OpenAI, app: Flask, recorded: list[Event], when: str
) -> None:
    later(app, recorded, when)
    response_id = recorded[0].response.id

    assert read(openai, response_id) == recorded
    for n in range(len(recorded)):
        rest = read(openai, response_id, starting_after=n)
        assert rest == recorded[n + 1 :], n
    assert read(openai, response_id, starting_after=10_000) == []


@pytest.mark.parametrize("when", ["at once", "once its events are forgotten"])
def test_the_helper_goes_on_after_every_event(
    openai: OpenAI, app: Flask, recorded: list[Event], when: str
) -> None:
    later(app, recorded, when)
    response_id = recorded[0].response.id

    for n in range(-1, len(recorded) - 1):
        more: Any = {} if n < 0 else {"starting_after": n}
        with openai.responses.stream(response_id=response_id, **more) as stream:
            events = list(stream)
            final = stream.get_final_response()
        assert [event.sequence_number for event in events] == list(range(n + 1, len(recorded)))
        assert final.output_text == TEXT


def test_an_asynchronous_client_goes_on_too(
    async_openai: AsyncOpenAI, recorded: list[Event]
) -> None:
    async def called() -> tuple[list[Event], Any]:
        async with async_openai as client:
            response_id = recorded[0].response.id
            rest = [
                event
                async for event in await client.responses.retrieve(
                    response_id, stream=True, starting_after=5
                )
            ]
            async with client.responses.stream(response_id=response_id, starting_after=5) as stream:
                return rest, await stream.get_final_response()

    rest, final = asyncio.run(called())

    assert rest == recorded[6:]
    assert final.output_text == TEXT


def test_a_reader_who_comes_in_the_midst_gets_what_was_and_what_comes(
    openai: OpenAI, workers: AnsweringWorkers, generator: ScriptedGenerator
) -> None:
    generator.pause_at = 2
    begun = openai.responses.create(**asked(background=True, stream=True))
    seen: list[Event] = []
    for event in begun:
        seen.append(event)
        if event.type == "response.output_text.delta":
            begun.close()
            break
    assert generator.waits.wait(60)
    began = time.monotonic()
    reader = iter(
        openai.responses.retrieve(
            seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
        )
    )
    assert time.monotonic() - began < KEEP_ALIVE_S, "the headers come at once"
    generator.go.set()
    rest = list(reader)

    check([*seen, *rest])
    deltas = [event.delta for event in [*seen, *rest] if hasattr(event, "delta")]
    assert "".join(deltas) == TEXT
    assert workers.leases.bodies == 0


def test_a_stream_outlives_the_web_server(
    openai: OpenAI, app: Flask, workers: AnsweringWorkers, generator: ScriptedGenerator
) -> None:
    """Another process of the same code stands for the one that comes after it."""
    generator.pause_at = 2
    assert workers.leases.bodies == 0
    with served(app) as first:
        dying = openai.with_options(base_url=f"{first}/v1")
        stream = iter(dying.responses.create(**asked(stream=True, background=True)))
        seen = [next(stream)]
        while seen[-1].type != "response.output_text.delta":
            seen.append(next(stream))
        generator.go.set()
    rest = read(openai, seen[0].response.id, starting_after=seen[-1].sequence_number)

    check([*seen, *rest])
    assert rest[-1].response.output_text == TEXT


def test_who_leaves_a_response_that_is_not_in_the_background_ends_it(
    openai: OpenAI, workers: AnsweringWorkers, generator: ScriptedGenerator
) -> None:
    generator.pause_at = 2
    stream = openai.responses.create(**asked(stream=True))
    first = next(iter(stream))
    assert generator.waits.wait(60)
    stream.close()

    until(
        lambda: openai.responses.retrieve(first.response.id).status == "cancelled",
        told="the response is cancelled",
    )
    assert workers.leases.bodies in (0, 1)


class Hand:
    """Tells parts of an answer by hand, and dies in the midst."""

    def __init__(self, worker: HandWorker, job_id: str) -> None:
        self._worker = worker
        self._job_id = job_id
        self._number = 0
        worker.retrieve(job_id)
        self._unit: Unit = worker.claim(job_id)

    def tell(self, text: str) -> None:
        self._number += 1
        self._worker.ledger.work.append_deltas([Delta(self._unit, self._number, text)])

    def die(self) -> None:
        """Another one takes the question over."""
        self._worker.storage.redis.delete(key("claim", self._job_id))
        self._unit = self._worker.claim(self._job_id)

    def end(self, **more: Any) -> None:
        result = orjson.dumps(RESULT | more).decode()
        self._worker.ledger.work.finish(self._unit, state="succeeded", fields={"result": result})


@pytest.fixture
def begun(
    openai: OpenAI, store: str, worker: HandWorker
) -> Iterator[tuple[Any, list[Event], Hand]]:
    """A stream whose worker has told a part of the answer."""
    assert store
    stream = openai.responses.create(**asked(stream=True, background=True))
    reader = iter(stream)
    seen = [next(reader)]
    hand = Hand(worker, job_of(seen[0].response.id))
    hand.tell("The log hangs beside ")
    while seen[-1].type != "response.output_text.delta":
        seen.append(next(reader))
    yield reader, seen, hand
    stream.close()


def test_where_a_worker_dies_its_successor_goes_on_with_the_same_words(
    openai: OpenAI, begun: tuple[Any, list[Event], Hand]
) -> None:
    reader, seen, hand = begun
    hand.die()
    hand.tell("The log")
    hand.tell(" hangs beside the door [1]. It is ")
    hand.end()
    events = [*seen, *reader]

    check(events)
    assert kinds(events).count("output_item.added") == 2
    text = "".join(event.delta for event in events if hasattr(event, "delta"))
    assert text == "The log hangs beside the door. It is blue." == events[-1].response.output_text
    assert read(openai, seen[0].response.id) == events


def test_where_the_successor_says_something_else_the_stream_ends(
    openai: OpenAI, app: Flask, begun: tuple[Any, list[Event], Hand]
) -> None:
    reader, seen, hand = begun
    hand.die()
    hand.tell("There is no log at all, ")
    hand.end(answer="There is no log at all, they say.")
    events = [*seen, *reader]
    response_id = seen[0].response.id

    check(events)
    assert events[-1].type == "response.failed"
    assert "responses.retrieve" in events[-1].response.error.message
    answer = openai.responses.retrieve(response_id)
    assert (answer.status, answer.output_text) == ("completed", "There is no log at all, they say.")
    # Once only the row is left, nobody is told the end of one text after the beginning of another.
    app.extensions["quern"].intake.redis.delete(key("events", job_of(response_id)))
    with pytest.raises(BadRequestError) as trimmed:
        read(openai, response_id, starting_after=seen[-1].sequence_number)
    assert trimmed.value.param == "starting_after"
    assert read(openai, response_id)[-1].type == "response.completed"


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_stream_of_what_is_stopped_ends_and_says_so(
    openai: OpenAI, store: str, worker: HandWorker, is_begun: bool
) -> None:
    assert store
    reader = iter(openai.responses.create(**asked(stream=True, background=True)))
    first = next(reader)
    if is_begun:
        hand = Hand(worker, job_of(first.response.id))
        hand.tell("The log hangs beside the door, ")
    openai.responses.cancel(first.response.id)
    if is_begun:
        hand.end()
    events = [first, *reader]

    check(events)
    assert (events[-1].type, events[-1].response.status) == ("response.failed", "cancelled")
    assert read(openai, first.response.id) == events


def test_a_number_that_is_none_is_refused(openai: OpenAI, recorded: list[Event]) -> None:
    with pytest.raises(BadRequestError) as refused:
        read(openai, recorded[0].response.id, extra_query={"starting_after": "x"})

    assert refused.value.param == "starting_after"


def test_a_response_that_was_not_streamed_can_be_read_as_a_stream(
    openai: OpenAI, workers: AnsweringWorkers
) -> None:
    answer = openai.responses.create(**asked())
    events = read(openai, answer.id)

    check(events)
    assert events[-1].response == answer
    assert workers.leases.bodies == 0
