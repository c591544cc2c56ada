"""Reading a request: JSON bodies, query parameters, preferences and idempotency keys."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from intake import fields
from intake.idempotency import Idempotency, idempotency_of
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.http.problems import Problem

MAX_WAIT_S: Final = 30
PAGE: Final = 50
#: Lists and objects within one another: far more than any request needs, and fewer than what reads,
#: checks and writes them down again can go through.
MAX_DEPTH: Final = 100

#: What query parameters may be.
WAIT: Final = fields.whole(0, MAX_WAIT_S)
LIMIT: Final = fields.whole(1, 200)
#: Of documents with nothing but their hashes.
HASHES: Final = fields.whole(1, 2_000)
#: Code points of a text, and generations.
OFFSET: Final = fields.whole(0, 2**53)
IDEMPOTENCY_KEY: Final = re.compile("[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for; *cursor* is empty for the first."""

    cursor: str
    limit: int


@dataclass(frozen=True, slots=True)
class Preference:
    """How long a caller would rather wait than come back (RFC 7240)."""

    wait_s: int
    applied: str


def json_body() -> Any:
    """
    Read a JSON body of bounded size.

    Raises:
        Problem: It is not JSON or too deep (400), or not said to be JSON (415).
    """
    if not request.is_json:
        raise Problem(415, "Send JSON with the header `Content-Type: application/json`.")
    return json_of(body_bytes())


def json_of(data: bytes) -> Any:
    """Read JSON; raises Problem (400) where it is none, or nested more than MAX_DEPTH deep."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}.", kind="not-json") from error
    if _is_deeper(found, MAX_DEPTH):
        raise Problem(400, f"The body is nested more than {MAX_DEPTH} levels deep.")
    return found


def _is_deeper(found: Any, most: int) -> bool:
    """Return True if more than *most* lists and objects lie within one another."""
    level = [found] if isinstance(found, dict | list) else []
    for _ in range(most):
        if not level:
            return False
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def body_bytes() -> bytes:
    """
    Read a body that may have as many bytes as one of JSON.

    Raises:
        RequestEntityTooLarge: It has more.
    """
    limit = front_end().settings.max_json_bytes
    # A body without a length is cut at the bound in silence: one byte more tells.
    request.max_content_length = limit + 1
    data = request.get_data(cache=False)
    request.max_content_length = limit
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data


def parameters(*known: str) -> dict[str, str]:
    """
    Return the query parameters, each given once.

    Raises:
        InvalidRequest: One is not known here, or given twice.
    """
    found: dict[str, str] = {}
    for name, values in request.args.lists():
        if name not in known:
            raise InvalidRequest(name, "is not a known parameter")
        if len(values) > 1:
            raise InvalidRequest(name, "is given more than once")
        found[name] = values[0]
    return found


def whole(given: dict[str, str], name: str, kind: fields.Kind[int]) -> int | None:
    """Read a whole number among parameters, None where absent; raises InvalidRequest."""
    text = given.get(name)
    if text is None:
        return None
    digits = text.isascii() and text.isdigit() and len(text) < 19  # noqa: PLR2004  # 64 bits
    return kind.read(int(text) if digits else text, name)


def page(given: dict[str, str], limit: fields.Kind[int] = LIMIT) -> Page:
    """Read `cursor` and `limit`, which may be what *limit* allows; raises InvalidRequest."""
    return Page(given.get("cursor", ""), whole(given, "limit", limit) or PAGE)


def one_of(given: dict[str, str], name: str, allowed: Iterable[str]) -> str | None:
    """Read one of some words among parameters; raises InvalidRequest."""
    value = given.get(name)
    if value is not None and value not in (allowed := sorted(allowed)):
        raise InvalidRequest(name, f"must be one of: {', '.join(allowed)}")
    return value


def preference() -> Preference:
    """Read the `Prefer` header; what cannot be read is ignored, as RFC 7240 asks."""
    wait_s, applied = 0, []
    for part in ",".join(request.headers.getlist("Prefer")).split(","):
        name, _, value = part.split(";")[0].partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if name == "respond-async" and name not in applied:
            applied.append(name)
        elif name == "wait" and value.isascii() and value.isdigit() and not wait_s:
            wait_s = min(int(value[:9]), MAX_WAIT_S)
            applied.append(f"wait={wait_s}")
    return Preference(wait_s, ", ".join(applied))


def idempotency(kind: str, body: object) -> Idempotency | None:
    """
    Read the `Idempotency-Key` header, None where there is none.

    *kind* and *body* say what was asked: the same key with anything else is refused.

    Raises:
        InvalidRequest: The key is unusable.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(given):
        raise InvalidRequest("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return idempotency_of(given, kind, body)
