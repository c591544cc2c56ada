"""Both clients alike: patience with a busy server and one that is away, streams that break off."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

import httpx
import pytest

from quern import calls, flows
from quern.aio import AsyncClient
from quern.client import Client, Event
from quern.errors import NotAnswered, Refused, Unreachable
from quern.flows import BUSY_PATIENCE_S, LOST_PATIENCE_S, Flow
from quern.paths import document_path
from rag.errors import InvalidRequest

T = TypeVar("T")
Answer = Callable[[httpx.Request], httpx.Response]


class Caller:
    """A client in front of a stand-in for the server, and what it waited and said."""

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async
        self.slept: list[float] = []
        self.words: list[str] = []

    def run(self, answer: Answer, flow: Flow[T], *, url: str = "http://quern/") -> T:
        """Run a flow against *answer*."""
        transport = httpx.MockTransport(answer)
        if not self.is_async:
            with Client(
                url, transport=transport, sleep=self.slept.append, remark=self.words.append
            ) as client:
                return client.run(flow)

        async def run() -> T:
            async with self._client(url, transport) as client:
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

    def _client(self, url: str, transport: httpx.MockTransport) -> AsyncClient:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return AsyncClient(url, transport=transport, sleep=sleep, remark=self.words.append)


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


def test_a_busy_server_is_asked_again_when_it_said(caller: Caller) -> None:
    server = Flaky(httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200, json={}))

    caller.run(server, flows.post("/api/queries", {"question": "?"}))

    assert caller.slept == [7.0]
    assert len(server.bodies) == 2


def test_patience_with_a_busy_server_ends(caller: Caller) -> None:
    busy = {"Retry-After": "100", "Content-Type": "application/problem+json"}
    body = '{"title": "Too Many Requests", "detail": "The queue is full"}'

    with pytest.raises(Refused, match="Too Many Requests: The queue is full"):
        caller.run(
            lambda _: httpx.Response(429, headers=busy, content=body), flows.get("/api/jobs")
        )

    assert sum(caller.slept) == BUSY_PATIENCE_S


def test_an_upload_is_sent_whole_again_after_a_refusal_or_a_lost_connection(
    caller: Caller,
) -> None:
    for first in (httpx.Response(429), httpx.WriteError("reset by peer")):
        file = io.BytesIO(b"all of it")
        server = Flaky(first, httpx.Response(202, json={}))
        form = [("files", ("a.txt", file, "text/plain"))]

        caller.run(server, flows.upload("/api/ingests", form))

        assert [b"all of it" in body for body in server.bodies] == [True, True]


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


def test_an_address_that_is_none_is_said_to_be_none() -> None:
    with Client("quern") as quern, pytest.raises(Unreachable, match="not the address of a server"):
        quern.get("/api/jobs")


@pytest.mark.parametrize("which", range(len(LOST)), ids=LOST)
def test_a_job_is_watched_on_after_a_lost_connection(caller: Caller, which: int) -> None:
    server = Flaky(job("running"), lost()[which], lost()[which], job("partial"))

    assert caller.run(server, calls.wait("j1"))["state"] == "partial"
    assert caller.words == [
        "The connection to Quern was lost; trying again. The job is kept.",
        "Quern answers again.",
    ]
    assert caller.slept[1:] == [0.5, 1.0]


def test_the_patience_with_a_server_that_stays_away_ends(caller: Caller) -> None:
    with pytest.raises(Unreachable, match="is not running at http://q"):
        caller.run(Flaky(httpx.ConnectError("refused")), calls.wait("j1"), url="http://q")

    assert LOST_PATIENCE_S <= sum(caller.slept) < LOST_PATIENCE_S + 10


def test_a_question_to_a_server_that_is_not_there_is_not_waited_for(caller: Caller) -> None:
    with pytest.raises(Unreachable):
        caller.run(Flaky(httpx.ConnectError("refused")), flows.post("/api/queries", {}))

    assert caller.slept == []


def test_what_becomes_a_job_is_sent_again_under_one_key_when_its_answer_was_lost(
    caller: Caller,
) -> None:
    server = Flaky(httpx.ReadError("reset by peer"), httpx.Response(202, json={"id": "j1"}))

    for _ in range(2):
        assert caller.run(server, calls.submit("Why?"))["id"] == "j1"

    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert keys[0] == keys[1] != keys[2]


def test_an_answer_is_waited_for(caller: Caller) -> None:
    answer = {"answer": "20 days. [1]", "answered": True, "citations": []}
    server = Flaky(job("queued"), job("running"), job("succeeded", result=answer))

    assert caller.run(server, calls.ask("How long is leave?"))["answer"] == "20 days. [1]"


def test_a_question_that_failed_has_no_answer(caller: Caller) -> None:
    error = {"title": "Past its deadline", "detail": "It was not finished in time."}
    server = Flaky(job("queued"), job("expired", error=error))

    with pytest.raises(NotAnswered, match="Job j1 is expired: It was not finished in time") as why:
        caller.run(server, calls.ask("Why?"))
    assert why.value.job["state"] == "expired"


def test_what_is_not_said_is_not_sent(caller: Caller) -> None:
    server = Flaky(httpx.Response(200, json={"results": []}))

    caller.run(server, calls.search("leave", collection="work", top_k=3))

    assert server.bodies == [b'{"query":"leave","collection":"work","mode":"hybrid","top_k":3}']


def test_lists_are_read_to_their_ends(caller: Caller) -> None:
    server = Flaky(
        httpx.Response(200, json={"jobs": [{"id": "a"}, {"id": "b"}], "next_cursor": "x"}),
        httpx.Response(200, json={"jobs": [], "next_cursor": "y"}),
        httpx.Response(200, json={"jobs": [{"id": "c"}], "next_cursor": None}),
    )

    assert [one["id"] for one in caller.all(server, "jobs", state="failed")] == ["a", "b", "c"]
    asked = [dict(request.url.params) for request in server.requests]
    assert [one.get("cursor") for one in asked] == [None, "x", "y"]
    assert {one["state"] for one in asked} == {"failed"}


def test_a_key_is_shown_with_every_request() -> None:
    server = Flaky(httpx.Response(200, json={"collections": []}))
    with Client("http://q", key="qk_a_b", transport=httpx.MockTransport(server)) as quern:
        quern.collections()

    assert server.requests[0].headers["Authorization"] == "Bearer qk_a_b"


def test_another_server_at_the_address_is_told_apart(caller: Caller) -> None:
    with pytest.raises(Unreachable, match="What answers at http://quern is not Quern"):
        caller.run(lambda _: httpx.Response(200, html="<p>Hello</p>"), calls.collections())


def test_both_clients_have_the_same_calls() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    by_path = {"get", "post", "delete", "poll", "pages", "health", "download"}
    assert public(Client) - by_path - {"close"} == public(AsyncClient) - {"aclose"}


def test_slashes_of_a_document_id_stay_and_the_rest_is_quoted() -> None:
    assert document_path("my.docs", "a/b c?.md") == (
        "/api/collections/my.docs/documents/a/b%20c%3F.md"
    )


@pytest.mark.parametrize("document_id", ["..", "../../other", ".", "a/../..", "", "a//b"])
def test_no_document_id_leads_to_another_address(document_id: str) -> None:
    with pytest.raises(InvalidRequest, match="is not the id of a document"):
        document_path("default", document_id)


def test_a_document_path_keeps_slashes_and_quotes_the_rest() -> None:
    path = document_path("a b", "reports/für 100 %?.md")

    assert path == "/api/collections/a%20b/documents/reports/f%C3%BCr%20100%20%25%3F.md"
