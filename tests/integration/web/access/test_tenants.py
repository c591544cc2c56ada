"""Tenants: what belongs to one is not there for another, on any route that there is."""

import io
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from access.grants import Grant
from protocol.ids import new_id
from protocol.keys import key
from protocol.names import shown_name, stored_name, tenant_of
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app

#: What is in everything that belongs to the tenant whose things are looked for.
MARK = "xylophone"
COLLECTION = f"{MARK}-papers"
DOCUMENT = f"{MARK}/notes.md"
#: What a call sends, by its endpoint; each names the collection of the other tenant.
BODIES: dict[str, Any] = {
    "queries.submit": {"question": "Why?", "collection": COLLECTION},
    "questions.submit": {"collection": COLLECTION, "questions": [{"question": "Why?"}]},
    "search.search": {"query": "Why?", "collection": COLLECTION},
    "admin.reindex": {"collection": COLLECTION},
    "admin.check": {"collection": COLLECTION},
    "admin.purge": {"collection": COLLECTION, "older_than_s": 90_000},
    "collections.delete_documents": {"ids": [DOCUMENT]},
    "collections.diff": [{"id": DOCUMENT, "sha256": "0" * 64}],
    "jobs.add": {"documents": [{"id": "b", "text": "B."}]},
    "v1_responses.create": {
        "input": "Why?", "background": True,
        "tools": [{"type": "file_search", "vector_store_ids": [COLLECTION]}],
    },
    "v1_chat.create": {
        "model": "quern", "messages": [{"role": "user", "content": "Why?"}],
        "collection": COLLECTION,
    },
}  # fmt: skip
#: These make what they name, for whoever asks.
MAKES = {"collections.create", "ingests.submit", "webhooks.create"}
PARTS = {
    "name", "document_id", "job_id", "webhook_id", "message_id", "response_id", "file_id",
    "batch_id",
}  # fmt: skip


@dataclass
class Other:
    """A tenant with something of each kind, and the ids of it all."""

    ids: dict[str, str]
    jobs: dict[str, str]


@pytest.fixture
def guarded(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, keys="on", webhook_secret=f"whsec_{'MDEy' * 8}"))
    yield app
    parts_of(app).close()


def caller(app: Flask, tenant: str) -> FlaskClient:
    _, token = parts_of(app).api_keys.create(Grant(tenant=tenant), name=tenant)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture
def acme(guarded: Flask) -> FlaskClient:
    return caller(guarded, "acme")


@pytest.fixture
def stranger(guarded: Flask) -> FlaskClient:
    return caller(guarded, "stranger")


def made(answer: TestResponse) -> str:
    assert answer.status_code in (200, 201, 202), answer.get_data(as_text=True)
    return str(answer.get_json()["id"])


@pytest.fixture
def other(guarded: Flask, acme: FlaskClient) -> Other:
    worker = HandWorker(parts_of(guarded))
    hook = made(acme.post("/api/webhooks", json={"url": f"https://{MARK}.example.org/"}))
    message = acme.post(f"/api/webhooks/{hook}/test").get_json()["message_id"]
    text = f"The {MARK} is out of tune."
    documents = [{"id": DOCUMENT, "text": text}]
    ingest = made(
        acme.post("/api/ingests", json={"collection": COLLECTION, "documents": documents})
    )
    for row in worker.rows(ingest):
        worker.publish(row, text, spans=[(0, len(text))])
    asked = {"question": f"Why the {MARK}?", "collection": COLLECTION}
    query = made(acme.post("/api/queries", json=asked))
    worker.answer(query)
    failed = made(acme.post("/api/queries", json=asked))
    worker.fail(failed)
    waiting = made(acme.post("/api/queries", json=asked))
    listed = made(
        acme.post(
            "/api/questions", json={"collection": COLLECTION, "questions": [{"question": "Why?"}]}
        )
    )
    response = made(acme.post("/v1/responses", json=BODIES["v1_responses.create"]))
    file = {"file": (io.BytesIO(text.encode()), f"{MARK}.txt"), "purpose": "assistants"}
    kept = made(acme.post("/v1/files", data=file))
    batch = begun_batch(acme)
    still_open = made(acme.post("/api/ingests", json={"collection": COLLECTION, "open": True}))
    return Other(
        ids={
            "name": COLLECTION, "document_id": DOCUMENT, "job_id": query, "webhook_id": hook,
            "message_id": message, "response_id": response, "file_id": kept,
            "batch_id": batch,
        },
        jobs={
            "query": query, "failed": failed, "waiting": waiting, "ingest": ingest,
            "questions": listed, "open": still_open, "response": job_of(response),
            "batch": job_of(batch),
        },
    )  # fmt: skip


