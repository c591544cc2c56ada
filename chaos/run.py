"""One run: a stack, its clients, what hurts it, and what is left at the end."""

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from redis import Redis
from rich.progress import Progress

from benchmarks.running.service import entries
from chaos.caller import Caller
from chaos.checker import PROMISES, check
from chaos.clients import COLLECTION, Asker, Client, Poisoner, Searcher, Writer
from chaos.history import Accepted, Answered, Fault, History, Read, Seen
from chaos.leftovers import processes_of, stray_keys
from chaos.nemesis import ALL, Nemesis, Poison, heal
from chaos.texts import REVISION
from stack.up import Stack

WRITERS, SEARCHERS, ASKERS, DOCUMENTS = 2, 2, 3, 8
SETTLE_S: Final = 900.0
QUIET_S: Final = 30.0


def measure(
    folder: Path, *, seed: int, minutes: float, bars: Progress
) -> tuple[dict[str, Any], list[str]]:
    """Run on an empty folder; returns the figures, and every violation in words."""
    history = History(folder / "history.jsonl")
    with Stack.start(data_dir=folder / "data", only=ALL) as stack:
        writers, others, poisoner = _clients(stack.url, history, seed)
        api = Caller(stack.url, history)
        api.call("POST", "/api/collections", body={"name": COLLECTION})
        clients = [*writers, *others, poisoner]
        nemesis = Nemesis(stack, history, random.Random(f"{seed}:nemesis"))
        for thread in (*clients, nemesis):
            thread.start()
        poison = _hurt(stack, history, poisoner, minutes, bars)
        nemesis.stopping.set()
        nemesis.join()
        poison.stopping.set()
        heal(stack)
        settled = _settle(clients, bars)
        index = _index(api)
        with Redis.from_url(stack.redis_url, decode_responses=True) as redis:
            stray = _stray(redis)
        clean = stack.stop() == 0
    left = processes_of(folder / "data")
    violations = check(history, index)
    told = [f"{one.promise}: {one.told}" for one in violations]
    told += [f"stray key: {name}" for name in stray] + [f"left process: {name}" for name in left]
    told += [f"client {one.name} failed: {one.failure!r}" for one in clients if one.failure]
    counts = Counter(one.promise for one in violations)
    figures = _seen(history) | {name: counts[name] for name in PROMISES}
    figures |= {
        "stray_keys": len(stray),
        "left_processes": len(left),
        "clients_failed": sum(one.failure is not None for one in clients) + (not settled),
        "clean_stop": int(clean),
    }
    return figures, told


def _clients(url: str, history: History, seed: int) -> tuple[list[Writer], list[Client], Poisoner]:
    def given(number: int) -> tuple[int, str, History, random.Random]:
        return number, url, history, random.Random(f"{seed}:{number}")

    writers = [Writer(*given(number), documents=DOCUMENTS) for number in range(WRITERS)]
    documents = [document for writer in writers for document in writer.documents]
    others: list[Client] = [
        *(Searcher(*given(10 + number), documents=documents) for number in range(SEARCHERS)),
        *(Asker(*given(20 + number), documents=documents) for number in range(ASKERS)),
    ]
    return writers, others, Poisoner(*given(99), documents=1)


def _hurt(
    stack: Stack, history: History, poisoner: Poisoner, minutes: float, bars: Progress
) -> Poison:
    """Let the clients and the nemesis work; a third of the time in, one document is poison."""
    bar = bars.add_task("chaos", total=minutes * 60)
    began, poison = time.monotonic(), None
    while (past := time.monotonic() - began) < minutes * 60:
        bars.update(bar, completed=past)
        if poison is None and past > minutes * 20:
            poison = Poison(stack, history, poisoner.ingest(poisoner.documents))
            poison.start()
        time.sleep(0.5)
    bars.update(bar, completed=minutes * 60)
    return poison or Poison(stack, history, "")


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


def _index(api: Caller) -> dict[str, int]:
    """Return the revision of every document that the collection lists, as its text says."""
    path = f"/api/collections/{COLLECTION}/documents"
    listed = entries(lambda given: api.call("GET", path, parameters=given) or {}, "documents")
    index = {}
    for document in [one["document_id"] for one in listed]:
        text = (api.call("GET", f"{path}/{document}/text") or {}).get("text", "")
        found = {int(number) for _, number in REVISION.findall(text)}
        index[document] = found.pop() if len(found) == 1 else -1
    return index


def _stray(redis: Redis) -> list[str]:
    """Return the stray keys once the last bodies have ended, or those that stay."""
    end = time.monotonic() + QUIET_S
    while (stray := stray_keys(redis)) and time.monotonic() < end:
        time.sleep(0.5)
    return stray


def _seen(history: History) -> dict[str, Any]:
    """Return what happened, as counts."""
    faults = Counter(fault.what.split()[0] for fault in history.of(Fault))
    states = Counter(one.state for one in {one.job: one for one in history.of(Seen)}.values())
    refused = Counter(one.status for one in history.of(Answered))
    return (
        {f"faults_{name}": count for name, count in sorted(faults.items())}
        | {"jobs": len(history.of(Accepted)), "reads": len(history.of(Read))}
        | {f"jobs_{state}": count for state, count in sorted(states.items())}
        | {f"answers_{status}": count for status, count in sorted(refused.items())}
    )
