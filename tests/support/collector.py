"""A collector of OpenTelemetry's protocol over HTTP, for tests: it keeps what it is sent."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.waiting import until
from tests.support.worlds.http_server import serving


@dataclass(frozen=True, slots=True)
class Told:
    """A span as it came over the wire."""

    service: str
    name: str
    kind: int
    trace: str
    span: str
    parent: str
    start_ns: int
    end_ns: int
    error: bool
    attributes: dict[str, Any]
    links: list[str]


@dataclass
class Collector:
    """
    Listens on a free port until it is closed.

    Args:
        hangs: Take every request and never answer it.
    """

    hangs: bool = False
    spans: list[Told] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    asked: int = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._ends = ExitStack()
        self.url = self._ends.enter_context(serving(self._handler()))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ends.close()

    def until(self, wanted: Callable[[list[Told]], bool]) -> list[Told]:
        """Wait until what has come is what was wanted; returns what has come."""
        until(lambda: wanted(list(self.spans)), told="the spans that were wanted have come")
        return list(self.spans)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.hangs:
                    collector._over.wait(60)
                    return
                assert self.path == "/v1/traces"
                collector._keep(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _keep(self, body: bytes) -> None:
        self.raw.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for process in request.resource_spans:
            about = {a.key: a.value.string_value for a in process.resource.attributes}
            for scope in process.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Told(
                            service=about["service.name"],
                            name=span.name,
                            kind=span.kind,
                            trace=span.trace_id.hex(),
                            span=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            start_ns=span.start_time_unix_nano,
                            end_ns=span.end_time_unix_nano,
                            error=span.status.code == 2,
                            attributes={
                                a.key: getattr(a.value, str(a.value.WhichOneof("value")))
                                for a in span.attributes
                            },
                            links=[link.trace_id.hex() for link in span.links],
                        )
                    )