def begun_batch(client: FlaskClient) -> str:
    """Begin a batch of one line, which asks the tenant's collection; returns its id."""
    url, body = "/v1/chat/completions", BODIES["v1_chat.create"]
    line = orjson.dumps({"custom_id": MARK, "method": "POST", "url": url, "body": body})
    file = {"file": (io.BytesIO(line), f"{MARK}.jsonl"), "purpose": "batch"}
    asked = {
        "input_file_id": made(client.post("/v1/files", data=file)), "endpoint": url,
        "completion_window": "24h",
    }  # fmt: skip
    return made(client.post("/v1/batches", json=asked))


def job_of(given: str) -> str:
    """Return the id of the job that a response or a batch is."""
    return str(uuid.UUID(given.partition("_")[2]))


def absent() -> dict[str, str]:
    return {
        "name": "nothing-papers", "document_id": "nothing/notes.md", "job_id": new_id(),
        "webhook_id": f"wh_{'0' * 32}", "message_id": f"msg_{new_id()}",
        "response_id": f"resp_{'0' * 32}", "file_id": f"file-{'0' * 24}",
        "batch_id": f"batch_{'0' * 32}",
    }  # fmt: skip


def routes(app: Flask) -> list[tuple[Rule, str]]:
    return [
        (rule, method)
        for rule in app.url_map.iter_rules()
        # What the tools of MCP tell is looked at in `test_tenants_of_tools.py`.
        if rule.endpoint.partition(".")[0] not in ("static", "pages", "sessions", "mcp")
        and not rule.endpoint.startswith("v1_")  # ids of /v1 have tests of their own
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def call(client: FlaskClient, rule: Rule, method: str, ids: dict[str, str]) -> TestResponse:
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids[found[1]], rule.rule)
    body = BODIES.get(rule.endpoint)
    if body is not None:
        named = orjson.dumps(body).decode().replace(COLLECTION, ids["name"])
        body = orjson.loads(named.replace(DOCUMENT, ids["document_id"]))
    return client.open(path, method=method, json=body)


def told(answer: TestResponse, ids: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """What an answer tells, whatever the ids that were asked for."""
    text = answer.get_data(as_text=True)
    for name, value in ids.items():
        text = text.replace(value, f"<{name}>")
    kept = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("X-Request-ID", "Date", "Content-Length")
    }
    return answer.status_code, kept, text


def test_every_route_treats_what_is_anothers_as_what_is_not_there(
    guarded: Flask, stranger: FlaskClient, other: Other
) -> None:
    checked = 0
    for rule, method in routes(guarded):
        assert rule.arguments <= PARTS, f"{rule} has a part that this test does not know"
        for job in other.jobs.values() if "job_id" in rule.arguments else [""]:
            foreign, none = other.ids | ({"job_id": job} if job else {}), absent()
            seen = told(call(stranger, rule, method, foreign), foreign)
            unseen = told(call(stranger, rule, method, none), none)

            if rule.endpoint in MAKES or not (rule.arguments or rule.endpoint in BODIES):
                assert MARK not in seen[2], (rule, method, seen)
            else:
                assert seen == unseen, (rule, method)
                assert seen[0] in (404, 409, 200, 403), (rule, method, seen)
            checked += 1
    assert checked > 60


def test_what_is_anothers_stays_as_it_was(
    guarded: Flask, acme: FlaskClient, stranger: FlaskClient, other: Other
) -> None:
    before = {name: acme.get(f"/api/jobs/{job}").get_json() for name, job in other.jobs.items()}
    for rule, method in routes(guarded):
        if method != "GET" and rule.endpoint not in MAKES:
            for job in other.jobs.values():
                call(stranger, rule, method, other.ids | {"job_id": job})

    after = {name: acme.get(f"/api/jobs/{job}").get_json() for name, job in other.jobs.items()}
    assert after == before
    (hook,) = acme.get("/api/webhooks").get_json()["webhooks"]
    assert hook["id"] == other.ids["webhook_id"]
    (document,) = acme.get(f"/api/collections/{COLLECTION}/documents").get_json()["documents"]
    assert document["document_id"] == DOCUMENT


