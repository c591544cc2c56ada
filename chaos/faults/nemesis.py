"""What hurts the processes of a stack, fault after fault."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from chaos.faults.chroma_lock import chroma_lock
from chaos.faults.claim_holders import holders
from chaos.faults.clocks import Clocks
from chaos.faults.extra_workers import ExtraWorkers
from chaos.faults.plans import WORKERS, Fault, Plan
from chaos.faults.small_disk import SmallDisk
from chaos.faults.victims import Victims
from chaos.history import History, Hurt
from chaos.threads import RunThread
from rag.errors import Broken
from stack.up import Stack

PATIENCE_S: Final = 90.0
#: How long it is waited for somebody who holds a claim.
HOLDER_WAIT_S: Final = 3.0
#: How much more a full Redis takes.
LAST_BYTES: Final = 100_000
REFILL_S: Final = 0.3
#: What comes of hurting somebody who is hurt already.
MISSED: Final = (ProcessLookupError, KeyError, Broken, RedisError, sqlite3.OperationalError)


@dataclass(frozen=True, slots=True)
class World:
    """
    What may be hurt.

    Args:
        stack: Its own processes.

        extra: Workers beside them.

        disk: What its data lie on, if that may be filled.

        clocks: Of its processes.
    """

    stack: Stack
    extra: ExtraWorkers
    disk: SmallDisk | None
    clocks: Clocks

    @property
    def pids(self) -> set[int]:
        """Every process that may hold a claim."""
        return {one.pid for one in self.stack.record.processes.values()} | self.extra.pids


class Nemesis(RunThread):
    """
    Hurts a stack until it is told to stop; leaves it whole.

    Args:
        world: What is hurt.

        plan: How.

        history: Is told of each fault.

        victims: Is told of each process that is about to be killed.

        dice: Decides which fault is next.
    """

    def __init__(
        self, world: World, plan: Plan, history: History, *, victims: Victims, dice: random.Random
    ) -> None:
        super().__init__("nemesis")
        self._world, self._plan, self._history, self._dice = world, plan, history, dice
        self._victims = victims
        self._acts: Mapping[str, Callable[[Fault], str]] = {
            "kill": self._kill,
            "kill_redis": self._kill,
            "kill_holder": self._kill_holder,
            "freeze": self._freeze,
            "freeze_chroma": self._freeze,
            "lock_chroma": self._lock_chroma,
            "hang_chroma": self._hang_chroma,
            "redis_away": self._freeze,
            "restart": self._restart,
            "rolling_restart": self._restart_all,
            "redis_full": self._fill_redis,
            "flush_cache": self._flush_cache,
            "disk_full": self._fill_disk,
            "wrong_clock": self._set_clock,
        }

    def work(self) -> None:
        """Hurt, wait, hurt again; most times once everything serves again."""
        faults = self._plan.faults(self._dice)
        while not self.stopping.wait(self._dice.uniform(*self._plan.pause_s)):
            self._hurt(next(faults))
            if self._dice.random() < self._plan.heals:
                heal(self._world.stack)
        self._world.clocks.set_right()

    def _hurt(self, fault: Fault) -> None:
        began, hit = self._history.now(), ""
        with self._victims.disturbed(), suppress(*MISSED):
            hit = self._acts[fault.what](fault)
        if hit:
            self._history.add(
                Hurt(what=fault.what, target=hit, began=began, ended=self._history.now())
            )

    def _pid(self, process: str) -> int:
        return self._world.stack.record.processes[process].pid

    def _kill(self, fault: Fault) -> str:
        """Kill a process with all that is below it."""
        pid = self._pid(fault.process)
        if fault.process in WORKERS:
            self._victims.note(pid, self._world.pids)
        os.killpg(pid, signal.SIGKILL)
        return fault.process

    def _kill_holder(self, _fault: Fault) -> str:
        """Kill a process while it holds a claim."""
        # Dice of their own: how many hold a claim shall not change what comes after.
        dice, end = random.Random(self._dice.random()), time.monotonic() + HOLDER_WAIT_S
        with Redis.from_url(self._world.stack.redis_url, decode_responses=True) as redis:
            while not (found := holders(redis, pids=self._world.pids)):
                if time.monotonic() > end or self.stopping.wait(0.01):
                    return ""
        victim = dice.choice(found)
        os.killpg(victim.pid, signal.SIGKILL)
        self._victims.add(one for one in found if one.pid == victim.pid)
        return str(victim.pid)

    def _freeze(self, fault: Fault) -> str:
        pid = self._pid(fault.process)
        os.killpg(pid, signal.SIGSTOP)
        try:
            self.stopping.wait(fault.seconds)
        finally:
            os.killpg(pid, signal.SIGCONT)
        return fault.process

    def _lock_chroma(self, fault: Fault) -> str:
        """Let Chroma write nothing for a while."""
        with chroma_lock(Path(self._world.stack.record.data_dir)):
            self.stopping.wait(fault.seconds)
        return fault.process

    def _hang_chroma(self, fault: Fault) -> str:
        """Let Chroma write nothing until it has been restarted, or for a long while."""
        before, end = self._pid(fault.process), time.monotonic() + fault.seconds
        with chroma_lock(Path(self._world.stack.record.data_dir)):
            while before in self._world.pids and time.monotonic() < end:
                if self.stopping.wait(0.2):
                    break
        return fault.process

    def _restart(self, fault: Fault) -> str:
        """Ask a process to end, as an upgrade does."""
        os.kill(self._pid(fault.process), signal.SIGTERM)
        return fault.process

    def _restart_all(self, _fault: Fault) -> str:
        """Restart one kind of process after the other, each once the one before serves again."""
        for process in (*WORKERS, "web"):
            before = self._pid(process)
            os.kill(before, signal.SIGTERM)
            self._world.stack.wait_until_ready(process, other_than=before, timeout_s=PATIENCE_S)
            if self.stopping.is_set():
                break
        return "all"

    def _fill_redis(self, fault: Fault) -> str:
        """Let the queue have hardly any memory more for a while."""
        with Redis.from_url(self._world.stack.redis_url, decode_responses=True) as redis:
            before = redis.config_get("maxmemory")["maxmemory"]
            redis.config_set("maxmemory", redis.info("memory")["used_memory"] + LAST_BYTES)
            try:
                self.stopping.wait(fault.seconds)
            finally:  # one that was killed meanwhile starts with what it had before
                redis.config_set("maxmemory", before)
        return fault.process

    def _flush_cache(self, fault: Fault) -> str:
        with Redis.from_url(self._world.stack.cache_url) as redis:
            redis.flushall()
        return fault.process

    def _fill_disk(self, fault: Fault) -> str:
        if self._world.disk is None:
            return ""
        end = time.monotonic() + fault.seconds
        with self._world.disk.full() as fill_again:
            while time.monotonic() < end and not self.stopping.wait(REFILL_S):
                fill_again()
        return fault.process

    def _set_clock(self, fault: Fault) -> str:
        self._world.clocks.shift(fault.process, fault.seconds)
        return f"{fault.process} {fault.seconds:+.0f} s"


def heal(stack: Stack, *, patience_s: float = PATIENCE_S) -> None:
    """
    Wait until every process serves.

    Raises:
        TimeoutError: One does not.
    """
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if whole(stack):
            return
        time.sleep(0.1)
    raise TimeoutError("not every process serves again")


def whole(stack: Stack) -> bool:
    """Return True if every process of a stack serves."""
    with suppress(Broken):
        return all(process.ready for process in stack.record.processes.values())
    return False
