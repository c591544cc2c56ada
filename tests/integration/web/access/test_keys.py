"""Keys: needed where the settings say so, good for what they were made for, and for so long."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from access.grants import Grant, Limits
from access.keys import ApiKeys
from runtime.settings import Settings
from tests.integration.conftest import parts_of
from web.app import create_app
from web.guards.authorization import COOKIE, scopes_of

MINUTE = 60_000_000


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, keys="on"))
    yield app
    parts_of(app).close()


@pytest.fixture
def stranger(guarded: Flask) -> FlaskClient:
    return guarded.test_client()


@pytest.fixture
def keys(guarded: Flask) -> ApiKeys:
    return parts_of(guarded).api_keys


def made(keys: ApiKeys, **told: Any) -> dict[str, str]:
    _, token = keys.create(Grant(**told), name="a test")
    return {"Authorization": f"Bearer {token}"}


def ask(client: FlaskClient, headers: dict[str, str], **more: Any) -> TestResponse:
    return client.post("/api/queries", json={"question": "Why?"} | more, headers=headers)


def test_every_route_says_which_scopes_it_needs(app: Flask) -> None:
    views = {rule.endpoint: app.view_functions[rule.endpoint] for rule in app.url_map.iter_rules()}
    open_to_all = {
        name for name, view in views.items() if name != "static" and scopes_of(view) is None
    }

    assert open_to_all == {
        "operations.livez", "operations.readyz", "operations.health", "operations.history",
        "operations.openapi", "metrics.metrics", "metrics.targets", "pages.api", "pages.api_call",
        "sessions.form", "sessions.login", "sessions.logout",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "keys", "needed"),
    [
        ("127.0.0.1", "auto", False), ("::1", "auto", False), ("localhost", "auto", False),
        ("0.0.0.0", "auto", True), ("::", "auto", True), ("10.1.2.3", "auto", True),  # noqa: S104
        ("quern.internal", "auto", True), ("0.0.0.0", "off", False), ("127.0.0.1", "on", True),  # noqa: S104
    ],
)  # fmt: skip
def test_keys_are_needed_where_others_can_call(host: str, keys: str, needed: bool) -> None:
    assert Settings(host=host, keys=keys).keys_required is needed


def test_without_a_key_nothing_is_told_and_a_browser_is_led_to_the_login(
    stranger: FlaskClient,
) -> None:
    refused = stranger.get("/api/jobs")

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="quern"'
    assert refused.get_json()["type"] == "/problems/key-needed"
    view = stranger.get("/jobs?state=failed")
    assert (view.status_code, view.headers["Location"]) == (
        302, "/login?next=%2Fjobs%3Fstate%3Dfailed",
    )  # fmt: skip
    assert stranger.get("/livez").status_code == 200
    assert stranger.get("/health").get_json().keys() == {"status"}
    assert stranger.get("/metrics").status_code == 403


@pytest.mark.parametrize("sent", ["qk_x", "Basic qk_0", "Bearer", "Bearer fake", "Bearer qk_{}_0"])
def test_what_is_no_key_is_refused_in_the_same_words(stranger: FlaskClient, sent: str) -> None:
    answer = stranger.get("/api/jobs", headers={"Authorization": sent})

    assert answer.status_code == 401
    assert answer.get_json()["detail"].startswith(("Send a key", "This key is unknown"))


def test_a_key_with_a_wrong_secret_is_as_unknown_as_none(
    stranger: FlaskClient, keys: ApiKeys
) -> None:
    key_id, token = keys.create(Grant(), name="a test")
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    absent = f"qk_{'0' * 12}_{'0' * 48}"
    answers = [
        stranger.get("/api/jobs", headers={"Authorization": f"Bearer {one}"})
        for one in (wrong, absent)
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].get_json() == answers[1].get_json()
    assert (
        stranger.get("/api/jobs", headers={"Authorization": f"bearer {token}"}).status_code == 200
    )
    assert key_id in token


def test_the_secret_of_a_key_is_kept_nowhere(keys: ApiKeys, guarded: Flask) -> None:
    _, token = keys.create(Grant(), name="a test")
    redis = parts_of(guarded).intake.redis
    secret = token.rpartition("_")[2]
    kept = str([redis.hgetall(name) for name in redis.keys("quern:api_key:*")])

    assert "digest" in kept
    assert secret not in kept


def test_a_revoked_key_is_worthless_at_once_and_so_is_its_session(
    stranger: FlaskClient, keys: ApiKeys
) -> None:
    key_id, token = keys.create(Grant(), name="a test")
    stranger.post("/login", data={"key": token, "next": "/"})
    assert stranger.get("/api/jobs").status_code == 200
    assert keys.revoke(key_id)

    assert stranger.get("/api/jobs").status_code == 401
    assert (
        stranger.get("/api/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    )
    assert not keys.revoke(key_id)
    assert keys.all() == []


def test_a_key_expires(stranger: FlaskClient, keys: ApiKeys) -> None:
    _, token = keys.create(Grant(), name="a test", expires_in_s=-1)

    answer = stranger.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_key_does_what_its_scopes_name_and_no_more(stranger: FlaskClient, keys: ApiKeys) -> None:
    asks, adds = made(keys, scopes=frozenset({"ask"})), made(keys, scopes=frozenset({"ingest"}))
    document = {"documents": [{"id": "a", "text": "A."}]}

    assert ask(stranger, asks).status_code == 202
    refused = ask(stranger, adds)
    assert (refused.status_code, refused.get_json()["type"]) == (403, "/problems/scope-missing")
    assert "`ask`" in refused.get_json()["detail"]
    ingest = stranger.post("/api/ingests", json=document, headers=adds)
    assert ingest.status_code == 202
    assert stranger.post("/api/ingests", json=document, headers=asks).status_code == 403
    path = f"/api/jobs/{ingest.get_json()['id']}"
    assert stranger.delete(path, headers=asks).status_code == 403
    assert stranger.delete(path, headers=adds).status_code in (200, 202)
    for headers in (asks, adds):
        assert stranger.delete("/api/collections/default", headers=headers).status_code == 403
        assert stranger.post("/api/admin/check", json={}, headers=headers).status_code == 403
        assert stranger.get("/api/webhooks", headers=headers).status_code == 403
        assert stranger.get("/metrics", headers=headers).status_code == 403


def test_a_key_of_some_collections_does_not_know_the_others(
    stranger: FlaskClient, keys: ApiKeys
) -> None:
    everything = made(keys)
    held = made(keys, collections=frozenset({"papers"}))
    for name in ("papers", "secrets"):
        stranger.post("/api/collections", json={"name": name}, headers=everything)
    secret = ask(stranger, everything, collection="secrets").get_json()["id"]
    open_one = ask(stranger, held, collection="papers").get_json()["id"]

    listed = stranger.get("/api/collections", headers=held).get_json()["collections"]
    assert [one["name"] for one in listed] == ["papers"]
    refused = ask(stranger, held, collection="secrets")
    absent = ask(stranger, held, collection="nowhere")
    assert refused.status_code == absent.status_code == 404
    assert refused.get_json()["detail"] == "there is no collection 'secrets'"
    assert stranger.get("/api/collections/secrets/documents", headers=held).status_code == 404
    assert stranger.get(f"/api/jobs/{secret}", headers=held).status_code == 404
    jobs = stranger.get("/api/jobs", headers=held).get_json()["jobs"]
    assert [job["id"] for job in jobs] == [open_one]
    hook = stranger.post("/api/webhooks", json={"url": "https://example.org"}, headers=held)
    assert hook.status_code == 403


def test_requests_of_a_key_have_a_bound(stranger: FlaskClient, keys: ApiKeys) -> None:
    headers = made(keys, limits=Limits(requests_per_minute=3))
    answers = [stranger.get("/api/jobs", headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "3"
    told = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers[:3]]
    assert told == ["2", "1", "0"]
    assert 0 < int(answers[3].headers["Retry-After"]) <= 21
    assert answers[3].get_json()["type"] == "/problems/overspent"
    assert stranger.get("/api/jobs", headers=made(keys)).status_code == 200


def test_the_bound_of_requests_holds_under_many_connections(guarded: Flask, keys: ApiKeys) -> None:
    headers = made(keys, limits=Limits(requests_per_minute=10))

    def get(_: int) -> int:
        return guarded.test_client().get("/api/jobs", headers=headers).status_code

    began = time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(get, range(256)))
    took_s = time.monotonic() - began

    assert set(answers) == {200, 429}
    assert 10 <= answers.count(200) <= 10 + took_s * 10 / 60 + 1


@pytest.mark.parametrize("is_good", [True, False])
def test_a_key_is_in_no_log_line_and_no_answer(
    stranger: FlaskClient, keys: ApiKeys, caplog: pytest.LogCaptureFixture, is_good: bool
) -> None:
    key_id, token = keys.create(Grant(), name="a test")
    secret = token.rsplit("_", 1)[1]
    if not is_good:
        keys.revoke(key_id)
    headers = {"Authorization": f"Bearer {token}"}
    with caplog.at_level(logging.DEBUG):
        answers = [
            stranger.get("/api/jobs", headers=headers),
            stranger.get("/api/jobs/absent", headers=headers),
            stranger.post("/api/queries", data="no JSON", headers=headers),
            stranger.post("/login", data={"key": token}),
            stranger.get("/metrics", headers=headers),
        ]

    assert [answer.status_code for answer in answers[:2]] == ([200, 404] if is_good else [401, 401])
    assert caplog.records
    for told in (caplog.text, *(answer.get_data(as_text=True) for answer in answers)):
        assert secret not in told
    assert all(secret not in str(answer.headers) for answer in answers)


def test_what_a_key_spends_is_counted_and_bounded_by_the_day(
    stranger: FlaskClient, keys: ApiKeys
) -> None:
    limits = Limits(questions_per_day=2, documents_per_day=3)
    headers = made(keys, limits=limits)
    two = {"documents": [{"id": name, "text": name} for name in "ab"]}
    again = {"Idempotency-Key": "once"}
    first = ask(stranger, headers | again)
    assert ask(stranger, headers | again).get_json()["id"] == first.get_json()["id"]
    assert stranger.post("/api/ingests", json=two, headers=headers).status_code == 202
    assert ask(stranger, headers).status_code == 202

    refused = ask(stranger, headers)
    assert (refused.status_code, refused.get_json()["what"]) == (429, "questions")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    more = stranger.post("/api/ingests", json=two, headers=headers)
    assert (more.status_code, more.get_json()["what"]) == (429, "documents")
    (shown,) = stranger.get("/api/usage", headers=headers).get_json()["keys"]
    assert shown["today"] == shown["all"]
    assert {name: shown["today"][name] for name in ("jobs", "questions", "documents")} == {
        "jobs": 3, "questions": 2, "documents": 2,
    }  # fmt: skip


def test_tokens_are_charged_to_the_key_that_asked(
    stranger: FlaskClient, keys: ApiKeys, guarded: Flask
) -> None:
    headers = made(keys, limits=Limits(tokens_per_day=10))
    job = ask(stranger, headers, top_k=0).get_json()["id"]
    ledger = parts_of(guarded).intake._storage.ledger  # type: ignore[attr-defined]
    unit = ledger.work.claim(
        job, stage="generate", holder="test", bodies=0, quarantine_running=False
    )
    ledger.work.finish(unit, state="succeeded", fields={"result": "{}", "tokens": "9 4"})

    (shown,) = stranger.get("/api/usage", headers=headers).get_json()["keys"]
    told = [shown["today"][name] for name in ("tokens", "prompt_tokens", "completion_tokens")]
    assert told == [13, 9, 4]
    assert ask(stranger, headers).get_json()["what"] == "tokens"


def test_the_operator_sees_what_all_keys_spent_and_others_their_own(
    stranger: FlaskClient, keys: ApiKeys
) -> None:
    operator, other = made(keys), made(keys, tenant="acme")

    everything = stranger.get("/api/usage", headers=operator).get_json()["keys"]
    assert [key["tenant"] for key in everything] == ["default", "acme"]
    own = stranger.get("/api/usage", headers=other).get_json()["keys"]
    assert [key["tenant"] for key in own] == ["acme"]


def test_a_browser_logs_in_and_out(stranger: FlaskClient, keys: ApiKeys) -> None:
    _, token = keys.create(Grant(), name="a test")
    assert stranger.post("/login", data={"key": "qk_no", "next": "/"}).status_code == 403
    answer = stranger.post("/login", data={"key": f" {token} ", "next": "/jobs?state=failed"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/jobs?state=failed")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert token not in cookie
    assert stranger.get("/").status_code == 200
    assert "Log out" in stranger.get("/").get_data(as_text=True)
    stranger.post("/logout")
    assert stranger.get("/").status_code == 302
    assert stranger.get("/api/jobs").status_code == 401


def test_over_https_the_cookie_is_sent_over_https_alone(
    stranger: FlaskClient, keys: ApiKeys
) -> None:
    _, token = keys.create(Grant(), name="a test")
    answer = stranger.post("/login", data={"key": token}, base_url="https://localhost")

    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "going", ["https://example.org", "//example.org", "/\\example.org", "javascript:x", ""]
)
def test_the_login_leads_nowhere_else(stranger: FlaskClient, keys: ApiKeys, going: str) -> None:
    _, token = keys.create(Grant(), name="a test")

    answer = stranger.post("/login", data={"key": token, "next": going})
    assert answer.headers["Location"] == "/"


def test_another_sites_page_can_not_use_a_session(stranger: FlaskClient, keys: ApiKeys) -> None:
    _, token = keys.create(Grant(), name="a test")
    stranger.post("/login", data={"key": token})
    foreign = {"Origin": "https://example.org"}

    assert ask(stranger, foreign).status_code == 403


def test_where_no_key_is_needed_one_that_is_sent_is_not_looked_at(client: FlaskClient) -> None:
    assert client.get("/api/jobs", headers={"Authorization": "Bearer fake"}).status_code == 200
