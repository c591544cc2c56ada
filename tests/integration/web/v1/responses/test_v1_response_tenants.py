"""What belongs to one tenant is not there for another, in the same words; and what a key may do."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from openai import APIStatusError, AuthenticationError, NotFoundError, OpenAI, PermissionDeniedError
from werkzeug.test import TestResponse

from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of

ABSENT = "resp_" + "0" * 32


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, keys="on")


@pytest.fixture
def acme(app: Flask, caller: Callable[..., OpenAI]) -> OpenAI:
    for name in ("acme/papers", "acme/letters", "stranger/papers"):
        parts_of(app).intake._storage.catalogue.collections.create(name)
    return caller("acme")


def search(store: str) -> Any:
    return [{"type": "file_search", "vector_store_ids": [store]}]


def refusal(call: Callable[[], object], given: str) -> tuple[int, str]:
    with pytest.raises(APIStatusError) as refused:
        call()
    return refused.value.status_code, refused.value.response.text.replace(given, "<id>")


def test_a_foreign_response_is_as_absent_as_one_that_never_was(
    acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    mine = acme.responses.create(input="x", tools=search("papers"), background=True).id
    stranger = caller("stranger")
    calls: list[Callable[[str], object]] = [
        stranger.responses.retrieve,
        lambda one: stranger.responses.retrieve(one, stream=True),
        lambda one: stranger.responses.retrieve(one, stream=True, starting_after=1),
        stranger.responses.cancel,
        stranger.responses.delete,
        stranger.responses.input_items.list,
        lambda one: stranger.responses.create(input="x", previous_response_id=one),
    ]
    for call in calls:
        foreign = refusal(lambda call=call: call(mine), mine)  # type: ignore[misc]
        absent = refusal(lambda call=call: call(ABSENT), ABSENT)  # type: ignore[misc]
        assert foreign == absent
        assert foreign[0] == 404

    assert acme.responses.retrieve(mine).status == "queued"


def test_a_foreign_store_is_as_absent_as_one_that_never_was(
    app: Flask, acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    collections = parts_of(app).intake._storage.catalogue.collections
    foreign = f"vs_{str(collections.collection_id('acme/letters')).lower()}"
    own = f"vs_{str(collections.collection_id('stranger/papers')).lower()}"
    stranger = caller("stranger")

    def ask(store: str) -> Callable[[], object]:
        return lambda: stranger.responses.create(input="x", tools=search(store), background=True)

    seen = {refusal(ask(store), store) for store in (foreign, "vs_" + "0" * 26, "letters")}
    assert len(seen) == 1
    assert acme.responses.create(input="x", tools=search(foreign), background=True).id
    for store in (own, "papers"):
        assert ask(store)()
    with pytest.raises(NotFoundError):
        stranger.chat.completions.create(
            model="quern:letters", messages=[{"role": "user", "content": "x"}]
        )


def test_a_key_that_is_held_to_collections_asks_those_and_what_needs_none(
    acme: OpenAI, caller: Callable[..., OpenAI]
) -> None:
    held = caller("acme", "ask", collections=frozenset({"papers"}))
    others = acme.responses.create(input="x", tools=search("letters"), background=True).id

    assert held.responses.create(input="x", tools=search("papers"), background=True).id
    assert held.responses.create(input="x", background=True).id
    both: Any = [{"type": "file_search", "vector_store_ids": ["papers", "letters"]}]
    of_both = acme.responses.create(input="x", tools=both, background=True).id
    for call in (
        lambda: held.responses.create(input="x", tools=search("letters"), background=True),
        lambda: held.responses.create(input="x", tools=both, background=True),
        lambda: held.responses.retrieve(others),
        lambda: held.responses.retrieve(of_both),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_what_continues_an_answer_is_shown_to_who_may_use_its_collection_too(
    app: Flask, acme: OpenAI, caller: Callable[..., OpenAI], worker: HandWorker
) -> None:
    held = caller("acme", "ask", collections=frozenset({"papers"}))
    client = app.test_client()

    def job_of(given: str) -> str:
        return str(uuid.UUID(given.removeprefix("resp_")))

    def call(of: OpenAI, path: str, method: str = "GET") -> TestResponse:
        headers = {"Authorization": f"Bearer {of.api_key}"}
        return client.open(f"/api/jobs/{path}", method=method, headers=headers)

    first = acme.responses.create(input="x", tools=search("letters"), background=True).id
    worker.answer(job_of(first))
    second = acme.responses.create(
        input="x", tools=search("papers"), background=True, previous_response_id=first
    ).id
    worker.fail(job_of(second))
    plain = acme.responses.create(input="x", background=True, previous_response_id=second).id
    retried = call(acme, f"{job_of(second)}/retry", "POST").get_json()["id"]

    assert acme.responses.retrieve(second).status == "failed"
    for one in (second, plain):
        with pytest.raises(NotFoundError):
            held.responses.retrieve(one)
    for job_id in (job_of(second), job_of(plain), retried):
        assert (call(acme, job_id).status_code, call(held, job_id).status_code) == (200, 404)
        # No more is searched than was asked for.
        assert "also" not in call(acme, job_id).get_json()["request"]


def test_who_may_not_ask_makes_no_response(acme: OpenAI, caller: Callable[..., OpenAI]) -> None:
    ingests = caller("acme", "ingest")
    made = acme.responses.create(input="x", background=True).id

    assert ingests.responses.retrieve(made).id == made
    for call in (
        lambda: ingests.responses.create(input="x", background=True),
        lambda: ingests.responses.cancel(made),
        lambda: ingests.responses.delete(made),
        lambda: ingests.chat.completions.create(
            model="quern", messages=[{"role": "user", "content": "x"}]
        ),
    ):
        with pytest.raises(PermissionDeniedError):
            call()


def test_without_a_key_nothing_is_told(url: str) -> None:
    with OpenAI(base_url=url, api_key="qk_none", max_retries=0) as nobody:
        with pytest.raises(AuthenticationError) as refused:
            nobody.responses.retrieve(ABSENT)
        assert refused.value.code == "invalid_api_key"


def test_a_key_pays_for_its_responses(app: Flask, acme: OpenAI) -> None:
    before = _questions(app)
    acme.responses.create(input="x", background=True)

    assert _questions(app) == before + 1


def _questions(app: Flask) -> int:
    redis = parts_of(app).intake.redis
    return sum(int(redis.hget(name, "questions") or 0) for name in redis.keys("quern:spent:*:all"))
