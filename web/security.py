"""What every answer carries and every request passes: headers, ids, no foreign writes."""

import re
import uuid
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from web.problems import Problem

HEADERS: Final[dict[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register(app: Flask) -> None:
    """Guard every route of *app*."""
    app.before_request(_before)
    app.after_request(_after)


def _before() -> None:
    """Name the request, and refuse one that a foreign page makes a browser send."""
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    if request.method not in _SAFE and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Problem(403, "Another site's page may not send this request.", kind="cross-site")
    if _foreign(request.headers.get("Origin"), request.host):
        raise Problem(403, "Another site's page may not send this request.", kind="cross-site")


def _foreign(origin: str | None, host: str) -> bool:
    """
    Tell whether an unsafe request comes from a page of another origin (RFC 6454, section 7).

    Browsers send `Sec-Fetch-Site` to trustworthy addresses only; on a plain address of the local
    network the origin is all there is to go by. Programs send none.
    """
    if origin is None or request.method in _SAFE:
        return False
    return urlsplit(origin).netloc.lower() != host.lower()


def _after(answer: Response) -> Response:
    """Put the headers on the answer."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["X-Request-ID"] = g.get("request_id") or uuid.uuid4().hex
    if request.path.startswith("/api/"):
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer
