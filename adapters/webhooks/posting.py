"""One POST: to the address that was looked at, without proxies, redirects or a second look."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from adapters.webhooks.addresses import Allowed, Refused
from jobs.webhooks.deliveries import Outcome

#: Of an answer nothing is needed but its status.
_READ: Final = 4_096
_REDIRECTS: Final = range(300, 400)
#: How long this machine's certificates of authorities are known; to read them takes 45 ms.
_TRUSTED_S: Final = 600.0


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: Allowed, timeout_s: float
) -> Outcome:
    """
    Send *body*; returns what became of it within *timeout_s*, whoever answers how slowly.

    Any status of 2xx is a delivery; 410 says that nobody is there any more. A redirect is not
    followed: where it leads was not named by whoever set the webhook.
    """
    began = time.monotonic()
    try:
        status = _answer(url, body, headers, allowed=allowed, timeout_s=timeout_s)
    except Refused as error:
        return Outcome(delivered=False, error=str(error))
    except (OSError, ValueError, http.client.HTTPException) as error:
        late = time.monotonic() - began >= timeout_s
        why = f"no answer within {timeout_s:.0f} s" if late else _reason(error)
        return Outcome(delivered=False, error=why, took_ms=_ms_since(began))
    told = ""
    if status in _REDIRECTS:
        told = "a redirect, which is not followed: set the webhook to the URL it leads to"
    return Outcome(
        delivered=HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES,
        gone=status == HTTPStatus.GONE,
        status=status,
        error=told,
        took_ms=_ms_since(began),
    )


def _answer(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: Allowed, timeout_s: float
) -> int:
    """Return the status of the answer."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = allowed.address(host, port)
    connection = _Pinned(host, port, address=address, secure=secure, timeout_s=timeout_s)
    # Sockets time each wait, not all of them: who answers a byte at a time would hold the thread.
    watch = threading.Timer(timeout_s, connection.give_up)
    watch.daemon = True
    watch.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        answer.read(_READ)
        if connection.gave_up:  # half a line of an answer is read as a whole one
            raise TimeoutError
        return answer.status
    finally:
        watch.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever the host's name leads to by now."""

    def __init__(
        self, host: str, port: int, *, address: str, secure: bool, timeout_s: float
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._address = address
        self._secure = secure
        self._held: socket.socket | None = None
        self.gave_up = False
        if secure:
            self.default_port = 443  # named in `Host` where it is another

    def connect(self) -> None:
        """Connect, and make sure who is there where the URL is https."""
        self._hold(socket.create_connection((self._address, self.port), self.timeout))
        if self._secure:
            # Wrapped first: the handshake, too, can be given up.
            wrapped = _trusted(int(time.monotonic() // _TRUSTED_S)).wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self._hold(wrapped)
            wrapped.do_handshake()

    def give_up(self) -> None:
        """End whatever waits for the other side."""
        self.gave_up = True
        if (held := self._held) is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:
                held.close()

    def _hold(self, connected: socket.socket) -> None:
        """Keep a socket where `give_up` finds it."""
        # Not as `sock` alone, which is None as soon as an answer says that it ends the connection.
        self.sock = self._held = connected
        if self.gave_up:  # while there was none
            raise TimeoutError


def _reason(error: Exception) -> str:
    """Return in a few words why nothing was answered."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _ms_since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


@lru_cache(maxsize=1)
def _trusted(_period: int) -> ssl.SSLContext:
    """Return whom this machine trusts, read anew in each period."""
    return ssl.create_default_context()
