"""A call of asyncio that is cancelled: its connection is closed, and the client goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from quern.aio import AsyncClient
from tests.support.waiting import PATIENCE_S

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
COLLECTIONS = b'{"collections": []}'
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: begun\n\n"


class Server:
    """Answers lists of collections; begins to answer what else is asked, and never ends."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.connections: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        while head := await reader.readline():
            while await reader.readline() != b"\r\n":
                pass
            if b"/api/collections" in head:
                writer.write(ANSWER % (len(COLLECTIONS), COLLECTIONS))
                continue
            if b"/events" in head:
                writer.write(EVENTS)
            self.asked.set()
            assert await reader.read() == b""
            self.left.set()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Server, AsyncClient]]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        host, port = listening.sockets[0].getsockname()
        async with AsyncClient(f"http://{host}:{port}") as quern:
            yield server, quern
        await asyncio.wait_for(asyncio.gather(*filter(None, server.connections)), PATIENCE_S)


async def cancel(server: Server, task: "asyncio.Task[object]") -> None:
    await asyncio.wait_for(server.asked.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.left.wait(), PATIENCE_S)


def test_a_cancelled_call_leaves_its_connection_and_the_next_has_a_new_one() -> None:
    async def run() -> None:
        async with served() as (server, quern):
            assert await quern.collections() == []
            task: asyncio.Task[object] = asyncio.ensure_future(quern.job("j1"))
            await cancel(server, task)
            assert await quern.collections() == []

    asyncio.run(run())


def test_a_cancelled_reader_of_events_leaves_its_connection() -> None:
    async def run() -> None:
        async with served() as (server, quern):

            async def read() -> object:
                return [event async for event in quern.events("j1")]

            await cancel(server, asyncio.create_task(read()))
            assert await quern.collections() == []

    asyncio.run(run())


def test_who_is_cancelled_while_it_waits_asks_no_more() -> None:
    async def run() -> None:
        waits = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.set()
            await asyncio.sleep(seconds)

        async with AsyncClient("http://127.0.0.1:9", sleep=sleep, remark=lambda _: None) as quern:
            task = asyncio.ensure_future(quern.submit("Why?"))
            await asyncio.wait_for(waits.wait(), PATIENCE_S)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
