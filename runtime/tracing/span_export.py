"""What leaves this process of a span: names, times, and attributes from one short list."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status
from opentelemetry.util.types import AnyValue

log = logging.getLogger(__name__)

#: Everything else an instrumentation may record stays here: paths and query strings, addresses of
#: clients, statements, messages of errors. A new release of one cannot make it tell more.
TOLD: Final = frozenset(
    {
        "http.request.method", "http.method", "http.route", "http.response.status_code",
        "http.status_code", "server.port",
        "db.system", "db.system.name", "db.operation.name", "db.redis.pipeline_length",
        "messaging.message.id", "messaging.destination", "messaging.system",
        "celery.action", "celery.state", "celery.task_name", "celery.retries",
        "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model",
        "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
        "gen_ai.response.finish_reason",
        "error.type",
        "quern.request.id",
        "quern.unit.id", "quern.unit.kind", "quern.texts", "quern.chunks", "quern.hits",
        "quern.limit", "quern.bytes", "quern.passages", "quern.available",
    }
)  # fmt: skip
#: Of a span's name: the instrumentation of Redis puts every command of a pipeline there.
NAME_MOST: Final = 80

EXPORT_S: Final = 5.0
CLOSE_S: Final = 2.0
WARN_S: Final = 60.0
QUEUE: Final = 4_096
BATCH: Final = 512
PAUSE_S: Final = 1.0


class CleanExporter(SpanExporter):
    """
    Hands spans to another exporter with nothing in them that is not on the list.

    A collector that is away costs the spans, and one line in the log each minute.

    Args:
        exporter: Sends them.

        endpoint: Where to, for the log.
    """

    def __init__(self, exporter: SpanExporter, *, endpoint: str) -> None:
        self._exporter = exporter
        self._host = urlsplit(endpoint).netloc
        self._warned = float("-inf")
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; what happens is never an error of the caller."""
        try:
            result = self._exporter.export([_cleaned(span) for span in spans])
        except Exception:  # noqa: BLE001  whatever it is, work goes on without traces
            result = SpanExportResult.FAILURE
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            if time.monotonic() - self._warned > WARN_S:
                self._warned = time.monotonic()
                log.warning(
                    "the collector takes no traces", extra={"host": self._host, "lost": self._lost}
                )
        return result

    def shutdown(self) -> None:
        """Give up what is on its way."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return self._exporter.force_flush(timeout_millis)


class BoundedProcessor(BatchSpanProcessor):
    """Sends spans in batches from a thread of its own; ends within CLOSE_S, sent or not."""

    def __init__(self, exporter: SpanExporter) -> None:
        super().__init__(
            exporter,
            max_queue_size=QUEUE,
            schedule_delay_millis=PAUSE_S * 1_000,
            max_export_batch_size=BATCH,
        )

    def shutdown(self) -> None:
        """Send the rest; a collector that hangs does not hold the process."""
        # Its own way gives no say over how long: half a minute.
        self._batch_processor.shutdown(timeout_millis=int(CLOSE_S * 1_000))


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    """Copy a span without what may not be told; events are messages of errors, so none stays."""
    attributes = _told(span.attributes or {})
    return ReadableSpan(
        name=_name(span, attributes),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=[type(link)(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _told(attributes: Mapping[str, AnyValue]) -> dict[str, AnyValue]:
    """Keep what is on the list."""
    return {name: value for name, value in attributes.items() if name in TOLD}


def _name(span: ReadableSpan, attributes: Mapping[str, AnyValue]) -> str:
    """Return what a span may be called: a request that fits no route would bear its path."""
    name = span.name
    if span.kind is SpanKind.SERVER and "http.route" not in attributes:
        name = "request without a route"
    return name if len(name) <= NAME_MOST else f"{name[: NAME_MOST - 1]}…"
