"""Units that are put back, in any order of steps: each is in one place, and none is forgotten."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs.units import FINAL_STATES, Unit
from protocol import timings
from protocol.keys import key
from tests.support.workbench import Workbench, now_ms, window

WINDOW = 2
ROLES = ("retrieve", "generate")


class PutBack(RuleBasedStateMachine):
    """Questions that are put back, handed over, cancelled, late, died over, in any order."""

    bench: Workbench

    def __init__(self) -> None:
        super().__init__()
        self.bench.redis.flushdb()
        window(self.bench, WINDOW)
        for role in ROLES:
            self.bench.sweep(role)
        self.asked: list[str] = []
        self.held: dict[str, Unit] = {}
        self.times: dict[str, int] = {}  # how often a unit was put back at its stage
        self.woken: set[str] = set()  # over the window: their places had been given to others

    def a_held(self, data: st.DataObject) -> Unit:
        return self.held.pop(data.draw(st.sampled_from(sorted(self.held))))

    @rule(priority=st.sampled_from(["interactive", "batch"]))
    def ask(self, priority: str) -> None:
        self.asked.append(self.bench.ask(priority=priority))
        self.times[self.asked[-1]] = 0

    @rule(role=st.sampled_from(ROLES))
    def claim(self, role: str) -> None:
        for unit_id in sorted(self.bench.in_flight(role) - set(self.held)):
            taken = self.bench.claim(unit_id)
            if isinstance(taken, Unit):
                self.held[unit_id] = taken

    @precondition(lambda self: self.held)
    @rule(data=st.data(), longest_ms=st.sampled_from([1_000, 60_000]))
    def put_back(self, data: st.DataObject, longest_ms: int) -> None:
        unit = self.a_held(data)
        role = unit.fields["role"]
        before_ms = now_ms(self.bench)
        self.bench.ledger.work.release(unit, at_once=False, longest_pause_ms=longest_ms)
        if self.bench.state(unit.id) == "cancelled":
            return
        wanted = min(longest_ms, timings.PAUSE_MS * 2 ** self.times[unit.id])
        until_ms = self.bench.redis.zscore(key("later", role), unit.id)
        assert int(before_ms) + wanted <= until_ms <= now_ms(self.bench) + wanted
        self.times[unit.id] += 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def stop_in_order(self, data: st.DataObject) -> None:
        self.bench.ledger.work.release(self.a_held(data), at_once=True)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        unit = self.a_held(data)
        if unit.stage == "generate":
            self.bench.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"})
        else:
            self.bench.hand_over(unit, stage="generate", fields={})
            self.times[unit.id] = 0

    @precondition(lambda self: self.held)
    @rule(data=st.data(), wakes=st.booleans())
    def die(self, data: st.DataObject, wakes: bool) -> None:
        unit = self.a_held(data)
        put_back = {unit_id for role in ROLES for unit_id in self.bench.put_back(role)}
        self.bench.die(unit.id)
        self.bench.due(unit.id)
        self.bench.sweep(unit.fields["role"])
        if unit.id in self.bench.put_back(unit.fields["role"]):
            assert unit.id not in put_back
            assert self.bench.deaths(unit.id) >= timings.QUARANTINE_DEATHS
            self.times[unit.id] += 1
        if wakes and self.bench.ledger.work.renew([unit]) == ["ok"]:
            self.held[unit.id] = unit
            self.woken.add(unit.id)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), late=st.booleans())
    def cancel(self, data: st.DataObject, late: bool) -> None:
        unit_id = data.draw(st.sampled_from(self.asked))
        if late and self.bench.state(unit_id) not in FINAL_STATES:
            self.bench.late(unit_id)
            for unit_class in ("interactive", "batch"):
                self.bench.ledger.maintenance.expire(unit_class)
            self.held.pop(unit_id, None)
        else:
            self.bench.ledger.submissions.cancel(unit_id)

    @rule(role=st.sampled_from(ROLES))
    def pauses_end(self, role: str) -> None:
        self.bench.end_pauses(role)
        assert not self.bench.put_back(role)

    @invariant()
    def each_is_in_one_place(self) -> None:
        bench = self.bench
        waiting = [name for r in ROLES for name in bench.waiting(r) + bench.put_back(r)]
        flying = [name for r in ROLES for name in bench.in_flight(r)]
        ended = [name for name in self.asked if bench.state(name) in FINAL_STATES]
        assert sorted(waiting + flying + ended) == sorted(self.asked)
        assert all(len(bench.in_flight(role) - self.woken) <= WINDOW for role in ROLES)

    def teardown(self) -> None:
        """Whatever happened, all that is left ends."""
        for _ in range(200):
            open_units = [n for n in self.asked if self.bench.state(n) not in FINAL_STATES]
            if not open_units:
                break
            for role in ROLES:
                self.pauses_end(role)
                self.claim(role)
            for unit in list(self.held.values()):
                del self.held[unit.id]
                self.bench.ledger.work.finish(unit, state="succeeded", fields={"result": "{}"})
            for role in ROLES:  # what a worker died over is sent again
                for unit_id in self.bench.in_flight(role):
                    self.bench.due(unit_id)
                self.bench.sweep(role)
        assert not open_units
        names = ("later", "owners", "inflight")
        assert not any(self.bench.redis.exists(key(n, r)) for n in names for r in ROLES)


@pytest.fixture
def bench(redis_url: str) -> Iterator[Workbench]:
    bench = Workbench(redis_url)
    yield bench
    bench.close()


def test_a_unit_that_is_put_back_is_in_one_place_and_comes_back(bench: Workbench) -> None:
    machine = type("Machine", (PutBack,), {"bench": bench})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
