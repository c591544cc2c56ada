"""Refusals of `/v1` have the form that OpenAI's clients read, whatever is wrong."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openai import InternalServerError, OpenAI
from redis.exceptions import ConnectionError as Away

from runtime.settings import Settings
from tests.integration.conftest import parts_of
from web.app import create_app

ID = "resp_" + "0" * 32


def told(client: FlaskClient, method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    answer = client.open(path, method=method, **more)
    body = answer.get_json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return answer.status_code, body["error"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("POST", "/v1/responses", {"data": "{", "content_type": "application/json"}, 400),
        ("POST", "/v1/responses", {"data": "x"}, 400),
        ("POST", "/v1/responses", {"json": [1]}, 400),
        ("POST", "/v1/responses", {"json": {}}, 400),
        ("POST", "/v1/chat/completions", {"json": {}}, 400),
        ("POST", "/v1/embeddings", {"json": {"input": 3}}, 400),
        ("GET", "/v1/responses", {}, 405),
        ("GET", f"/v1/responses/{ID}", {}, 404), ("GET", "/v1/responses/x/y", {}, 404),
        ("GET", f"/v1/responses/{ID}/input_items", {}, 404),
        ("POST", f"/v1/responses/{ID}/cancel", {}, 404), ("GET", "/v1/assistants", {}, 404),
        ("GET", "/v1/responses/resp_../../x", {}, 404),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_openais_form(
    client: FlaskClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    assert told(client, method, path, **more)[0] == status


@pytest.mark.parametrize(
    "path", ["/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/vector_stores"]
)
@pytest.mark.parametrize("depth", [101, 300, 1_000])
def test_what_is_nested_too_deep_is_refused(client: FlaskClient, path: str, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    # Else it would be refused for these, or wait for an answer.
    wrong = b'"temperature": 9, "dimensions": 0, "name": 3, "messages": 3'
    body = b'{"input": "x", ' + wrong + b', "x": ' + deep + b"}"
    status, error = told(
        client, "POST", path, data=body, content_type="application/json",
        headers={"Idempotency-Key": "a"},
    )  # fmt: skip

    assert (status, error["type"]) == (400, "invalid_request_error")
    assert "100 levels" in error["message"]


def test_a_field_that_is_wrong_is_named(client: FlaskClient) -> None:
    body = {"input": "x", "temperature": 3}
    status, error = told(client, "POST", "/v1/responses", json=body)

    assert (status, error["param"], error["type"]) == (400, "temperature", "invalid_request_error")


def test_a_page_that_goes_on_behind_nothing_is_refused(client: FlaskClient, store: str) -> None:
    assert store
    made = client.post("/v1/responses", json={"input": "x", "background": True}).get_json()["id"]
    for query, status in (("after=msg_none", 404), ("limit=0", 400), ("order=up", 400)):
        path = f"/v1/responses/{made}/input_items?{query}"
        assert told(client, "GET", path)[0] == status


@pytest.fixture
def small(settings: Settings) -> Iterator[Flask]:
    """A server that takes one question in."""
    app = create_app(replace(settings, max_interactive_jobs=1))
    yield app
    parts_of(app).close()


def test_a_full_queue_says_when_to_come_back(small: Flask) -> None:
    client = small.test_client()
    assert client.post("/v1/responses", json={"input": "x", "background": True}).status_code == 200

    for more in ({"background": True}, {"stream": True}, {}):
        answer = client.post("/v1/responses", json={"input": "x", **more})
        assert answer.get_json()["error"]["code"] == "rate_limit_exceeded"
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True)
    # What found no room holds no place either.
    places = parts_of(small).places
    assert (places.streams.taken, places.polls.taken) == (0, 0)


def test_a_queue_that_is_away_is_an_error_of_the_server(
    openai: OpenAI, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Away("nobody there")

    monkeypatch.setattr(parts_of(app).intake.jobs, "row", away)
    with pytest.raises(InternalServerError) as refused:
        openai.responses.retrieve(ID)

    assert refused.value.status_code == 503
