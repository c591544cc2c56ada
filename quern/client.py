"""
Calls of the API, one after the other.

    with Client("http://127.0.0.1:8000", key="qk_…") as quern:
        quern.wait(quern.add_texts({"note": "Leave is 20 days."})["id"])
        print(quern.ask("How long is leave?")["answer"])

Each call waits while the server is busy, and each that may be repeated while it is away.
"""

import time
from collections.abc import Callable, Iterator
from functools import wraps
from types import TracebackType
from typing import BinaryIO, Concatenate, ParamSpec, Self, TypeVar

import httpx

from quern import calls, flows
from quern.errors import Refused, Unreachable
from quern.events import Event, EventParser
from quern.flows import AWAY, PAGE, Flow, Lost, Pause, Remark, Send
from quern.paths import job_path
from quern.types import AskedQuestion, Document, Job, Row

__all__ = ["Client", "Event"]

#: Longer than a server needs for the largest request, its long polls and its search.
TIMEOUT = httpx.Timeout(120.0, connect=5.0)

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")


def _method(flow: Callable[P, Flow[T]]) -> Callable[Concatenate["Client", P], T]:
    """Return a method that runs a flow."""

    @wraps(flow)
    def method(self: "Client", *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(flow(*args, **kwargs))

    return method


class Client:
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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        remark: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.url = url.rstrip("/")
        self._sleep = sleep
        self._remark = remark
        try:
            # The environment may name a proxy; Quern is on this machine or in this network.
            self._http = httpx.Client(
                base_url=self.url,
                timeout=TIMEOUT,
                transport=transport,
                trust_env=False,
                headers={"Authorization": f"Bearer {key}"} if key else None,
            )
        except httpx.InvalidURL as error:
            raise Unreachable(f"{url} is not the address of a server: {error}") from error

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
        """Close the connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
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
                        value = self._http.request(method, path, **content)
                    except (httpx.TransportError, httpx.InvalidURL) as error:
                        give, value = flow.throw, flows.unreachable(error, self.url)
                case Pause(seconds):
                    self._sleep(seconds)
                case Remark(words):
                    self._remark(words)

    # Lists, to their ends ------------------------------------------------------------------

    def jobs(self, **conditions: str | None) -> Iterator[Job]:
        """Yield jobs, newest first; *conditions* are `state`, `kind`, `collection`."""
        return self._entries(lambda cursor: calls.jobs_page(cursor, **conditions))

    def rows(self, job_id: str, *, state: str | None = None) -> Iterator[Row]:
        """Yield what became of the documents of an ingest."""
        return self._entries(lambda cursor: calls.rows_page(job_id, cursor, state=state))

    def answers(self, job_id: str, *, state: str | None = None) -> Iterator[AskedQuestion]:
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

    def events(self, job_id: str) -> Iterator[Event]:
        """Yield a job's events to its end; a lost connection is taken up where it broke off."""
        parser, lost = EventParser(), Lost()
        while True:
            try:
                for event in self._stream(job_id, parser):
                    self.run(lost.over())
                    yield event
                    if event.kind == "done":
                        return
            except httpx.TransportError as error:
                if not self.run(lost.wait()):
                    raise Unreachable(
                        f"The events of job {job_id} broke off; see: quern job {job_id}"
                    ) from error
            except Refused as error:
                if error.status not in AWAY or not self.run(lost.wait()):
                    raise
            else:
                return

    def _stream(self, job_id: str, parser: EventParser) -> Iterator[Event]:
        """Yield a job's further events until the server ends; none where they are over."""
        parser.begin_anew()
        path = f"{job_path(job_id)}/events"
        with self._http.stream("GET", path, headers=parser.headers()) as response:
            if response.status_code == httpx.codes.NO_CONTENT:
                return
            if response.is_error:
                response.read()
                raise flows.refusal(response)
            for line in response.iter_lines():
                if (event := parser.line(line)) is not None:
                    yield event
        raise httpx.RemoteProtocolError("the stream ended before the job did")

    def download(self, path: str, out: BinaryIO, **parameters: str) -> None:
        """
        Write what is at *path* into an open file, from its beginning.

        A server that is away is waited for.
        """

        def read() -> Flow[None]:
            try:
                with self._http.stream("GET", path, params=parameters) as response:
                    if response.is_error:
                        response.read()
                        raise flows.refusal(response)
                    out.seek(0)
                    out.truncate()
                    out.writelines(response.iter_bytes())
            except httpx.TransportError as error:
                raise flows.unreachable(error, self.url) from error
            return
            yield  # makes it a flow

        self.run(flows.outlast(read))

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
