"""HTTP/1.1 on a bare connection: what a load is made of has to cost less than what it loads."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

_END: Final = b"\r\n\r\n"


class HttpLine:
    """
    Requests of one caller, one after the other, on one connection that is made again when it ends.

    It reads answers that tell their length, and streams.

    Args:
        url: Of the server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = f"Host: {self._host}:{self._port}\r\n"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(
        self, method: str, path: str, body: bytes = b"", *, headers: str = ""
    ) -> tuple[int, bytes]:
        """
        Return the status and the body of an answer.

        *headers* are further lines, each with its end. A connection that the server has closed
        meanwhile is made again, once.

        Raises:
            OSError, asyncio.IncompleteReadError: There is no answer.
        """
        for _ in range(2):
            fresh = self._writer is None
            reader = await self._send(method, path, body, headers)
            try:
                head = await reader.readuntil(_END)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close()
                if fresh:
                    raise
                continue
            told = _headers(head)
            answer = await reader.readexactly(int(told.get("content-length", "0")))
            if told.get("connection") == "close":
                self.close()
            return int(head[9:12]), answer
        raise ConnectionError("the server closes every connection")

    async def stream(self, path: str) -> int:
        """Begin an answer without an end and return its status; `read` waits for what comes."""
        reader = await self._send("GET", path, b"", "")
        return int((await reader.readuntil(_END))[9:12])

    async def read(self) -> bytes:
        """Return what comes next of a stream, nothing at its end."""
        return b"" if self._reader is None else await self._reader.read(65_536)

    def close(self) -> None:
        """Close the connection; the next call makes another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _send(
        self, method: str, path: str, body: bytes, headers: str
    ) -> asyncio.StreamReader:
        """Send a request."""
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{headers}{length}\r\n"
        self._writer.write(head.encode() + body)
        return self._reader


def _headers(head: bytes) -> dict[str, str]:
    """Return the headers of an answer, their names in lower case."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.lower(): value.strip() for name, _, value in pairs}
