"""A worker process in little: leases, and bodies in threads that wait to be let go."""

import threading
from collections.abc import Callable

from redis.exceptions import RedisError

from jobs.leases.lease import Lease
from jobs.leases.leases import Leases
from jobs.ledger.work import Work
from runtime.redis_clients import ledger_client
from tests.support.waiting import PATIENCE_S
from tests.support.workbench import Workbench


class Process:
    """A worker process in little: leases, and bodies in threads that wait to be let go."""

    def __init__(
        self, bench: Workbench, url: str, kind: type[Leases] = Leases, work: Work | None = None
    ) -> None:
        self.bench = bench
        self._redis = ledger_client(url, connections=4)
        self.leases = kind(work or bench.ledger.work, self._redis, name="worker")
        self.leases.__enter__()
        self.running: dict[str, Lease] = {}
        self.said: dict[str, str] = {}
        self._go: dict[str, threading.Event] = {}
        self.threads: dict[str, threading.Thread] = {}

    def begin(self, unit_id: str) -> None:
        """Let a pool thread take a message."""
        self._go[unit_id] = threading.Event()
        self.threads[unit_id] = threading.Thread(target=self._body, args=(unit_id,), daemon=True)
        self.threads[unit_id].start()

    def _body(self, unit_id: str) -> None:
        try:
            with self.leases.claim(unit_id, "retrieve") as lease:
                if lease is None:
                    self.said[unit_id] = "refused"
                    return
                self.running[unit_id] = lease
                try:
                    self._go[unit_id].wait(PATIENCE_S)
                finally:
                    del self.running[unit_id]
                lease.check()
                lease.finish(state="succeeded", fields={"result": "{}"})
                self.said[unit_id] = "finished"
        except RedisError:
            self.said[unit_id] = "redis away"

    def end(self, unit_id: str) -> None:
        self._go[unit_id].set()
        self.threads[unit_id].join(PATIENCE_S)

    def close(self) -> None:
        for event in self._go.values():
            event.set()
        self.leases.close()
        for thread in self.threads.values():
            thread.join(PATIENCE_S)
        self._redis.connection_pool.disconnect()


#: Begins a process; what is not given is as in production.
Start = Callable[..., Process]
