"""Who consumes each queue, who is silent, and whose pool stands still."""

import time
from dataclasses import replace

import pytest

from jobs.heartbeats import WorkerState
from jobs.leases.stall_detector import StallDetector
from runtime.settings import Settings
from web.health.check import Check
from web.health.consumers import START_S, Heard, consumers, relevant
from web.health.judgement import Judgement
from web.health.sampler import HealthSampler

SETTINGS = Settings(health_still_warn_s=6, health_still_fail_s=120)
WELL = WorkerState(
    "retrieval/host/7/abc", "retrieval", 7, "host", ("retrieve",), 8, started_at=1.0, seen_at=100.0
)


def judged(
    *heard: Heard,
    away_s: float = 0.0,
    unclaimed_s: float = 0.0,
    why: str = "",
    starting: tuple[str, ...] = (),
) -> Check:
    checks = consumers(
        relevant(heard),
        away_s={"retrieve": away_s},
        unclaimed={"retrieve": unclaimed_s},
        failures={"retrieve": why} if why else {},
        settings=SETTINGS,
        starting=starting,
    )
    return next(check for check in checks if check.name == "workers:retrieve")


def test_a_worker_that_beats_and_has_nothing_to_do_is_well() -> None:
    check = judged(Heard(replace(WELL, still_s=9_000.0), 1.0))

    assert (check.status, check.value, check.output) == ("pass", 1, None)


def test_a_silent_worker_is_named_first_and_a_failure_later() -> None:
    early, late = judged(Heard(WELL, 6.0), away_s=1.0), judged(Heard(WELL, 31.0), away_s=31.0)

    assert early.output == "retrieval/host/7: no heartbeat for 6 s; jobs wait"
    assert (early.status, late.status) == ("warn", "fail")


def test_a_silent_worker_beside_a_well_one_is_a_warning() -> None:
    other = replace(WELL, name="retrieval/other/8/x", host="other")
    check = judged(Heard(WELL, 45.0), Heard(other, 1.0))

    assert (check.status, check.value) == ("warn", 1)
    assert check.output == "retrieval/host/7: no heartbeat for 45 s"


def test_a_worker_that_was_started_anew_leaves_no_complaint() -> None:
    again = replace(WELL, name="retrieval/host/8/x", started_at=101.0, seen_at=130.0)

    assert judged(Heard(WELL, 30.0), Heard(again, 0.5)).status == "pass"


def test_a_pool_with_every_thread_busy_and_nothing_moving_is_named() -> None:
    stuck = replace(WELL, busy=8, still_s=12.0)
    check = judged(Heard(stuck, 1.0))

    assert check.status == "warn"
    assert check.output == ("retrieval/host/7: pool makes no progress for 12 s, all 8 threads busy")
    assert judged(Heard(replace(stuck, still_s=130.0), 1.0)).status == "fail"
    assert judged(Heard(replace(stuck, still_s=2.0), 1.0)).status == "pass"
    assert judged(Heard(replace(stuck, busy=7), 1.0)).status == "pass"


def test_a_pool_that_leaves_work_lying_is_named_unless_it_has_just_begun() -> None:
    idle = Heard(replace(WELL, busy=1, still_s=12.0), 1.0)
    young = Heard(replace(idle.state, started_at=time.time()), 1.0)
    check = judged(idle, unclaimed_s=7.0)

    assert check.status == "warn"
    assert check.output == (
        "retrieval/host/7: pool makes no progress for 12 s, takes no jobs although 7 of 8 threads "
        "are free"
    )
    assert judged(idle, unclaimed_s=1.0).status == "pass"
    assert judged(young, unclaimed_s=7.0).status == "pass"


def test_why_the_last_worker_did_not_start_is_told() -> None:
    check = judged(away_s=40.0, why="no such model")

    assert check.status == "fail"
    assert check.output == (
        "no heartbeat for 40 s; jobs wait; its last worker did not start: no such model"
    )


def test_the_pulse_tells_how_long_nothing_has_moved() -> None:
    now = [10.0]
    stall_detector = StallDetector(clock=lambda: now[0])
    now[0] = 25.0
    before = stall_detector.still_s
    stall_detector.progressed()
    now[0] = 26.0

    assert (before, stall_detector.still_s) == (15.0, 1.0)


@pytest.mark.parametrize("left", [(), (Heard(WELL, 31.0),)], ids=["first", "after another run"])
def test_an_ordinary_start_is_called_one(left: tuple[Heard, ...]) -> None:
    check = judged(*left, away_s=31.0, starting=("retrieve",))

    assert (check.status, check.output) == ("warn", "starting")


def test_a_start_that_failed_is_not_called_an_ordinary_one() -> None:
    check = judged(away_s=12.0, why="no such model", starting=("retrieve",))

    assert "no such model" in (check.output or "")


def test_a_queue_that_had_a_consumer_is_not_starting() -> None:
    sampler = HealthSampler(SETTINGS)
    sampler._away_s([])
    assert "retrieve" in sampler._starting()

    sampler._away_s([Heard(WELL, 1.0)])
    sampler._away_s([])

    assert "retrieve" not in sampler._starting()
    assert "generate" in sampler._starting()


def test_a_start_that_takes_too_long_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = HealthSampler(SETTINGS)
    sampler._away_s([])
    now = time.monotonic()
    monkeypatch.setattr("web.health.sampler.time.monotonic", lambda: now + START_S + 1)

    assert sampler._starting() == frozenset()


def test_ingestion_may_be_busy_for_as_long_as_its_files_take() -> None:
    busy = replace(
        WELL, name="ingestion/host/9/x", role="ingestion", queues=("ingest", "embed"), threads=4,
        busy=4,
    )  # fmt: skip

    def said(still_s: float) -> str:
        checks = consumers(
            [Heard(replace(busy, still_s=still_s), 1.0)],
            away_s={}, unclaimed={}, failures={}, settings=SETTINGS,
        )  # fmt: skip
        return next(check.status for check in checks if check.name == "workers:ingest")

    assert [said(20.0), said(59.0), said(61.0), said(130.0)] == ["pass", "pass", "warn", "fail"]


def test_what_was_starting_is_well_at_once() -> None:
    judgement = Judgement()
    judgement.settle([Check("workers:embed", "warn", "component", output="starting")])
    judgement.settle([Check("workers:embed", "warn", "component", output="starting")])

    (check,) = judgement.settle([Check("workers:embed", "pass", "component")])

    assert (check.status, check.output) == ("pass", None)
