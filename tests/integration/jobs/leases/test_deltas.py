"""Pieces of answers on real Redis: together, in order, once, whatever happens between."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from redis.exceptions import ConnectionError as Away

from jobs.events import Event, JobNotifier, read_events
from jobs.leases.deltas import Deltas
from jobs.ledger.work import ClaimStatus
from jobs.units import Delta, Unit
from tests.support.waiting import PATIENCE_S, until
from tests.support.workbench import Workbench

EVERY_S = 0.2


class Counting:
    """A ledger that remembers what was told at once, and fails on request."""

    def __init__(self, bench: Workbench) -> None:
        self._ledger = bench.ledger
        self.calls: list[list[str]] = []
        self.fails_before = 0
        self.fails_after = 0
        self.gate = threading.Event()
        self.gate.set()
        self.held = threading.Event()

    def append_deltas(self, deltas: Sequence[Delta]) -> list[ClaimStatus]:
        if not self.gate.is_set():
            self.held.set()
        self.gate.wait(PATIENCE_S)
        if self.fails_before:
            self.fails_before -= 1
            raise Away("before it was written")
        statuses = self._ledger.work.append_deltas(deltas)
        self.calls.append([delta.text for delta in deltas])
        if self.fails_after:
            self.fails_after -= 1
            raise Away("after it was written")
        return statuses


@pytest.fixture
def ledger(bench: Workbench) -> Counting:
    return Counting(bench)


@pytest.fixture
def statuses() -> dict[str, ClaimStatus]:
    return {}


@pytest.fixture
def every_s() -> float:
    return EVERY_S


@pytest.fixture
def deltas(
    ledger: Counting,
    statuses: dict[str, ClaimStatus],
    every_s: float,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deltas]:
    monkeypatch.setattr("jobs.leases.deltas.AGAIN_S", 0.05)
    writer = Deltas(
        ledger,  # type: ignore[arg-type]  # all that it is asked for
        every_s=every_s,
        on_status=lambda unit, status: statuses.__setitem__(unit.id, status),
    )
    with writer.thread:
        yield writer


def asked(bench: Workbench) -> Unit:
    return bench.take(bench.ask())


def tokens(bench: Workbench, unit: Unit) -> list[str]:
    return [
        event.data["text"] for event in read_events(bench.redis, unit.id, "0-0") if _token(event)
    ]


def _token(event: Event) -> bool:
    return event.kind == "token"


@pytest.mark.parametrize("every_s", [3_600.0])
def test_the_first_text_of_an_answer_is_written_at_once_and_the_rest_is_not(
    bench: Workbench, deltas: Deltas
) -> None:
    one, other = asked(bench), asked(bench)
    deltas.add(one, "a")
    until(lambda: tokens(bench, one))
    deltas.add(one, "b")
    deltas.add(other, "x")
    until(lambda: tokens(bench, other))

    assert (tokens(bench, one), tokens(bench, other)) == (["a"], ["x"])


@pytest.mark.parametrize("every_s", [0.0, 3_600.0])
def test_an_answer_that_ended_before_its_first_text_was_written_keeps_no_other_waiting(
    bench: Workbench, deltas: Deltas
) -> None:
    short, other = asked(bench), asked(bench)
    with deltas.thread._condition:  # what writes cannot look before the answer has ended
        deltas.add(short, "a")
        rest = deltas.take(short)
    time.sleep(0.1)  # now it has looked, and found nothing to write
    deltas.add(other, "x")

    assert [delta.text for delta in rest] == ["a"]
    until(lambda: tokens(bench, other), within_s=10)


def test_what_comes_after_the_first_text_is_written_together(
    bench: Workbench, ledger: Counting, deltas: Deltas
) -> None:
    one, other = asked(bench), asked(bench)
    for unit, text in ((one, "a"), (other, "x")):
        deltas.add(unit, text)
        until(lambda unit=unit: tokens(bench, unit))
    # Held back in one writing while all of it comes, however long that takes here.
    ledger.gate.clear()
    deltas.add(asked(bench), "h")
    assert ledger.held.wait(PATIENCE_S)
    for unit, text in ((one, "b"), (one, "c"), (other, "y")):
        deltas.add(unit, text)
    ledger.gate.set()
    # Readers see a writing before the writer knows of its end.
    until(lambda: sum(map(len, ledger.calls)) >= len("axh") + 2)

    assert (tokens(bench, one), tokens(bench, other)) == (["a", "bc"], ["x", "y"])
    assert ledger.calls[-1] == ["bc", "y"]


def test_one_wake_up_names_all_that_were_told_something(bench: Workbench) -> None:
    subscription, units = JobNotifier(bench.redis), [asked(bench) for _ in range(3)]
    with subscription.waiting_for("stranger") as stranger:
        # Listening begins with the first who waits, and wakes whoever waits by then.
        assert stranger.wait(PATIENCE_S)
        stranger.clear()
        with (
            subscription.waiting_for(units[0].id) as first,
            subscription.waiting_for(units[2].id) as last,
        ):
            bench.ledger.work.append_deltas([Delta(unit, 1, "a") for unit in units])
            assert first.wait(PATIENCE_S)
            assert last.wait(PATIENCE_S)
        assert not stranger.is_set()
    subscription.close()


def test_what_is_left_goes_with_the_end_and_nothing_comes_after_it(
    bench: Workbench, ledger: Counting, deltas: Deltas
) -> None:
    def taken() -> tuple[Unit, list[Delta]] | None:
        """An answer of which something was left at its end: what writes may have been quicker."""
        unit = asked(bench)
        deltas.add(unit, "a")
        assert until(lambda: tokens(bench, unit))
        deltas.add(unit, "b")
        rest = deltas.take(unit)
        return (unit, rest) if rest else None

    unit, rest = until(taken)
    calls = len(ledger.calls)
    bench.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"}, rest=rest)
    time.sleep(2 * EVERY_S)

    events = read_events(bench.redis, unit.id, "0-0")
    assert [event.kind for event in events][-3:] == ["token", "token", "done"]
    assert tokens(bench, unit) == ["a", "b"]
    assert len(ledger.calls) == calls


@pytest.mark.parametrize("every_s", [3_600.0])
def test_an_end_waits_for_a_piece_that_is_being_written(
    bench: Workbench, ledger: Counting, deltas: Deltas
) -> None:
    unit = asked(bench)
    ledger.gate.clear()
    deltas.add(unit, "a")
    assert ledger.held.wait(PATIENCE_S)
    threading.Timer(0.1, ledger.gate.set).start()
    deltas.add(unit, "b")
    rest = deltas.take(unit)

    assert tokens(bench, unit) == ["a"]
    assert [delta.text for delta in rest] == ["b"]


def test_text_waits_while_redis_is_away(bench: Workbench, ledger: Counting, deltas: Deltas) -> None:
    unit = asked(bench)
    ledger.fails_before = 3
    for text in "abc":
        deltas.add(unit, text)
        time.sleep(0.02)
    assert until(lambda: "".join(tokens(bench, unit)) == "abc")


def test_a_piece_whose_answer_was_lost_is_told_once(
    bench: Workbench, ledger: Counting, deltas: Deltas
) -> None:
    unit = asked(bench)
    ledger.fails_after = 2
    for text in "abc":
        deltas.add(unit, text)
        time.sleep(0.02)
    assert until(lambda: "".join(tokens(bench, unit)) == "abc")
    time.sleep(2 * EVERY_S)

    assert "".join(tokens(bench, unit)) == "abc"
    assert len(ledger.calls) > len(tokens(bench, unit))


def test_a_piece_whose_answer_was_lost_is_not_told_again_by_the_end(
    bench: Workbench, ledger: Counting, deltas: Deltas
) -> None:
    unit = asked(bench)
    ledger.fails_after = 1_000
    deltas.add(unit, "a")
    assert until(lambda: tokens(bench, unit))
    deltas.add(unit, "b")
    rest = deltas.take(unit)
    bench.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"}, rest=rest)

    assert [delta.text for delta in rest] == ["a", "b"]
    assert tokens(bench, unit) == ["a", "b"]


def test_a_new_claim_of_a_unit_begins_anew(
    bench: Workbench, ledger: Counting, deltas: Deltas
) -> None:
    first = asked(bench)
    deltas.add(first, "old")
    assert until(lambda: tokens(bench, first))
    ledger.gate.clear()
    deltas.add(first, " and left")
    bench.ledger.work.release(first, at_once=True)
    second = bench.take(first.id)
    deltas.add(second, "new")
    ledger.gate.set()
    assert until(lambda: len(tokens(bench, second)) == 2)

    deltas.add(first, "much too late")
    deltas.add(second, ".")
    assert until(lambda: len(tokens(bench, second)) == 3)

    assert tokens(bench, second) == ["old", "new", "."]
    assert deltas.take(first) == []


def test_a_cancelled_unit_and_a_lost_one_are_told_apart(
    bench: Workbench, deltas: Deltas, statuses: dict[str, ClaimStatus]
) -> None:
    cancelled, lost = asked(bench), asked(bench)
    bench.ledger.submissions.cancel(cancelled.id)
    bench.die_and_be_found(lost.id)
    bench.take(lost.id)
    deltas.add(cancelled, "a")
    deltas.add(lost, "b")
    assert until(lambda: len(statuses) == 2)

    assert statuses == {cancelled.id: "stop", lost.id: "lost"}
    assert tokens(bench, lost) == []


def test_text_that_comes_after_the_end_is_forgotten(bench: Workbench, deltas: Deltas) -> None:
    unit = asked(bench)
    bench.ledger.work.finish(unit, state="cancelled", fields={})
    deltas.add(unit, "too late")
    assert until(lambda: not deltas._held)

    assert tokens(bench, unit) == []
