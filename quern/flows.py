"""
How a request is made until it is answered: what is waited for, and what is tried again.

A flow says what is to be sent, and how long to wait; who runs it does so, with threads or with
asyncio. So both clients wait, try again and give up alike.
"""

import logging
import math
import re
import ssl
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO, Final, TypeVar

import httpx

from quern.errors import Away, NotYet, Refused, Unreachable
from quern.paths import job_path
from rag.errors import InvalidRequest

FINAL_STATES: Final = frozenset({"succeeded", "partial", "failed", "cancelled", "expired"})
#: So long a call waits where nobody says otherwise: a service starts again in less.
PATIENCE_S: Final = 600.0
LONG_POLL_S: Final = 25
#: Entries of a list that are asked for at once.
PAGE: Final = 200
FIRST_LOST_PAUSE_S = 0.5
LAST_LOST_PAUSE_S: Final = 5.0
#: Longer than a server needs for the largest request, its long polls and its search. A call waits
#: for a connection of the pool as long as others use them all.
TIMEOUT: Final = httpx.Timeout(120.0, connect=5.0, pool=None)
_IDEMPOTENCY_KEY: Final = re.compile("[!-~]{1,255}")
#: What a proxy, or a service that is not ready yet, says while there is nobody to answer.
AWAY: Final = frozenset({502, 503, 504})
#: Where remarks go that nobody else takes.
LOG: Final = logging.getLogger("quern")
NO_ANSWER: Final = "Quern does not answer; trying again."
KEPT: Final = "The connection to Quern was lost; trying again. The job is kept."
BROKE_OFF: Final = "The events of job {0} broke off; see: quern job {0}"

#: A file of a form: what it is called, its bytes, its media type.
File = tuple[str, BinaryIO, str]
Files = Sequence[tuple[str, File]]


@dataclass(frozen=True, slots=True)
class Send:
    """
    A request to be sent; its response is sent back into the flow, or its failure thrown.

    Args:
        content: Of the request, as httpx takes it.

        is_stream: Whether the response is sent back before its body has come; an error's body
            has come all the same.
    """

    method: str
    path: str
    content: Mapping[str, Any] = field(default_factory=dict)
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """A time to be waited for."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Retry:
    """
    A time to be waited for before the next try; False is sent back where patience ends first.

    Args:
        spent_s: How long it has been in vain so far.
    """

    seconds: float
    spent_s: float


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be said to people who wait."""

    words: str


Step = Send | Pause | Retry | Remark
T = TypeVar("T")
Flow = Generator[Step, Any, T]


def call(
    method: str, path: str, *, is_stream: bool = False, **content: Any
) -> Flow[httpx.Response]:
    """
    Send a request, again while the server is busy.

    Raises:
        Refused: The API says no.

        Away, Unreachable: There is no answer, or none that is Quern's.
    """
    spent_s = 0.0
    while True:
        response: httpx.Response = yield Send(method, path, content, is_stream)
        if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            break
        pause_s = _retry_after_s(response)
        if not (yield Retry(pause_s, spent_s)):
            break
        spent_s += pause_s
    if response.is_error:
        raise refusal(response)
    if not is_stream:
        check_json(response)
    return response


def get(path: str, **parameters: object) -> Flow[httpx.Response]:
    """Read *path*; parameters that are None are left out."""
    given = {name: str(value) for name, value in parameters.items() if value is not None}
    return (yield from call("GET", path, params=given))


def post(path: str, body: object = None) -> Flow[httpx.Response]:
    """Send a JSON body, or none."""
    content: dict[str, Any] = {} if body is None else {"json": body}
    return (yield from call("POST", path, **content))


def delete(path: str) -> Flow[httpx.Response]:
    """Delete or cancel what is at *path*."""
    return (yield from call("DELETE", path))


def poll(path: str, **parameters: object) -> Flow[httpx.Response]:
    """Read *path* of a job that is being watched: a server that is away is waited for."""
    return (yield from outlast(lambda: get(path, **parameters), words=KEPT))


def submit(path: str, body: object = None, *, key: str | None = None) -> Flow[httpx.Response]:
    """
    Send what becomes a job, once: a server that is away is waited for, and asked again.

    *key* is the caller's own `Idempotency-Key`, for one who may come back with the same.
    """
    content: dict[str, Any] = {} if body is None else {"json": body}
    return (yield from once("POST", path, key=key, **content))


def submit_form(
    path: str,
    files: Files | Mapping[str, File],
    fields: Mapping[str, str],
    *,
    key: str | None = None,
) -> Flow[httpx.Response]:
    """Send a form that becomes a job, once, as `submit` does; files are read from the start."""
    return (yield from once("POST", path, key=key, files=files, data=fields))


def once(method: str, path: str, *, key: str | None = None, **content: Any) -> Flow[httpx.Response]:
    """
    Send something under a key of its own, so that it is done once however often it is sent.

    Raises:
        InvalidRequest: *key* cannot be one.
    """
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest("idempotency_key", "must be 1 to 255 visible ASCII characters")
    headers = {"Idempotency-Key": uuid.uuid4().hex if key is None else key}
    return (yield from outlast(lambda: call(method, path, headers=headers, **content)))


def upload(path: str, files: Files) -> Flow[httpx.Response]:
    """
    Send open files as one form, to where the same file counts once.

    They are read again from the start if the server is busy, or was away.
    """
    return (yield from outlast(lambda: call("POST", path, files=files), words=KEPT))


