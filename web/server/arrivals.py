"""A request on its way: what has come of it, and whether a thread can do something with it yet."""

import re
from typing import Final

from web.slots import PROBES, SMALL_BODY

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
#: Whoever expects `100 Continue` sends no body before; one in chunks says nothing of its size.
_NOT_AWAITED = re.compile(rb"\r\n(?:expect|transfer-encoding):", re.IGNORECASE)
_PROBE = re.compile(rb"(?:GET|HEAD) (?:%s)[ ?]" % "|".join(PROBES).encode())
_END: Final = b"\r\n\r\n"


class Arrival:
    """
    The bytes of one request (RFC 9112) as they come.

    Args:
        data: Those that have come already.

        deadline: When it must be complete, in seconds of a monotonic clock.
    """

    def __init__(self, data: bytes, *, deadline: float) -> None:
        self.data = bytearray(data)
        self.deadline = deadline
        self._needed: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing has to be waited for: head and small body are there, or it is large."""
        if self._needed is None:
            self._needed = self._size()
        return self._needed is not None and len(self.data) >= self._needed

    @property
    def is_probe(self) -> bool:
        """Whether it asks how this server is."""
        return _PROBE.match(self.data) is not None

    def _size(self) -> int | None:
        """Return how many bytes are awaited; None while the head has not ended."""
        end = self.data.find(_END)
        if end < 0:
            # The parser says what is wrong with one that is too long.
            return 0 if len(self.data) > SMALL_BODY else None
        head = self.data[: end + 2]
        length = _LENGTH.search(head)
        if length is None or int(length[1]) > SMALL_BODY or _NOT_AWAITED.search(head):
            return 0
        return end + len(_END) + int(length[1])
