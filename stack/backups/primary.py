"""
Loading a snapshot into a Redis that runs elsewhere: for a moment this process is its primary.

There is no command that loads an RDB file. A server that is told to follow another one fetches
the other's snapshot, replaces all it holds by it, and writes it into its own append-only file
(https://redis.io/docs/latest/operate/oss_and_stack/management/replication/). So this process
speaks the primary's side of that, once, and then tells the server to follow nobody any more.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from redis import Redis
from redis.exceptions import RedisError

from rag.errors import Broken
from runtime.redis_clients import ledger_client
from stack.backups.snapshot import BLOCK, SILENCE_S, Told

#: Any number that no other primary has.
REPLICATION_ID: Final = "51" * 20
POLL_S: Final = 0.1
#: For so long after the last byte the server may take to read what it got.
LOAD_S: Final = 600.0


def load_snapshot(url: str, path: Path, *, told: Told) -> None:
    """
    Replace all that the Redis at *url* holds by the snapshot in *path*.

    It must be able to connect to this process: it is told the address from which it is reached.

    Raises:
        Broken: The server refused to follow, or did not take the snapshot.
    """
    with closing(ledger_client(url)) as client, _listening(_address(client)) as listener:
        sent_at = time.monotonic()

        def sent(done: int, total: int | None) -> None:
            nonlocal sent_at
            sent_at = time.monotonic()
            told(done, total)

        sender = threading.Thread(
            target=_serve, args=(listener, path, sent), name="primary", daemon=True
        )
        sender.start()
        host, port = listener.getsockname()[:2]
        try:
            client.execute_command("REPLICAOF", host, port)
            _wait_until_loaded(client, sender, sent_at=lambda: sent_at)
        except RedisError as error:
            raise Broken(f"the queue Redis does not take a snapshot: {error}") from error
        finally:
            with suppress(RedisError):
                client.execute_command("REPLICAOF", "NO", "ONE")
        _wait_until_written(client)


def _address(client: Redis) -> str:
    """Return this machine's address as the server sees it."""
    connection = client.connection_pool.get_connection()
    try:
        return str(connection._sock.getsockname()[0])  # noqa: SLF001  no public way to it
    finally:
        client.connection_pool.release(connection)


@contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    """Open a port for the server to connect to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((address, 0))
        listener.listen(1)
        listener.settimeout(SILENCE_S)
        yield listener


def _serve(listener: socket.socket, path: Path, told: Told) -> None:
    """Answer one replica until it goes."""
    with suppress(OSError):
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(LOAD_S)
            while command := _command(stream):
                name = command[0].upper()
                if name == b"PSYNC":
                    connection.sendall(f"+FULLRESYNC {REPLICATION_ID} 0\r\n".encode())
                    _send(connection, path, told)
                elif name == b"PING":
                    connection.sendall(b"+PONG\r\n")
                elif command[1:2] != [b"ACK"]:
                    connection.sendall(b"+OK\r\n")


def _command(stream: Any) -> list[bytes]:
    """Read one command in the form that servers send it; empty at the end."""
    head = b"\n"
    while head == b"\n":  # a sign of life, while the server empties itself or loads
        head = stream.readline()
    if not head.startswith(b"*"):
        return []
    parts = []
    for _ in range(int(head[1:])):
        length = int(stream.readline()[1:])
        parts.append(stream.read(length + 2)[:-2])
    return parts


def _send(connection: socket.socket, path: Path, told: Told) -> None:
    """Send the snapshot, as a primary does: its length, then its bytes."""
    length, done = path.stat().st_size, 0
    connection.sendall(f"${length}\r\n".encode())
    file: BinaryIO
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            connection.sendall(block)
            done += len(block)
            told(done, length)


def _wait_until_loaded(
    client: Redis, sender: threading.Thread, *, sent_at: Callable[[], float]
) -> None:
    """Wait until the server has read what it got."""
    while time.monotonic() < sent_at() + LOAD_S:
        with suppress(RedisError):  # busy: it answers once it has read all
            link = client.info("replication")
            if link.get("master_link_status") == "up":
                return
            if not sender.is_alive():
                raise Broken(
                    "the queue Redis did not take the snapshot; its log says why (a snapshot of a "
                    "newer server is not read by an older one)"
                )
        time.sleep(POLL_S)
    raise Broken("the queue Redis did not take the snapshot in time; its log says why")


def _wait_until_written(client: Redis) -> None:
    """Wait until the append-only file, where there is one, holds what was loaded."""
    end = time.monotonic() + LOAD_S
    while time.monotonic() < end:
        said = client.info("persistence")
        if not (said["aof_rewrite_in_progress"] or said["aof_rewrite_scheduled"]):
            return
        time.sleep(POLL_S)
