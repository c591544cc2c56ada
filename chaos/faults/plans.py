"""Which faults there are, how often each comes, and when."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from chaos.faults.clocks import CLOCKS

WORKERS: Final = ("retrieval", "ingestion")
ALL: Final = (*WORKERS, "web", "redis-queue", "redis-cache", "chroma")
#: How wrong a clock may be.
WRONG_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its name, the process it hits, and how long it lasts or how large it is."""

    what: str
    process: str = ""
    seconds: float = 0.0


def _of(*processes: str, lasts: tuple[float, float] = (0.0, 0.0)) -> Callable[..., Fault]:
    """Return what chooses one of some processes, and how long it is hurt."""

    def choose(dice: random.Random, what: str) -> Fault:
        return Fault(what, dice.choice(processes), dice.uniform(*lasts))

    return choose


def _wrong_clock(dice: random.Random, what: str) -> Fault:
    return Fault(what, dice.choice(CLOCKS), dice.choice((-WRONG_S, 0.0, WRONG_S)))


#: What is chosen for each fault, by name.
FAULTS: Final[Mapping[str, Callable[[random.Random, str], Fault]]] = {
    "kill": _of(*WORKERS, *ALL),
    "kill_holder": _of("holder"),
    "kill_redis": _of("redis-queue"),
    "freeze": _of(*WORKERS, *ALL, lasts=(0.5, 14.0)),
    "freeze_chroma": _of("chroma", lasts=(10.0, 25.0)),
    "lock_chroma": _of("chroma", lasts=(5.0, 20.0)),
    # Its server gives up after a minute and a little more.
    "hang_chroma": _of("chroma", lasts=(100.0, 100.0)),
    "restart": _of(*WORKERS, "web"),
    "rolling_restart": _of("all"),
    "redis_away": _of("redis-queue", lasts=(10.0, 25.0)),
    "redis_full": _of("redis-queue", lasts=(3.0, 15.0)),
    "flush_cache": _of("redis-cache"),
    "disk_full": _of("disk", lasts=(3.0, 15.0)),
    "wrong_clock": _wrong_clock,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How a stack is hurt; there must be a fault in it.

    Args:
        counts: How often each fault comes in a round.

        pause_s: The shortest and the longest pause between two.

        heals: How often everything must serve before the next.

        extra_workers: How many workers of each kind run beside the stack's own.

        floods: Questions are handed over without waiting for their ends.
    """

    counts: Mapping[str, int]
    pause_s: tuple[float, float] = (0.5, 3.0)
    heals: float = 0.7
    extra_workers: int = 0
    floods: bool = False

    def without(self, faults: Collection[str]) -> "Plan":
        """Return the plan without some of its faults."""
        left = {what: count for what, count in self.counts.items() if what not in faults}
        return replace(self, counts=left)

    def faults(self, dice: random.Random) -> Iterator[Fault]:
        """Yield faults for ever: each round has all of them, in an order of its own."""
        while True:
            deck = [what for what, count in self.counts.items() for _ in range(count)]
            dice.shuffle(deck)
            yield from (FAULTS[what](dice, what) for what in deck)


PLANS: Final[Mapping[str, Plan]] = {
    "mixed": Plan(
        {
            "kill": 3, "kill_holder": 3, "freeze": 2, "freeze_chroma": 1, "lock_chroma": 1,
            "restart": 1, "rolling_restart": 1, "redis_away": 1, "redis_full": 1, "flush_cache": 1,
            "disk_full": 1, "wrong_clock": 2,
        }
    ),
    # A holder dies every second or two, and others go on: three workers of each kind.
    "holders": Plan(
        {"kill_holder": 1}, pause_s=(0.2, 1.5), heals=0.0, extra_workers=2, floods=True
    ),
    "redis": Plan(
        {"kill_redis": 5, "redis_away": 1, "redis_full": 3, "flush_cache": 1},
        pause_s=(1.0, 4.0), heals=0.9, floods=True,
    ),
    "disk": Plan({"disk_full": 2, "kill": 1}, pause_s=(0.5, 4.0), heals=0.5),
    "chroma": Plan({"hang_chroma": 1, "lock_chroma": 2, "freeze_chroma": 1, "kill": 1}),
}  # fmt: skip