def close(job_id: str, *, patiently: bool) -> Flow[httpx.Response]:
    """Close an open job to more documents; harmless when repeated."""
    path = f"{job_path(job_id)}/close"
    if patiently:
        return (yield from outlast(lambda: post(path), words=KEPT))
    return (yield from post(path))


def wait(job_id: str, *, timeout_s: float = math.inf) -> Flow[httpx.Response]:
    """
    Wait until a job has ended; return its last answer.

    Raises:
        NotYet: It has not, within *timeout_s*.
    """
    until = time.monotonic() + timeout_s
    while True:
        left_s = max(0.0, until - time.monotonic())
        response = yield from poll(job_path(job_id), wait=math.floor(min(left_s, LONG_POLL_S)))
        job = response.json()
        if job["state"] in FINAL_STATES:
            return response
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise NotYet(job)
        yield Pause(min(_retry_after_s(response), left_s, 1.0))


def listen(job_id: str, headers: Mapping[str, str]) -> Flow[httpx.Response]:
    """Begin to read the events of a job; the response is the caller's to read and close."""
    path = f"{job_path(job_id)}/events"
    return (yield from call("GET", path, is_stream=True, headers=headers))


def health() -> Flow[httpx.Response]:
    """Read the health page, which answers 503 with the same body when something has failed."""
    response: httpx.Response = yield Send("GET", "/health")
    check_json(response)
    return response


def outlast(make: Callable[[], Flow[T]], *, words: str = NO_ANSWER) -> Flow[T]:
    """Run a repeatable flow, again and again while the server does not answer."""
    lost = Lost(words)
    while True:
        try:
            answer = yield from make()
        except (Away, Refused) as error:
            if not (yield from lost.after(error)):
                raise
        else:
            yield from lost.over()
            return answer


class Lost:
    """
    Wait while the server does not answer, with a remark at the begin and the end.

    Args:
        words: The remark at the begin.
    """

    def __init__(self, words: str) -> None:
        self._words = words
        self._since: float | None = None
        self._paused_s = 0.0
        self._pause_s = FIRST_LOST_PAUSE_S

    def after(self, error: Away | Refused) -> Flow[bool]:
        """Wait before the next try; False where none helps, or it has been long enough."""
        if isinstance(error, Refused) and not _is_away(error):
            return False
        now = time.monotonic()
        pause_s = max(self._pause_s, getattr(error, "retry_after_s", None) or 0.0)
        # Tries take time too: of a server that takes a request and never answers, minutes.
        spent_s = 0.0 if self._since is None else max(self._paused_s, now - self._since)
        if self._since is None:
            self._since = now
            yield Remark(self._words)
        if not (yield Retry(pause_s, spent_s)):
            return False
        self._paused_s += pause_s
        self._pause_s = min(self._pause_s * 2, LAST_LOST_PAUSE_S)
        return True

    def over(self) -> Flow[None]:
        """Say that the server answers again, if it did not before."""
        if self._since is not None:
            yield Remark("Quern answers again.")
        self._since, self._paused_s, self._pause_s = None, 0.0, FIRST_LOST_PAUSE_S


def _is_away(error: Refused) -> bool:
    """Return True if another try may help; a search that took Quern too long would again."""
    took_too_long = error.status == HTTPStatus.GATEWAY_TIMEOUT and "job_id" in error.problem
    return error.status in AWAY and not took_too_long


def authorization(key: str) -> dict[str, str]:
    """
    Return the headers that show a key, none for no key.

    Raises:
        InvalidRequest: It cannot be one; a key that was read from a file may end in a line break.
    """
    if not (key.isascii() and key.isprintable()):
        raise InvalidRequest("key", "has characters that no key has, such as a line break")
    return {"Authorization": f"Bearer {key}"} if key else {}


def unreachable(error: Exception, url: str) -> Unreachable:
    """Return what an error of the HTTP client means for a call to the server at *url*."""
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Unreachable(f"{url!r} is not the address of a server: {error}")
    if isinstance(error, httpx.LocalProtocolError):
        return Unreachable(f"The request cannot be sent: {error}")
    if _is_distrust(error):
        return Unreachable(f"The certificate of {url} is not trusted: {error}")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Away(f"Quern is not running at {url}; start it with: quern up")
    return Away(f"Quern at {url} did not answer: {error}")


def _is_distrust(error: BaseException | None) -> bool:
    """Return True if a certificate was refused, which httpx tells as a connection that failed."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def check_json(response: httpx.Response) -> None:
    """Refuse an answer that Quern would not give: another server has its port."""
    is_json = "json" in response.headers.get("Content-Type", "")
    if response.has_redirect_location or (response.content and not is_json):
        url = response.request.url
        raise Unreachable(
            f"What answers at {url.scheme}://{url.netloc.decode()} is not Quern; name its address "
            "with --url"
        )


def _retry_after_s(response: httpx.Response) -> float:
    """Return how long the server asks to be left alone, seconds; at least a moment."""
    text = response.headers.get("Retry-After", "")
    return max(float(text), 0.05) if text.isdecimal() else 1.0


def refusal(response: httpx.Response) -> Refused:
    """Read the problem details of an answer."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    retry_after_s = _retry_after_s(response) if "Retry-After" in response.headers else None
    return Refused(
        response.status_code,
        problem if isinstance(problem, dict) else {},
        retry_after_s=retry_after_s,
    )
