"""A cache Redis of one's own, to be killed and started again on the same folder."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from stack import process_tree
from stack.leash import leashed
from stack.redis_server import find_redis_server, redis_command

START_TIMEOUT_S = 20.0


class PrivateRedis:
    """
    A Redis with the options of `quern up`, on a port of its own; killed at the end.

    Args:
        folder: Where it keeps its data; must exist.

        memory_mb: Its bound.

        evicts: Whether it is a cache or, like the queue's, refuses writes when it is full.
    """

    def __init__(self, folder: Path, *, memory_mb: int = 256, evicts: bool = True) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client: Redis[bytes] = Redis.from_url(self.url)
        self._command = redis_command(
            find_redis_server(), folder=folder, port=port, memory_mb=memory_mb, evicts=evicts
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.client.close()
        self.kill()

    def start(self) -> None:
        """
        Start it on what its folder holds, and wait until it has read that.

        Raises:
            RuntimeError: It did not start in time; the log is in its folder.
        """
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                leashed(*self._command), stdout=log, stderr=log, process_group=0
            )
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.client.ping()
            except RedisError as error:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise RuntimeError(f"redis-server did not start: {error}") from error
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End it as kill -9 does: it gets to save nothing."""
        if self._process is not None:
            process_tree.kill_group(self._process.pid)
            self._process.wait(timeout=10)
            self._process = None
