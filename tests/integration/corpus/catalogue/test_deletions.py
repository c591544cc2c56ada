"""Deletions on a real Redis: what was deleted on purpose, and what was not."""

import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from corpus.catalogue.deletions import Deletions, Generation
from corpus.catalogue.generations import Current
from protocol.keys import key
from protocol.timings import DELETED_COLLECTION_S
from tests.support.workbench import RETENTION_S, Workbench


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def published(bench: Workbench, inc: str, document: str) -> Generation:
    (unit,) = bench.ingest(inc, document)[1]
    bench.publish(unit)
    return Generation(document, int(bench.field(unit, "generation")))


def deleted(bench: Workbench, inc: str, document: str) -> int:
    unit = bench.delete(inc, document)[1]
    bench.activate(bench.take(unit))
    return int(bench.field(unit, "generation"))


def test_a_deleted_document_stays_deleted_when_it_comes_again(bench: Workbench, inc: str) -> None:
    first = published(bench, inc, "a")
    at = deleted(bench, inc, "a")
    second = published(bench, inc, "a")
    found = Deletions(bench.redis).of(inc, [first, second])

    assert found == {first: at / 1_000_000}


def test_an_update_is_no_delete(bench: Workbench, inc: str) -> None:
    first, second = published(bench, inc, "a"), published(bench, inc, "a")

    assert Deletions(bench.redis).of(inc, [first, second]) == {}


def test_a_document_that_was_withdrawn_or_lost_was_not_deleted(bench: Workbench, inc: str) -> None:
    withdrawn, lost = published(bench, inc, "a"), published(bench, inc, "b")
    current = Current.parse(bench.redis.hget(key("current", inc), "a"))
    bench.catalogue.repairs.withdraw(inc, "a", current)
    bench.redis.hdel(key("current", inc), "b")

    assert Deletions(bench.redis).of(inc, [withdrawn, lost]) == {}


def test_a_delete_of_an_earlier_build_is_known_by_its_tombstone(bench: Workbench, inc: str) -> None:
    first = published(bench, inc, "a")
    at = deleted(bench, inc, "a")
    bench.redis.delete(key("deleted", inc))

    assert Deletions(bench.redis).of(inc, [first]) == {first: at / 1_000_000}


def test_with_a_collection_all_its_documents_are_deleted(bench: Workbench, inc: str) -> None:
    first = published(bench, inc, "a")
    began = time.time()
    bench.catalogue.collections.drop("papers")
    (at,) = Deletions(bench.redis).of(inc, [first]).values()
    bench.redis.delete(key("graves"))

    assert began - 1 <= at <= time.time() + 1
    assert Deletions(bench.redis).of(inc, [first]) == {first: 0}


def test_a_delete_is_forgotten_once_no_answer_can_be_older(bench: Workbench, inc: str) -> None:
    now_us = int(time.time() * 1_000_000)
    kept_us = int((RETENTION_S + DELETED_COLLECTION_S) * 1_000_000)
    old = {f"old{n}": now_us - kept_us - n - 1 for n in range(8)}
    bench.redis.zadd(key("deleted", inc), old | {"young": now_us - kept_us + 60_000_000})
    published(bench, inc, "a")
    deleted(bench, inc, "a")

    assert bench.redis.zrange(key("deleted", inc), 0, -1) == ["young", "a"]
    assert 0 < bench.redis.ttl(key("deleted", inc)) <= RETENTION_S + DELETED_COLLECTION_S


class Documents(RuleBasedStateMachine):
    """Ingests and deletes of few documents, accepted in one order and activated in another."""

    bench: Workbench

    def __init__(self) -> None:
        super().__init__()
        self.bench.redis.flushdb()
        self.inc = self.bench.collection()
        self.open: list[tuple[str, str, bool]] = []  # unit, document, whether it is a delete
        self.read: list[Generation] = []
        self.last: dict[str, int] = {}  # document → generation of the newest delete that took place

    @rule(document=st.sampled_from("ab"), delete=st.booleans())
    def accept(self, document: str, delete: bool) -> None:
        if delete:
            unit = self.bench.delete(self.inc, document)[1]
        else:
            (unit,) = self.bench.ingest(self.inc, document)[1]
        self.open.append((unit, document, delete))

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if not self.open:
            return
        one = data.draw(st.sampled_from(self.open))
        self.open.remove(one)
        unit, document, delete = one
        generation = int(self.bench.field(unit, "generation"))
        if delete:
            outcome = self.bench.activate(self.bench.take(unit))
            if outcome == "removed":
                self.last[document] = generation
        elif self.bench.publish(unit) in ("created", "updated"):
            self.read.append(Generation(document, generation))

    @invariant()
    def what_was_read_before_a_delete_is_deleted(self) -> None:
        found = Deletions(self.bench.redis).of(self.inc, self.read)
        wanted = {one for one in self.read if self.last.get(one.document, 0) > one.generation}
        assert set(found) == wanted


def test_deletes_are_told_whatever_the_order_of_activations(bench: Workbench) -> None:
    machine = type("Machine", (Documents,), {"bench": bench})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
