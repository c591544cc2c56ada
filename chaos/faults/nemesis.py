"""What is done to the processes of a stack."""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from chaos.history import Fault, History
from protocol.keys import key
from rag.errors import Broken
from stack.up import Stack

WORKERS: Final = ("retrieval", "ingestion")
ALL: Final = (*WORKERS, "web", "redis-queue", "redis-cache", "chroma")
PATIENCE_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault: its name, the process it hits, and how long it lasts."""

    what: str
    process: str
    seconds: float = 0.0


def next_fault(dice: random.Random) -> Plan:
    """Choose a fault: kills most often, then freezes, restarts, and Redis away for long."""
    kind = dice.choices(("kill", "freeze", "restart", "redis away"), (5, 3, 2, 1))[0]
    if kind == "kill":
        return Plan(kind, dice.choice((*WORKERS, *ALL)))
    if kind == "freeze":
        return Plan(kind, dice.choice((*WORKERS, *ALL)), dice.uniform(0.5, 14.0))
    if kind == "restart":
        return Plan(kind, dice.choice((*WORKERS, "web")))
    return Plan(kind, "redis-queue", dice.uniform(10.0, 30.0))


class Nemesis(threading.Thread):
    """
    Hurts a stack until it is told to stop; leaves it whole.

    Args:
        stack: Whose processes are hurt.

        history: Is told of each fault.

        dice: Decides which.
    """

    def __init__(self, stack: Stack, history: History, dice: random.Random) -> None:
        super().__init__(name="nemesis", daemon=True)
        self.stopping = threading.Event()
        self._stack = stack
        self._history = history
        self._dice = dice

    def run(self) -> None:
        """Hurt, wait, hurt again; most times once everything serves again."""
        while not self.stopping.wait(self._dice.uniform(1.0, 5.0)):
            plan = next_fault(self._dice)
            began = self._history.now()
            with suppress(ProcessLookupError, KeyError, Broken):
                self._do(plan)
            told = f"{plan.what} {plan.process}"
            self._history.add(Fault(what=told, began=began, ended=self._history.now()))
            if self._dice.random() < 0.7:  # noqa: PLR2004
                heal(self._stack)

    def _do(self, plan: Plan) -> None:
        """Do what is planned to a process with all that is below it."""
        pid = self._stack.record.processes[plan.process].pid
        if plan.what == "kill":
            os.killpg(pid, signal.SIGKILL)
        elif plan.what == "restart":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGSTOP)
            try:
                self.stopping.wait(plan.seconds)
            finally:
                os.killpg(pid, signal.SIGCONT)


def heal(stack: Stack, *, patience_s: float = PATIENCE_S) -> None:
    """
    Wait until every process serves.

    Raises:
        TimeoutError: One does not.
    """
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        with suppress(Broken):
            if all(process.ready for process in stack.record.processes.values()):
                return
        time.sleep(0.1)
    raise TimeoutError("not every process serves again")


class Poison(threading.Thread):
    """
    Makes one job's document deadly: kills the ingestion worker each time it has claimed it.

    Args:
        stack: Whose worker is killed.

        history: Is told of each kill.

        job: The ingest of the one document.
    """

    def __init__(self, stack: Stack, history: History, job: str) -> None:
        super().__init__(name="poison", daemon=True)
        self.stopping = threading.Event()
        self._stack = stack
        self._history = history
        self._job = job

    def run(self) -> None:
        """Kill until the document was given up, or the run ends."""
        redis = Redis.from_url(self._stack.redis_url, decode_responses=True)
        killed = ""  # a claim outlives its worker: its epoch tells claims apart
        while not self.stopping.wait(0.005):
            with suppress(RedisError, ProcessLookupError, KeyError, Broken):
                [unit] = redis.lrange(key("rows", self._job), 0, 0) or [""]
                claim = redis.get(key("claim", unit)) if unit else None
                if claim and claim != killed:
                    began = self._history.now()
                    os.killpg(self._stack.record.processes["ingestion"].pid, signal.SIGKILL)
                    killed = claim
                    self._history.add(
                        Fault(what="poison ingestion", began=began, ended=self._history.now())
                    )
