"""Reading a large body from a socket: it has to come at a rate."""

import time
from typing import Any, Final

from gunicorn.http.unreader import SocketUnreader

from runtime.turns import aside

#: So long anybody may take, and a second more for each so many bytes that have come.
GRACE_S: Final = 20.0
LEAST_RATE: Final = 10_000


class PacedReader(SocketUnreader):  # type: ignore[misc]  # gunicorn publishes no types
    """
    Read requests of one connection.

    What the reader does between two reads is not the sender's time and does not count.
    """

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self._came = 0
        self._waited_s = 0.0

    def begin(self) -> None:
        """Count anew: another request comes."""
        self._came, self._waited_s = 0, 0.0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """
        Return what comes next, nothing at the end.

        Raises:
            TimeoutError: It comes too slowly; the connection cannot be used any more.
        """
        left_s = GRACE_S + self._came / LEAST_RATE - self._waited_s
        if left_s <= 0:
            raise TimeoutError("the request comes too slowly")
        before = self.sock.gettimeout()
        # A bound that is there already, as for the rest of a body that nobody reads, is kept.
        self.sock.settimeout(left_s if before is None else min(before, left_s))
        began = time.monotonic()
        try:
            with aside():
                data: bytes = super().chunk(size_hint)
        finally:
            self._waited_s += time.monotonic() - began
            self.sock.settimeout(before)
        self._came += len(data)
        return data
