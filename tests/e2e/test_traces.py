"""Traces of a whole stack, as a collector gets them: one for each job, and no text in any."""

import statistics
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from runtime.tracing.span_export import WARN_S
from tests.support.collector import Collector, Told
from tests.support.waiting import below, until
from tests.support.whole_stack import Api, quick_stack

CANARY = "zanzibarcanary"
#: The span that every request says it is part of.
CALLER = "cd" * 8
#: Spans of every question, and of every ingest of one document, after the request's own.
QUESTION = (
    "apply_async/query.retrieve", "run/query.retrieve", "embed", "dense", "sparse", "fuse",
    "generate",
)  # fmt: skip
INGEST = (
    "apply_async/ingest.parse", "run/ingest.parse", "document", "parse", "chunk", "publish",
    "embed", "chroma upsert", "wait for searchers",
)  # fmt: skip


def parent_of(number: int) -> str:
    return f"00-{number:032x}-{CALLER}-01"


def sent(api: Api, path: str, body: dict[str, Any], number: int) -> str:
    answer = api.http.post(path, json=body, headers={"traceparent": parent_of(number)})
    assert answer.status_code == 202
    job_id: str = answer.json()["id"]
    return job_id


def document(name: str) -> dict[str, Any]:
    text = f"The {CANARY} nests in the quarry beside {name}."
    return {"id": f"{CANARY}/{name}", "text": text, "title": CANARY, "metadata": {"a": CANARY}}


def trace(spans: list[Told], number: int) -> list[Told]:
    return [span for span in spans if span.trace == f"{number:032x}"]


def names_of(spans: list[Told]) -> set[str]:
    return {span.name for span in spans}


def complete(spans: list[Told], number: int, names: tuple[str, ...]) -> bool:
    return {*names} <= {span.name for span in trace(spans, number)}


def roots(told: list[Told]) -> list[Told]:
    """The spans of a trace whose parent is not in it."""
    known = {span.span for span in told}
    return [span for span in told if span.parent not in known]


def whole(spans: list[Told], number: int, names: tuple[str, ...]) -> bool:
    """Whether a trace has these spans and hangs together: processes send theirs in any order."""
    parents = {span.parent for span in roots(trace(spans, number))}
    return complete(spans, number, names) and parents == {CALLER}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    settings = Settings(otlp_endpoint=collector.url)
    folder = tmp_path_factory.mktemp("traced")
    with (
        quick_stack(data_dir=folder, settings=settings) as stack,
        Api(stack.url) as api,
    ):
        yield api


def test_a_job_is_one_trace_under_its_callers_from_the_request_to_the_answer(
    collector: Collector, traced: Api
) -> None:
    ingest = sent(traced, "/api/ingests", {"documents": [document("a")]}, 1)
    assert traced.finished(ingest)["state"] == "succeeded"
    question = sent(traced, "/api/queries", {"question": f"Where is the {CANARY}?"}, 2)
    assert traced.finished(question)["state"] == "succeeded"
    spans = collector.until(lambda spans: whole(spans, 1, INGEST) and whole(spans, 2, QUESTION))

    for number, request, names in (
        (1, "POST /api/ingests", INGEST),
        (2, "POST /api/queries", QUESTION),
    ):
        told = trace(spans, number)
        known = {span.span: span for span in told}
        assert [(span.name, span.parent) for span in roots(told)] == [(request, CALLER)]
        assert {*names} <= {span.name for span in told}
        # A script that Redis has not seen yet is refused once, and loaded.
        assert all(span.name.startswith("EVALSHA") for span in told if span.error)
        assert "EVALSHA submit" in names_of(told) or "EVALSHA accept" in names_of(told)
        for span in told:
            chain = [span]
            while chain[-1].parent in known:
                chain.append(known[chain[-1].parent])
            assert chain[-1].name == request
            assert span.start_ns <= span.end_ns
            assert span.start_ns >= chain[-1].start_ns - 1_000_000
        workers = {span.service for span in told if span.name.startswith("run/")}
        assert workers == {"quern-ingestion" if number == 1 else "quern-retrieval"}
    (dense,) = (span for span in trace(spans, 2) if span.name == "dense")
    assert dense.attributes == {"quern.hits": 1}  # so few chunks are compared in the replica
    bodies = [span for span in trace(spans, 2) if span.name.startswith("run/")]
    assert {span.attributes["quern.unit.id"] for span in bodies} == {question}


