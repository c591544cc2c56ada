"""Traces of jobs for an OpenTelemetry collector; no-ops where tracing is off."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from runtime.settings import Settings
from runtime.tracing.spans import VERSION_00, Attributes, traces_url

if TYPE_CHECKING:
    from flask import Flask

    from runtime.tracing.span_recorder import Recorder

T = TypeVar("T")

#: Whose trace this thread works for, where this process records none itself.
_carried: ContextVar[str] = ContextVar("traceparent", default="")

_recorder: "Recorder | None" = None


class Span(Protocol):
    """A stretch of time with a name, while it lasts."""

    def set(self, attributes: Attributes) -> None:
        """Set attributes; names that are not on the list of `span_export` are dropped."""
        ...

    def __enter__(self) -> Self:
        """Begin it, as a child of the span around it."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it; of an error only the class is told."""
        ...


class _Nothing:
    """The span of a process that records none."""

    __slots__ = ()

    def set(self, attributes: Attributes) -> None:
        """Forget it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


NOTHING: Final = _Nothing()


def configure(settings: Settings, *, role: str) -> None:
    """
    Record the spans of this process if the settings name a collector.

    Nothing of OpenTelemetry is imported otherwise. Called once, before the process has work.

    Args:
        settings: `otlp_endpoint` and `trace_ratio` are read.

        role: Which process this is, such as `web` or `retrieval`.
    """
    global _recorder  # noqa: PLW0603  one per process, as the instrumentations have it
    if not settings.otlp_endpoint or _recorder is not None:
        return
    from runtime.tracing.span_recorder import Recorder  # noqa: PLC0415  only where it is wanted

    _recorder = Recorder(settings, role=role)


def close() -> None:
    """Send what is left, for two seconds at most, and record nothing more."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.close()


def on() -> bool:
    """Whether this process records spans."""
    return _recorder is not None


def span(name: str, attributes: Attributes | None = None, *, calls: bool = False) -> Span:
    """Return a span to be entered; *calls* says that another process does the work."""
    return NOTHING if _recorder is None else _recorder.span(name, attributes, calls=calls)


def shared_step(name: str, traceparent: str, *, around: bool = True) -> Span:
    """
    Return a span for one of several units that a body runs together.

    It belongs to the trace of that unit's own request; where that is not the body's, it is linked
    to what the body does. Spans that begin meanwhile are its children only where it is *around*.
    """
    if _recorder is None:
        return NOTHING
    return _recorder.shared_step(name, traceparent, around=around)


def accept(header: str | None) -> None:
    """Work for the trace of a `traceparent` header from here on; what is no such is ignored."""
    if _recorder is None:
        _carried.set(header if header and VERSION_00.fullmatch(header) else "")


def take_up(unit_id: str, fields: Mapping[str, str]) -> None:
    """Note which unit this thread runs, and work for its trace."""
    if _recorder is None:
        _carried.set(fields.get("traceparent", ""))
    else:
        told = {"quern.unit.kind": "kind", "quern.request.id": "request_id"}
        known = {name: fields[field] for name, field in told.items() if field in fields}
        _recorder.note({"quern.unit.id": unit_id, **known})


def passed_on() -> dict[str, str]:
    """Return the headers that let another service go on with this thread's trace."""
    if _recorder is not None:
        return _recorder.passed_on()
    traceparent = _carried.get()
    return {"traceparent": traceparent} if traceparent else {}


def row_fields() -> dict[str, str]:
    """Return the fields of a unit's row by which any worker continues its trace."""
    traceparent = passed_on().get("traceparent")
    return {"traceparent": traceparent} if traceparent else {}


def send_for(traceparent: str, send: Callable[[], T]) -> T:
    """Send a message on behalf of a unit: the sender may be another request, or no request."""
    return send() if _recorder is None else _recorder.send_for(traceparent, send)


def watch_flask(app: "Flask") -> None:
    """Record the requests of *app*, where this process records."""
    if _recorder is not None:
        _recorder.watch_flask(app)


def engine_arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments with which vLLM sends its own spans to the same collector."""
    if not settings.otlp_endpoint:
        return {}
    return {"otlp_traces_endpoint": traces_url(settings.otlp_endpoint)}
