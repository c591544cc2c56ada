"""Which deaths convict a unit, on a real Redis: what else kills workers decides what one proves."""

import orjson
import pytest

from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from tests.support.workbench import Workbench


def die_alone(bench: Workbench, unit: str) -> None:
    """A worker of its kind claims a unit, dies over it, and that is seen."""
    bench.claim(unit, holder=f"ingestion/host/{new_id()}/{new_id()}")
    bench.die_and_be_found(unit)


def others_die(bench: Workbench, count: int, *, kind: str = "ingestion") -> None:
    """Workers died over other units within the last minute."""
    now_ms = int(bench.redis.time()[0]) * 1_000
    bench.redis.zadd(key("fallen"), {f"{kind}/host/{new_id()}": now_ms for _ in range(count)})


@pytest.fixture
def suspect(bench: Workbench) -> str:
    """A document that runs alone from now on."""
    bench.sweep("ingest")
    _, (row,) = bench.ingest(bench.collection(), "a")
    for _ in range(timings.QUARANTINE_DEATHS):
        die_alone(bench, row)
    return row


def test_where_nothing_else_kills_workers_three_deaths_alone_convict(
    bench: Workbench, suspect: str
) -> None:
    others_die(bench, 40, kind="retrieval")
    for _ in range(timings.DEATHS_ALONE):
        assert bench.state(suspect) == "running"
        die_alone(bench, suspect)

    assert bench.state(suspect) == "failed"
    assert orjson.loads(bench.field(suspect, "error"))["type"] == "too_many_attempts"


def test_where_workers_die_of_other_things_three_deaths_alone_convict_nobody(
    bench: Workbench, suspect: str
) -> None:
    others_die(bench, 40)
    for _ in range(timings.DEATHS_ALONE + 1):
        die_alone(bench, suspect)

    assert bench.state(suspect) == "running"


def test_of_two_deadly_documents_each_is_convicted(bench: Workbench) -> None:
    bench.sweep("ingest")
    _, rows = bench.ingest(bench.collection(), "a", "b")
    for _ in range(timings.MAX_DEATHS + 1):
        for row in rows:
            die_alone(bench, row)

    assert [bench.state(row) for row in rows] == ["failed", "failed"]


def test_a_document_that_always_kills_is_convicted_in_the_worst_storm(
    bench: Workbench, suspect: str
) -> None:
    others_die(bench, 900)
    for _ in range(timings.MOST_DEATHS - timings.QUARANTINE_DEATHS):
        assert bench.state(suspect) == "running"
        die_alone(bench, suspect)

    assert bench.state(suspect) == "failed"


def test_who_passes_a_stage_is_no_suspect_of_the_next(bench: Workbench, suspect: str) -> None:
    die_alone(bench, suspect)
    bench.parse(suspect)

    assert bench.deaths(suspect) == 0
    for _ in range(timings.MAX_DEATHS - 1):
        die_alone(bench, suspect)
    assert bench.state(suspect) == "running"


def test_a_stalled_worker_takes_its_death_back_with_all_it_proved(
    bench: Workbench, suspect: str
) -> None:
    die_alone(bench, suspect)
    before = bench.field(suspect, "chance"), bench.deaths(suspect), bench.redis.zcard(key("fallen"))
    unit = bench.take(suspect)
    bench.die_and_be_found(suspect)
    assert bench.deaths(suspect) == before[1] + 1

    bench.ledger.work.renew([unit])

    after = bench.field(suspect, "chance"), bench.deaths(suspect), bench.redis.zcard(key("fallen"))
    assert after == before


def test_how_long_a_run_was_decides_what_its_death_proves(bench: Workbench, suspect: str) -> None:
    others_die(bench, 1)
    die_alone(bench, suspect)
    short = float(bench.field(suspect, "chance"))
    bench.claim(suspect, holder=f"ingestion/host/{new_id()}/{new_id()}")
    bench.redis.hincrby(key("unit", suspect), "claimed", -60_000_000)
    bench.die_and_be_found(suspect)

    assert float(bench.field(suspect, "chance")) / short > 5 * short


def test_what_died_is_forgotten_after_a_while(bench: Workbench, suspect: str) -> None:
    assert 0 < bench.redis.pttl(key("fallen")) <= timings.FALLEN_MS
    long_ago = int(bench.redis.time()[0]) * 1_000 - timings.FALLEN_MS - 1
    bench.redis.zadd(key("fallen"), {"ingestion/host/old": long_ago})
    die_alone(bench, suspect)

    assert bench.redis.zscore(key("fallen"), "ingestion/host/old") is None
