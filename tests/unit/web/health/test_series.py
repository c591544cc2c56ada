"""Series of the last hour: rates, durations, shares, and gaps where there is no sample."""

from dataclasses import replace
from typing import Any

import pytest

from web.health.history import SAMPLES, STEP_S, Sample
from web.health.series import quantile, shown

STEP_MS = STEP_S * 1000
NEWEST = 1_000 * STEP_MS
FIRST = Sample(
    waiting={"retrieve": 4}, oldest_s={"retrieve": 2.5}, busy={"embed": 2},
    finished={"query": 100, "search": 20, "ingest": 3}, documents=50,
    took=[10, 0, 5, *[0] * 13], looked_up=1_000, missed=100,
)  # fmt: skip


def drawn(*samples: Sample | None, newest: int = NEWEST) -> dict[str, Any]:
    """Return the series of samples of which the last is the newest."""
    told = {NEWEST - n * STEP_MS: sample for n, sample in enumerate(reversed(samples)) if sample}
    return {one["name"]: one["values"] for one in shown(newest, told)["series"]}


def test_counts_become_rates_shares_and_durations_of_a_step() -> None:
    later = replace(
        FIRST, finished={"query": 120, "search": 30, "ingest": 9}, documents=53, listed=10,
        took=[10, 0, 5, 0, 4, *[0] * 11], looked_up=1_040, missed=110, waiting={},
    )  # fmt: skip
    told = drawn(FIRST, later)

    assert {len(values) for values in told.values()} == {SAMPLES - 1}
    assert told["questions"][-2:] == [None, 80.0]
    assert told["documents"][-1] == 6.0
    assert told["cache:hits"][-1] == 0.75
    assert told["latency:p50"][-1] == 0.12  # in the middle of 0.08 s to 0.16 s
    assert told["queue:retrieve"][-2:] == [4, 0]
    assert told["age:retrieve"][-2] == 2.5
    assert told["busy:embed"][-1] == 2
    assert "engine:running" not in told


def test_a_step_without_a_sample_and_counts_that_began_anew_are_gaps() -> None:
    anew = Sample(finished={"query": 2}, took=[1, *[0] * 15], looked_up=4, missed=4)
    told = drawn(FIRST, None, FIRST, anew, replace(anew, running=3, queued=1))

    assert told["questions"][-4:] == [None, None, None, 0.0]
    assert not {"cache:hits", "latency:p95"} & set(told)
    assert told["queue:retrieve"][-4:] == [None, 4, 0, 0]
    assert told["engine:running"][-2:] == [None, 3]
    assert told["engine:waiting"][-1] == 1


def test_the_newest_step_may_not_be_written_yet() -> None:
    late = drawn(FIRST, newest=NEWEST + STEP_MS)

    assert late["queue:retrieve"][-1] == 4
    assert shown(NEWEST, {})["series"] == []


@pytest.mark.parametrize(
    ("share", "buckets", "seconds"),
    [
        (0.5, [0] * 16, None),
        (0.5, [2, *[0] * 15], 0.005),
        (0.95, [*[0] * 15, 7], 163.84),
        (0.5, [1, 1, *[0] * 14], 0.01),
        (0.75, [2, 2, *[0] * 14], 0.015),
    ],
)
def test_a_share_of_jobs_lies_below_a_duration(
    share: float, buckets: list[int], seconds: float | None
) -> None:
    assert quantile(share, buckets) == seconds