def test_jobs_that_waited_in_the_backlog_keep_each_its_own_trace(
    collector: Collector, traced: Api
) -> None:
    numbers = range(100, 160)
    jobs = {
        number: sent(
            traced, "/api/queries",
            {"question": f"Where is {CANARY} {number}?", "priority": "batch"}, number,
        )
        for number in numbers
    }  # fmt: skip
    states = {traced.finished(job_id)["state"] for job_id in jobs.values()}
    spans = collector.until(lambda spans: all(complete(spans, n, QUESTION) for n in numbers))

    assert states == {"succeeded"}
    for number, job_id in jobs.items():
        told = trace(spans, number)
        assert {*QUESTION} <= {span.name for span in told}
        ids = {span.attributes.get("quern.unit.id", job_id) for span in told}
        assert ids == {job_id}


def test_documents_that_one_body_takes_together_are_each_in_their_own_trace(
    collector: Collector, traced: Api
) -> None:
    numbers = range(200, 230)
    jobs = [sent(traced, "/api/ingests", {"documents": [document(str(n))]}, n) for n in numbers]
    states = {traced.finished(job_id)["state"] for job_id in jobs}
    wanted = ("document", "parse", "publish")
    spans = collector.until(lambda spans: all(complete(spans, n, wanted) for n in numbers))

    assert states == {"succeeded"}
    assert all(complete(spans, n, wanted) for n in numbers)


def test_no_text_and_no_name_of_anybodys_is_in_anything_that_was_sent(
    collector: Collector, traced: Api
) -> None:
    traced.http.get("/api/jobs", params={"cursor": CANARY, CANARY: 1})
    traced.http.get(f"/api/collections/{CANARY}/documents/{CANARY}")
    traced.http.get(f"/{CANARY}", headers={"User-Agent": CANARY, "baggage": f"a={CANARY}"})
    traced.post("/api/search", {"query": CANARY, "filters": {"a": CANARY}})
    broken = {"files": (f"{CANARY}.pdf", f"%PDF-1.7 {CANARY}".encode(), "application/pdf")}
    answer = traced.http.post("/api/ingests", files=broken, headers={"traceparent": parent_of(300)})
    assert traced.finished(answer.json()["id"])["state"] == "failed"
    # A process sends in order: with these has come all that each said before.
    last = sent(traced, "/api/queries", {"question": f"Where is the last {CANARY}?"}, 301)
    assert traced.finished(last)["state"] == "succeeded"
    last = sent(traced, "/api/ingests", {"documents": [document("last")]}, 302)
    assert traced.finished(last)["state"] == "succeeded"
    requests = {301: ("POST /api/queries", *QUESTION), 302: ("POST /api/ingests", *INGEST)}
    spans = collector.until(
        lambda spans: (
            complete(spans, 300, ("parse",))
            and all(complete(spans, number, names) for number, names in requests.items())
        )
    )

    (parse,) = (span for span in trace(spans, 300) if span.name == "parse")
    assert (parse.error, parse.attributes["error.type"]) == (True, "Unreadable")
    assert len(collector.raw) > 5
    assert [raw for raw in collector.raw if CANARY.encode() in raw.lower()] == []


def test_a_collector_that_hangs_slows_nothing_down_and_loses_no_job(
    api: Api, tmp_path: Path
) -> None:
    started = time.monotonic()
    with Collector(hangs=True) as collector:
        settings = Settings(otlp_endpoint=collector.url)
        with (
            quick_stack(data_dir=tmp_path, settings=settings) as stack,
            Api(stack.url) as hung,
        ):
            both = {"plain": api, "hung": hung}
            for each in both.values():
                assert each.ingest({"a": "The kestrel nests in the quarry."}, "kestrels")
            numbers = count()

            def too_slow() -> float:
                took: dict[str, list[float]] = {name: [] for name in both}
                for n in islice(numbers, 25):
                    for name, each in both.items():
                        began = time.perf_counter()
                        job = each.post(
                            "/api/queries", {"question": f"Kestrel {n}?", "collection": "kestrels"}
                        )
                        assert each.finished(job["id"])["state"] == "succeeded"
                        took[name].append(time.perf_counter() - began)
                middle = {name: statistics.median(times) for name, times in took.items()}
                return middle["hung"] - middle["plain"] * 1.5

            below(too_slow, 0.05)
            until(lambda: "takes no traces" in stack.log("retrieval"))
            told = stack.log("retrieval").count("takes no traces")
            most = 1 + (time.monotonic() - started) // WARN_S
            began = time.monotonic()
            code = stack.stop()
            stopped = time.monotonic() - began

    assert collector.asked > 0
    assert collector.spans == []
    assert 1 <= told <= most
    assert code == 0
    assert stopped < 30
