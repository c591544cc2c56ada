"""A Redis that fills up: what is admitted fits, until the last of it has ended."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.running.private_redis import PrivateRedis
from corpus.blobs import BlobStore
from intake.admission import SHARES, Admission, Kind
from intake.errors import MemoryFull
from jobs.counters import read_counters
from jobs.memory import MemorySight
from jobs.units import Unit
from protocol.ids import new_id
from protocol.keys import key
from protocol.messages import ROLES
from tests.support.workbench import Workbench, window
from workers.shedder import Shedder

MEMORY_MB = 12
#: About the largest that rows keep of a question before the blob store takes it.
SOURCES, RESULT, QUESTION = "s" * 2_000, '"' + "r" * 4_000 + '"', '"' + "q" * 500 + '"'


class Callers:
    """Hand work over without end, as callers do who do not care whether it is refused."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._admission = Admission(bench.redis)
        self._collection_id = bench.collection()
        self._n = 0
        self.admitted = dict.fromkeys(SHARES, 0)
        self.refused = dict.fromkeys(SHARES, 0)

    def ask(self, kind: Kind) -> None:
        with self._counted(kind), self._admission.admitting(kind) as bound:
            self._bench.ledger.submissions.submit(
                new_id(), stage="retrieve",
                fields={
                    "kind": "query", "class": kind, "owner": kind,
                    "priority": 0 if kind == "interactive" else 9, "request": QUESTION,
                },
                limit=1_000_000, deadline_s=3_600, memory_bound=bound,
            )  # fmt: skip

    def ingest(self, *, documents: int = 100, metadata: str = '{"year": 2020}') -> None:
        first, self._n = self._n, self._n + documents
        rows = [
            self._bench.row(f"folder/document-{n}.md") | {"own_metadata": metadata}
            for n in range(first, self._n)
        ]
        with self._counted("ingest"), self._admission.admitting("ingest") as bound:
            self._bench.ledger.submissions.accept(
                new_id(), job={"kind": "ingest", "incarnation": self._collection_id}, rows=rows,
                limit=1_000_000, deadline_s=3_600, memory_bound=bound,
            )  # fmt: skip

    def delete(self) -> None:
        row = self._bench.row("folder/document-1.md") | {"stage": "remove", "role": "embed"}
        with self._counted("upkeep"), self._admission.admitting("upkeep") as bound:
            self._bench.ledger.submissions.accept(
                new_id(), job={"kind": "delete", "incarnation": self._collection_id}, rows=[row],
                limit=1_000_000, deadline_s=3_600, memory_bound=bound,
            )  # fmt: skip

    def _counted(self, kind: Kind) -> "Counting":
        return Counting(self, kind)


class Counting:
    """Count what is admitted, and what is refused."""

    def __init__(self, callers: Callers, kind: Kind) -> None:
        self._callers, self._kind = callers, kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, MemoryFull):
            self._callers.refused[self._kind] += 1
            return True
        self._callers.admitted[self._kind] += error is None
        return False


def work(bench: Workbench, *, most: int = 1_000) -> int:
    """End up to so many units, with the most that a row may keep; returns how many."""
    ended = 0
    for role in reversed(ROLES):
        for unit_id in bench.redis.zrange(key("inflight", role), 0, most - ended - 1):
            taken = bench.claim(unit_id)
            if isinstance(taken, Unit):
                step(bench, taken)
                ended += 1
    return ended


def step(bench: Workbench, unit: Unit) -> None:
    match unit.stage:
        case "retrieve":
            bench.hand_over(
                unit, stage="generate", fields={"sources": SOURCES}, event="sources",
                data={"sources": SOURCES},
            )  # fmt: skip
        case "generate":
            bench.ledger.work.finish(unit, state="succeeded", fields={"result": RESULT})
        case "parse":
            blobs = {"manifest_blob": "m" * 64, "text_blob": "t" * 64, "chunks": 3}
            bench.hand_over(unit, stage="publish", fields=blobs)
        case "publish":
            bench.activate(unit, entry=bench.log_add(unit))
        case _:
            bench.activate(unit)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    with PrivateRedis(tmp_path, memory_mb=MEMORY_MB, evicts=False) as redis:
        bench = Workbench(redis.url)
        window(bench, 64)
        yield bench
        bench.close()


def shedder(bench: Workbench, folder: Path) -> Shedder:
    return Shedder(bench.storage(BlobStore(folder)), known_s=0)


def ended(bench: Workbench) -> Counter[tuple[str, str]]:
    return Counter(read_counters(bench.redis).finished)


def open_units(bench: Workbench) -> int:
    return sum(
        bench.redis.zcard(key("deadlines", name)) for name in ("interactive", "batch", "ingest")
    )


def test_all_that_is_admitted_ends_and_people_are_admitted_to_the_last(
    bench: Workbench, tmp_path: Path
) -> None:
    callers, shed = Callers(bench), shedder(bench, tmp_path)
    for number in range(26):
        callers.ingest()
        for _ in range(25):
            callers.ask("batch")
        callers.ask("interactive")
        if number % 5 == 0:
            callers.delete()
        work(bench, most=12)
        shed.turn()
    left = open_units(bench)
    while open_units(bench):
        work(bench)
        shed.turn()
    sight = MemorySight.of(bench.redis)

    assert left > 500
    assert callers.refused["ingest"] > 5
    assert callers.refused["batch"] > 5
    assert callers.refused["interactive"] == callers.refused["upkeep"] == 0
    assert sight.reserved == 0
    assert sight.used < sight.most
    submitted = read_counters(bench.redis).submitted
    assert submitted == Counter(kind for kind, _ in ended(bench).elements())


def test_processes_that_admit_at_once_do_not_admit_more_than_fits(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.admission._BELIEVED_S", 3_600.0)
    processes = [Callers(bench), Callers(bench)]
    for one in processes:
        one.ask("batch")  # from here on neither looks at the memory again
    while sum(one.refused["batch"] for one in processes) < 2:
        for one in processes:
            one.ask("batch")
    sight = MemorySight.of(bench.redis)

    assert 0.7 < sight.taken / sight.most <= SHARES["batch"]


def test_what_is_large_is_counted_as_what_it_is(bench: Workbench) -> None:
    callers = Callers(bench)
    before = MemorySight.of(bench.redis)
    callers.ingest(documents=200)
    small = MemorySight.of(bench.redis)
    callers.ingest(documents=200, metadata='{"note": "' + "n" * 4_000 + '"}')
    large = MemorySight.of(bench.redis)

    assert large.admitted - small.admitted > small.admitted - before.admitted + 200 * 3_900
    assert large.reserved - small.reserved > small.reserved - before.reserved + 200 * 3_900


def test_a_refused_caller_is_told_what_is_full_and_what_to_do(bench: Workbench) -> None:
    bench.redis.config_set("maxmemory", 1)
    with pytest.raises(MemoryFull) as refused:
        Admission(bench.redis).check("ingest")
    bench.redis.config_set("maxmemory", 0)
    Admission(bench.redis).check("ingest")

    assert "QUERN_REDIS_MEMORY_MB" in str(refused.value)
    assert "New documents" in str(refused.value)
    assert refused.value.retry_s > 0
