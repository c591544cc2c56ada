"""One run: a stack, its clients, what hurts it, and what is left at the end."""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis import Redis
from rich.progress import Progress

from chaos.caller import Caller
from chaos.checks.checker import PROMISES, check
from chaos.checks.final_state import FinalState, final_state
from chaos.checks.leftovers import files_in, processes_of
from chaos.checks.redis_keys import stray_keys
from chaos.clients import COLLECTION, Asker, Client, Flooder, Poisoner, Searcher, Writer
from chaos.faults.clocks import Clocks
from chaos.faults.extra_workers import ExtraWorkers
from chaos.faults.nemesis import Nemesis, World, heal, whole
from chaos.faults.plans import ALL, Plan
from chaos.faults.poison import Poison
from chaos.faults.small_disk import small_disk
from chaos.faults.victims import Victims
from chaos.history import Accepted, Answered, History, Hurt, Read, Seen, Victim
from chaos.threads import RunThread
from runtime.settings import Settings
from stack.up import Stack

WRITERS, SEARCHERS, ASKERS, FLOODERS, DOCUMENTS = 2, 2, 3, 2, 8
#: When poison is sent, as shares of the time, and how many documents each time.
POISON: Final = ((0.2, 1), (0.4, 1), (0.6, 2))
SETTLE_S: Final = 900.0
QUIET_S: Final = 30.0
#: How large the disk is, and how much larger for each minute.
DISK_MB, DISK_MB_A_MINUTE = 192, 64
#: With less free space nothing new is taken in.
FLOOR_MB: Final = 16


@dataclass(frozen=True, slots=True)
class Run:
    """
    A run on an empty folder.

    Args:
        folder: For the data, the history and the logs.

        seed: Decides what is done.

        minutes: How long the stack is hurt.

        plan: How.
    """

    folder: Path
    seed: int
    minutes: float
    plan: Plan

    def dice(self, name: str) -> random.Random:
        """Return the dice of one thread: none decides for another."""
        return random.Random(f"{self.seed}:{name}")


def measure(run: Run, bars: Progress) -> tuple[dict[str, Any], list[str]]:
    """Run; returns the figures, and every violation in words."""
    history = History(run.folder / "history.jsonl")
    data, temporary = run.folder / "data", run.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    clocks = Clocks(run.folder / "clocks")
    with ExitStack() as ends:
        size = round(DISK_MB + DISK_MB_A_MINUTE * run.minutes)
        disk = ends.enter_context(small_disk(data, megabytes=size))
        ends.callback(_keep_logs, data, run.folder / "logs")
        with _environment({"TMPDIR": str(temporary)} | clocks.environment):
            settings = Settings(health_disk_floor_mb=FLOOR_MB)
            stack = ends.enter_context(Stack.start(data_dir=data, settings=settings, only=ALL))
            count = run.plan.extra_workers
            extra = ExtraWorkers(stack, count=count, log=run.folder / "extra.log")
        world = World(stack, extra, disk, clocks)
        final, stray, failed = _hurt(run, world, history, bars)
        clean = stack.stop() == 0
        left = {
            "stray_keys": stray,
            "left_processes": processes_of(data),
            "left_files": files_in(temporary),
        }
    violations = check(history, final)
    told = [f"{one.promise}: {one.told}" for one in violations]
    told += [f"{name}: {one}" for name, some in left.items() for one in some] + failed
    counts = Counter(one.promise for one in violations)
    figures = _seen(history) | {"disk_full": "done" if disk else "skipped: it cannot be mounted"}
    figures |= {name: counts[name] for name in PROMISES}
    figures |= {name: len(some) for name, some in left.items()}
    figures |= {"threads_failed": len(failed), "unclean_stops": int(not clean)}
    return figures, told


