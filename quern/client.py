"""
Calls of the API, one after the other.

    with Client("http://127.0.0.1:8000", key="qk_…") as quern:
        quern.wait(quern.add_texts({"note": "Leave is 20 days."})["id"])
        print(quern.ask("How long is leave?")["answer"])

Each call waits while the server is busy, and each that may be repeated while it is away.
"""

import ssl
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from types import TracebackType
from typing import BinaryIO, Concatenate, ParamSpec, Self, TypeVar

import httpx

from quern import calls, flows
from quern.errors import Away, Refused, Unreachable
from quern.events import Event, EventParser
from quern.flows import LOG, PAGE, PATIENCE_S, TIMEOUT, Flow, Lost, Pause, Remark, Retry, Send
from quern.methods import like
from quern.types import AskedQuestion, Document, Job, JobKind, Row, RowState, State

__all__ = ["Client", "Event"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")


def _method(flow: Callable[P, Flow[T]]) -> Callable[Concatenate["Client", P], T]:
    """Return a method that runs a flow."""

    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(flow(*args, **kwargs))

    return like(flow, method)


class Client:
    """
    Call the API at *url*; threads may share a client.

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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        remark: Callable[[str], None] = LOG.warning,
    ) -> None:
        self.url = url.rstrip("/")
        self._patience_s = patience_s
        self._sleep = sleep
        self._remark = remark
        try:
            # The environment may name a proxy; Quern is on this machine or in this network.
            self._http = httpx.Client(
                base_url=self.url,
                timeout=TIMEOUT,
                verify=True if tls is None else tls,
                transport=transport,
                trust_env=False,
                headers=flows.authorization(key),
            )
        except httpx.InvalidURL as error:
            raise flows.unreachable(error, url) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; harmless when repeated."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of `quern.flows` or `quern.calls` to its end."""
        value: object = None
        with closing(flow):
            try:
                step = next(flow)
                while True:
                    match step:
                        case Send():
                            try:
                                value = self._send(step)
                            except (httpx.RequestError, httpx.InvalidURL) as error:
                                step = flow.throw(flows.unreachable(error, self.url))
                                continue
                        case Pause(seconds):
                            self._sleep(seconds)
                        case Retry(seconds, spent_s):
                            if value := spent_s + seconds <= self._patience_s:
                                self._sleep(seconds)
                        case Remark(words):
                            self._remark(words)
                    step = flow.send(value)
            except StopIteration as done:
                result: T = done.value
                return result

    def _send(self, asked: Send) -> httpx.Response:
        """Send a request."""
        request = self._http.build_request(asked.method, asked.path, **asked.content)
        response = self._http.send(request, stream=asked.is_stream)
        if asked.is_stream and response.is_error:
            response.read()
        return response

    # Lists, to their ends ------------------------------------------------------------------

    def jobs(
        self,
        *,
        state: State | None = None,
        kind: JobKind | None = None,
        collection: str | None = None,
    ) -> Iterator[Job]:
        """Yield jobs, newest first."""
        return self._entries(
            lambda cursor: calls.jobs_page(cursor, state=state, kind=kind, collection=collection)
        )

    def rows(self, job_id: str, *, state: RowState | None = None) -> Iterator[Row]:
        """Yield what became of the documents of an ingest."""
        return self._entries(lambda cursor: calls.rows_page(job_id, cursor, state=state))

    def answers(self, job_id: str, *, state: RowState | None = None) -> Iterator[AskedQuestion]:
        """Yield the questions of a list with their answers."""
        return self._entries(lambda cursor: calls.questions_page(job_id, cursor, state=state))

    def documents(
        self,
        *,
        collection: str = "default",
        prefix: str | None = None,
        contains: str | None = None,
    ) -> Iterator[Document]:
        """Yield documents in the order of their ids."""
        return self._entries(
            lambda cursor: calls.documents_page(
                cursor, collection=collection, prefix=prefix, contains=contains
            )
        )

    def _entries(
        self, page_from: Callable[[str | None], Flow[tuple[list[E], str | None]]]
    ) -> Iterator[E]:
        """Yield the entries of a list, page by page."""
        cursor: str | None = None
        while True:
            page, cursor = self.run(page_from(cursor))
            yield from page
            if not cursor:
                return

    # Streams -------------------------------------------------------------------------------

    def events(self, job_id: str) -> Generator[Event]:
        """
        Yield a job's events to its end; a lost connection is taken up where it broke off.

        Who stops before that closes what this returns (`contextlib.closing`).
        """
        parser, lost = EventParser(), Lost(flows.KEPT)
        while True:
            try:
                with closing(self._stream(job_id, parser)) as events:
                    for event in events:
                        self.run(lost.over())
                        yield event
                        if event.kind == "done":
                            return
            except (Away, Refused) as error:
                if self.run(lost.after(error)):
                    continue
                if isinstance(error, Refused):
                    raise
                raise Unreachable(flows.BROKE_OFF.format(job_id)) from error
            else:
                return

    def _stream(self, job_id: str, parser: EventParser) -> Generator[Event]:
        """Yield a job's further events until the server ends; none where they are over."""
        parser.begin_anew()
        with closing(self.run(flows.listen(job_id, parser.headers()))) as response:
            if response.status_code == httpx.codes.NO_CONTENT:
                return
            try:
                for data in response.iter_bytes():
                    yield from parser.read(data)
            except httpx.RequestError as error:
                raise flows.unreachable(error, self.url) from error
        raise Away("the stream ended before the job did")

    def download(self, path: str, out: BinaryIO, **parameters: str) -> None:
        """
        Write what is at *path* into an open file, from its beginning.

        A server that is away is waited for.
        """

        def read() -> Flow[None]:
            response = yield from flows.call("GET", path, is_stream=True, params=parameters)
            with closing(response):
                out.seek(0)
                out.truncate()
                try:
                    out.writelines(response.iter_bytes())
                except httpx.RequestError as error:
                    raise flows.unreachable(error, self.url) from error

        self.run(flows.outlast(read, words=flows.KEPT))

    # By path, for calls that have no method here ----------------------------------------------

    def get(self, path: str, **parameters: object) -> httpx.Response:
        """Read *path*; parameters that are None are left out."""
        return self.run(flows.get(path, **parameters))

    def post(self, path: str, body: object = None) -> httpx.Response:
        """Send a JSON body, or none."""
        return self.run(flows.post(path, body))

    def delete(self, path: str) -> httpx.Response:
        """Delete or cancel what is at *path*."""
        return self.run(flows.delete(path))

    def poll(self, path: str, **parameters: object) -> httpx.Response:
        """Read *path* of a job that is being watched: a server that is away is waited for."""
        return self.run(flows.poll(path, **parameters))

    def pages(
        self, path: str, *, patiently: bool = False, size: int = PAGE, **parameters: object
    ) -> Iterator[httpx.Response]:
        """Read a list to its end, *size* entries at a time; *patiently* as `poll` does."""
        read = self.poll if patiently else self.get
        cursor = None
        while True:
            response = read(path, limit=size, cursor=cursor, **parameters)
            yield response
            if not (cursor := response.json().get("next_cursor")):
                return

    def health(self) -> httpx.Response:
        """Read the health page, which answers 503 with the same body when something has failed."""
        return self.run(flows.health())
