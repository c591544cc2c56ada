"""Whatever happens on a real Redis, each unit is in one place and ends once."""

import random
from collections import Counter
from itertools import count

import pytest

from jobs.counters import read_counters
from jobs.events import read_events
from jobs.units import FINAL_STATES, Delta, Unit
from protocol.keys import PREFIX, key
from protocol.messages import CLASSES, ROLES
from rag.errors import LeaseLost
from tests.support.workbench import Workbench, window


class Storm:
    """
    Random steps of people, workers, zombies and time, and what must hold after each.

    Messages are never taken from the list: every one may come again, late, or never.
    """

    WINDOW = 3
    DOCUMENTS = ("a", "b", "c")

    def __init__(self, bench: Workbench, seed: int) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.collection_id = bench.collection()
        self.units: list[str] = []
        self.jobs: list[str] = []
        self.hands: list[Unit] = []  # every claim ever made: zombies among them
        self.alive: list[Unit] = []
        self.ends: dict[str, dict[str, str]] = {}
        self.generations: dict[str, int] = {}
        window(bench, self.WINDOW)
        for role in ROLES:
            bench.sweep(role)

    def step(self) -> None:
        """Do one thing."""
        steps = {
            self.ask: 3, self.ingest: 2, self.delete: 1, self.deliver: 12, self.end: 8,
            self.pass_on: 8, self.zombie: 4, self.kill: 3, self.renew: 2, self.give_back: 1,
            self.cancel: 1, self.cancel_job: 1, self.time_passes: 6, self.too_late: 1,
            self.listen: 2, self.reader_is_gone: 1,
        }  # fmt: skip
        self.random.choices(list(steps), weights=list(steps.values()))[0]()

    def ask(self) -> None:
        if len(self.open_units()) < 12:
            priority = self.random.choice(["interactive", "batch"])
            self.units.append(self.bench.ask(priority=priority))

    def ingest(self) -> None:
        if len(self.open_units()) < 12:
            documents = self.random.choices(self.DOCUMENTS, k=self.random.randint(1, 3))
            rows = [
                self.bench.row(name, content=f"{name}{self.random.randint(0, 2)}")
                for name in documents
            ]
            job, names = self.bench.ingest(self.collection_id, rows=rows)
            self.jobs.append(job)
            self.units += names

    def delete(self) -> None:
        job, row = self.bench.delete(self.collection_id, self.random.choice(self.DOCUMENTS))
        self.jobs.append(job)
        self.units.append(row)

    def deliver(self) -> None:
        if not self.bench.sent:
            return
        # Recent messages more often, else almost all would be of ended units.
        message = self.random.choice(self.bench.sent[-self.random.choice([3, 10, 1_000]) :])
        taken = self.bench.claim(message.unit_id, stage=message.stage)
        if isinstance(taken, Unit):
            self.hands.append(taken)
            self.alive.append(taken)

    def act(self, unit: Unit, *, fails: bool = False) -> None:
        """Write what the body of a unit's stage writes at its end."""
        ledger = self.bench.ledger
        try:
            match unit.stage:
                case _ if fails:
                    ledger.work.finish(unit, state="failed", fields={"error": "{}"})
                case "retrieve":
                    self.bench.hand_over(unit, stage="generate", fields={"sources": "[]"})
                case "parse":
                    fields: dict[str, str | int] = {"chunks": 2, "manifest_blob": "m"}
                    self.bench.hand_over(unit, stage="publish", fields=fields)
                case "publish":
                    self.bench.activate(unit, entry=self.bench.log_add(unit))
                case "remove":
                    self.bench.activate(unit)
                case _:
                    ledger.work.finish(
                        unit, state="succeeded", fields={"result": f'"{unit.epoch}"'}
                    )
        except LeaseLost:
            assert self.bench.field(unit.id, "epoch") != unit.epoch or unit.id in self.final()
        else:
            self.alive = [other for other in self.alive if other.id != unit.id]

    def end(self) -> None:
        if self.alive:
            self.act(self.random.choice(self.alive), fails=self.random.random() < 0.1)

    def pass_on(self) -> None:
        if self.alive:
            self.act(self.random.choice(self.alive))

    def zombie(self) -> None:
        if self.hands:
            unit = self.random.choice(self.hands)
            if self.bench.ledger.work.append_deltas([Delta(unit, 1, "anybody?")]) == ["lost"]:
                return
            assert self.bench.field(unit.id, "epoch") == unit.epoch
            self.act(unit)

    def kill(self) -> None:
        if self.alive:
            dead = self.alive.pop(self.random.randrange(len(self.alive)))
            if self.bench.redis.get(key("claim", dead.id)) == dead.epoch:
                self.bench.die(dead.id)

    def renew(self) -> None:
        if self.hands:
            unit = self.random.choice(self.hands)
            self.bench.ledger.work.renew([unit])

    def give_back(self) -> None:
        if self.alive:
            unit = self.alive.pop()
            self.bench.ledger.work.release(unit, at_once=self.random.random() < 0.5)

    def cancel(self) -> None:
        if self.units:
            self.bench.ledger.submissions.cancel(self.random.choice(self.units[-10:]))

    def cancel_job(self) -> None:
        if self.jobs:
            self.bench.cancel_job(self.random.choice(self.jobs[-5:]))

    def listened_to(self) -> str | None:
        """Return a job that somebody may have asked the events of."""
        told = [name for name, row in self.rows().items() if "job" not in row] + self.jobs
        return self.random.choice(told[-12:]) if told else None

    def listen(self) -> None:
        if job := self.listened_to():
            self.bench.ledger.submissions.listen(job)

    def reader_is_gone(self) -> None:
        """A stream that began for readers expires after the last one."""
        job = self.listened_to()
        if job and self.bench.redis.ttl(key("events", job)) > 0:
            self.bench.redis.delete(key("events", job))

    def time_passes(self) -> None:
        role = self.random.choice(ROLES)
        for unit in self.bench.in_flight(role):
            if self.random.random() < 0.5:
                self.bench.due(unit)
        for unit in self.bench.put_back(role):
            if self.random.random() < 0.5:
                self.bench.end_pause(unit)
        self.bench.sweep(role)

    def too_late(self) -> None:
        if open_units := self.open_units():
            self.bench.late(self.random.choice(open_units))
            for unit_class in CLASSES:
                self.bench.ledger.maintenance.expire(unit_class)

    def final(self) -> dict[str, dict[str, str]]:
        """Return the rows of units that have ended."""
        return {name: row for name, row in self.rows().items() if row["state"] in FINAL_STATES}

    def rows(self) -> dict[str, dict[str, str]]:
        pipe = self.bench.redis.pipeline(transaction=False)
        for name in self.units:
            pipe.hgetall(key("unit", name))
        return dict(zip(self.units, pipe.execute(), strict=True))

    def open_units(self) -> list[str]:
        return [name for name in self.units if name not in self.ends]

    def check(self) -> None:
        """Assert what holds after every step."""
        bench, rows = self.bench, self.rows()
        waiting = [name for role in ROLES for name in bench.waiting(role) + bench.put_back(role)]
        flying = [name for role in ROLES for name in bench.in_flight(role)]
        ended = [name for name, row in rows.items() if row["state"] in FINAL_STATES]
        dated = [n for c in CLASSES if c != "job" for n in self.members("deadlines", c)]

        assert sorted(waiting + flying + ended) == sorted(self.units), "each unit in one place"
        assert sorted(dated) == sorted(waiting + flying), "each open unit has a deadline"
        assert all(len(bench.in_flight(role)) <= self.WINDOW for role in ROLES), "window exceeded"
        for name in ended:
            told = {k: v for k, v in rows[name].items() if k in ("state", "result", "outcome")}
            assert self.ends.setdefault(name, told) == told, "a final state changed"
            cancelled = rows[name].get("cancel") == "1"
            assert not (cancelled and told["state"] == "succeeded"), "a cancel was forgotten"
        promised = sum(int(row.get("room", "0")) for row in rows.values())
        assert int(bench.redis.hget(key("room"), "reserved") or 0) == promised
        assert not any("room" in rows[name] for name in ended)
        self.check_claims(waiting + ended)
        self.check_jobs(rows, ended)
        self.check_documents(rows, ended)

    def members(self, name: str, *parts: str) -> list[str]:
        members: list[str] = self.bench.redis.zrange(key(name, *parts), 0, -1)
        return members

    def check_claims(self, idle: list[str]) -> None:
        if idle:
            claims = self.bench.redis.mget([key("claim", name) for name in idle])
            assert not any(claims), "something that does not run is claimed"

    def check_jobs(self, rows: dict[str, dict[str, str]], ended: list[str]) -> None:
        for job in self.jobs:
            held = self.bench.redis.smembers(key("open", job))
            mine = {name for name, row in rows.items() if row.get("job") == job}
            assert held == mine - set(ended)
            state = self.bench.job_state(job)
            assert (state in FINAL_STATES) == (not held)
            if not held:
                assert self.ends.setdefault(job, {"state": state}) == {"state": state}

    def check_counters(self) -> None:
        """Assert that once all has ended, each end was counted once, and as what it was."""
        counted, rows = read_counters(self.bench.redis), self.rows()
        states: Counter[tuple[str, str]] = Counter()
        for name in [name for name, row in rows.items() if "job" not in row] + self.jobs:
            row = rows.get(name) or self.bench.redis.hgetall(key("job", name))
            lost = "too_many_attempts" in row.get("error", "")
            state = "lost" if lost else row["state"].replace("succeeded", "ok")
            states[row["kind"], state] += 1
        assert counted.finished == states
        for kind, number in counted.submitted.items():
            assert sum(counted.durations[kind].buckets) == number
        lost = [n for n, row in rows.items() if "too_many_attempts" in row.get("error", "")]
        jobs = {rows[name].get("job", name) for name in lost if rows[name]["kind"] != "search"}
        assert set(self.bench.redis.zrange(key("jobs_by", "given_up"), 0, -1)) == jobs
        documents = [name for name, row in rows.items() if "job" in row]
        assert sum(counted.documents.values()) == len(documents)

    def check_events(self) -> None:
        """Assert that whoever reads learns of the one end, from the stream or the row."""
        alone = [name for name, row in self.rows().items() if "job" not in row]
        for kind, name in [("unit", n) for n in alone] + [("job", n) for n in self.jobs]:
            last = self.bench.redis.hget(key(kind, name), "last_event")
            events = read_events(self.bench.redis, name, "0-0")
            assert last
            if events:
                assert [event.id for event in events if event.kind == "done"] == [last]
                assert events[-1].id == last

    def check_documents(self, rows: dict[str, dict[str, str]], ended: list[str]) -> None:
        bench, inc = self.bench, self.collection_id
        live = {n: r for n, r in rows.items() if "generation" in r and n not in ended}
        opened = {f"{row['document']}:{row['generation']}" for row in live.values()}
        assert bench.redis.smembers(key("opened", inc)) == opened
        logged = bench.redis.smembers(key("add_logged", inc))
        assert {member.rpartition(":")[0] for member in logged} <= opened
        current = bench.catalogue.generations.current(inc, self.DOCUMENTS)
        garbage = bench.garbage(inc)
        for document, now in current.items():
            assert now.generation >= self.generations.get(document, 0), "a document went back"
            self.generations[document] = now.generation
        for name in ended:
            row = rows[name]
            if row.get("outcome") in ("created", "updated", "removed"):
                assert current[row["document"]].generation >= int(row["generation"])
            if "generation" in row and row.get("chunks", "0") != "0":
                held = current.get(row["document"])
                is_current = held is not None and held.generation == int(row["generation"])
                assert is_current != (bench.member(name) in garbage)

    def final_states(self) -> set[str]:
        return {end["state"] for end in self.ends.values()}

    def settle(self) -> None:
        """Let everything end: workers that live, rescuers that come by."""
        for _ in range(200):
            for role in ROLES:
                for unit in self.bench.in_flight(role):
                    self.bench.die(unit)
                    self.bench.due(unit)
                for unit in self.bench.put_back(role):
                    self.bench.end_pause(unit)
                self.bench.sweep(role)
                for unit in self.bench.in_flight(role):
                    taken = self.bench.claim(unit)
                    if isinstance(taken, Unit):
                        self.act(taken)
            self.check()
            if not self.open_units():
                return
        raise AssertionError(f"never ended: {self.open_units()}")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_unit_is_in_one_place_and_ends_once(
    bench: Workbench, seed: int
) -> None:
    storm = Storm(bench, seed)
    for step in count():
        # The order of ids is chance, whatever the seed: some storms take longer to be one.
        if step >= 250 and len(storm.final_states()) >= 4:
            break
        assert step < 2_000, "the storm is too calm"
        storm.step()
        storm.check()
    storm.settle()

    left = {name.removeprefix(PREFIX).split(":")[0] for name in bench.redis.scan_iter()}
    assert left <= {
        "unit", "job", "rows", "jobs", "jobs_by", "jobs_by_from", "ended", "events", "tallies",
        "pace", "turns", "window", "fallen",
        "watch", "collection", "collections", "current", "newest", "documents", "names", "by_hash",
        "log", "log_state", "garbage", "news", "barren", "room", "deleted",
    }  # fmt: skip
    for name in bench.redis.scan_iter(match=f"{PREFIX}unit:*"):
        assert bench.redis.ttl(name) > 0
    for job in storm.jobs:
        for name in ("job", "rows"):
            assert bench.redis.ttl(key(name, job)) > 0
    for name in bench.redis.scan_iter(match=f"{PREFIX}events:*"):
        assert bench.redis.ttl(name) > 0
    storm.check_events()
    storm.check_counters()
