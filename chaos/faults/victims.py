"""Units whose worker was killed: how long each waits until somebody has it again."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from chaos.faults.claim_holders import Holder, holders
from chaos.history import History, Victim
from chaos.threads import RunThread
from jobs.units import FINAL_STATES
from protocol.keys import key

LOOK_S: Final = 0.5


@dataclass(slots=True)
class _Waiting:
    epoch: str
    since: float
    waited_s: float = 0.0
    longest_s: float = 0.0


class Victims(RunThread):
    """
    Notes how long units wait after their worker was killed, while nothing else is wrong.

    A wait begins anew with each fault that comes between: what the service promises holds of one
    death, not of one after the other.

    Args:
        redis_url: Of the queue.

        history: Is told of each victim once it goes on, and of the others at the end.

        whole: Returns True if every process serves.
    """

    def __init__(self, redis_url: str, history: History, *, whole: Callable[[], bool]) -> None:
        super().__init__("victims")
        self._redis = Redis.from_url(redis_url, decode_responses=True, socket_timeout=5.0)
        self._history, self._whole = history, whole
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._disturbances = 0

    @contextmanager
    def disturbed(self) -> Iterator[None]:
        """Note that a fault lasts as long as the block."""
        with self._lock:
            self._disturbances += 1
        try:
            yield
        finally:
            with self._lock:
                self._disturbances -= 1
                for one in self._waiting.values():
                    one.waited_s = 0.0

    def note(self, pid: int, pids: Iterable[int]) -> None:
        """Remember what a process holds that is about to be killed; nothing while Redis is away."""
        with suppress(RedisError):
            self.add(one for one in holders(self._redis, pids=pids) if one.pid == pid)

    def add(self, held: Iterable[Holder]) -> None:
        """Remember units whose worker is dead."""
        with self._lock:
            for one in held:
                self._waiting[one.unit] = _Waiting(one.epoch, self._history.now())

    def work(self) -> None:
        """Look at them again and again; tell of each that somebody has, or that has ended."""
        before = time.monotonic()
        while not self.stopping.wait(LOOK_S):
            now = time.monotonic()
            with suppress(RedisError):
                self._look(now - before)
            before = now
        with suppress(RedisError):  # what ended since the last look
            self._look(0.0)
        with self._lock:
            for unit, one in self._waiting.items():
                self._tell(unit, one, went_on=False)

    def _look(self, passed_s: float) -> None:
        with self._lock:
            undisturbed = not self._disturbances
            waiting = dict(self._waiting)
        calm = undisturbed and self._whole()
        for unit, one in waiting.items():
            state, epoch = self._redis.hmget(key("unit", unit), "state", "epoch")
            if state is None or state in FINAL_STATES or epoch != one.epoch:
                self._tell(unit, one, went_on=True)
                with self._lock:
                    if self._waiting.get(unit) is one:
                        del self._waiting[unit]
            elif calm:
                one.waited_s += passed_s
                one.longest_s = max(one.longest_s, one.waited_s)
            else:
                one.waited_s = 0.0

    def _tell(self, unit: str, one: _Waiting, *, went_on: bool) -> None:
        self._history.add(Victim(unit=unit, at=one.since, waited_s=one.longest_s, went_on=went_on))
