"""Addresses that webhooks are sent to: what one may look like, whatever it leads to."""

from typing import Final
from urllib.parse import urlsplit

from rag.errors import InvalidRequest

MAX_URL: Final = 2_000
_SCHEMES: Final = ("http", "https")


def check_url(url: str, field: str) -> str:
    """
    Return *url* if a webhook may be sent to such an address.

    Where its name leads is looked at each time something is sent: names change.

    Raises:
        InvalidRequest: Names *field* and what is wrong.
    """
    if len(url) > MAX_URL:
        raise InvalidRequest(field, f"must have at most {MAX_URL} characters")
    # What browsers and servers read differently; the two must mean the same host.
    if not url.isascii() or any(c.isspace() or c in '\\<>"' or not c.isprintable() for c in url):
        raise InvalidRequest(field, "must be an ASCII URL without blanks and backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidRequest(field, "is not a URL") from error
    if parts.scheme not in _SCHEMES or not host or port == 0:
        raise InvalidRequest(field, "must be an http:// or https:// URL with a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(field, "must not hold a user or password; deliveries are signed")
    if parts.fragment:
        raise InvalidRequest(field, "must not have a fragment (#)")
    return url
