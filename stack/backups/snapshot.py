"""The queue Redis at one instant: an RDB file, asked for as a replica would."""

import hashlib
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol

from redis import Redis

from rag.errors import Broken
from runtime.redis_clients import ledger_client
from stack.backups.copying import written_whole
from stack.queue_redis import redis_answers

#: Seconds until the server must have said something: it sends a sign of life while it forks and
#: writes.
SILENCE_S: Final = 60.0
BLOCK: Final = 1 << 20
#: How long the mark is that ends a snapshot without a length.
MARK_BYTES: Final = 40

#: Told how many bytes are done, of how many; None where that is not known.
Told = Callable[[int, int | None], None]


class Stream(Protocol):
    """What a snapshot is read from."""

    def readline(self) -> bytes:
        """Return the next line, with its end; empty at the end of the stream."""

    def read(self, size: int) -> bytes:
        """Return up to so many bytes; empty at the end of the stream."""


def fetch_snapshot(url: str, path: Path, *, told: Told) -> str:
    """
    Write the whole Redis at *url*, as it is at one instant, to *path*; return the file's SHA-256.

    The server forks, and its child writes; other clients are not held up. `SYNC` is what replicas
    have always asked with (https://redis.io/docs/latest/commands/sync/): Redis 6.2 and Valkey 9
    know it alike.

    Raises:
        Broken: The server refused, or the connection was lost.
    """
    with closing(ledger_client(url)) as client:
        with redis_answers():
            connection = client.connection_pool.get_connection()
        try:
            held: socket.socket = connection._sock  # noqa: SLF001  no public way to the bytes
            held.settimeout(SILENCE_S)
            held.sendall(b"SYNC\r\n")
            with held.makefile("rb", buffering=BLOCK) as stream:
                return receive(stream, path, told=told)
        except OSError as error:
            raise Broken(f"the snapshot of the queue Redis broke off: {error}") from error
        finally:
            connection.disconnect()


def receive(stream: Stream, path: Path, *, told: Told) -> str:
    """Read one snapshot from *stream* into *path*, whole or not at all; return its SHA-256."""
    head = b"\n"
    while head == b"\n":  # a sign of life
        head = stream.readline()
    if not head.startswith(b"$"):
        said = head.decode(errors="replace").strip().lstrip("-") or "it closed the connection"
        raise Broken(f"the queue Redis gives no snapshot (SYNC): {said}")
    with written_whole(path) as file:
        if head.startswith(b"$EOF:"):
            return _until_mark(stream, file, head[5:].strip(), told)
        return _of_length(stream, file, int(head[1:]), told)


def _of_length(stream: Stream, file: Any, length: int, told: Told) -> str:
    """Copy *length* bytes."""
    digest, done = hashlib.sha256(), 0
    while done < length:
        block = stream.read(min(BLOCK, length - done))
        if not block:
            raise Broken(f"the snapshot of the queue Redis ended after {done} of {length} bytes")
        file.write(block)
        digest.update(block)
        done += len(block)
        told(done, length)
    return digest.hexdigest()


def _until_mark(stream: Stream, file: Any, mark: bytes, told: Told) -> str:
    """Copy what comes before *mark*: a server that writes no file itself knows no length."""
    digest, done, kept = hashlib.sha256(), 0, b""
    while not kept.endswith(mark):
        # After the mark comes nothing before the replica has answered.
        block = stream.read1(BLOCK) if hasattr(stream, "read1") else stream.read(BLOCK)
        if not block:
            raise Broken(f"the snapshot of the queue Redis ended after {done} bytes")
        kept += block
        ready, kept = kept[:-MARK_BYTES], kept[-MARK_BYTES:]
        file.write(ready)
        digest.update(ready)
        done += len(ready)
        told(done, None)
    return digest.hexdigest()


def is_empty(client: Redis) -> bool:
    """Return True if a server holds no key in any of its databases."""
    return not client.info("keyspace")