def _hurt(
    run: Run, world: World, history: History, bars: Progress
) -> tuple[FinalState, list[str], list[str]]:
    """Let clients work while the stack is hurt; returns what is there once all have ended."""
    api = Caller(world.stack.url, history)
    api.call("POST", "/api/collections", body={"name": COLLECTION})
    writers, others, poisoner = _clients(run, world.stack.url, history)
    clients = [*writers, *others, poisoner]
    victims = Victims(world.stack.redis_url, history, whole=lambda: whole(world.stack))
    nemesis = Nemesis(world, run.plan, history, victims=victims, dice=run.dice("nemesis"))
    poison = Poison(world, history, victims=victims, jobs=poisoner.jobs)
    threads: list[RunThread] = [*clients, world.extra, victims, nemesis, poison]
    for thread in threads:
        thread.start()
    try:
        _wait(run, poisoner, bars)
        for hurting in (nemesis, poison):
            hurting.stopping.set()
            hurting.join()
        heal(world.stack)
        settled = _settle(clients, bars)
        victims.stopping.set()
        victims.join()
    finally:
        world.extra.stopping.set()
        world.extra.join()
    documents = [document for writer in (*writers, poisoner) for document in writer.documents]
    with Redis.from_url(world.stack.redis_url, decode_responses=True) as redis:
        final = final_state(
            api, COLLECTION, documents, redis=redis, chroma_url=world.stack.chroma_url
        )
        stray = _stray(redis)
    failed = [f"{one.name} failed: {one.failure!r}" for one in threads if one.failure]
    failed += [] if settled else ["not every client has finished"]
    return final, stray, failed


def _clients(run: Run, url: str, history: History) -> tuple[list[Writer], list[Client], Poisoner]:
    def given(number: int) -> tuple[int, str, History, random.Random]:
        return number, url, history, run.dice(str(number))

    writers = [Writer(*given(number), documents=DOCUMENTS) for number in range(WRITERS)]
    documents = [document for writer in writers for document in writer.documents]
    others: list[Client] = [
        *(Searcher(*given(10 + number), documents=documents) for number in range(SEARCHERS)),
        *(Asker(*given(20 + number), documents=documents) for number in range(ASKERS)),
    ]
    if run.plan.floods:
        others += [Flooder(*given(30 + number), documents=documents) for number in range(FLOODERS)]
    poisonous = sum(count for _, count in POISON)
    return writers, others, Poisoner(*given(99), documents=poisonous)


def _wait(run: Run, poisoner: Poisoner, bars: Progress) -> None:
    """Let the clients and the nemesis work; send poison now and then."""
    bar = bars.add_task("chaos", total=run.minutes * 60)
    began, due, fresh = time.monotonic(), list(POISON), list(poisoner.documents)
    while (past := time.monotonic() - began) < run.minutes * 60:
        bars.update(bar, completed=past)
        if due and past > due[0][0] * run.minutes * 60:
            _, count = due.pop(0)
            poisoner.order([fresh.pop() for _ in range(count)])
        time.sleep(0.5)
    bars.update(bar, completed=run.minutes * 60)


def _settle(clients: list[Client], bars: Progress) -> bool:
    """Let every client finish what it began; returns whether all did in time."""
    bar = bars.add_task("settle", total=len(clients))
    for client in clients:
        client.stopping.set()
    end = time.monotonic() + SETTLE_S
    for client in clients:
        client.join(max(0.0, end - time.monotonic()))
        bars.advance(bar)
    return not any(client.is_alive() for client in clients)


def _stray(redis: Redis) -> list[str]:
    """Return the stray keys once the last bodies have ended, or those that stay."""
    end = time.monotonic() + QUIET_S
    while (stray := stray_keys(redis)) and time.monotonic() < end:
        time.sleep(0.5)
    return stray


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """Let what is started during the block have *more* variables."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _keep_logs(data: Path, kept: Path) -> None:
    """Copy the logs off a disk that goes with the run."""
    shutil.copytree(data / "logs", kept, dirs_exist_ok=True)


def _seen(history: History) -> dict[str, Any]:
    """Return what happened, as counts."""
    faults = Counter(fault.what for fault in history.of(Hurt))
    states = Counter(one.state for one in {one.job: one for one in history.of(Seen)}.values())
    refused = Counter(one.status for one in history.of(Answered))
    victims = history.of(Victim)
    return (
        {f"faults_{name}": count for name, count in sorted(faults.items())}
        | {"jobs": len(history.of(Accepted)), "reads": len(history.of(Read))}
        | {f"jobs_{state}": count for state, count in sorted(states.items())}
        | {f"answers_{status}": count for status, count in sorted(refused.items())}
        | {
            "victims": len(victims),
            "victims_longest_s": max((one.waited_s for one in victims), default=0.0),
        }
    )
