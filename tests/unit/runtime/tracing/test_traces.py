"""Traces: nothing where they are off, the right parents and no text where they are on."""

import logging
import threading
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest

from rag.errors import InvalidRequest
from runtime.environment import BadSetting, read_settings
from runtime.settings import Settings
from runtime.tracing import traces
from runtime.tracing.spans import traces_url
from tests.support.collector import Collector
from tests.support.waiting import below
from workers.traced_ports import Step, embedder

THEIRS = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
OTHERS = "00-" + "12" * 16 + "-" + "34" * 8 + "-01"
NO_TRACEPARENTS = (
    "", "x", THEIRS.upper(), THEIRS + "-more", "ff" + THEIRS[2:], THEIRS[:-1], THEIRS + "\n",
    "00-" + "0" * 32 + "-" + "cd" * 8 + "-01", "00-" + "ab" * 16 + "-" + "0" * 16 + "-01",
)  # fmt: skip


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        traces.configure(Settings(otlp_endpoint=collector.url), role="test")
        yield collector
        traces.close()


@pytest.fixture
def off() -> Iterator[None]:
    traces.accept(None)
    yield
    traces.accept(None)


class Text:
    """An embedder of which only its calls matter."""

    identity = "mine"

    def embed(self, texts: list[str], *, truncate: bool = False) -> list[str]:
        if truncate:
            raise InvalidRequest("text", "canary")
        return texts

    def embed_passages(self, passages: list[str]) -> list[str]:
        return passages


@pytest.mark.usefixtures("off")
def test_where_no_collector_is_named_every_span_is_one_shared_object() -> None:
    traces.configure(Settings(), role="test")
    port: Any = Text()

    assert traces.span("dense") is traces.shared_step("document", THEIRS) is traces.NOTHING
    assert embedder(port) is port
    assert not any(thread.name.startswith("Otel") for thread in threading.enumerate())


@pytest.mark.usefixtures("off")
def test_a_trace_is_passed_on_by_who_records_none_and_what_is_no_traceparent_is_ignored() -> None:
    traces.accept(THEIRS)
    assert traces.passed_on() == traces.row_fields() == {"traceparent": THEIRS}
    for wrong in NO_TRACEPARENTS:
        traces.accept(wrong)
        assert traces.passed_on() == traces.row_fields() == {}
    traces.take_up("unit", {"traceparent": THEIRS})
    assert traces.passed_on() == {"traceparent": THEIRS}
    traces.take_up("next", {})
    assert traces.passed_on() == {}


def test_spans_are_children_of_the_unit_they_work_for(collector: Collector) -> None:
    with traces.shared_step("document", THEIRS):
        with traces.span("parse"):
            pass
        with traces.shared_step("publish", OTHERS, around=False), traces.span("embed"):
            passed = traces.passed_on()["traceparent"]
        with traces.shared_step("flip", passed):
            pass
    for wrong in NO_TRACEPARENTS:
        with traces.shared_step("nobody's", wrong):
            pass
    told = {span.name: span for span in collector.until(lambda spans: len(spans) >= 5)}

    assert {name: span.trace for name, span in told.items()} == dict.fromkeys(
        ("document", "parse", "embed", "flip"), "ab" * 16
    ) | {"publish": "12" * 16}
    assert told["document"].parent == "cd" * 8
    assert told["parse"].parent == told["embed"].parent == told["document"].span
    assert told["flip"].parent == told["document"].span
    assert (told["publish"].parent, told["publish"].links) == ("34" * 8, ["ab" * 16])
    assert passed == f"00-{'ab' * 16}-{told['embed'].span}-01"


def test_of_an_error_and_of_unknown_attributes_nothing_is_told_but_the_class(
    collector: Collector,
) -> None:
    port: Any = embedder(Text())  # type: ignore[arg-type]  # as much of one as is used
    with traces.shared_step("document", THEIRS):
        port.embed(["canary", "canary"])
        with pytest.raises(InvalidRequest):
            port.embed(["canary"], truncate=True)
        with traces.span("said", {"url.query": "canary", "quern.hits": 3}) as span:
            span.set({"exception.message": "canary", "gen_ai.prompt": "canary"})
        with traces.span("x" * 1_000):
            pass
    told = collector.until(lambda spans: len(spans) >= 5)

    assert port.identity == "mine"
    assert not any(b"canary" in raw for raw in collector.raw)
    assert [(s.error, s.attributes) for s in told if s.name == "embed"] == [
        (False, {"gen_ai.operation.name": "embeddings", "quern.texts": 2}),
        (
            True,
            {
                "gen_ai.operation.name": "embeddings",
                "quern.texts": 1,
                "error.type": "InvalidRequest",
            },
        ),
    ]
    assert [span.attributes for span in told if span.name == "said"] == [{"quern.hits": 3}]
    assert max(len(span.name) for span in told) == 80


