"""Patience with a busy server, and streams that break off."""

import io
from collections.abc import Callable

import httpx
import pytest

from cli.client import BUSY_PATIENCE_S, LOST_PATIENCE_S, Client, Event, Refused, document_path
from cli.errors import Unreachable
from rag.errors import InvalidRequest


def client(
    answer: Callable[[httpx.Request], httpx.Response], slept: list[float] | None = None
) -> Client:
    sleep = (slept if slept is not None else []).append
    return Client("http://quern/", transport=httpx.MockTransport(answer), sleep=sleep)


def test_a_busy_server_is_asked_again_when_it_said() -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200, json={})]
    slept: list[float] = []

    with client(lambda _: answers.pop(0), slept) as quern:
        quern.post("/api/queries", {"question": "?"})

    assert slept == [7.0]
    assert answers == []


def test_patience_with_a_busy_server_ends() -> None:
    busy = {"Retry-After": "100", "Content-Type": "application/problem+json"}
    body = '{"title": "Too Many Requests", "detail": "The queue is full"}'
    slept: list[float] = []

    with (
        client(lambda _: httpx.Response(429, headers=busy, content=body), slept) as quern,
        pytest.raises(Refused, match="Too Many Requests: The queue is full"),
    ):
        quern.get("/api/jobs")

    assert sum(slept) == BUSY_PATIENCE_S


def test_an_upload_is_sent_whole_again_after_a_refusal() -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(429 if len(bodies) == 1 else 202, json={})

    with client(answer) as quern:
        quern.upload("/api/ingests", [("files", ("a.txt", io.BytesIO(b"all of it"), "text/plain"))])

    assert [b"all of it" in body for body in bodies] == [True, True]


def test_a_broken_stream_goes_on_after_the_last_event_seen() -> None:
    first = 'id: 1-0\nevent: token\ndata: {"text": "a"}\n\nid: 2-0\nevent: token\ndata: {"te'
    rest = 'id: 2-0\nevent: token\ndata: {"text": "b"}\n\nid: 3-0\nevent: done\ndata: {}\n\n'
    answers = [httpx.Response(200, content=first), httpx.Response(200, content=rest)]
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Last-Event-ID"))
        return answers.pop(0)

    with client(answer) as quern:
        events = list(quern.events("j1"))

    assert events == [
        Event("token", {"text": "a"}),
        Event("token", {"text": "b"}),
        Event("done", {}),
    ]
    assert seen == [None, "1-0"]


def test_a_stream_that_is_over_ends() -> None:
    with client(lambda _: httpx.Response(204)) as quern:
        assert list(quern.events("j1")) == []


def test_an_address_that_is_none_is_said_to_be_none() -> None:
    with Client("quern") as quern, pytest.raises(Unreachable, match="not the address of a server"):
        quern.get("/api/jobs")


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


class Flaky:
    """Fails as told, one answer after the other, then goes on with the last."""

    def __init__(self, *answers: Exception | httpx.Response) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


LOST = [
    httpx.ConnectError("refused"),
    httpx.ReadError("reset by peer"),
    httpx.ReadTimeout("timed out"),
    httpx.RemoteProtocolError("server disconnected"),
    httpx.Response(502, content=b"<html>Bad Gateway</html>"),
    httpx.Response(503, json={"title": "Service Unavailable"}),
]


def words_of(server: Flaky, act: Callable[[Client], object]) -> tuple[list[str], list[float]]:
    words: list[str] = []
    slept: list[float] = []
    transport = httpx.MockTransport(server)
    with Client("http://q", transport=transport, sleep=slept.append, remark=words.append) as quern:
        act(quern)
    return words, slept


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: type(lost).__name__)
def test_a_job_is_watched_on_after_a_lost_connection(lost: Exception | httpx.Response) -> None:
    ended = httpx.Response(200, json={"state": "partial"})
    server = Flaky(httpx.Response(200, json={"state": "running"}), lost, lost, ended)
    seen: list[object] = []

    words, slept = words_of(server, lambda quern: seen.append(quern.wait("j1").json()["state"]))

    assert seen == ["partial"]
    assert words == [
        "The connection to Quern was lost; trying again. The job is kept.",
        "Quern answers again.",
    ]
    assert slept[1:] == [0.5, 1.0]


def test_the_patience_with_a_server_that_stays_away_ends() -> None:
    slept: list[float] = []
    server = Flaky(httpx.ConnectError("refused"))

    with (
        Client("http://q", transport=httpx.MockTransport(server), sleep=slept.append) as quern,
        pytest.raises(Unreachable, match="is not running at http://q"),
    ):
        quern.wait("j1")

    assert LOST_PATIENCE_S <= sum(slept) < LOST_PATIENCE_S + 10


def test_a_question_to_a_server_that_is_not_there_is_not_waited_for() -> None:
    slept: list[float] = []
    server = Flaky(httpx.ConnectError("refused"))

    with (
        Client("http://q", transport=httpx.MockTransport(server), sleep=slept.append) as quern,
        pytest.raises(Unreachable),
    ):
        quern.post("/api/queries", {"question": "?"})

    assert slept == []


def test_an_upload_is_sent_whole_again_after_a_lost_connection() -> None:
    file = io.BytesIO(b"all of it")
    server = Flaky(httpx.WriteError("reset by peer"), httpx.Response(202, json={}))

    words_of(server, lambda quern: quern.upload("/x", [("files", ("a.txt", file, "text/plain"))]))

    assert [b"all of it" in body for body in server.bodies] == [True, True]


@pytest.mark.parametrize("lost", LOST[:1] + LOST[4:], ids=lambda lost: type(lost).__name__)
def test_a_stream_goes_on_after_the_service_was_started_again(
    lost: Exception | httpx.Response,
) -> None:
    first = httpx.Response(200, content='id: 1-0\nevent: token\ndata: {"text": "a"}\n\n')
    rest = httpx.Response(200, content="id: 2-0\nevent: done\ndata: {}\n\n")
    seen: list[Event] = []

    words, _ = words_of(Flaky(first, lost, rest), lambda quern: seen.extend(quern.events("j1")))

    assert [event.kind for event in seen] == ["token", "done"]
    assert len(words) == 2


def test_what_becomes_a_job_is_sent_again_under_one_key_when_its_answer_was_lost() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("reset by peer")
        return httpx.Response(202, json={"id": "j1"})

    with client(answer) as quern:
        for _ in range(2):
            assert quern.submit("/api/x", {"ids": []}).json() == {"id": "j1"}

    assert keys[0] == keys[1] != keys[2]
