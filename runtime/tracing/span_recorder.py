"""The recorder: OpenTelemetry's own parts put together; imported only where traces are wanted."""

import atexit
import contextvars
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.propagators import (
    TraceResponsePropagator,
    set_global_response_propagator,
)
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.settings import Settings
from runtime.tracing.span_export import EXPORT_S, BoundedProcessor, CleanExporter
from runtime.tracing.spans import SCRIPTS, VERSION_00, Attributes, traces_url

if TYPE_CHECKING:
    from flask import Flask

T = TypeVar("T")

#: Asked every few seconds by machines, and nobody's job.
UNTRACED: Final = r"^https?://[^/]+/(livez|readyz|health|metrics|prometheus/|static/)"
#: Attributes are counts and names; what is longer is a mistake.
LONGEST: Final = 200


class Roots(Sampler):
    """
    Begins a trace with a request or a message only.

    What a process does by itself, renewing claims, following the log, would be thousands of traces
    of one span each.

    Args:
        ratio: Share of traces that are recorded, 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        self._share = TraceIdRatioBased(ratio)

    def should_sample(  # noqa: PLR0917  as the SDK calls it
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        """Decide about a span without a parent."""
        if kind in (SpanKind.SERVER, SpanKind.CONSUMER, SpanKind.PRODUCER):
            return self._share.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )
        return SamplingResult(Decision.DROP)

    def get_description(self) -> str:
        """Name it."""
        return f"Roots({self._share.get_description()})"


class Recording:
    """A span of our own; see `runtime.tracing.traces.Span`."""

    __slots__ = ("_around", "_span", "_start", "_token")

    def __init__(self, start: Callable[[], trace.Span], *, around: bool = True) -> None:
        self._start = start
        self._around = around

    def set(self, attributes: Attributes) -> None:
        """Set attributes."""
        self._span.set_attributes(attributes)

    def __enter__(self) -> Self:
        self._span = self._start()
        around = trace.set_span_in_context(self._span) if self._around else contexts.get_current()
        self._token = contexts.attach(around)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._span.set_attribute("error.type", kind.__qualname__)
            self._span.set_status(StatusCode.ERROR)
        contexts.detach(self._token)
        self._span.end()


class Recorder:
    """
    Records the spans of one process and sends them.

    Args:
        settings: Where to, and what share.

        role: Which process this is.
    """

    def __init__(self, settings: Settings, *, role: str) -> None:
        # They tell of every lost batch, in their own words; the exporter says it once a minute.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        url = traces_url(settings.otlp_endpoint)
        self._provider = TracerProvider(
            sampler=ParentBased(Roots(settings.trace_ratio)),
            resource=Resource.create(
                {"service.name": f"quern-{role}", "service.namespace": "quern"}
            ),
            span_limits=SpanLimits(max_span_attribute_length=LONGEST),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BoundedProcessor(
                CleanExporter(OTLPSpanExporter(endpoint=url, timeout=EXPORT_S), endpoint=url)
            )
        )
        self._tracer = self._provider.get_tracer("quern")
        self._words = TraceContextTextMapPropagator()
        # Baggage is left out: it is anybody's text.
        propagate.set_global_textmap(self._words)
        set_global_response_propagator(TraceResponsePropagator())
        CeleryInstrumentor().instrument(tracer_provider=self._provider)
        RedisInstrumentor().instrument(tracer_provider=self._provider, request_hook=_name_script)
        atexit.register(self.close)

    def close(self) -> None:
        """Send what is left, for two seconds at most. Harmless when repeated."""
        atexit.unregister(self.close)
        for instrumentor in (CeleryInstrumentor(), RedisInstrumentor()):
            if instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.uninstrument()
        self._provider.shutdown()

    def span(self, name: str, attributes: Attributes | None, *, calls: bool) -> Recording:
        """Return a span that is a child of the current one."""
        kind = SpanKind.CLIENT if calls else SpanKind.INTERNAL
        return Recording(lambda: self._tracer.start_span(name, kind=kind, attributes=attributes))

    def shared_step(self, name: str, traceparent: str, *, around: bool) -> Recording:
        """Return a span in the trace of *traceparent*, or in the current one if that is it."""

        def start() -> trace.Span:
            here = trace.get_current_span().get_span_context()
            theirs = self._context(traceparent)
            told = trace.get_current_span(theirs).get_span_context()
            if not told.is_valid or told.trace_id == here.trace_id:
                return self._tracer.start_span(name)
            return self._tracer.start_span(name, context=theirs, links=[Link(here)])

        return Recording(start, around=around)

    def note(self, attributes: Attributes) -> None:
        """Set attributes of the current span."""
        trace.get_current_span().set_attributes(attributes)

    def passed_on(self) -> dict[str, str]:
        """Return the headers of the current span, empty where there is none."""
        headers: dict[str, str] = {}
        self._words.inject(headers)
        return headers

    def send_for(self, traceparent: str, send: Callable[[], T]) -> T:
        """Send a message in the trace of its unit, under the current span where that is in it."""

        def sent() -> T:
            here = trace.get_current_span().get_span_context()
            theirs = self._context(traceparent)
            told = trace.get_current_span(theirs).get_span_context()
            if told.trace_id != here.trace_id:
                contexts.attach(theirs)
            return send()

        # A copy, thrown away: where sending fails, the instrumentation leaves its span behind.
        return contextvars.copy_context().run(sent)

    def watch_flask(self, app: "Flask") -> None:
        """Record the requests of *app*."""
        from opentelemetry.instrumentation.flask import FlaskInstrumentor  # noqa: PLC0415  a worker has no use for it

        FlaskInstrumentor.instrument_app(
            app,
            tracer_provider=self._provider,
            excluded_urls=UNTRACED,
            enable_commenter=False,
        )

    def _context(self, traceparent: str) -> Context:
        """Return the context of a `traceparent`, without a span where it is none."""
        if not VERSION_00.fullmatch(traceparent):
            return Context()
        return self._words.extract({"traceparent": traceparent}, context=Context())


def _name_script(span: trace.Span, _client: object, command: Sequence[object], _: object) -> None:
    """Name the script that a command runs."""
    if command[:1] == ("EVALSHA",) and (name := SCRIPTS.get(str(command[1]))):
        span.update_name(f"EVALSHA {name}")