def test_its_owner_finds_all_of_it_by_the_names_it_was_given(
    guarded: Flask, acme: FlaskClient, other: Other
) -> None:
    for rule, method in routes(guarded):
        if method == "GET" and rule.arguments and "message_id" not in rule.arguments:
            job = other.jobs["ingest" if "documents" in rule.rule else "questions"]
            if not rule.rule.endswith(("/questions", "/export", "/documents")):
                job = other.jobs["query"]
            answer = call(acme, rule, method, other.ids | {"job_id": job})
            assert answer.status_code == 200, (rule, answer.get_data(as_text=True))
            assert f"acme/{MARK}" not in answer.get_data(as_text=True), rule
    (collection,) = acme.get("/api/collections").get_json()["collections"]
    assert collection["name"] == COLLECTION
    listed = acme.get("/api/jobs").get_json()["jobs"]
    assert {job["id"] for job in listed} == set(other.jobs.values())
    assert {job["collection"] for job in listed} == {COLLECTION}
    assert listed[0]["links"]["self"].startswith("/api/jobs/")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"state": "failed"}, ["failed"]), ({"kind": "ingest"}, ["open", "ingest"]),
        ({"state": "queued"}, ["open", "batch", "response", "questions", "waiting"]),
        ({"state": "succeeded"}, ["query", "ingest"]),
        ({"collection": COLLECTION, "kind": "questions"}, ["questions", "batch"]),
    ],
)  # fmt: skip
def test_lists_of_a_tenants_jobs_are_its_own(
    acme: FlaskClient,
    stranger: FlaskClient,
    other: Other,
    asked: dict[str, str],
    expected: list[str],
) -> None:
    found = acme.get("/api/jobs", query_string=asked).get_json()["jobs"]

    assert sorted(job["id"] for job in found) == sorted(other.jobs[name] for name in expected)
    assert stranger.get("/api/jobs", query_string=asked).get_json()["jobs"] == []


def test_the_operators_own_lists_have_nothing_of_tenants(
    guarded: Flask, acme: FlaskClient, other: Other
) -> None:
    operator = caller(guarded, "default")
    own = made(operator.post("/api/queries", json={"question": "Mine?"}))

    assert [job["id"] for job in operator.get("/api/jobs").get_json()["jobs"]] == [own]
    names = [one["name"] for one in operator.get("/api/collections").get_json()["collections"]]
    assert names == ["default"]
    assert acme.get(f"/api/jobs/{own}").status_code == 404
    assert operator.get(f"/api/jobs/{other.jobs['query']}").status_code == 404


def test_two_tenants_may_have_a_collection_of_the_same_name(
    guarded: Flask, acme: FlaskClient, stranger: FlaskClient
) -> None:
    worker = HandWorker(parts_of(guarded))
    for client, text in ((acme, "Theirs."), (stranger, "Ours.")):
        body = {"documents": [{"id": "a", "text": text}]}
        for row in worker.rows(made(client.post("/api/ingests", json=body))):
            worker.publish(row, text, spans=[(0, len(text))])

    texts = [
        client.get("/api/collections/default/documents/a/text").get_json()["text"]
        for client in (acme, stranger)
    ]
    assert texts == ["Theirs.", "Ours."]
    assert stranger.delete("/api/collections/default").status_code == 202
    assert acme.get("/api/collections/default").get_json()["documents"] == 1


def test_an_idempotency_key_of_one_tenant_means_nothing_to_another(
    acme: FlaskClient, stranger: FlaskClient
) -> None:
    headers, body = {"Idempotency-Key": "the-same"}, {"question": "Why?"}
    first, second = (
        made(client.post("/api/queries", json=body, headers=headers)) for client in (acme, stranger)
    )

    assert first != second
    assert made(acme.post("/api/queries", json=body, headers=headers)) == first


def test_a_webhook_hears_of_its_own_tenants_jobs_alone(
    guarded: Flask, acme: FlaskClient, stranger: FlaskClient
) -> None:
    hook = made(stranger.post("/api/webhooks", json={"url": "https://hooks.example.org/"}))
    worker = HandWorker(parts_of(guarded))
    for client in (acme, stranger):
        worker.answer(made(client.post("/api/queries", json={"question": "Why?"})))
    redis = parts_of(guarded).intake.redis
    due = redis.zrange(key("deliveries"), 0, -1)
    heard = [name for name in due if name.startswith(hook)]

    assert len(heard) == 1
    event = orjson.loads(redis.hget(key("delivery", heard[0]), "event"))
    assert tenant_of(event["collection"]) == "stranger"


def test_a_tenants_lists_forget_what_is_forgotten(
    guarded: Flask, acme: FlaskClient, other: Other
) -> None:
    intake = parts_of(guarded).intake
    for job in other.jobs.values():
        intake.redis.delete(key("unit", job), key("job", job))
    intake.redis.zadd(key("jobs"), dict.fromkeys(other.jobs.values(), 1))
    intake.redis.zadd(key("jobs_by", "acme/all"), dict.fromkeys(other.jobs.values(), 1))
    for of in ("acme/", ""):
        intake.scripts("forget_jobs", "0", 100, of)

    assert intake.redis.keys(key("jobs_by", "acme/*")) == []
    assert acme.get("/api/jobs").get_json()["jobs"] == []


@pytest.mark.parametrize(("tenant", "stored"), [("default", "papers"), ("acme", "acme/papers")])
def test_a_stored_name_says_whose_it_is(tenant: str, stored: str) -> None:
    assert stored_name(tenant, "papers") == stored
    assert (tenant_of(stored), shown_name(stored)) == (tenant, "papers")
