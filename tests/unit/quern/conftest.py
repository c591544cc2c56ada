"""Both clients alike, in front of a stand-in for the server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

import httpx
import pytest

from quern.aio import AsyncClient
from quern.client import Client
from quern.flows import Flow

T = TypeVar("T")
Answer = Callable[[httpx.Request], httpx.Response]


class Caller:
    """A client in front of a stand-in for the server, and what it waited and said."""

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async
        self.slept: list[float] = []
        self.words: list[str] = []

    def run(self, answer: Answer, flow: Flow[T], *, url: str = "http://quern/", **more: Any) -> T:
        """Run a flow against *answer*; *more* is told to the client."""
        transport = httpx.MockTransport(answer)
        if not self.is_async:
            with Client(
                url, transport=transport, sleep=self.slept.append, remark=self.words.append, **more
            ) as client:
                return client.run(flow)

        async def run() -> T:
            async with self._client(url, transport, **more) as client:
                return await client.run(flow)

        return asyncio.run(run())

    def all(self, answer: Answer, method: str, *arguments: Any, **more: Any) -> list[Any]:
        """Return all that a method of the client yields."""
        transport = httpx.MockTransport(answer)
        if not self.is_async:
            with Client(
                "http://q", transport=transport, sleep=self.slept.append, remark=self.words.append
            ) as client:
                entries: Iterable[Any] = getattr(client, method)(*arguments, **more)
                return list(entries)

        async def every() -> list[Any]:
            async with self._client("http://q", transport) as client:
                entries: AsyncIterator[Any] = getattr(client, method)(*arguments, **more)
                return [entry async for entry in entries]

        return asyncio.run(every())

    def _client(self, url: str, transport: httpx.MockTransport, **more: Any) -> AsyncClient:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return AsyncClient(url, transport=transport, sleep=sleep, remark=self.words.append, **more)


@pytest.fixture(params=[False, True], ids=["threads", "asyncio"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(is_async=request.param)


class Flaky:
    """Fails as told, one answer after the other, then goes on with the last."""

    def __init__(self, *answers: Exception | httpx.Response) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.read())
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def lost() -> list[Exception | httpx.Response]:
    return [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset by peer"),
        httpx.ReadTimeout("timed out"),
        httpx.RemoteProtocolError("server disconnected"),
        httpx.Response(502, content=b"<html>Bad Gateway</html>"),
        httpx.Response(503, json={"title": "Service Unavailable"}),
    ]


LOST = [type(one).__name__ + str(getattr(one, "status_code", "")) for one in lost()]


def job(state: str, **more: Any) -> httpx.Response:
    return httpx.Response(200, json={"id": "j1", "state": state} | more)
