"""Whether a Chroma server takes writes: its heartbeat answers long after it takes none."""

import http.client
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

_TENANTS: Final = "/api/v2/tenants"
#: Every server has this one. To make it again has to wait for SQLite's write lock like any other
#: write, and then changes nothing: the server answers 409.
_EXISTS: Final = b'{"name": "default_tenant"}'


def takes_writes(url: str, *, timeout_s: float) -> bool:
    """
    Ask a Chroma server for a write that changes nothing, and return True if it came to an end.

    Chroma lets SQLite wait 1,000 seconds for its write lock (1.5.9, rust/sqlite/src/config.rs:
    `busy_timeout`), so a write that hangs is told by the time that it takes. A server that refuses
    the write at once, as on a full disk, does not hang.

    Args:
        url: Of the server.

        timeout_s: After which the write hangs.

    Raises:
        OSError, http.client.HTTPException: Nobody answers at all.
    """
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=timeout_s)
    try:
        connection.connect()
        try:
            path = address.path.rstrip("/") + _TENANTS
            connection.request("POST", path, _EXISTS, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read(1_000)
        except TimeoutError:
            return False
    finally:
        connection.close()
    # SQLite says so at once where waiting for the lock could not end.
    return answer.status < HTTPStatus.INTERNAL_SERVER_ERROR or b"is locked" not in said
