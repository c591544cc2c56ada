"""What the web counts of its requests: by the route's template, never by the path."""

import time
from typing import Final

from flask import Flask, Response, g, request

from runtime.metrics import meters

#: A request that no route takes; a method that nobody knows.
NONE: Final = "none"
OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_REASONS: Final = {
    400: "invalid", 403: "forbidden", 409: "conflict", 413: "too_large", 415: "invalid",
    421: "misdirected", 422: "invalid", 429: "too_many", 503: "unavailable",
}  # fmt: skip
_KINDS: Final = {"memory-full": "memory_full", "queue-full": "queue_full"}


def register(app: Flask) -> None:
    """Count and time every request of *app*."""
    app.before_request(_begin)
    app.after_request(_end)


def begin(app: Flask) -> None:
    """Show at zero what is counted of the routes that *app* has."""
    meters.begin("every", "web")
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            for status_class in ("2xx", "4xx", "5xx"):
                _ = meters.HTTP_REQUESTS[method, rule.rule, status_class]


def rejected(status: int, kind: str) -> None:
    """Count a request that was refused; one that asks for what is not there is not refused."""
    reason = _KINDS.get(kind) or _REASONS.get(status)
    if reason is not None:
        meters.HTTP_REJECTED[reason].inc()


def _begin() -> None:
    """Note when a request began."""
    g.began = time.perf_counter()


def _end(answer: Response) -> Response:
    """Count a request whose answer begins."""
    route = request.url_rule.rule if request.url_rule is not None else NONE
    method = request.method if request.method in METHODS else OTHER
    meters.HTTP_REQUESTS[method, route, f"{answer.status_code // 100}xx"].inc()
    if "began" in g:
        meters.HTTP_SECONDS[method, route].observe(time.perf_counter() - g.began)
    return answer
