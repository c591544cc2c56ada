"""A caller's trace on its way through the ledger, over a real Redis."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.units import Unit
from protocol.messages import Message
from runtime.settings import Settings
from runtime.tracing import traces
from tasks.app import make_app
from tasks.sending import sender
from tests.support.collector import Collector
from tests.support.workbench import Workbench
from web.app import create_app
from web.front_end import FrontEnd

THEIRS = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def row_of(app: Flask, job_id: str) -> dict[str, str]:
    parts: FrontEnd = app.extensions["quern"]
    row = parts.intake._storage.ledger.rows.unit(job_id)
    assert row is not None
    return row


def test_a_traceparent_is_kept_with_the_job_though_nobody_here_records(
    app: Flask, client: FlaskClient
) -> None:
    def ask(**headers: str) -> dict[str, str]:
        answer = client.post("/api/queries", json={"question": "x"}, headers=headers)
        return row_of(app, answer.get_json()["id"])

    assert ask(traceparent=THEIRS)["traceparent"] == THEIRS
    assert "traceparent" not in ask(traceparent="00-x")
    assert "traceparent" not in ask()


def test_every_message_of_a_unit_names_its_trace_whoever_sends_it_and_whenever(
    bench: Workbench,
) -> None:
    bench.ledger.maintenance.dispatch("retrieve", window=1)
    traces.accept(THEIRS)
    first = bench.ask()
    traces.accept(None)
    second = bench.ask()
    traces.accept(THEIRS)
    waiting = bench.ask()
    collection_id = bench.collection()
    _, (document,) = bench.ingest(collection_id, "a.md")
    traces.accept(None)
    assert bench.sent == [
        Message(first, "retrieve", 0, THEIRS), Message(document, "parse", 0, THEIRS)
    ]  # fmt: skip
    bench.sent.clear()

    for unit_id in (first, second):
        unit = bench.claim(unit_id)
        assert isinstance(unit, Unit)
        bench.ledger.work.finish(unit, state="succeeded", fields={})
    assert bench.sent == [Message(second, "retrieve", 0), Message(waiting, "retrieve", 0, THEIRS)]
    bench.sent.clear()

    bench.due(waiting)
    bench.sweep("retrieve")
    assert bench.sent == [Message(waiting, "retrieve", 0, THEIRS)]


@pytest.fixture
def recorded(settings: Settings) -> Iterator[tuple[Flask, Collector]]:
    with Collector() as collector:
        traces.configure(Settings(otlp_endpoint=collector.url), role="web")
        app = create_app(settings)
        yield app, collector
        traces.close()
        app.extensions["quern"].close()


def test_a_request_is_told_by_its_route_and_answered_with_its_trace(
    recorded: tuple[Flask, Collector],
) -> None:
    app, collector = recorded
    client = app.test_client()
    asked = client.post(
        "/api/queries", json={"question": "canary"},
        headers={"traceparent": THEIRS, "baggage": "a=canary", "User-Agent": "canary"},
    )  # fmt: skip
    client.get("/api/jobs?canary=1", headers={"traceparent": THEIRS})
    client.get("/api/collections/canary/documents/canary", headers={"traceparent": THEIRS})
    client.get("/canary", headers={"traceparent": THEIRS})
    assert traces.passed_on() == {}
    client.get("/livez", headers={"traceparent": THEIRS})
    client.get("/readyz", headers={"traceparent": "canary"})
    row = row_of(app, asked.get_json()["id"])
    told = collector.until(lambda spans: sum(span.kind == 2 for span in spans) >= 4)

    requests = [span for span in told if span.kind == 2]
    assert sorted(span.attributes.get("http.route", "") for span in requests) == [
        "", "/api/collections/<name>/documents/<document:document_id>", "/api/jobs", "/api/queries",
    ]  # fmt: skip
    assert {span.trace for span in told} == {"ab" * 16}
    (question,) = (s for s in requests if s.attributes.get("http.route") == "/api/queries")
    assert (question.parent, question.attributes["http.status_code"]) == ("cd" * 8, 202)
    assert row["traceparent"] == f"00-{'ab' * 16}-{question.span}-01"
    assert asked.headers["traceresponse"] == row["traceparent"]
    assert not any(b"canary" in raw for raw in collector.raw)
    assert [s.name for s in told if s.kind == 4] == ["apply_async/query.retrieve"]


@pytest.mark.parametrize("recorder", [False, True])
def test_a_message_bears_the_trace_of_its_unit_over_a_real_broker(
    clean_redis: str, *, recorder: bool
) -> None:
    app = make_app(Settings(redis_url=clean_redis))
    with Collector() as collector:
        if recorder:
            traces.configure(Settings(otlp_endpoint=collector.url), role="test")
        try:
            sender(app)(Message("unit", "parse", 0, THEIRS))
            sender(app)(Message("unit", "parse", 9))
            with app.connection_for_read() as connection:
                queue = connection.SimpleQueue("ingest")
                headers = [queue.get(timeout=60).headers for _ in range(2)]
                queue.close()
            if recorder:
                collector.until(lambda spans: sum(span.kind == 4 for span in spans) == 2)
            traces.close()
        finally:
            traces.close()
            app.close()

    first, second = (told.get("traceparent") for told in headers)
    if recorder:
        told = {span.span: span for span in collector.spans if span.kind == 4}
        assert told[first[36:52]].parent == "cd" * 8
        assert (first[3:35], second[3:35] == first[3:35]) == ("ab" * 16, False)
    else:
        assert (first, second) == (THEIRS, None)
