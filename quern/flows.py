"""
How a request is made until it is answered: what is waited for, and what is tried again.

A flow says what is to be sent, and how long to wait; who runs it does so, with threads or with
asyncio. So both clients wait, try again and give up alike.
"""

import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, TypeVar

import httpx

from quern.errors import Away, Refused, Unreachable
from quern.paths import job_path

FINAL_STATES: Final = frozenset({"succeeded", "partial", "failed", "cancelled", "expired"})
#: A busy server names when to come back; this long we come back, then we give up.
BUSY_PATIENCE_S: Final = 600.0
LONGEST_RETRY_S: Final = 120.0
LONG_POLL_S: Final = 25
#: Entries of a list that are asked for at once.
PAGE: Final = 200
#: So long a job is watched while nobody answers: a service starts again in less.
LOST_PATIENCE_S: Final = 600.0
FIRST_LOST_PAUSE_S = 0.5
LAST_LOST_PAUSE_S: Final = 5.0
#: What a proxy, or a service that is not ready yet, says while there is nobody to answer.
AWAY: Final = frozenset({502, 503, 504})

#: A file of a form: what it is called, its bytes, its media type.
File = tuple[str, BinaryIO, str]
Files = Sequence[tuple[str, File]]


@dataclass(frozen=True, slots=True)
class Send:
    """A request to be sent; its response is sent back into the flow."""

    method: str
    path: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time to be waited for."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be said to people who wait."""

    words: str


Step = Send | Pause | Remark
T = TypeVar("T")
Flow = Generator[Step, Any, T]


def call(method: str, path: str, **content: Any) -> Flow[httpx.Response]:
    """
    Send a request, again while the server is busy.

    Raises:
        Refused: The API says no.

        Away, Unreachable: There is no answer, or none that is Quern's.
    """
    waited_s = 0.0
    while True:
        response: httpx.Response = yield Send(method, path, content)
        if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
        pause_s = retry_after(response)
        if waited_s + pause_s > BUSY_PATIENCE_S:
            break
        waited_s += pause_s
        yield Pause(pause_s)
    if response.is_error:
        raise refusal(response)
    check_json(response)
    return response


def get(path: str, **parameters: object) -> Flow[httpx.Response]:
    """Read *path*; parameters that are None are left out."""
    given = {name: str(value) for name, value in parameters.items() if value is not None}
    return (yield from call("GET", path, params=given))


def post(path: str, body: object = None) -> Flow[httpx.Response]:
    """Send a JSON body, or none."""
    content = {} if body is None else {"json": body}
    return (yield from call("POST", path, **content))


def delete(path: str) -> Flow[httpx.Response]:
    """Delete or cancel what is at *path*."""
    return (yield from call("DELETE", path))


def poll(path: str, **parameters: object) -> Flow[httpx.Response]:
    """Read *path* of a job that is being watched: a server that is away is waited for."""
    return (yield from outlast(lambda: get(path, **parameters)))


def submit(path: str, body: object = None) -> Flow[httpx.Response]:
    """Send what becomes a job, once: a server that is away is waited for, and asked again."""
    content = {} if body is None else {"json": body}
    return (yield from _once(path, **content))


def submit_form(
    path: str, files: Files | Mapping[str, File], fields: Mapping[str, str]
) -> Flow[httpx.Response]:
    """Send a form that becomes a job, once, as `submit` does; files are read from the start."""
    return (yield from _once(path, files=files, data=fields))


def upload(path: str, files: Files) -> Flow[httpx.Response]:
    """
    Send open files as one form, to where the same file counts once.

    They are read again from the start if the server is busy, or was away.
    """
    return (yield from outlast(lambda: call("POST", path, files=files)))


def close(job_id: str, *, patiently: bool) -> Flow[httpx.Response]:
    """Close an open job to more documents; harmless when repeated."""
    path = f"{job_path(job_id)}/close"
    if patiently:
        return (yield from outlast(lambda: post(path)))
    return (yield from post(path))


def wait(job_id: str) -> Flow[httpx.Response]:
    """Wait, however long, until a job has ended; return its last answer."""
    while True:
        response = yield from poll(job_path(job_id), wait=LONG_POLL_S)
        if response.json()["state"] in FINAL_STATES:
            return response
        yield Pause(min(retry_after(response), 1.0))


def health() -> Flow[httpx.Response]:
    """Read the health page, which answers 503 with the same body when something has failed."""
    response: httpx.Response = yield Send("GET", "/health")
    check_json(response)
    return response


def outlast(make: Callable[[], Flow[T]]) -> Flow[T]:
    """Run a repeatable flow, again and again while the server does not answer."""
    lost = Lost()
    while True:
        try:
            answer = yield from make()
        except Away:
            if not (yield from lost.wait()):
                raise
        except Refused as error:
            if error.status not in AWAY or not (yield from lost.wait()):
                raise
        else:
            yield from lost.over()
            return answer


class Lost:
    """Wait while the server does not answer, with a remark at the begin and the end."""

    def __init__(self) -> None:
        self._waited_s = 0.0
        self._pause_s = FIRST_LOST_PAUSE_S

    def wait(self) -> Flow[bool]:
        """Wait a moment; False when that has been long enough."""
        if self._waited_s >= LOST_PATIENCE_S:
            return False
        if not self._waited_s:
            yield Remark("The connection to Quern was lost; trying again. The job is kept.")
        yield Pause(self._pause_s)
        self._waited_s += self._pause_s
        self._pause_s = min(self._pause_s * 2, LAST_LOST_PAUSE_S)
        return True

    def over(self) -> Flow[None]:
        """Say that the server answers again, if it did not before."""
        if self._waited_s:
            yield Remark("Quern answers again.")
        self._waited_s, self._pause_s = 0.0, FIRST_LOST_PAUSE_S


def _once(path: str, **content: Any) -> Flow[httpx.Response]:
    """Post something under a key of its own, so that it is done once however often it is sent."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    return (yield from outlast(lambda: call("POST", path, headers=key, **content)))


def unreachable(error: Exception, url: str) -> Unreachable:
    """Return what an error of the HTTP client means for a call to the server at *url*."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Away(f"Quern is not running at {url}; start it with: quern up")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Unreachable(f"{url!r} is not the address of a server: {error}")
    return Away(f"Quern at {url} did not answer: {error}")


def check_json(response: httpx.Response) -> None:
    """Refuse an answer that Quern would not give: another server has its port."""
    if response.content and "json" not in response.headers.get("Content-Type", ""):
        url = response.request.url
        raise Unreachable(
            f"What answers at {url.scheme}://{url.netloc.decode()} is not Quern; name its address "
            "with --url"
        )


def retry_after(response: httpx.Response) -> float:
    """Return how long the server asks to be left alone, seconds; at least a moment."""
    text = response.headers.get("Retry-After", "1")
    return min(max(float(text), 0.05), LONGEST_RETRY_S) if text.isdecimal() else 1.0


def refusal(response: httpx.Response) -> Refused:
    """Read the problem details of an answer."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    return Refused(response.status_code, problem if isinstance(problem, dict) else {})
