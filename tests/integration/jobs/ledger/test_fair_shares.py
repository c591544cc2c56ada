"""Jobs take turns, long documents leave a thread to short ones, and nothing is lost meanwhile."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from jobs.heartbeats import WorkerState, batch_windows, long_window
from jobs.units import Unit
from protocol.ids import new_id
from protocol.keys import key
from protocol.messages import LANES_OF
from protocol.timings import LONG_BYTES, LONG_CHUNKS
from tests.support.workbench import Workbench

ROLES = ("ingest", "embed")
LONG = LONG_BYTES + 1


@dataclass
class Pile:
    """Jobs of documents on a workbench, worked on by hand."""

    bench: Workbench
    threads: int = 4
    rows: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.collection_id = self.bench.collection()
        worker = WorkerState("w", "ingestion", 1, "host", ROLES, self.threads)
        for role in ROLES:
            self.bench.ledger.maintenance.dispatch(
                role, window=2 * self.threads, batch_window=batch_windows([worker])[role],
                long_window=long_window([worker]),
            )  # fmt: skip

    def add(self, job: str, sizes: Sequence[int], *, priority: str = "batch") -> None:
        """Hand over a job of documents of some sizes."""
        owner = "interactive" if priority == "interactive" else f"ingest:{job}"
        given = [
            self.bench.row(f"{job}-{n}") | {"owner": owner, "size": size}
            for n, size in enumerate(sizes)
        ]
        _, self.rows[job] = self.bench.ingest(
            self.collection_id, rows=given, job_id=f"job-{job}", limit=10**6
        )

    def job_of(self, unit_id: str) -> str:
        return self.bench.field(unit_id, "document").rpartition("-")[0]

    def free(self) -> list[str]:
        """Return the dispatched units that nobody has taken, in the order they were sent."""
        flying = {unit for role in ROLES for unit in self.bench.in_flight(role)}
        order = list(dict.fromkeys(message.unit_id for message in self.bench.sent))
        return [u for u in order if u in flying and not self.bench.redis.exists(key("claim", u))]

    def end(self, unit: Unit, *, chunks: int = 2) -> None:
        """Do what a body does with a unit, to the end of its stage."""
        if unit.stage == "parse":
            fields: dict[str, str | int] = {"chunks": chunks, "manifest_blob": "m"}
            self.bench.hand_over(unit, stage="publish", fields=fields)
        else:
            self.bench.activate(unit, entry=self.bench.log_add(unit))

    def long_in_flight(self) -> int:
        return int(self.bench.redis.scard(key("long")))

    def open_rows(self) -> int:
        return sum(
            self.bench.state(row) in ("queued", "running")
            for rows in self.rows.values()
            for row in rows
        )


@pytest.fixture
def pile(bench: Workbench) -> Pile:
    return Pile(bench)


def test_a_lone_file_is_next_behind_what_has_a_message(pile: Pile) -> None:
    pile.add("many", [100] * 500)
    pile.add("lone", [100])
    (lone,) = pile.rows["lone"]

    running = [pile.bench.take(unit) for unit in pile.free()[: pile.threads]]
    for unit in running[:2]:  # one of the many has its turn, then the lone one
        pile.end(unit)

    parsing = [unit for unit in pile.free() if pile.bench.field(unit, "stage") == "parse"]
    assert parsing.index(lone) == 2


def test_a_short_file_finds_a_thread_beside_any_number_of_long_ones(pile: Pile) -> None:
    for job in ("a", "b", "c", "d", "e"):
        pile.add(job, [LONG] * 20)
    running = [pile.bench.take(unit) for unit in pile.free()]

    pile.add("lone", [100])

    assert len(running) == pile.threads - 1
    assert pile.free() == pile.rows["lone"]


def test_a_long_text_to_embed_leaves_a_thread_too(pile: Pile) -> None:
    pile.add("books", [100] * 12)
    while parsing := [u for u in pile.free() if pile.bench.field(u, "stage") == "parse"]:
        pile.end(pile.bench.take(parsing[0]), chunks=LONG_CHUNKS + 1)
    running = [pile.bench.take(unit) for unit in pile.free()]

    pile.add("lone", [100])

    assert [unit.stage for unit in running] == ["publish"] * (pile.threads - 1)
    assert pile.free() == pile.rows["lone"]


def test_a_long_body_that_ends_makes_room_for_one_of_the_other_role(pile: Pile) -> None:
    pile.add("long", [LONG] * 8)
    first, *_ = [pile.bench.take(unit) for unit in pile.free()]

    pile.end(first, chunks=LONG_CHUNKS + 1)  # publishing waits beside five that are to be parsed
    for _ in range(40):
        waiting = pile.free()
        assert pile.long_in_flight() == min(pile.threads - 1, pile.open_rows())
        for unit in waiting[:1]:
            pile.end(pile.bench.take(unit), chunks=LONG_CHUNKS + 1)
        if not waiting:
            for unit in running_units(pile):
                pile.end(unit, chunks=LONG_CHUNKS + 1)
    assert pile.open_rows() == 0
    assert pile.long_in_flight() == 0


def running_units(pile: Pile) -> Iterator[Unit]:
    """Yield the claimed units again, as their holder has them."""
    for rows in pile.rows.values():
        for row in rows:
            if pile.bench.redis.exists(key("claim", row)):
                holder = pile.bench.field(row, "holder")
                unit = pile.bench.claim(row, holder=holder)
                assert isinstance(unit, Unit)
                yield unit


def test_an_interactive_document_goes_first_however_large(pile: Pile) -> None:
    pile.add("long", [LONG] * 20)
    pile.add("many", [100] * 20)
    pile.add("now", [LONG], priority="interactive")

    assert pile.rows["now"][0] in pile.free()


def test_a_batch_is_of_the_job_of_its_first_unit_before_others(pile: Pile) -> None:
    bench = pile.bench
    bench.ledger.maintenance.dispatch("ingest", window=0, batch_window=0)
    pile.add("a", [100] * 6)
    pile.add("b", [100] * 6)

    taken = bench.ledger.work.join(
        "ingest", stage="parse", holder=new_id(), most=9, most_bytes=10**6, owner="ingest:b"
    )

    assert [pile.job_of(unit.id) for unit in taken] == ["b"] * 6 + ["a"] * 3


def test_a_call_that_comes_again_takes_nobody_else_along(pile: Pile) -> None:
    bench = pile.bench
    bench.ledger.maintenance.dispatch("ingest", window=0)
    pile.add("a", [100] * 6)

    def join(holder: str) -> list[str]:
        taken = bench.ledger.work.join(
            "ingest", stage="parse", holder=holder, most=2, most_bytes=10**6, owner="ingest:a"
        )
        return [unit.id for unit in taken]

    first = join("me")
    again, other = join("me"), join("another")

    assert first == again
    assert len({*first, *other}) == 4
    assert len(bench.waiting("ingest")) == 2


def test_a_short_document_with_a_long_text_takes_nobody_along(pile: Pile) -> None:
    assert "embed+" in LANES_OF["embed"]
    pile.add("book", [100])
    pile.end(pile.bench.take(pile.free()[0]), chunks=LONG_CHUNKS + 1)

    assert pile.bench.redis.zrange(key("owners", "embed"), 0, -1) == []
    assert pile.long_in_flight() == 1


@pytest.mark.parametrize("seed", range(12))
def test_no_job_starves_and_each_keeps_its_order_whatever_happens(pile: Pile, seed: int) -> None:
    """
    Random jobs under random workers that end, die, give back and take others along.

    While a job waits to be sent, every other one is sent at most twice as often as it has turns;
    short units of a job are sent in order, and so are long ones; at most three long bodies run;
    in the end every unit has ended once.
    """
    chance = random.Random(seed)
    bench = pile.bench
    activations: dict[str, int] = defaultdict(int)
    for n in range(chance.randint(2, 6)):
        kinds = chance.choice([[100], [LONG], [100, LONG]])
        pile.add(f"j{n}", [chance.choice(kinds) for _ in range(chance.randint(1, 25))])
    late = {40: [100], 80: [LONG, 100]}
    for step in range(5_000):
        if sizes := late.get(step):
            pile.add(f"late{step}", sizes)
        assert pile.long_in_flight() <= pile.threads - 1
        free = pile.free()
        if not free:
            for role in ROLES:
                bench.end_pauses(role)
            held = list(running_units(pile))
            if not held and not pile.free():
                if step > max(late):
                    break
                continue
            for unit in held[:1]:
                _live_on(pile, unit, chance, activations)
            continue
        unit = bench.claim(free[0])
        if not isinstance(unit, Unit):
            bench.due(free[0])
            bench.sweep(bench.field(free[0], "role"))
            continue
        _live_on(pile, unit, chance, activations)
    assert pile.open_rows() == 0
    assert all(bench.job_state(f"job-{job}") == "succeeded" for job in pile.rows)
    assert set(activations.values()) == {1}
    assert len(activations) == sum(map(len, pile.rows.values()))
    assert [bench.waiting(role) for role in ROLES] == [[], []]
    assert pile.long_in_flight() == 0


def _live_on(pile: Pile, unit: Unit, chance: random.Random, activations: dict[str, int]) -> None:
    """Let something happen to a claimed unit: mostly its stage ends."""
    match chance.choices(["end", "release", "die", "join"], [12, 2, 1, 4])[0]:
        case "end":
            activations[unit.id] += unit.stage == "publish"
            pile.end(unit, chunks=chance.choice([2, LONG_CHUNKS + 1]))
        case "release":
            pile.bench.ledger.work.release(unit, at_once=chance.random() < 0.5)
        case "die" if pile.bench.deaths(unit.id) < 1:
            pile.bench.die_and_be_found(unit.id)
        case "join":
            others = pile.bench.ledger.work.join(
                unit.fields["role"], stage=unit.stage, holder=new_id(), most=5, most_bytes=10**6,
                owner=unit.fields["owner"],
            )  # fmt: skip
            assert all(int(other.fields["size"]) < LONG_BYTES for other in others)
            for one in [unit, *others]:
                activations[one.id] += one.stage == "publish"
                pile.end(one)


@pytest.mark.parametrize("seed", range(8))
def test_while_a_job_waits_every_other_one_has_at_most_its_turns(
    bench: Workbench, seed: int
) -> None:
    chance = random.Random(seed)
    pile = Pile(bench, threads=chance.randint(1, 6))
    bench.ledger.maintenance.dispatch("ingest", window=0, batch_window=0)
    jobs = [f"j{n}" for n in range(chance.randint(2, 8))]
    for job in jobs:
        pile.add(job, [100] * chance.randint(1, 40))
    left = {job: len(pile.rows[job]) for job in jobs}
    since = dict.fromkeys(jobs, 0)
    orders: dict[str, list[str]] = defaultdict(list)
    for size in range(1, sum(left.values()) + 1):
        bench.ledger.maintenance.dispatch("ingest", window=size, batch_window=size)
        sent = bench.sent[-1].unit_id
        job = pile.job_of(sent)
        orders[job].append(sent)
        left[job] -= 1
        for other in jobs:
            since[other] = 0 if other == job else since[other] + 1
            assert not left[other] or since[other] < len(jobs)
    assert orders == {job: pile.rows[job] for job in jobs}
