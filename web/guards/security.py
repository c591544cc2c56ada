"""Checks of each request and headers of each response: host, origin, request id."""

import logging
import re
import time
import uuid
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from runtime.hosts import AllowedHosts
from runtime.logging import correlation
from web.http.behind_proxy import own_host
from web.http.problems import Problem

log = logging.getLogger(__name__)

HEADERS: Final[dict[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    # Under `no-referrer` a form of our own would be sent with `Origin: null`, as a stranger's is
    # (Fetch standard, "append a request Origin header").
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}

API_HEADERS: Final = HEADERS | {"Cache-Control": "no-store"}

#: What programs call: each request is logged, and no answer is kept.
_CALLED: Final = ("/api/", "/mcp")

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register(app: Flask, hosts: AllowedHosts) -> None:
    """Guard every route of *app*, which answers to *hosts* alone."""
    app.before_request(_begin)
    app.before_request(partial(_refuse_other_hosts, hosts))
    app.before_request(_refuse_foreign_writes)
    app.after_request(_after)
    app.teardown_request(_release)


def _begin() -> None:
    """Name the request."""
    given = request.headers.get("X-Request-ID", "")
    g.began = time.perf_counter()
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    correlation.begin(request_id=g.request_id)


def _refuse_other_hosts(hosts: AllowedHosts) -> None:
    """Refuse a request for a server that we are not; reading is refused as well as writing."""
    protocol = request.environ["SERVER_PROTOCOL"]
    # What a proxy says we were called by, and what it called us itself: a page that led its own
    # name here could send the former.
    for host in dict.fromkeys((own_host(), request.headers.get("Host"))):
        refusal = hosts.refusal(host, protocol=protocol)
        if refusal is not None:
            status, why = refusal
            raise Problem(status, why)


def _refuse_foreign_writes() -> None:
    """Refuse what a foreign page makes a browser send."""
    if request.method not in _SAFE and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Problem(403, "Another site's page may not send this request.", kind="cross-site")
    if _foreign(request.headers.get("Origin"), request.host):
        raise Problem(403, "Another site's page may not send this request.", kind="cross-site")


def _foreign(origin: str | None, host: str) -> bool:
    """
    Return True if an unsafe request comes from a page of another origin (RFC 6454, section 7).

    Browsers send `Sec-Fetch-Site` to trustworthy addresses only; on a plain address of the local
    network the origin is all there is to go by. Programs send none.
    """
    if origin is None or request.method in _SAFE:
        return False
    return urlsplit(origin).netloc.lower() != host.lower()


def _after(answer: Response) -> Response:
    """Put the headers on the answer."""
    is_api = request.path.startswith(_CALLED)
    ours = API_HEADERS if is_api else HEADERS
    answer.headers.extend([pair for pair in ours.items() if pair[0] not in answer.headers])
    answer.headers["X-Request-ID"] = g.get("request_id") or uuid.uuid4().hex
    if is_api:
        _tell(answer)
    return answer


def _tell(answer: Response) -> None:
    """Log a request of a program: its route, not its path, which may hold users' own names."""
    rule = request.url_rule
    told: dict[str, object] = {
        "method": request.method,
        "route": rule.rule if rule else "none",
        "status": answer.status_code,
    }
    if began := g.get("began"):
        told["ms"] = round((time.perf_counter() - began) * 1000, 1)
    if job_id := (request.view_args or {}).get("job_id"):
        told["job_id"] = job_id
    log.info("request", extra=told)


def _release(_error: BaseException | None) -> None:
    """Forget the request: this thread serves others."""
    correlation.end()
