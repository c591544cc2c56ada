"""Files of vector stores, in any order of steps: each is counted once, as what it came to."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
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

from corpus.vector_stores.attachments import STATES, Attachments, Counts, Told
from jobs.units import FINAL_STATES
from protocol.ids import new_id
from protocol.keys import key
from tests.support.workbench import Workbench

FILES = ("file-a", "file-b", "file-c")
SIZES = {"file-a": 3, "file-b": 50, "file-c": 0}
COLOURS = ("red", "blue")


@dataclass
class Row:
    """
    A row of a file; *renews* is the unit whose document it replaces without detaching.

    Of one that was refused it is the unit that keeps the file.
    """

    name: str
    job: str
    file: str
    colour: str
    generation: int
    renews: str = ""
    end: str = ""


@dataclass
class File:
    """What is told of an attached file."""

    unit: str
    state: str
    colour: str


@dataclass
class Current:
    """What is read of a document."""

    generation: int = 0
    is_there: bool = False
    print: str = ""


@dataclass
class Document:
    """The versions of a file's document."""

    current: Current = field(default_factory=Current)
    newest: int = 0
    newest_print: str = ""


class Attached(RuleBasedStateMachine):
    """Files that are attached, again and again, in batches, deleted, cancelled, late, died over."""

    bench: Workbench

    def __init__(self) -> None:
        super().__init__()
        self.bench.redis.flushdb()
        self.inc = self.bench.collection()
        self.attachments = Attachments(self.bench.redis, self.bench.scripts)
        self.rows: dict[str, Row] = {}
        self.deletes: dict[str, Row] = {}
        self.files: dict[str, File] = {}
        self.documents = {name: Document() for name in FILES}
        self.sent: list[tuple[str, list[dict[str, str | int]], bool]] = []

    def open_rows(self) -> list[str]:
        return sorted(name for name, row in self.rows.items() if not row.end)

    def row(self, job: str, file: str, colour: str, how: str) -> dict[str, str | int]:
        told = Told(filename=f"{file}.txt", attributes={"colour": colour}).as_json()
        made = self.bench.row(file, unit_id=f"{job}:{new_id()[-12:]}", content=f"{file} {colour}")
        made |= {"size": SIZES[file], "attached": told}
        known = self.files.get(file)
        if how == "refused":
            made["rejected"] = orjson.dumps({"type": "not_found", "title": "No"}).decode()
        elif how == "renewed late":
            made["renews"] = "what was read long ago"
        elif how == "renewed" and known:
            made["renews"] = known.unit
        return made

    @rule(
        wanted=st.lists(st.tuples(st.sampled_from(FILES), st.sampled_from(COLOURS)), min_size=1,
                        max_size=3, unique_by=lambda one: one[0]),
        how=st.sampled_from(["anew", "anew", "renewed", "renewed", "renewed late", "refused"]),
        keep_open=st.booleans(),
    )  # fmt: skip
    def attach(self, wanted: list[tuple[str, str]], how: str, keep_open: bool) -> None:
        job = new_id()
        rows = [self.row(job, file, colour, how) for file, colour in wanted]
        self.send(job, rows, keep_open=keep_open)
        self.sent.append((job, rows, keep_open))
        for row, (file, colour) in zip(rows, wanted, strict=True):
            self.note(job, row, file, colour)

    def send(self, job: str, rows: list[dict[str, str | int]], *, keep_open: bool) -> None:
        self.bench.ledger.submissions.accept(
            job,
            job={"kind": "ingest", "incarnation": self.inc, "on_duplicate": "index", "store": "1"},
            rows=rows, limit=1_000, deadline_s=300, keep_open=keep_open,
        )  # fmt: skip

    def note(self, job: str, sent: dict[str, str | int], file: str, colour: str) -> None:
        """Expect what the scripts make of a row."""
        document = self.documents[file]
        name = str(sent["id"])
        one = self.rows[name] = Row(name, job, file, colour, 0)
        known = self.files.get(file)
        state = known.state if known else ""
        is_late = "renews" in sent and (known is None or sent["renews"] != known.unit)
        renews = "renews" in sent or "rejected" in sent
        stays = (renews and state == "completed") or ("rejected" in sent and state == "in_progress")
        if is_late:
            one.renews = str(sent["renews"])
        elif known and stays:
            one.renews = known.unit
        else:
            self.files[file] = File(name, "in_progress", colour)
        if is_late or "rejected" in sent:
            self.end(one, "failed")
            return
        told = str(sent["fingerprint"])[:16]
        settled = document.newest == document.current.generation and document.current.is_there
        if settled and document.newest_print == told:
            self.end(one, "completed", is_current=True)
            return
        one.generation = int(self.bench.field(name, "generation"))
        document.newest, document.newest_print = one.generation, told

    def end(self, row: Row, state: str, *, is_current: bool = False) -> None:
        """Expect what the end of a row does to its file."""
        row.end = state
        file = self.files.get(row.file)
        if row.renews:
            if file and file.unit == row.renews and is_current:
                file.colour = row.colour
        elif file and file.unit == row.name:
            file.state = state

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def answer_was_lost(self, data: st.DataObject) -> None:
        """Send the same call again: nothing is attached twice."""
        job, rows, keep_open = data.draw(st.sampled_from(self.sent))
        if self.bench.redis.exists(key("job", job)):
            self.send(job, rows, keep_open=keep_open)

    @precondition(lambda self: self.open_rows())
    @rule(data=st.data(), dies=st.booleans())
    def publish(self, data: st.DataObject, dies: bool) -> None:
        row = self.rows[data.draw(st.sampled_from(self.open_rows()))]
        bench, document = self.bench, self.documents[row.file]
        if dies:
            bench.take(row.name)
            bench.redis.delete(key("claim", row.name))
        bench.parse(row.name)
        outcome = bench.activate(bench.take(row.name))
        if row.generation < document.current.generation:
            assert outcome == "superseded"
            self.end(row, "completed")
            return
        document.current = Current(row.generation, is_there=True)
        self.end(row, "completed", is_current=True)

    @precondition(lambda self: self.open_rows())
    @rule(data=st.data(), how=st.sampled_from(["failed", "empty", "cancelled", "expired"]))
    def end_badly(self, data: st.DataObject, how: str) -> None:
        row = self.rows[data.draw(st.sampled_from(self.open_rows()))]
        bench = self.bench
        error = orjson.dumps({"type": "corrupt", "title": "No", "detail": "Broken."}).decode()
        if how == "failed":
            bench.ledger.work.finish(bench.take(row.name), state="failed", fields={"error": error})
        elif how == "empty":
            fields = {"outcome": "empty", "note": "It holds no text."}
            bench.ledger.work.finish(bench.take(row.name), state="succeeded", fields=fields)
        elif how == "cancelled":
            bench.ledger.submissions.cancel(row.name)
        else:
            bench.late(row.name)
            bench.ledger.maintenance.expire("ingest")
        assert bench.state(row.name) in FINAL_STATES
        self.end(row, "cancelled" if how == "cancelled" else "failed")

    @precondition(lambda self: self.open_rows())
    @rule(data=st.data(), claimed=st.booleans())
    def cancel_batch(self, data: st.DataObject, claimed: bool) -> None:
        row = self.rows[data.draw(st.sampled_from(self.open_rows()))]
        unit = self.bench.take(row.name) if claimed else None
        self.bench.cancel_job(row.job)
        if unit is not None:  # its worker hears of it
            assert not row.end
            assert self.attachments.counts([self.inc])[0].total == len(self.files)
            self.bench.ledger.work.finish(unit, state="succeeded", fields={})
        for one in self.rows.values():
            if one.job == row.job and not one.end:
                self.end(one, "cancelled")

    @rule(file=st.sampled_from(FILES))
    def delete(self, file: str) -> None:
        """Detach a file: it is no file of the store from here on, and its rows stop."""
        _, name = self.bench.delete(self.inc, file)
        gone = self.files.pop(file, None)
        row = self.rows.get(gone.unit) if gone else None
        if row and not row.end:
            self.end(row, "cancelled")
        document = self.documents[file]
        document.newest = int(self.bench.field(name, "generation"))
        document.newest_print = ""
        self.deletes[name] = Row(name, "", file, "", document.newest)

    @precondition(lambda self: self.deletes)
    @rule(data=st.data())
    def delete_ends(self, data: st.DataObject) -> None:
        row = self.deletes.pop(data.draw(st.sampled_from(sorted(self.deletes))))
        self.bench.activate(self.bench.take(row.name))
        document = self.documents[row.file]
        if row.generation > document.current.generation:
            document.current = Current(row.generation)

    @rule(file=st.sampled_from(FILES))
    def withdraw(self, file: str) -> None:
        """The check cannot make a document whole: it is not read any more, and its file failed."""
        now = self.bench.catalogue.generations.current_of(self.inc, file)
        if not now or not now.chunks:
            return
        assert self.bench.catalogue.repairs.withdraw(self.inc, file, now)
        self.documents[file].current.is_there = False
        known = self.files.get(file)
        if known and known.state == "completed":
            known.state = "failed"

    @rule(file=st.sampled_from(FILES), colour=st.sampled_from(COLOURS))
    def retell(self, file: str, colour: str) -> None:
        known = self.files.get(file)
        told = Told(filename=f"{file}.txt", attributes={"colour": colour})
        unit = known.unit if known else "none"
        assert self.attachments.retell(self.inc, file, unit, told) == (known is not None)
        assert not self.attachments.retell(self.inc, file, "another", told)
        if known:
            known.colour = colour

    @invariant()
    def each_file_is_what_it_came_to(self) -> None:
        found = self.attachments.several(self.inc, FILES)
        assert {name: (one.unit, one.state) for name, one in found.items()} == {
            name: (one.unit, one.state) for name, one in self.files.items()
        }
        for name, one in found.items():
            assert one.told.attributes == {"colour": self.files[name].colour}
            assert (one.error is not None) == (one.state == "failed")

    @invariant()
    def each_is_counted_once(self) -> None:
        (counts,) = self.attachments.counts([self.inc])
        states = Counter(one.state for one in self.files.values())
        size = sum(SIZES[n] for n, one in self.files.items() if one.state == "completed")
        assert counts == Counts(*(states[state] for state in STATES), size=size)
        assert self.bench.redis.zcard(key("attached_in", self.inc, "all")) == counts.total

    @invariant()
    def batches_count_their_rows(self) -> None:
        jobs = {row.job for row in self.rows.values()}
        for job in jobs:
            told = self.bench.redis.hgetall(key("job", job))
            ends = Counter(row.end for row in self.rows.values() if row.job == job)
            assert int(told["total"]) == sum(ends.values())
            for state in ("completed", "failed", "cancelled"):
                assert int(told.get(f"attached_{state}", 0)) == ends[state]

    def teardown(self) -> None:
        """Nothing is left of a collection that is gone."""
        self.bench.catalogue.collections.drop("papers")
        self.bench.catalogue.collections.forget(self.inc)
        assert list(self.bench.redis.scan_iter(match="quern:attached*")) == []


