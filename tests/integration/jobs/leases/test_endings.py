"""Endings: what an error of a body means for its unit."""

import orjson
import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from jobs.units import FINAL_STATES
from protocol import timings
from protocol.keys import key
from rag.errors import (
    BlobMissing,
    Broken,
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    NoText,
    NoVector,
    QuernError,
    ReindexUnderWay,
    StoreUnavailable,
    Unreadable,
)
from runtime.metrics import meters
from tests.support.workbench import Workbench, now_ms
from tests.support.worker_bodies import Start


@pytest.mark.parametrize(
    ("error", "state", "kind"),
    [
        (Cancelled("x"), "cancelled", None),
        (DeadlineExceeded("x"), "expired", "deadline"),
        (NoText("blank"), "succeeded", None),
        (Unreadable("encrypted", "It has a password."), "failed", "encrypted"),
        (InvalidRequest("top_k", "too large"), "failed", "invalid"),
    ],
)
def test_an_error_raised_on_purpose_ends_the_unit_and_goes_no_further(
    bench: Workbench, start: Start, error: QuernError, state: str, kind: str | None
) -> None:
    asked = bench.ask()
    with start().leases.claim(asked, "retrieve"):
        raise error

    assert bench.state(asked) == state
    told = bench.field(asked, "error")
    assert (orjson.loads(told)["type"] if told else None) == kind


def test_an_error_nobody_expected_fails_the_unit_and_is_raised(
    bench: Workbench, start: Start
) -> None:
    asked = bench.ask()

    with pytest.raises(ZeroDivisionError), start().leases.claim(asked, "retrieve"):
        _ = 1 / 0
    assert bench.state(asked) == "failed"
    assert orjson.loads(bench.field(asked, "error"))["type"] == "internal"


def test_what_is_put_back_and_begins_again_is_counted(bench: Workbench, start: Start) -> None:
    def told() -> list[float]:
        return [
            series["retrieve", "retrieve"]._value.get()
            for series in (meters.STARTED, meters.RETRIED, meters.REDELIVERED)
        ]

    asked, process, before = bench.ask(), start(), told()
    with process.leases.claim(asked, "retrieve"):
        raise StoreUnavailable("away")
    bench.end_pauses("retrieve")
    with process.leases.claim(asked, "retrieve") as lease:
        assert lease is not None
        lease.finish(state="succeeded", fields={"result": "{}"})

    assert [after - was for after, was in zip(told(), before, strict=True)] == [2, 1, 1]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RedisTimeoutError("away")])
def test_a_store_that_is_away_costs_no_death_and_a_pause(
    bench: Workbench, start: Start, error: Exception
) -> None:
    asked = bench.ask()
    sent = len(bench.sent)
    with start().leases.claim(asked, "retrieve"):
        raise error

    assert bench.put_back("retrieve") == [asked]
    assert bench.deaths(asked) == 0
    assert len(bench.sent) == sent


def test_a_unit_whose_own_blob_is_missing_waits_longer_than_one_whose_server_is_away(
    bench: Workbench, start: Start
) -> None:
    process = start()

    def last_pause_s(error: Exception) -> float:
        asked = bench.ask()
        for _ in range(8):
            with process.leases.claim(asked, "retrieve"):
                raise error
            pause_ms = bench.redis.zscore(key("later", "retrieve"), asked) - now_ms(bench)
            bench.end_pauses("retrieve")
        bench.ledger.submissions.cancel(asked)
        return round(pause_ms / 1_000)

    assert last_pause_s(StoreUnavailable("away")) == timings.SERVER_PAUSE_MS / 1_000
    assert last_pause_s(BlobMissing("gone")) == timings.LONGEST_PAUSE_MS / 1_000
    assert last_pause_s(ReindexUnderWay("made anew")) == timings.LONGEST_PAUSE_MS / 1_000


def test_what_cannot_be_done_is_tried_a_few_times_then_given_up_with_the_reason(
    bench: Workbench, start: Start
) -> None:
    asked, process = bench.ask(), start()
    runs = 0
    while bench.state(asked) not in FINAL_STATES:
        with pytest.raises(Broken), process.leases.claim(asked, "retrieve"):
            raise Broken("Chroma keeps it with other settings")
        runs += 1
        in_flight = bench.in_flight("retrieve")
        bench.end_pauses("retrieve")

        assert in_flight == set()  # and not again at once
    told = orjson.loads(bench.field(asked, "error"))
    assert runs == timings.MAX_BROKEN
    assert (bench.state(asked), told["type"]) == ("failed", "broken")
    assert told["detail"] == "Chroma keeps it with other settings"
    assert bench.deaths(asked) == 0


def test_a_text_without_a_vector_fails_alone_and_tells_what_to_do(
    bench: Workbench, start: Start
) -> None:
    asked = bench.ask()
    with start().leases.claim(asked, "retrieve"):
        raise NoVector("not of norm 1")

    told = orjson.loads(bench.field(asked, "error"))
    assert (bench.state(asked), told["type"]) == ("failed", "no_vector")
    assert "choose another model" in told["detail"]
