"""Documents that kill their worker each time it has claimed them."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from chaos.faults.claim_holders import holder
from chaos.faults.nemesis import World
from chaos.faults.victims import Victims
from chaos.history import History, Hurt
from chaos.threads import RunThread
from protocol.keys import key
from rag.errors import Broken

LOOK_S: Final = 0.005


class Poison(RunThread):
    """
    Kills whoever claims a document of some jobs.

    Args:
        world: Whose workers are killed.

        history: Is told of each kill.

        victims: Is told of each worker that is about to be killed.

        jobs: Those whose documents are deadly; may grow.
    """

    def __init__(
        self, world: World, history: History, *, victims: Victims, jobs: Sequence[str]
    ) -> None:
        super().__init__("poison")
        self._jobs = jobs
        self._world, self._history, self._victims = world, history, victims
        self._killed: dict[str, str] = {}  # a claim outlives its worker: its epoch tells them apart

    def work(self) -> None:
        """Kill until each document was given up, or the run ends."""
        with Redis.from_url(self._world.stack.redis_url, decode_responses=True) as redis:
            while not self.stopping.wait(LOOK_S):
                for job in list(self._jobs):
                    with suppress(RedisError, ProcessLookupError, KeyError, Broken):
                        for unit in redis.lrange(key("rows", job), 0, -1):
                            self._kill(redis, unit)

    def _kill(self, redis: Redis, unit: str) -> None:
        """Kill the process that holds a unit, unless it was killed for that already."""
        found = holder(redis, unit, pids=self._world.pids)
        if found is None or found.epoch == self._killed.get(unit):
            return
        began = self._history.now()
        with self._victims.disturbed():
            self._victims.note(found.pid, self._world.pids)
            os.killpg(found.pid, signal.SIGKILL)
        self._killed[unit] = found.epoch
        ended = self._history.now()
        self._history.add(Hurt(what="poison", target=str(found.pid), began=began, ended=ended))
