"""The calls of both clients: what they send, and what they make of the answer."""

import inspect
import io
import json

import httpx
import pytest

from quern import calls
from quern.aio import AsyncClient
from quern.client import Client
from quern.errors import Away, NotAnswered, NotYet, Refused
from quern.types import Answer
from rag.errors import InvalidRequest
from tests.unit.quern.conftest import Caller, Flaky, job


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


def test_who_waits_no_longer_asks_no_more(caller: Caller) -> None:
    server = Flaky(job("running"))

    with pytest.raises(NotYet, match="Job j1 is running; it goes on") as why:
        caller.run(server, calls.wait("j1", timeout_s=0))

    assert isinstance(why.value, TimeoutError)
    assert [dict(request.url.params) for request in server.requests] == [{"wait": "0"}]


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


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_cannot_be_a_key_is_no_key(kind: type[Client | AsyncClient]) -> None:
    for key in ("qk_a_b\n", "qk_a_\u00fc"):
        with pytest.raises(InvalidRequest, match="key: has characters"):
            kind("http://q", key=key)


def test_a_key_is_shown_with_every_request(caller: Caller) -> None:
    server = Flaky(httpx.Response(200, json={"collections": []}))

    caller.run(server, calls.collections(), key="qk_a_b")
    caller.run(server, calls.collections())

    shown = [request.headers.get("Authorization") for request in server.requests]
    assert shown == ["Bearer qk_a_b", None]


def test_both_clients_have_the_same_calls() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    by_path = {"get", "post", "delete", "poll", "pages", "health", "download"}
    assert public(Client) - by_path - {"close"} == public(AsyncClient) - {"aclose"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_call_tells_its_parameters_and_its_result(kind: type[Client | AsyncClient]) -> None:
    bound = inspect.signature(kind("http://q").ask)

    assert list(bound.parameters)[:2] == ["question", "collection"]
    assert bound.return_annotation is Answer
    assert kind.ask.__name__ == "ask"
    assert (kind.ask.__doc__ or "").strip().startswith("Ask a question and wait")


def test_files_are_sent_with_what_holds_for_all(caller: Caller) -> None:
    server = Flaky(httpx.Response(202, json={"id": "j1"}))

    caller.run(
        server,
        calls.add_files(
            {"a/b.md": io.BytesIO(b"one"), "c.md": io.BytesIO(b"two")},
            collection="work", metadata={"year": 1968}, deadline_s=60,
        ),
    )  # fmt: skip

    (sent,) = server.bodies
    assert sent.count(b'name="files"; filename="a/b.md"') == 1
    assert b"\r\n\r\ntwo\r\n" in sent
    for name, value in {
        "collection": b"work", "metadata": b'{"year": 1968}', "deadline_s": b"60",
        "priority": b"batch", "on_duplicate": b"index",
    }.items():  # fmt: skip
        assert b'name="%s"\r\n\r\n%s\r\n' % (name.encode(), value) in sent
    assert b"webhook_url" not in sent


def test_texts_and_questions_are_sent_under_the_names_of_the_api(caller: Caller) -> None:
    server = Flaky(httpx.Response(202, json={"id": "j1"}))

    caller.run(server, calls.add_texts({"a": "one"}, metadata={"year": 1968}))
    caller.run(server, calls.ask_many(["Why?", {"id": "q2", "question": "How?"}], top_k=3))

    texts, questions = (json.loads(body) for body in server.bodies)
    assert texts["documents"] == [{"id": "a", "text": "one"}]
    assert texts["metadata"] == {"year": 1968}
    assert questions["questions"] == [{"question": "Why?"}, {"id": "q2", "question": "How?"}]
    assert questions["top_k"] == 3


def test_a_document_is_deleted_under_a_key_and_a_collection_is_not_deleted_twice(
    caller: Caller,
) -> None:
    gone = httpx.ReadError("reset by peer")
    server = Flaky(gone, httpx.Response(202, json={"id": "j1"}))
    caller.run(server, calls.delete_document("a/b.md"))

    first, second = (request.headers["Idempotency-Key"] for request in server.requests)
    assert first == second
    server = Flaky(gone, httpx.Response(202, json={"id": "j1"}))
    with pytest.raises(Away, match="did not answer"):
        caller.run(server, calls.delete_collection("work"))
    assert len(server.requests) == 1


def test_a_refusal_says_what_is_wrong(caller: Caller) -> None:
    problem = {"title": "Not Found", "detail": "There is no job j1."}

    with pytest.raises(Refused, match="Not Found: There is no job j1") as why:
        caller.run(lambda _: httpx.Response(404, json=problem), calls.job("j1"))
    assert why.value.status == 404
    assert why.value.problem == problem
    assert why.value.retry_after_s is None
