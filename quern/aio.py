"""
Calls of the API with asyncio: the same ones as `quern.client` has, each to be awaited.

    async with AsyncClient("http://127.0.0.1:8000", key="qk_…") as quern:
        answers = await asyncio.gather(*(quern.ask(question) for question in questions))

A call may be cancelled at any time: its connection is closed, and a job that it made goes on.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, closing
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from quern import calls, flows
from quern.errors import Away, Refused, Unreachable
from quern.events import Event, EventParser
from quern.flows import LOG, PATIENCE_S, TIMEOUT, Flow, Lost, Pause, Remark, Retry, Send
from quern.methods import like
from quern.types import AskedQuestion, Document, Job, JobKind, Row, RowState, State

__all__ = ["AsyncClient", "Event"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")


def _method(
    flow: Callable[P, Flow[T]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """Return a method that runs a flow."""

    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(flow(*args, **kwargs))

    return like(flow, method)


class AsyncClient:
    """
    Call the API at *url*, from one event loop.

    Args:
        key: Shown to a server that asks for one.

        patience_s: How long a call waits for a server that is busy or away; 0 gives up at once.

        tls: Which certificates are trusted; without it those that certifi lists.

        transport: Where requests go instead of the network, for tests.

        sleep: Waits, for a server that is busy or away.

        remark: Tells people that a connection was lost, and that it is there again; without it
            the log `quern` does, as a warning.

    Raises:
        InvalidRequest: *key* cannot be a key.

        Unreachable: *url* is no address.
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
        patience_s: float = PATIENCE_S,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        remark: Callable[[str], None] = LOG.warning,
    ) -> None:
        self.url = url.rstrip("/")
        self._patience_s = patience_s
        self._sleep = sleep
        self._remark = remark
        try:
            # The environment may name a proxy; Quern is on this machine or in this network.
            self._http = httpx.AsyncClient(
                base_url=self.url,
                timeout=TIMEOUT,
                verify=True if tls is None else tls,
                transport=transport,
                trust_env=False,
                headers=flows.authorization(key),
            )
        except httpx.InvalidURL as error:
            raise flows.unreachable(error, url) from error

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
        """Close the connections; harmless when repeated."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow of `quern.flows` or `quern.calls` to its end."""
        value: object = None
        with closing(flow):
            try:
                step = next(flow)
                while True:
                    match step:
                        case Send():
                            try:
                                value = await self._send(step)
                            except (httpx.RequestError, httpx.InvalidURL) as error:
                                step = flow.throw(flows.unreachable(error, self.url))
                                continue
                        case Pause(seconds):
                            await self._sleep(seconds)
                        case Retry(seconds, spent_s):
                            if value := spent_s + seconds <= self._patience_s:
                                await self._sleep(seconds)
                        case Remark(words):
                            self._remark(words)
                    step = flow.send(value)
            except StopIteration as done:
                result: T = done.value
                return result

    async def _send(self, asked: Send) -> httpx.Response:
        """Send a request."""
        request = self._http.build_request(asked.method, asked.path, **asked.content)
        response = await self._http.send(request, stream=asked.is_stream)
        if asked.is_stream and response.is_error:
            await response.aread()
        return response

    # Lists, to their ends ------------------------------------------------------------------

    def jobs(
        self,
        *,
        state: State | None = None,
        kind: JobKind | None = None,
        collection: str | None = None,
    ) -> AsyncIterator[Job]:
        """Yield jobs, newest first."""
        return self._entries(
            lambda cursor: calls.jobs_page(cursor, state=state, kind=kind, collection=collection)
        )

    def rows(self, job_id: str, *, state: RowState | None = None) -> AsyncIterator[Row]:
        """Yield what became of the documents of an ingest."""
        return self._entries(lambda cursor: calls.rows_page(job_id, cursor, state=state))

    def answers(
        self, job_id: str, *, state: RowState | None = None
    ) -> AsyncIterator[AskedQuestion]:
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

    async def events(self, job_id: str) -> AsyncGenerator[Event]:
        """
        Yield a job's events to its end; a lost connection is taken up where it broke off.

        Who stops before that closes what this returns (`contextlib.aclosing`).
        """
        parser, lost = EventParser(), Lost(flows.KEPT)
        while True:
            try:
                async with aclosing(self._stream(job_id, parser)) as events:
                    async for event in events:
                        await self.run(lost.over())
                        yield event
                        if event.kind == "done":
                            return
            except (Away, Refused) as error:
                if await self.run(lost.after(error)):
                    continue
                if isinstance(error, Refused):
                    raise
                raise Unreachable(flows.BROKE_OFF.format(job_id)) from error
            else:
                return

    async def _stream(self, job_id: str, parser: EventParser) -> AsyncGenerator[Event]:
        """Yield a job's further events until the server ends; none where they are over."""
        parser.begin_anew()
        async with aclosing(await self.run(flows.listen(job_id, parser.headers()))) as response:
            if response.status_code == httpx.codes.NO_CONTENT:
                return
            try:
                async for data in response.aiter_bytes():
                    for event in parser.read(data):
                        yield event
            except httpx.RequestError as error:
                raise flows.unreachable(error, self.url) from error
        raise Away("the stream ended before the job did")
