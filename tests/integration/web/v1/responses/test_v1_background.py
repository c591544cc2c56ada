"""Responses in the background: polled, stopped, and never anything else once they are stopped."""

from typing import Any

import pytest
from flask import Flask
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response

from tests.integration.conftest import HandWorker
from tests.integration.web.v1.responses.conftest import TEXT
from tests.integration.web.v1.responses.test_v1_responses import job_of
from tests.support.waiting import until
from tests.support.worlds.answering_workers import AnsweringWorkers, ScriptedGenerator

ENDED = {"completed", "failed", "incomplete", "cancelled"}


def ask(openai: OpenAI, **more: Any) -> Response:
    return openai.responses.create(
        input="Where?", tools=[{"type": "file_search", "vector_store_ids": ["papers"]}],
        background=True, **more,
    )  # fmt: skip


def ended(openai: OpenAI, response: Response) -> Response:
    def seen() -> Response | None:
        found = openai.responses.retrieve(response.id)
        return found if found.status in ENDED else None

    found = until(seen, told="the response has ended")
    assert found is not None
    return found


def refusal(openai: OpenAI, response: Response) -> str:
    with pytest.raises(BadRequestError) as refused:
        openai.responses.cancel(response.id)
    return str(refused.value.body["message"])  # type: ignore[index]


def test_it_is_queued_even_where_somebody_is_free(
    openai: OpenAI, workers: AnsweringWorkers
) -> None:
    assert workers.leases.bodies == 0
    asked = ask(openai)
    assert (asked.status, asked.output, asked.background) == ("queued", [], True)

    answer = ended(openai, asked)
    assert (answer.status, answer.output_text, answer.id) == ("completed", TEXT, asked.id)


def test_what_runs_is_in_progress_and_cannot_be_gone_on_from(
    openai: OpenAI, workers: AnsweringWorkers, generator: ScriptedGenerator
) -> None:
    generator.pause_at = 2
    asked = ask(openai)
    assert generator.waits.wait(60)

    running = openai.responses.retrieve(asked.id)
    assert (running.status, running.output, running.usage) == ("in_progress", [], None)
    with pytest.raises(BadRequestError) as early:
        openai.responses.create(input="And?", previous_response_id=asked.id)
    assert early.value.param == "previous_response_id"
    generator.go.set()
    assert ended(openai, asked).status == "completed"
    assert workers.leases.bodies == 0


def test_what_is_stopped_while_it_waits_stays_stopped(
    openai: OpenAI, store: str, app: Flask
) -> None:
    assert store
    asked = ask(openai)
    stopped = openai.responses.cancel(asked.id)
    again = openai.responses.cancel(asked.id)

    assert (stopped.status, stopped.output) == ("cancelled", [])
    assert again == stopped == openai.responses.retrieve(asked.id)
    assert app.extensions["quern"].intake.jobs.row(job_of(asked.id))["state"] == "cancelled"


def test_what_is_stopped_while_it_runs_is_never_completed(
    openai: OpenAI, workers: AnsweringWorkers, generator: ScriptedGenerator, app: Flask
) -> None:
    generator.pause_at = 2
    asked = ask(openai)
    assert generator.waits.wait(60)

    stopped = openai.responses.cancel(asked.id)
    assert stopped.status == "cancelled"
    jobs = app.extensions["quern"].intake.jobs
    until(lambda: jobs.row(job_of(asked.id))["state"] == "cancelled", told="the worker stopped")
    assert openai.responses.retrieve(asked.id).status == "cancelled"
    assert workers.leases.bodies == 0


def test_only_what_is_in_the_background_and_has_not_ended_is_stopped(
    openai: OpenAI, workers: AnsweringWorkers
) -> None:
    at_once = openai.responses.create(input="Hello")
    done = ended(openai, ask(openai))

    assert refusal(openai, at_once) == "Cannot cancel a synchronous response."
    assert refusal(openai, done) == "Cannot cancel a completed response."
    assert openai.responses.retrieve(done.id) == done
    assert workers.leases.bodies == 0


def test_what_failed_says_so(openai: OpenAI, store: str, worker: HandWorker) -> None:
    assert store
    asked = ask(openai)
    worker.fail(job_of(asked.id), kind="corrupt")

    failed = openai.responses.retrieve(asked.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert (failed.error.code, failed.error.type) == ("server_error", "corrupt")  # type: ignore[attr-defined]
    assert refusal(openai, failed) == "Cannot cancel a failed response."


@pytest.mark.parametrize("is_running", [False, True])
def test_what_is_deleted_before_its_end_is_stopped_and_gone(
    openai: OpenAI, store: str, worker: HandWorker, is_running: bool
) -> None:
    assert store
    asked = ask(openai)
    unit = worker.claim(job_of(asked.id)) if is_running else None
    openai.responses.delete(asked.id)

    with pytest.raises(NotFoundError):
        openai.responses.retrieve(asked.id)
    if unit is not None:
        worker.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"})
    redis = worker.storage.redis
    assert redis.hget(f"quern:unit:{job_of(asked.id)}", "state") == "cancelled"
    assert 0 < redis.ttl(f"quern:unit:{job_of(asked.id)}") <= 60
    assert redis.zscore("quern:jobs", job_of(asked.id)) is None


def test_what_may_wait_waits_for_others(openai: OpenAI, store: str, app: Flask) -> None:
    assert store
    asked, usual = ask(openai, service_tier="flex"), ask(openai)
    jobs = app.extensions["quern"].intake.jobs

    assert (asked.service_tier, usual.service_tier) == ("flex", "default")
    classes = [jobs.row(job_of(one.id))["class"] for one in (asked, usual)]
    assert classes == ["batch", "interactive"]
