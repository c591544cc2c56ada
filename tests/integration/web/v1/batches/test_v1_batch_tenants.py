"""Batches of one tenant are not there for another, in the same words; and what a key may do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from openai import APIStatusError, NotFoundError, OpenAI, PermissionDeniedError, RateLimitError
from openai.types import Batch

from protocol.keys import key
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of

ABSENT = "batch_" + "0" * 32
CHAT: Any = "/v1/chat/completions"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, keys="on")


@pytest.fixture(autouse=True)
def _collections(app: Flask) -> None:
    for name in ("acme/papers", "acme/letters", "stranger/papers"):
        parts_of(app).intake._storage.catalogue.collections.create(name)


@pytest.fixture
def acme(caller: Callable[..., OpenAI]) -> OpenAI:
    return caller("acme")


def begin(client: OpenAI, *collections: str | None) -> Batch:
    lines = [
        {
            "custom_id": f"line {n}", "method": "POST", "url": CHAT,
            "body": {
                "model": "quern", "messages": [{"role": "user", "content": "x"}],
                "collection": collection,
            },
        }
        for n, collection in enumerate(collections)
    ]  # fmt: skip
    data = b"\n".join(map(orjson.dumps, lines))
    file = client.files.create(file=("a.jsonl", data), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")


def job_of(batch: Batch) -> str:
    plain = batch.id.removeprefix("batch_")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def lines_of(client: OpenAI, file_id: str | None) -> list[Any]:
    assert file_id is not None
    return [orjson.loads(one) for one in client.files.content(file_id).text.splitlines()]


def refusal(call: Callable[[], object], given: str) -> tuple[int, str]:
    with pytest.raises(APIStatusError) as refused:
        call()
    return refused.value.status_code, refused.value.response.text.replace(given, "<id>")


def test_a_foreign_batch_is_as_absent_as_one_that_never_was(
    acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    mine, stranger = begin(acme, "papers"), caller("stranger")
    calls: list[Callable[[str], object]] = [
        stranger.batches.retrieve,
        stranger.batches.cancel,
        lambda one: stranger.batches.list(after=one),
    ]
    for call in calls:
        foreign = refusal(lambda call=call: call(mine.id), mine.id)  # type: ignore[misc]
        absent = refusal(lambda call=call: call(ABSENT), ABSENT)  # type: ignore[misc]
        assert foreign == absent
        assert foreign[0] == 404

    assert stranger.batches.list().data == []
    assert acme.batches.retrieve(mine.id).status == "in_progress"


def test_a_foreign_file_is_as_absent_as_one_that_never_was(
    acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    mine, stranger = begin(acme, "papers"), caller("stranger")
    told = []
    for name in (mine.input_file_id, "file-" + "0" * 24):
        batch = stranger.batches.create(input_file_id=name, endpoint=CHAT, completion_window="24h")
        told.append(batch.model_dump_json(exclude={"id"}).replace(name, "<id>"))
        assert batch.status == "failed"
    errors = [orjson.loads(one)["errors"] for one in told]

    assert errors[0] == errors[1]


def test_files_of_a_batch_are_its_tenants(
    app: Flask, acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    batch, stranger = begin(acme, "papers", "letters"), caller("stranger")
    worker = HandWorker(parts_of(app))
    for row in worker.rows(job_of(batch)):
        worker.answer(row)
    # Somebody else of the tenant looks: the files are those of the batch's own key all the same.
    done = caller("acme", "ask").batches.retrieve(batch.id)

    assert len(lines_of(acme, done.output_file_id)) == 2
    assert done.output_file_id is not None
    assert parts_of(app).intake.redis.hget(key("file", done.output_file_id), "tenant") == "acme"
    with pytest.raises(NotFoundError):
        stranger.files.content(done.output_file_id)
    assert stranger.files.list().data == []


def test_foreign_collections_of_lines_are_as_absent_as_those_that_never_were(
    app: Flask, acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    collections = parts_of(app).intake._storage.catalogue.collections
    foreign = f"vs_{str(collections.collection_id('acme/letters')).lower()}"
    absent = "vs_" + "0" * 26
    stranger = caller("stranger")
    batch = begin(stranger, foreign, absent, "letters", "papers")
    worker = HandWorker(parts_of(app))
    rows = worker.rows(job_of(batch))
    worker.answer(rows[3])
    done = stranger.batches.retrieve(batch.id)

    assert done.status == "completed"
    told = lines_of(stranger, done.error_file_id)
    assert [one["response"]["status_code"] for one in told] == [404] * 3
    messages = [
        one["error"]["message"].replace(name, "<id>")
        for one, name in zip(told, (foreign, absent, "letters"), strict=True)
    ]
    assert len(set(messages)) == 1
    assert len(lines_of(stranger, done.output_file_id)) == 1
    assert acme.batches.list().data == []


def test_who_may_use_some_collections_sees_no_batch_that_asks_others_too(
    app: Flask, acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    held = caller("acme", "ask", collections=frozenset({"papers"}))
    own, both = begin(acme, "papers", "papers"), begin(acme, "papers", "letters")
    token = {"Authorization": f"Bearer {held.api_key}"}

    assert [batch.id for batch in held.batches.list()] == [own.id]
    assert [batch.id for batch in acme.batches.list()] == [both.id, own.id]
    with pytest.raises(NotFoundError):
        held.batches.retrieve(both.id)
    client = app.test_client()
    for path in ("", "/questions", "/export", "/events"):
        answer = client.get(f"/api/jobs/{job_of(both)}{path}", headers=token)
        assert answer.status_code == 404, path
    jobs = client.get("/api/jobs", headers=token).get_json()["jobs"]
    assert [job["id"] for job in jobs] == [job_of(own)]


def test_a_batch_needs_the_scope_of_questions(acme: OpenAI, caller: Callable[..., OpenAI]) -> None:
    batch, reader = begin(acme, "papers"), caller("acme", "ingest")

    assert reader.batches.retrieve(batch.id).id == batch.id
    for call in (lambda: begin(reader, "papers"), lambda: reader.batches.cancel(batch.id)):
        with pytest.raises(PermissionDeniedError):
            call()


def test_lines_are_charged_to_the_key_when_the_batch_is_taken_in(
    app: Flask, caller: Callable[..., OpenAI]
) -> None:
    poor = caller("acme", questions_per_day=3)
    with pytest.raises(RateLimitError):
        begin(poor, *["papers"] * 4)
    assert begin(poor, *["papers"] * 3).status == "in_progress"
    with pytest.raises(RateLimitError):
        begin(poor, "papers")

    assert len(poor.batches.list().data) == 1
    assert parts_of(app).intake.redis.zcard(key("asking")) == 0


def test_tokens_of_lines_are_charged_to_the_key(app: Flask, acme: OpenAI) -> None:
    batch = begin(acme, "papers")
    worker = HandWorker(parts_of(app))
    (row,) = worker.rows(job_of(batch))
    worker.retrieve(row)
    worker.ledger.work.finish(
        worker.claim(row), state="succeeded", fields={"result": "{}", "tokens": "7 5"}
    )
    (told,) = [
        parts_of(app).intake.redis.hgetall(name)
        for name in parts_of(app).intake.redis.keys(key("spent", "*", "all"))
    ]

    assert (told["questions"], told["tokens"]) == ("1", "12")


def test_a_batch_of_a_revoked_key_gets_no_further_rows(
    app: Flask, caller: Callable[..., OpenAI], monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = parts_of(app).intake
    client, other = caller("acme"), caller("acme")
    service = intake.question_lists._long_jobs
    with monkeypatch.context() as patch:
        patch.setattr(type(service), "ask", lambda *_, **__: None)
        batch = begin(client, "papers", "papers")
    assert other.batches.retrieve(batch.id).status == "validating"
    key_id = intake.redis.hget(key("job", job_of(batch)), "key")
    assert parts_of(app).api_keys.revoke(key_id)
    service.turn()

    assert other.batches.retrieve(batch.id).status == "cancelled"
