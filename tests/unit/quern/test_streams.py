"""Streams of events, with both clients: read as they come, taken up where they broke off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing

import httpx
import orjson
import pytest

from quern.aio import AsyncClient
from quern.client import Client, Event
from quern.errors import Refused, Unreachable
from tests.unit.quern.conftest import LOST, Caller, Flaky, lost


def test_a_broken_stream_goes_on_after_the_last_event_seen(caller: Caller) -> None:
    first = 'id: 1-0\nevent: token\ndata: {"text": "a"}\n\nid: 2-0\nevent: token\ndata: {"te'
    rest = 'id: 2-0\nevent: token\ndata: {"text": "b"}\n\nid: 3-0\nevent: done\ndata: {}\n\n'
    server = Flaky(httpx.Response(200, content=first), httpx.Response(200, content=rest))

    events = caller.all(server, "events", "j1")

    assert events == [
        Event("token", {"text": "a"}),
        Event("token", {"text": "b"}),
        Event("done", {}),
    ]
    assert [request.headers.get("Last-Event-ID") for request in server.requests] == [None, "1-0"]


def test_a_stream_that_is_over_ends(caller: Caller) -> None:
    assert caller.all(lambda _: httpx.Response(204), "events", "j1") == []


@pytest.mark.parametrize("which", [0, 4, 5], ids=[LOST[n] for n in (0, 4, 5)])
def test_a_stream_goes_on_after_the_service_was_started_again(caller: Caller, which: int) -> None:
    first = httpx.Response(200, content='id: 1-0\nevent: token\ndata: {"text": "a"}\n\n')
    rest = httpx.Response(200, content="id: 2-0\nevent: done\ndata: {}\n\n")

    seen = caller.all(Flaky(first, lost()[which], rest), "events", "j1")

    assert [event.kind for event in seen] == ["token", "done"]
    assert len(caller.words) == 2


class Bytes(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response, byte by byte, and whether it was closed."""

    def __init__(self, body: str) -> None:
        self.body = body.encode()
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for n in range(len(self.body)):
            yield self.body[n : n + 1]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for one in self:
            yield one

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


def test_line_separators_in_a_text_end_no_line(caller: Caller) -> None:
    """
    `Response.iter_lines` of httpx 0.28.1 ends lines there too (`LineDecoder`, `str.splitlines`).

    Server-sent events end at line feeds and carriage returns alone (HTML standard, section 9.2.6),
    and orjson 3 writes these characters as they are.
    """
    text = "one\u2028two\x85three\u2029four\u00fc"
    body = "id: 1-0\r\nevent: token\r\ndata: " + orjson.dumps({"text": text}).decode()
    body += "\r\n\r\nevent: done\ndata: {}\n\n"

    events = caller.all(lambda _: httpx.Response(200, stream=Bytes(body)), "events", "j1")

    assert text in body
    assert events == [Event("token", {"text": text}), Event("done", {})]


def test_a_busy_server_is_asked_for_its_stream_again(caller: Caller) -> None:
    busy = httpx.Response(429, headers={"Retry-After": "3"})
    stream = httpx.Response(200, content="event: done\ndata: {}\n\n")

    assert caller.all(Flaky(busy, stream), "events", "j1") == [Event("done", {})]
    assert caller.slept == [3.0]
    assert caller.words == []


def test_a_stream_that_breaks_off_for_ever_ends(caller: Caller) -> None:
    with pytest.raises(Unreachable, match="The events of job j1 broke off; see: quern job j1"):
        caller.all(lambda _: httpx.Response(200, content=": still here\n\n"), "events", "j1")


def test_the_stream_of_a_job_that_is_not_there_is_refused(caller: Caller) -> None:
    with pytest.raises(Refused, match="Not Found"):
        caller.all(lambda _: httpx.Response(404, json={"title": "Not Found"}), "events", "j1")
    assert caller.slept == []


def test_who_leaves_a_stream_closes_its_connection() -> None:
    one = 'event: token\ndata: {"text": "a"}\n\n'
    left, ended = Bytes(one * 2), Bytes(one + "event: done\ndata: {}\n\n")

    def transport(body: Bytes) -> httpx.MockTransport:
        return httpx.MockTransport(lambda _: httpx.Response(200, stream=body))

    with (
        Client("http://q", transport=transport(left)) as quern,
        closing(quern.events("j1")) as events,
    ):
        assert next(events).kind == "token"
        assert not left.is_closed
        events.close()
        assert left.is_closed
    with Client("http://q", transport=transport(ended)) as quern:
        assert [event.kind for event in quern.events("j1")] == ["token", "done"]
        assert ended.is_closed


def test_who_leaves_a_stream_of_asyncio_closes_its_connection() -> None:
    body = Bytes('event: token\ndata: {"text": "a"}\n\n' * 2)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))

    async def leave() -> None:
        async with AsyncClient("http://q", transport=transport) as quern:
            async with aclosing(quern.events("j1")) as events:
                assert (await anext(events)).kind == "token"
                assert not body.is_closed
            assert body.is_closed

    asyncio.run(leave())
