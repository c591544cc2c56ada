"""
Calls of the API with asyncio: the same ones as `quern.client` has, each to be awaited.

    async with AsyncClient("http://127.0.0.1:8000", key="qk_…") as quern:
        answers = await asyncio.gather(*(quern.ask(question) for question in questions))
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from quern import calls, flows
from quern.client import TIMEOUT
from quern.errors import Refused, Unreachable
from quern.events import Event, EventParser
from quern.flows import AWAY, Flow, Lost, Pause, Remark, Send
from quern.paths import job_path
from quern.types import AskedQuestion, Document, Job, Row

__all__ = ["AsyncClient", "Event"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")


def _method(
    flow: Callable[P, Flow[T]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """Return a method that runs a flow."""

    @wraps(flow)
    async def method(self: "AsyncClient", *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(flow(*args, **kwargs))

    return method


class AsyncClient:
    """
    Call the API at *url*.

    Args:
        key: Shown to a server that asks for one.

        transport: Where requests go instead of the network, for tests.

        sleep: Waits, for a server that is busy or away.

        remark: Tells people that a connection was lost, and that it is there again.
    """

    submit = _method(calls.submit)
    ask = _method(calls.ask)
    search = _method(calls.search)
    ask_many = _method(calls.ask_many)
    add_texts = _method(calls.add_texts)
    add_files = _method(calls.add_files)
    job = _method(calls.job)
    wait = _method(calls.wait)
    cancel = _method(calls.cancel)
    retry = _method(calls.retry)
    collections = _method(calls.collections)
    create_collection = _method(calls.create_collection)
    delete_collection = _method(calls.delete_collection)
    document = _method(calls.document)
    text = _method(calls.text)
    delete_document = _method(calls.delete_document)
    usage = _method(calls.usage)

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        remark: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.url = url.rstrip("/")
        self._sleep = sleep
        self._remark = remark
        try:
            self._http = httpx.AsyncClient(
                base_url=self.url,
                timeout=TIMEOUT,
                transport=transport,
                trust_env=False,
                headers={"Authorization": f"Bearer {key}"} if key else None,
            )
        except httpx.InvalidURL as error:
            raise Unreachable(f"{url} is not the address of a server: {error}") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow of `quern.flows` or `quern.calls` to its end."""
        give, value = flow.send, None
        while True:
            try:
                step = give(value)
            except StopIteration as done:
                result: T = done.value
                return result
            give, value = flow.send, None
            match step:
                case Send(method, path, content):
                    try:
                        value = await self._http.request(method, path, **content)
                    except (httpx.TransportError, httpx.InvalidURL) as error:
                        give, value = flow.throw, flows.unreachable(error, self.url)
                case Pause(seconds):
                    await self._sleep(seconds)
                case Remark(words):
                    self._remark(words)

    # Lists, to their ends ------------------------------------------------------------------

    def jobs(self, **conditions: str | None) -> AsyncIterator[Job]:
        """Yield jobs, newest first; *conditions* are `state`, `kind`, `collection`."""
        return self._entries(lambda cursor: calls.jobs_page(cursor, **conditions))

    def rows(self, job_id: str, *, state: str | None = None) -> AsyncIterator[Row]:
        """Yield what became of the documents of an ingest."""
        return self._entries(lambda cursor: calls.rows_page(job_id, cursor, state=state))

    def answers(self, job_id: str, *, state: str | None = None) -> AsyncIterator[AskedQuestion]:
        """Yield the questions of a list with their answers."""
        return self._entries(lambda cursor: calls.questions_page(job_id, cursor, state=state))

    def documents(
        self,
        *,
        collection: str = "default",
        prefix: str | None = None,
        contains: str | None = None,
    ) -> AsyncIterator[Document]:
        """Yield documents in the order of their ids."""
        return self._entries(
            lambda cursor: calls.documents_page(
                cursor, collection=collection, prefix=prefix, contains=contains
            )
        )

    async def _entries(
        self, page_from: Callable[[str | None], Flow[tuple[list[E], str | None]]]
    ) -> AsyncIterator[E]:
        """Yield the entries of a list, page by page."""
        cursor: str | None = None
        while True:
            page, cursor = await self.run(page_from(cursor))
            for entry in page:
                yield entry
            if not cursor:
                return

    # Streams -------------------------------------------------------------------------------

    async def events(self, job_id: str) -> AsyncIterator[Event]:
        """Yield a job's events to its end; a lost connection is taken up where it broke off."""
        parser, lost = EventParser(), Lost()
        while True:
            try:
                async for event in self._stream(job_id, parser):
                    await self.run(lost.over())
                    yield event
                    if event.kind == "done":
                        return
            except httpx.TransportError as error:
                if not await self.run(lost.wait()):
                    raise Unreachable(
                        f"The events of job {job_id} broke off; see: quern job {job_id}"
                    ) from error
            except Refused as error:
                if error.status not in AWAY or not await self.run(lost.wait()):
                    raise
            else:
                return

    async def _stream(self, job_id: str, parser: EventParser) -> AsyncIterator[Event]:
        """Yield a job's further events until the server ends; none where they are over."""
        parser.begin_anew()
        path = f"{job_path(job_id)}/events"
        async with self._http.stream("GET", path, headers=parser.headers()) as response:
            if response.status_code == httpx.codes.NO_CONTENT:
                return
            if response.is_error:
                await response.aread()
                raise flows.refusal(response)
            async for line in response.aiter_lines():
                if (event := parser.line(line)) is not None:
                    yield event
        raise httpx.RemoteProtocolError("the stream ended before the job did")
