"""Talking to Quern's HTTP API, with every refusal in plain words."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from cli.errors import Unreachable
from rag.errors import InvalidRequest, QuernError

FINAL_STATES = frozenset({"succeeded", "partial", "failed", "cancelled", "expired"})
#: A busy server names when to come back; this long we come back, then we give up.
BUSY_PATIENCE_S = 600.0
LONGEST_RETRY_S = 120.0
LONG_POLL_S = 25
#: Entries of a list that are asked for at once.
PAGE = 200
#: So long a job is watched while nobody answers: a service starts again in less.
LOST_PATIENCE_S = 600.0
FIRST_LOST_PAUSE_S = 0.5
LAST_LOST_PAUSE_S = 5.0
#: What a proxy, or a service that is not ready yet, says while there is nobody to answer.
_AWAY = frozenset({502, 503, 504})
#: Longer than a server needs for the largest request, its long polls and its search.
TIMEOUT = httpx.Timeout(120.0, connect=5.0)

#: A file of a form: what it is called, its bytes, its media type.
File = tuple[str, BinaryIO, str]
Files = Sequence[tuple[str, File]]


class Away(Unreachable):
    """Raised when the server does not answer, or the connection broke; it may come back."""


class Refused(QuernError):
    """
    Raised when the API says no.

    Args:
        status: The HTTP status.

        problem: The problem details (RFC 9457), empty where the answer had none.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(_in_words(status, problem))
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event of a job."""

    kind: str
    data: Any


class Client:
    """
    Call the API at *url*.

    Args:
        transport: Where requests go instead of the network, for tests.

        sleep: Waits, for a server that is busy or away.

        remark: Tells people that a connection was lost, and that it is there again.

        key: Shown to a server that asks for one.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        remark: Callable[[str], None] = lambda _: None,
        key: str = "",
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
        self._http.close()

    def get(self, path: str, **parameters: object) -> httpx.Response:
        """Read *path*; parameters that are None are left out."""
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        return self._call("GET", path, params=given)

    def poll(self, path: str, **parameters: object) -> httpx.Response:
        """Read *path* of a job that is being watched: a server that is away is waited for."""
        return self._outlast(lambda: self.get(path, **parameters))

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

    def post(self, path: str, body: object = None) -> httpx.Response:
        """Send a JSON body, or none."""
        return self._call("POST", path) if body is None else self._call("POST", path, json=body)

    def submit(self, path: str, body: object = None) -> httpx.Response:
        """Send what becomes a job, once: a server that is away is waited for, and asked again."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        content = {} if body is None else {"json": body}
        return self._outlast(lambda: self._call("POST", path, headers=key, **content))

    def submit_form(
        self, path: str, files: Mapping[str, File], fields: Mapping[str, str]
    ) -> httpx.Response:
        """Send a form that becomes a job, once, as `submit` does; files are read from the start."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self._outlast(
            lambda: self._call("POST", path, headers=key, files=files, data=fields)
        )

    def download(self, path: str, out: BinaryIO, **parameters: str) -> None:
        """
        Write what is at *path* into an open file, from its beginning.

        A server that is away is waited for.
        """

        def read() -> httpx.Response:
            try:
                with self._http.stream("GET", path, params=parameters) as response:
                    if response.is_error:
                        response.read()
                        raise _refusal(response)
                    out.seek(0)
                    out.truncate()
                    out.writelines(response.iter_bytes())
                    return response
            except httpx.TransportError as error:
                raise Away(f"Quern at {self.url} did not answer: {error}") from error

        self._outlast(read)

    def close(self, job_id: str, *, patiently: bool) -> httpx.Response:
        """Close an open job to more documents; harmless when repeated."""
        path = f"/api/jobs/{job_id}/close"
        return self._outlast(lambda: self.post(path)) if patiently else self.post(path)

    def delete(self, path: str) -> httpx.Response:
        """Delete or cancel what is at *path*."""
        return self._call("DELETE", path)

    def upload(self, path: str, files: Files) -> httpx.Response:
        """
        Send open files as one form, to where the same file counts once.

        They are read again from the start if the server is busy, or was away.
        """
        return self._outlast(lambda: self._call("POST", path, files=files))

    def health(self) -> httpx.Response:
        """Read the health page, which answers 503 with the same body when something has failed."""
        response = self._send("GET", "/health")
        _json(response, self.url)
        return response

    def wait(self, job_id: str) -> httpx.Response:
        """Wait, however long, until a job has ended; return its last answer."""
        while True:
            response = self.poll(f"/api/jobs/{job_id}", wait=LONG_POLL_S)
            if response.json()["state"] in FINAL_STATES:
                return response
            self._sleep(min(_retry_after(response), 1.0))

    def events(self, job_id: str) -> Iterator[Event]:
        """Yield a job's events to its end; a lost connection is taken up where it broke off."""
        last_id, lost = "", _Lost(self._sleep, self._remark)
        while True:
            try:
                for event_id, event in self._stream(job_id, last_id):
                    last_id = event_id or last_id
                    lost.over()
                    yield event
                    if event.kind == "done":
                        return
            except httpx.TransportError as error:
                if not lost.wait():
                    raise Unreachable(
                        f"The events of job {job_id} broke off; see: quern job {job_id}"
                    ) from error
            except Refused as error:
                if error.status not in _AWAY or not lost.wait():
                    raise
            else:
                return

    # Inside --------------------------------------------------------------------------------

    def _stream(self, job_id: str, last_id: str) -> Iterator[tuple[str, Event]]:
        """Yield a job's events after *last_id* until the server ends; none where they are over."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        path = f"/api/jobs/{job_id}/events"
        with self._http.stream("GET", path, headers=headers) as response:
            if response.status_code == httpx.codes.NO_CONTENT:
                return
            if response.is_error:
                response.read()
                raise _refusal(response)
            yield from _parse(response.iter_lines())
        raise httpx.RemoteProtocolError("the stream ended before the job did")

    def _outlast(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        """Make a repeatable call, again and again while the server does not answer."""
        lost = _Lost(self._sleep, self._remark)
        while True:
            try:
                response = call()
            except Away:
                if not lost.wait():
                    raise
            except Refused as error:
                if error.status not in _AWAY or not lost.wait():
                    raise
            else:
                lost.over()
                return response

    def _call(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request, again while the server is busy; answers that are no JSON are refused."""
        waited_s = 0.0
        while True:
            response = self._send(method, path, **content)
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            pause_s = _retry_after(response)
            if waited_s + pause_s > BUSY_PATIENCE_S:
                break
            waited_s += pause_s
            self._sleep(pause_s)
        if response.is_error:
            raise _refusal(response)
        _json(response, self.url)
        return response

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send one request."""
        try:
            return self._http.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Away(f"Quern is not running at {self.url}; start it with: quern up") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise Unreachable(f"{self.url!r} is not the address of a server: {error}") from error
        except httpx.TransportError as error:
            raise Away(f"Quern at {self.url} did not answer: {error}") from error


class _Lost:
    """Wait while the server does not answer, with a notice at the begin and the end."""

    def __init__(self, sleep: Callable[[float], None], remark: Callable[[str], None]) -> None:
        self._sleep = sleep
        self._remark = remark
        self._waited_s = 0.0
        self._pause_s = FIRST_LOST_PAUSE_S

    def wait(self) -> bool:
        """Wait a moment; false when that has been long enough."""
        if self._waited_s >= LOST_PATIENCE_S:
            return False
        if not self._waited_s:
            self._remark("The connection to Quern was lost; trying again. The job is kept.")
        self._sleep(self._pause_s)
        self._waited_s += self._pause_s
        self._pause_s = min(self._pause_s * 2, LAST_LOST_PAUSE_S)
        return True

    def over(self) -> None:
        """Print that the server answers again, if it did not before."""
        if self._waited_s:
            self._remark("Quern answers again.")
        self._waited_s, self._pause_s = 0.0, FIRST_LOST_PAUSE_S


def collection_path(collection: str) -> str:
    """Return where a collection is."""
    return f"/api/collections/{quote(collection, safe='')}"


def documents_path(collection: str) -> str:
    """Return where a collection's documents are."""
    return f"{collection_path(collection)}/documents"


