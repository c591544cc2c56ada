"""`/api/webhooks`, and jobs that name a URL."""

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from protocol.keys import key
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
URL = "https://example.org/hook"


@pytest.fixture
def signing(settings: Settings) -> Iterator[FlaskClient]:
    """Give a client of a server that signs what goes to the URLs of jobs."""
    app = create_app(replace(settings, webhook_secret=SECRET))
    yield app.test_client()
    parts_of(app).close()


def test_a_webhook_is_added_listed_without_its_secret_and_removed(client: FlaskClient) -> None:
    added = client.post("/api/webhooks", json={"url": URL})
    listed = client.get("/api/webhooks").json

    assert added.status_code == 201
    assert added.headers["Cache-Control"] == "no-store"
    assert added.json is not None
    assert added.json["secret"].startswith("whsec_")
    assert listed == {"webhooks": [{k: v for k, v in added.json.items() if k != "secret"}]}
    where = f"/api/webhooks/{added.json['id']}"
    assert client.delete(where).status_code == 204
    assert client.delete(where).status_code == 404
    assert client.get("/api/webhooks").json == {"webhooks": []}


@pytest.mark.parametrize("url", ["ftp://example.org", "http://a:b@example.org", 7, ""])
def test_a_url_that_cannot_be_is_refused_by_name(client: FlaskClient, url: object) -> None:
    refused = client.post("/api/webhooks", json={"url": url})

    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["errors"][0]["field"] == "url"


def test_an_eleventh_webhook_is_refused(client: FlaskClient) -> None:
    for _ in range(10):
        assert client.post("/api/webhooks", json={"url": URL}).status_code == 201

    assert client.post("/api/webhooks", json={"url": URL}).status_code == 409


def test_a_test_is_due_and_what_was_sent_may_be_sent_again(
    client: FlaskClient, worker: HandWorker
) -> None:
    webhook = (client.post("/api/webhooks", json={"url": URL}).json or {})["id"]
    message = (client.post(f"/api/webhooks/{webhook}/test").json or {})["message_id"]
    assert worker.storage.redis.zcard(key("deliveries")) == 1
    where = f"/api/webhooks/{webhook}/deliveries"
    assert client.get(where).json == {"deliveries": []}  # none was tried yet
    assert client.get("/api/webhooks/jobs/deliveries").status_code == 200
    assert client.get("/api/webhooks/none/deliveries").status_code == 404

    assert client.post(f"{where}/{message}/replay").status_code == 202
    assert client.post(f"{where}/msg_none/replay").status_code == 404
    assert client.post("/api/webhooks/none/test").status_code == 404


def test_questions_and_ingests_may_name_a_url_and_a_retry_tells_it_too(
    signing: FlaskClient, worker: HandWorker
) -> None:
    redis = worker.storage.redis
    question = signing.post("/api/queries", json={"question": "Why?", "webhook_url": URL}).json
    ingest = signing.post(
        "/api/ingests", json={"webhook_url": URL, "documents": [{"id": "a", "text": "A."}]}
    ).json
    assert question is not None
    assert ingest is not None

    assert question["request"]["webhook_url"] == URL
    assert redis.hget(key("unit", question["id"]), "webhook_url") == URL
    assert redis.hget(key("job", ingest["id"]), "webhook_url") == URL
    worker.fail(worker.rows(ingest["id"])[0])
    assert redis.zrange(key("deliveries"), 0, -1) == [f"jobs/msg_{ingest['id']}"]
    retried = signing.post(f"/api/jobs/{ingest['id']}/retry").json
    assert retried is not None
    assert redis.hget(key("job", retried["id"]), "webhook_url") == URL


@pytest.mark.parametrize("path", ["/api/queries", "/api/ingests"])
def test_without_a_secret_no_job_may_name_a_url(client: FlaskClient, path: str) -> None:
    body = {"question": "Why?"} if "queries" in path else {"open": True}

    refused = client.post(path, json=body | {"webhook_url": URL})

    assert refused.status_code == 422
    assert "QUERN_WEBHOOK_SECRET" in refused.text
