"""Patience of both clients: with a server that is busy, and with one that is away."""

import io
import ssl
import time
from collections.abc import Callable

import httpx
import pytest

from quern import calls, flows
from quern.aio import AsyncClient
from quern.client import Client
from quern.errors import Away, Refused, Unreachable
from quern.flows import PATIENCE_S
from rag.errors import InvalidRequest
from tests.unit.quern.conftest import LOST, Caller, Flaky, job, lost

COLLECTIONS: dict[str, list[str]] = {"collections": []}


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

    assert sum(caller.slept) == PATIENCE_S


def test_an_upload_is_sent_whole_again_after_a_refusal_or_a_lost_connection(
    caller: Caller,
) -> None:
    for first in (httpx.Response(429), httpx.WriteError("reset by peer")):
        file = io.BytesIO(b"all of it")
        server = Flaky(first, httpx.Response(202, json={}))
        form = [("files", ("a.txt", file, "text/plain"))]

        caller.run(server, flows.upload("/api/ingests", form))

        assert [b"all of it" in body for body in server.bodies] == [True, True]


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

    assert PATIENCE_S - 10 < sum(caller.slept) <= PATIENCE_S


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


def test_who_may_come_back_has_a_key_of_its_own(caller: Caller) -> None:
    server = Flaky(httpx.Response(202, json={"id": "j1"}))

    for flow in (
        calls.submit("Why?", idempotency_key="mine"),
        calls.ask_many(["Why?"], idempotency_key="mine"),
        calls.add_texts({"a": "one"}, idempotency_key="mine"),
        calls.add_files({"a": io.BytesIO()}, idempotency_key="mine"),
    ):
        caller.run(server, flow)

    assert {one.headers["Idempotency-Key"] for one in server.requests} == {"mine"}


@pytest.mark.parametrize("key", ["", "two words", "m\u00fcde", "line\n", "x" * 256])
def test_what_cannot_be_an_idempotency_key_is_not_sent(caller: Caller, key: str) -> None:
    server = Flaky(httpx.Response(202, json={"id": "j1"}))

    with pytest.raises(InvalidRequest, match="visible ASCII"):
        caller.run(server, calls.submit("Why?", idempotency_key=key))
    assert server.requests == []


def test_another_server_at_the_address_is_told_apart(caller: Caller) -> None:
    with pytest.raises(Unreachable, match="What answers at http://quern is not Quern"):
        caller.run(lambda _: httpx.Response(200, html="<p>Hello</p>"), calls.collections())


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_address_that_is_none_is_said_to_be_none(kind: type[Client | AsyncClient]) -> None:
    with Client("quern") as quern, pytest.raises(Unreachable, match="not the address of a server"):
        quern.collections()
    with pytest.raises(Unreachable, match="not the address of a server"):
        kind("http://quern:port")


def test_who_is_told_to_come_back_tomorrow_is_told_at_once(caller: Caller) -> None:
    spent = httpx.Response(429, headers={"Retry-After": "30000"}, json={"title": "Overspent"})

    with pytest.raises(Refused, match="Overspent") as why:
        caller.run(lambda _: spent, calls.submit("Why?"))

    assert caller.slept == []
    assert why.value.retry_after_s == 30_000


@pytest.mark.parametrize("is_away", [True, False])
def test_patience_is_the_callers(caller: Caller, *, is_away: bool) -> None:
    server = Flaky(httpx.ConnectError("refused") if is_away else httpx.Response(429))

    with pytest.raises((Away, Refused)):
        caller.run(server, calls.submit("Why?"), patience_s=0)
    assert (len(server.requests), caller.slept) == (1, [])

    with pytest.raises((Away, Refused)):
        caller.run(server, calls.submit("Why?"), patience_s=2)
    assert 0 < sum(caller.slept) <= 2


def test_a_server_that_is_away_is_left_alone_for_as_long_as_it_says(caller: Caller) -> None:
    full = httpx.Response(503, headers={"Retry-After": "60"}, json={"title": "Disk full"})

    caller.run(Flaky(full, httpx.Response(202, json={"id": "j1"})), calls.submit("Why?"))

    assert caller.slept == [60.0]


@pytest.mark.parametrize(
    "flow", [calls.collections, lambda: calls.create_collection("a"), lambda: calls.search("leave")]
)
def test_what_changes_nothing_is_asked_again(
    caller: Caller, flow: Callable[[], flows.Flow[object]]
) -> None:
    server = Flaky(httpx.ReadError("reset by peer"), httpx.Response(200, json=COLLECTIONS))

    caller.run(server, flow())

    assert len(server.requests) == 2
    assert caller.words == ["Quern does not answer; trying again.", "Quern answers again."]


def test_a_search_that_took_quern_too_long_is_not_made_again(caller: Caller) -> None:
    late = httpx.Response(504, headers={"Retry-After": "5"}, json={"title": "No", "job_id": "j1"})
    proxy = httpx.Response(504, html="<p>Gateway Timeout</p>")
    found = httpx.Response(200, json={"results": []})

    with pytest.raises(Refused, match="No"):
        caller.run(Flaky(late, found), calls.search("leave"))
    assert caller.slept == []
    assert caller.run(Flaky(proxy, found), calls.search("leave"))["results"] == []


def test_tries_that_take_long_wear_patience_out_too(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "FIRST_LOST_PAUSE_S", 0.01)
    server = Flaky(httpx.ReadTimeout("timed out"))

    def slow(request: httpx.Request) -> httpx.Response:
        time.sleep(0.1)
        return server(request)

    with pytest.raises(Away):
        caller.run(slow, calls.job("j1"), patience_s=0.2)

    assert len(server.requests) <= 3  # by their pauses alone they would be five


def test_a_certificate_that_is_not_trusted_is_not_waited_for(caller: Caller) -> None:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")

    with pytest.raises(Unreachable, match="certificate of http://q is not trusted"):
        caller.run(Flaky(error), calls.job("j1"), url="http://q")
    assert caller.slept == []


def test_a_server_that_leads_elsewhere_is_not_quern(caller: Caller) -> None:
    elsewhere = httpx.Response(301, headers={"Location": "https://q/"})

    with pytest.raises(Unreachable, match="What answers at http://quern is not Quern"):
        caller.run(lambda _: elsewhere, calls.collections())


def test_who_names_nobody_for_remarks_finds_them_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Flaky(httpx.ConnectError("refused"), httpx.Response(200, json=COLLECTIONS))
    transport = httpx.MockTransport(server)

    with Client("http://q", transport=transport, sleep=lambda _: None) as quern:
        quern.collections()

    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("quern", "WARNING"), ("quern", "WARNING"),
    ]  # fmt: skip
