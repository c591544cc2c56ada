"""Batches: a file of requests is taken in, answered line by line, and told in two files."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from flask import Flask
from openai import BadRequestError, ConflictError, NotFoundError, OpenAI
from openai.types import Batch

from intake.lookup.views import JobView
from rag.errors import InvalidRequest
from rag.in_memory_ports.embedder import HashingEmbedder
from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from tests.support.waiting import until
from tests.support.worlds.answering_workers import ScriptedGenerator
from web.app import create_app
from web.v1.shapes.batch_lines import output_line

CHAT: Any = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")
ANSWER = (
    "The log hangs beside the door [1]. It is blue [1][2], and doors are repainted each spring [2]."
)


def chat(text: str = "Where is the log?", **more: Any) -> dict[str, Any]:
    return {"model": "quern", "messages": [{"role": "user", "content": text}], **more}


def line(custom_id: str, body: Any, *, url: str = CHAT, method: str = "POST") -> dict[str, Any]:
    return {"custom_id": custom_id, "method": method, "url": url, "body": body}


def upload(openai: OpenAI, lines: Sequence[Any] | bytes) -> str:
    data = lines if isinstance(lines, bytes) else b"\n".join(map(orjson.dumps, lines))
    return openai.files.create(file=("requests.jsonl", data), purpose="batch").id


def begin(openai: OpenAI, lines: Sequence[Any] | bytes, url: Any = CHAT, **more: Any) -> Batch:
    return openai.batches.create(
        input_file_id=upload(openai, lines), endpoint=url,
        completion_window=more.pop("window", "24h"), **more,
    )  # fmt: skip


def ended(openai: OpenAI, batch: Batch) -> Batch:
    until(lambda: openai.batches.retrieve(batch.id).status in ENDED, told="the batch ends")
    return openai.batches.retrieve(batch.id)


def lines_of(openai: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(one) for one in openai.files.content(file_id).text.splitlines()]


@pytest.mark.usefixtures("workers")
def test_answers_are_in_the_order_of_the_file_whatever_they_ask(
    openai: OpenAI, generator: ScriptedGenerator
) -> None:
    began = begin(
        openai,
        [
            line("b", chat(collection="papers")),
            line("a", chat("Hello?", max_tokens=16)),
            line("c", chat(model="quern:papers")),
        ],
        metadata={"for": "me"},
    )
    batch = ended(openai, began)

    assert (began.metadata, began.model) == ({"for": "me"}, "quern-extractive")
    assert began.status in ("in_progress", "finalizing")  # workers are fast
    assert began.expires_at == began.created_at + 86_400
    assert (batch.status, batch.error_file_id, batch.errors) == ("completed", None, None)
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 3, "failed": 0}
    assert batch.usage is not None
    assert (batch.usage.input_tokens, batch.usage.output_tokens) == (21, 15)
    told = lines_of(openai, batch.output_file_id)
    assert [one["custom_id"] for one in told] == ["b", "a", "c"]
    assert len({one["id"] for one in told}) == 3
    assert {one["response"]["status_code"] for one in told} == {200}
    first = told[0]["response"]["body"]
    assert (first["object"], first["choices"][0]["message"]["content"]) == (
        "chat.completion", ANSWER,
    )  # fmt: skip
    assert first["choices"][0]["message"]["citations"][0]["file_id"] == "file-1"
    assert told[1]["response"]["body"]["choices"][0]["message"]["citations"] == []
    assert {request.priority for request in generator.requests} == {"batch"}
    assert batch.completed_at is not None
    assert batch.finalizing_at is not None
    assert batch.finalizing_at <= batch.completed_at


@pytest.mark.usefixtures("workers")
def test_a_file_of_an_ended_batch_is_one_like_others(openai: OpenAI) -> None:
    batch = ended(openai, begin(openai, [line("a", chat())]))
    assert batch.output_file_id is not None
    file = openai.files.retrieve(batch.output_file_id)

    assert (file.purpose, file.filename) == ("batch_output", f"{batch.id}_output.jsonl")
    assert file.expires_at == file.created_at + 30 * 86_400
    listed = openai.files.list(purpose="batch_output").data
    assert [one.id for one in listed] == [file.id]
    assert openai.files.delete(file.id).deleted
    again = openai.batches.retrieve(batch.id)
    assert again.output_file_id == file.id
    assert openai.files.list(purpose="batch_output").data == []


@pytest.mark.usefixtures("workers")
def test_files_are_kept_as_long_as_asked(openai: OpenAI) -> None:
    batch = ended(
        openai,
        begin(
            openai, [line("a", chat())],
            output_expires_after={"anchor": "created_at", "seconds": 3_600},
        ),
    )  # fmt: skip
    assert batch.output_file_id is not None
    file = openai.files.retrieve(batch.output_file_id)

    assert file.expires_at == file.created_at + 3_600


@pytest.mark.usefixtures("workers")
def test_responses_of_a_batch_are_whole_responses(openai: OpenAI, store: str) -> None:
    tools = [{"type": "file_search", "vector_store_ids": [store]}]
    body = {"model": "quern", "input": "Where?", "tools": tools, "metadata": {"n": "1"}}
    batch = ended(
        openai,
        begin(
            openai,
            [
                line("a", body | {"include": ["file_search_call.results"]}, url="/v1/responses"),
                line("b", {"model": "quern", "input": "Why?"}, url="/v1/responses"),
            ],
            "/v1/responses",
        ),
    )

    searched, alone = (one["response"]["body"] for one in lines_of(openai, batch.output_file_id))
    assert (searched["object"], searched["status"], searched["metadata"]) == (
        "response", "completed", {"n": "1"},
    )  # fmt: skip
    assert searched["output"][0]["queries"] == ["Where?"]
    assert searched["output"][0]["results"][0]["file_id"] == "file-1"
    assert searched["output"][1]["content"][0]["annotations"][0]["file_id"] == "file-1"
    assert [item["type"] for item in alone["output"]] == ["message"]
    assert searched["id"] != alone["id"]


@pytest.mark.usefixtures("workers")
def test_a_line_that_continues_a_response_has_words_from_its_collections(
    openai: OpenAI, app: Flask, store: str
) -> None:
    tools: Any = [{"type": "file_search", "vector_store_ids": [store]}]
    before = openai.responses.create(input="Where?", tools=tools)
    body = {"model": "quern", "input": "And then?", "previous_response_id": before.id}
    batch = ended(
        openai, begin(openai, [line("a", body, url="/v1/responses")], "/v1/responses")
    )  # fmt: skip
    row, job = (parts_of(app).intake.redis.hgetall(name) for name in (
        f"quern:unit:{job_of(batch)}:00000", f"quern:job:{job_of(batch)}",
    ))  # fmt: skip

    assert (row["also"], job["also"]) == ("papers", "papers")
    assert row["collection"] != "papers"


@pytest.mark.usefixtures("workers")
def test_texts_of_a_batch_are_embedded_however_many_are_in_a_line(openai: OpenAI) -> None:
    many = [f"text number {n} of a long list of texts" for n in range(200)]
    url = "/v1/embeddings"
    batch = ended(
        openai,
        begin(
            openai,
            [
                line("one", {"model": "quern", "input": "The log."}, url=url),
                line(
                    "many", {"model": "quern", "input": many, "encoding_format": "base64"}, url=url
                ),
                line("long", {"model": "quern", "input": "word " * 5_000}, url=url),
                line("size", {"model": "quern", "input": "The log.", "dimensions": 3}, url=url),
                line("empty", {"model": "quern", "input": ""}, url=url),
            ],
            url,
        ),
    )

    one, other = (line["response"]["body"] for line in lines_of(openai, batch.output_file_id))
    assert one["data"][0]["embedding"] == pytest.approx(
        HashingEmbedder().embed(["The log."])[0].tolist()
    )
    assert [entry["index"] for entry in other["data"]] == list(range(200))
    assert isinstance(other["data"][0]["embedding"], str)
    wrong = {one["custom_id"]: one for one in lines_of(openai, batch.error_file_id)}
    assert {name: one["response"]["status_code"] for name, one in wrong.items()} == {
        "long": 400, "size": 400, "empty": 400,
    }  # fmt: skip
    assert wrong["size"]["response"]["body"]["error"]["param"] == "dimensions"


@pytest.mark.usefixtures("workers")
def test_vectors_of_one_line_are_in_memory_at_a_time(
    openai: OpenAI, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    outcomes = JobView.outcomes

    def noted(view: JobView, rows: Sequence[Any]) -> list[dict[str, Any]]:
        read.append(len(rows))
        return outcomes(view, rows)

    monkeypatch.setattr(JobView, "outcomes", noted)
    url = "/v1/embeddings"
    lines = [line(name, {"model": "quern", "input": name}, url=url) for name in "abc"]
    batch = ended(openai, begin(openai, lines, url))
    shown = app.test_client().get(f"/api/jobs/{job_of(batch)}/questions").get_json()["questions"]

    assert len(lines_of(openai, batch.output_file_id)) == 3
    assert read == [1, 1, 1, 0]
    assert [one["state"] for one in shown] == ["succeeded"] * 3


def test_a_batch_embeds_so_many_texts_and_no_more(
    openai: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.v1.batches.batches.MOST_TEXTS", 3)
    url = "/v1/embeddings"
    lines = [
        line("a", {"model": "quern", "input": "x"}, url=url),
        line("b", {"model": "quern", "input": ["x", "y"]}, url=url),
    ]
    most = begin(openai, lines, url)
    more = begin(openai, [*lines, line("c", {"model": "quern", "input": "z"}, url=url)], url)

    assert (most.status, more.status) == ("in_progress", "failed")
    assert more.errors is not None
    assert more.errors.data is not None
    assert [(one.code, one.line) for one in more.errors.data] == [("too_many_requests", 3)]


@pytest.mark.usefixtures("workers")
def test_a_line_that_cannot_be_answered_fails_alone(
    openai: OpenAI, generator: ScriptedGenerator
) -> None:
    generator.error = InvalidRequest("history", "is too long")
    batch = ended(
        openai,
        begin(
            openai,
            [
                line("body", {"model": "quern", "messages": [{"rolez": "user"}]}),
                line("tools", chat(tools=[{"type": "function"}])),
                line("store", chat(collection="nothing")),
                line("late", chat()),
            ],
        ),
    )

    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (0, 4)
    told = lines_of(openai, batch.error_file_id)
    assert [(one["custom_id"], one["response"]["status_code"]) for one in told] == [
        ("body", 400), ("tools", 400), ("store", 404), ("late", 400),
    ]  # fmt: skip
    assert all(one["error"]["message"] for one in told)
    assert told[1]["response"]["body"]["error"]["param"] == "tools"
    assert told[3]["response"]["body"]["error"]["message"] == "history: is too long"


def wrong(openai: OpenAI, lines: Sequence[Any] | bytes) -> list[tuple[str | None, int | None]]:
    batch = begin(openai, lines)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("failed", None, None)
    assert batch.failed_at is not None
    assert batch.request_counts is not None
    assert batch.request_counts.total == 0
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert openai.batches.retrieve(batch.id) == batch
    return [(error.code, error.line) for error in batch.errors.data]


def test_a_file_that_is_no_batch_fails_as_a_whole_and_says_where(
    openai: OpenAI, app: Flask
) -> None:
    assert wrong(
        openai,
        [
            line("a", chat()),
            line("a", chat()),
            line("b", chat(stream=True)),
            line("c", chat(background=True)),
            line("d", chat(), method="GET"),
            line("e", chat(), url="/v1/responses"),
            {"method": "POST", "url": CHAT, "body": chat()},
            line("f", None),
            line("g", chat(model="gpt-9")),
            [],
        ],
    ) == [
        ("duplicate_custom_id", 2), ("streaming_unsupported", 3), ("background_unsupported", 4),
        ("invalid_method", 5), ("invalid_url", 6), ("missing_required_parameter", 7),
        ("missing_required_parameter", 8), ("model_not_found", 9), ("invalid_json_line", 10),
    ]  # fmt: skip
    assert wrong(openai, b'\n{"custom_id": \n') == [("invalid_json_line", 2)]
    assert wrong(openai, b"\n  \n") == [("empty_file", None)]
    assert parts_of(app).intake.redis.keys("quern:unit:*") == []
    jobs = app.test_client().get("/api/jobs").get_json()["jobs"]
    assert {(job["state"], job["error"]["type"]) for job in jobs} == {("failed", "invalid_batch")}


def test_a_batch_of_a_file_that_is_not_there_is_accepted_and_fails(openai: OpenAI) -> None:
    batch = openai.batches.create(
        input_file_id="file-nothing", endpoint=CHAT, completion_window="24h"
    )

    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    (error,) = batch.errors.data
    assert (error.code, error.line, error.param) == ("invalid_request", None, "input_file_id")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"endpoint": "/v1/completions"}, "endpoint"),
        ({"completion_window": "48h"}, "completion_window"),
        ({"completion_window": "now"}, "completion_window"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}},
         "output_expires_after.seconds"),
        ({"output_expires_after": {"seconds": 3_600}}, "output_expires_after.anchor"),
    ],
)  # fmt: skip
def test_a_batch_that_cannot_be_asked_for_is_refused(
    openai: OpenAI, more: dict[str, Any], param: str
) -> None:
    asked: Any = {"input_file_id": "file-x", "endpoint": CHAT, "completion_window": "24h"}
    with pytest.raises(BadRequestError) as refused:
        openai.batches.create(**asked | more)

    assert refused.value.param == param
    assert openai.batches.list().data == []


def test_what_was_answered_before_a_cancel_is_told(
    openai: OpenAI, app: Flask, worker: HandWorker
) -> None:
    batch = begin(openai, [line(name, chat(name)) for name in "abc"])
    first, second, _ = worker.rows(job_of(batch))
    worker.generate(first)
    running = worker.claim(second)
    stopping = openai.batches.cancel(batch.id)
    assert (stopping.status, openai.batches.cancel(batch.id).status) == ("cancelling",) * 2
    assert stopping.cancelling_at is not None
    worker.ledger.work.finish(running, state="succeeded", fields={"result": "{}"})
    ended_now = ended(openai, batch)

    assert ended_now.status == "cancelled"
    assert ended_now.cancelled_at is not None
    assert ended_now.request_counts is not None
    assert ended_now.request_counts.model_dump() == {"total": 3, "completed": 1, "failed": 0}
    assert [one["custom_id"] for one in lines_of(openai, ended_now.output_file_id)] == ["a"]
    left = lines_of(openai, ended_now.error_file_id)
    assert [(one["custom_id"], one["error"]["code"]) for one in left] == [
        ("b", "batch_cancelled"), ("c", "batch_cancelled"),
    ]  # fmt: skip
    with pytest.raises(ConflictError, match="cancelled"):
        openai.batches.cancel(batch.id)
    assert app.test_client().get(f"/api/jobs/{job_of(batch)}").get_json()["state"] == "cancelled"


def test_a_batch_is_late_as_a_whole_and_what_was_answered_is_told(
    openai: OpenAI, worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 2)
    monkeypatch.setattr("jobs.long_jobs.FEW", 2)
    monkeypatch.setattr("jobs.long_jobs.LISTED_MEMORY_SHARE", 0.0)
    redis = worker.storage.redis
    batch = begin(openai, [line(name, chat(name)) for name in "abcd"], window="1h")
    first, second = worker.rows(job_of(batch))
    worker.generate(first)
    deadline = int(redis.hget(f"quern:job:{job_of(batch)}", "deadline"))
    assert deadline == int(redis.hget(f"quern:unit:{second}", "deadline"))
    assert batch.expires_at == batch.created_at + 3_600 == deadline // 1_000
    redis.hset(f"quern:job:{job_of(batch)}", "deadline", 1)
    redis.zadd("quern:deadlines:job", {job_of(batch): 1})
    redis.zadd("quern:deadlines:batch", {second: 1})
    worker.ledger.maintenance.expire("job")
    worker.ledger.maintenance.expire("batch")
    late = ended(openai, batch)

    assert late.status == "expired"
    assert late.expired_at is not None
    assert late.request_counts is not None
    assert late.request_counts.model_dump() == {"total": 4, "completed": 1, "failed": 3}
    assert [one["custom_id"] for one in lines_of(openai, late.output_file_id)] == ["a"]
    left = lines_of(openai, late.error_file_id)
    assert [(one["custom_id"], one["response"], one["error"]["code"]) for one in left] == [
        (name, None, "batch_expired") for name in "bcd"
    ]  # fmt: skip
    assert redis.zcard("quern:asking") == 0


def job_of(batch: Batch) -> str:
    plain = batch.id.removeprefix("batch_")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def test_batches_are_listed_newest_first_and_nothing_else_is(openai: OpenAI, app: Flask) -> None:
    app.test_client().post("/api/questions", json={"questions": [{"question": "Why?"}]})
    made = [begin(openai, [line("a", chat())]).id for _ in range(5)]
    page = openai.batches.list(limit=2)

    assert [batch.id for batch in page.data] == made[:-3:-1]
    assert page.has_more
    assert [batch.id for batch in openai.batches.list(limit=2)] == made[::-1]
    with pytest.raises(NotFoundError):
        openai.batches.list(after="batch_" + "0" * 32)


@pytest.mark.parametrize("given", ["batch_" + "0" * 32, "batch_", "x", "resp_" + "0" * 32])
def test_what_is_no_batch_is_not_found(openai: OpenAI, given: str) -> None:
    calls: list[Callable[[str], object]] = [openai.batches.retrieve, openai.batches.cancel]
    for call in calls:
        with pytest.raises(NotFoundError):
            call(given)


def test_a_request_that_comes_again_is_the_same_batch(openai: OpenAI) -> None:
    file = upload(openai, [line("a", chat())])
    first, second = (
        openai.batches.create(
            input_file_id=file, endpoint=CHAT, completion_window="24h",
            extra_headers={"Idempotency-Key": "k"},
        )
        for _ in range(2)
    )  # fmt: skip

    assert first.id == second.id
    assert len(openai.batches.list().data) == 1


def test_the_files_are_made_once_whoever_looks(
    openai: OpenAI, app: Flask, worker: HandWorker, settings: Settings
) -> None:
    batch = begin(openai, [line("a", chat())])
    (row,) = worker.rows(job_of(batch))
    worker.generate(row)
    other = create_app(settings)
    try:
        told = other.test_client().get(f"/v1/batches/{batch.id}").get_json()
    finally:
        parts_of(other).close()

    assert told["status"] == "completed"
    assert openai.batches.retrieve(batch.id).to_dict() == told
    intake = parts_of(app).intake
    openai.files.delete(told["output_file_id"])
    stale = intake.batches.find(batch.id)
    stale.row.pop("outputs_at")  # type: ignore[attr-defined]
    intake.batch_outputs.settle(stale, output_line, wait_s=30)
    assert openai.files.list(purpose="batch_output").data == []


@pytest.mark.usefixtures("store")
def test_a_batch_of_a_thousand_lines_is_answered_whole(
    openai: OpenAI, app: Flask, busy_worker: object
) -> None:
    del busy_worker
    lines = [line(f"line {n}", chat(f"Number {n}?", collection="papers")) for n in range(1_000)]
    batch = begin(openai, lines)
    service = parts_of(app).intake.question_lists._long_jobs

    def is_over() -> bool:
        service.turn()
        return openai.batches.retrieve(batch.id).status in ENDED

    until(is_over, within_s=240, told="the batch ends")
    told = openai.batches.retrieve(batch.id)
    assert told.request_counts is not None
    assert told.request_counts.model_dump() == {"total": 1_000, "completed": 1_000, "failed": 0}
    answers = lines_of(openai, told.output_file_id)
    assert [one["custom_id"] for one in answers] == [f"line {n}" for n in range(1_000)]
