"""Large bodies: so many are read at once, and no thread is left to those who send slowly."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, g, request

from web.front_end import front_end
from web.http.behind_proxy import client
from web.slots import SMALL_BODY


def register(app: Flask) -> None:
    """Let a large body of any route of *app* in only where there is a slot for it."""
    app.before_request(_begin)
    app.teardown_request(lambda _error: have_come())


def is_awaited(environ: Mapping[str, Any]) -> bool:
    """Return True if a thread reads the body while it comes: large, sent later or in chunks."""
    if "HTTP_TRANSFER_ENCODING" in environ or "HTTP_EXPECT" in environ:
        return True
    length = environ.get("CONTENT_LENGTH") or "0"
    return not length.isdigit() or int(length) > SMALL_BODY


def _begin() -> None:
    """
    Take a slot for a large body, or one that is sent later or in chunks.

    Raises:
        NoSlot: There is none.
    """
    if not is_awaited(request.environ):
        return
    who = client()
    front_end().places.uploads.take(who)
    g.sends = who


def have_come() -> None:
    """Give the slot back: the body has been read. Harmless when repeated."""
    who = g.pop("sends", None)
    if who is not None:
        front_end().places.uploads.give_back(who)