def diff_path(collection: str) -> str:
    """Return where a listing is compared with a collection."""
    return f"{collection_path(collection)}/diff"


def hashes_path(collection: str) -> str:
    """Return where the hashes of a collection's documents are."""
    return f"{collection_path(collection)}/hashes"


def document_path(collection: str, document_id: str) -> str:
    """
    Return where a document is; slashes of its id stay as they are.

    Raises:
        InvalidRequest: The id has segments that would lead elsewhere: `..` names the collection.
    """
    if any(segment in ("", ".", "..") for segment in document_id.split("/")):
        raise InvalidRequest("document", f"{document_id!r} is not the id of a document")
    return f"{documents_path(collection)}/{quote(document_id)}"


def _json(response: httpx.Response, url: str) -> None:
    """Refuse an answer that Quern would not give: another server has its port."""
    if response.content and "json" not in response.headers.get("Content-Type", ""):
        raise Unreachable(f"What answers at {url} is not Quern; name its address with --url")


def _retry_after(response: httpx.Response) -> float:
    """Return how long the server asks to be left alone, seconds; at least a moment."""
    text = response.headers.get("Retry-After", "1")
    return min(max(float(text), 0.05), LONGEST_RETRY_S) if text.isdecimal() else 1.0


def _refusal(response: httpx.Response) -> Refused:
    """Read the problem details of an answer."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    return Refused(response.status_code, problem if isinstance(problem, dict) else {})


def _in_words(status: int, problem: Mapping[str, Any]) -> str:
    """Return what is wrong: title, detail, and each field on its own line."""
    title = problem.get("title") or httpx.codes.get_reason_phrase(status) or f"Status {status}"
    fields = [f"  {error['field']}: {error['message']}" for error in problem.get("errors") or ()]
    detail = problem.get("detail")
    # A detail that repeats the only field would be read twice.
    repeated = any(f"  {detail}" == line for line in fields)
    head = f"{title}: {detail}" if detail and not repeated else f"{title}"
    return "\n".join([head, *fields])


def _parse(lines: Iterator[str]) -> Iterator[tuple[str, Event]]:
    """Read server-sent events (HTML standard, section 9.2.6) with one line of JSON each."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                event = Event(fields.get("event", "message"), json.loads(fields["data"]))
                yield fields.get("id", ""), event
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