def test_what_a_process_does_by_itself_is_no_trace(collector: Collector) -> None:
    with traces.span("dense", calls=True), traces.span("inside"):
        passed = traces.passed_on()
    with traces.shared_step("document", THEIRS):
        pass
    told = collector.until(lambda spans: len(spans) >= 1)  # sent in order

    assert int(passed["traceparent"][-2:], 16) % 2 == 0  # not sampled
    assert [span.name for span in told] == ["document"]


def test_of_a_trace_that_its_caller_does_not_record_nothing_is_recorded(
    collector: Collector,
) -> None:
    with traces.shared_step("document", THEIRS[:-2] + "00"):
        passed = traces.passed_on()["traceparent"]
    with traces.shared_step("publish", THEIRS):
        pass
    told = collector.until(lambda spans: len(spans) >= 1)

    assert passed.startswith("00-" + "ab" * 16)
    assert passed.endswith("-00")
    assert [span.name for span in told] == ["publish"]


def test_a_message_is_sent_for_its_unit_and_a_failure_leaves_nothing_behind(
    collector: Collector,
) -> None:
    def broken() -> None:
        with_span = traces.span("sent")
        with_span.__enter__()
        raise OSError("away")

    with traces.shared_step("document", THEIRS):
        inside = traces.passed_on()["traceparent"]
        own = traces.send_for(inside, traces.passed_on)
        other = traces.send_for(OTHERS, traces.passed_on)
        with pytest.raises(OSError, match="away"):
            traces.send_for(OTHERS, broken)
        after = traces.passed_on()["traceparent"]
    traces.close()

    assert own == {"traceparent": inside}
    assert other == {"traceparent": OTHERS}
    assert after == inside
    assert [span.name for span in collector.spans] == ["document"]


@pytest.mark.parametrize("hangs", [True, False])
def test_a_collector_that_hangs_or_is_away_costs_one_line_and_two_seconds_at_the_end(
    *, hangs: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.tracing.span_recorder.EXPORT_S", 0.2)
    monkeypatch.setattr("runtime.tracing.span_export.PAUSE_S", 0.1)

    def took_s() -> float:
        caplog.clear()
        with Collector(hangs=True) as collector, caplog.at_level(logging.WARNING):
            return ended_after_s(collector.url if hangs else "http://127.0.0.1:9")

    def ended_after_s(url: str) -> float:
        traces.configure(Settings(otlp_endpoint=url), role="test")
        rounds = []
        late = time.monotonic() + 1.5
        while time.monotonic() < late:
            began = time.perf_counter()
            for _ in range(100):
                with traces.shared_step("document", THEIRS):
                    pass
            rounds.append(time.perf_counter() - began)
            time.sleep(0.02)
        # Of a hundred spans: one round may wait for the processor, but none for the collector.
        assert median(rounds) < 0.1
        began = time.monotonic()
        traces.close()
        return time.monotonic() - began

    below(took_s, 4)
    lines = [record for record in caplog.records if "traces" in record.getMessage()]
    assert [line.getMessage() for line in lines] == ["the collector takes no traces"]


def test_an_endpoint_must_be_an_address_and_a_ratio_a_share() -> None:
    for wrong in ("collector:4318", "grpc://c:4317", "http://user:secret@c:4318", "http://"):
        with pytest.raises(BadSetting, match="QUERN_OTLP_ENDPOINT") as refused:
            read_settings({"QUERN_OTLP_ENDPOINT": wrong})
        assert "secret" not in str(refused.value)
    with pytest.raises(BadSetting, match="QUERN_TRACE_RATIO"):
        read_settings({"QUERN_TRACE_RATIO": "1.1"})
    for base in ("http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"):
        assert traces_url(base) == "http://c:4318/v1/traces"


def test_a_step_says_what_it_is_told_to_and_passes_everything_through(
    collector: Collector,
) -> None:
    step = Step("fuse", after=lambda hits: {"quern.hits": len(hits)})
    with traces.shared_step("document", THEIRS):
        answer = step.watch(lambda a, *, b: [a, b])(1, b=2)
    told = collector.until(lambda spans: len(spans) >= 2)

    assert answer == [1, 2]
    assert [s.attributes for s in told if s.name == "fuse"] == [{"quern.hits": 2}]


def test_what_was_recorded_is_sent_when_the_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.tracing.span_export.CLOSE_S", 60.0)
    with Collector() as collector:
        traces.configure(Settings(otlp_endpoint=collector.url), role="test")
        with traces.shared_step("document", THEIRS):
            traces.take_up("unit", {"kind": "query", "request_id": "r1"})
        traces.close()
        traces.close()

    assert [span.attributes for span in collector.spans] == [
        {"quern.unit.id": "unit", "quern.unit.kind": "query", "quern.request.id": "r1"}
    ]
    assert not traces.on()