@pytest.fixture
def bench(redis_url: str) -> Iterator[Workbench]:
    bench = Workbench(redis_url)
    yield bench
    bench.close()


def test_files_of_a_vector_store_are_counted_exactly(bench: Workbench) -> None:
    machine = type("Machine", (Attached,), {"bench": bench})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_a_page_of_files_goes_on_where_it_ended(bench: Workbench) -> None:
    collection_id = bench.collection()
    told = Told(filename="a.txt", attributes={}).as_json()
    names = [f"file-{n}" for n in range(5)]
    rows = [bench.row(name) | {"attached": told} for name in names]
    bench.ingest(collection_id, rows=rows)
    attachments = Attachments(bench.redis, bench.scripts)

    def page(**more: str | None) -> tuple[list[str], bool]:
        asked = {"after": None, "before": None} | more
        return attachments.page(
            collection_id, state=None, newest_first=False, limit=2,
            after=asked["after"], before=asked["before"],
        )  # fmt: skip

    assert page() == (names[:2], True)
    assert page(after=names[1]) == (names[2:4], True)
    assert page(after=names[3]) == (names[4:], False)
    assert page(before=names[3]) == (names[1:3], True)
    assert page(before=names[1]) == (names[:1], False)
    assert page(after=names[4]) == ([], False)


def test_a_page_of_a_state_goes_on_behind_a_file_that_left_it(bench: Workbench) -> None:
    collection_id = bench.collection()
    told = Told(filename="a.txt", attributes={}).as_json()
    names = [f"file-{n}" for n in range(3)]
    rows = [bench.row(name) | {"attached": told} for name in names]
    _, units = bench.ingest(collection_id, rows=rows)
    attachments = Attachments(bench.redis, bench.scripts)
    bench.ledger.submissions.cancel(units[1])

    behind, more = attachments.page(
        collection_id, state="in_progress", after=names[1], before=None, newest_first=False, limit=2
    )

    assert (behind, more) == (names[2:], False)
