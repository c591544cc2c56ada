"""What an earlier build wrote of documents is read, compared, replaced and deleted as ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.document_rows import RowMaker, RowSource, made_by
from protocol.ids import new_id
from protocol.keys import key
from tests.integration.protocol.test_the_build_before import restore
from tests.support.workbench import Workbench, now_ms

#: The queue Redis of a build that kept records as objects, a fingerprint apart for each document,
#: and which bytes became which document in one hash. A newer `ponds.md` failed, one of `weirs.md`
#: waits, `locks.md` was deleted.
LEFT: dict[str, Any] = json.loads(
    Path(__file__).with_name("catalogue_before.json").read_text("utf-8")
)
INC: str = LEFT["collection_id"]
PIPELINE = "the pipeline of then"
FACTS = {"made_by": "0a", "year": 1850}


@pytest.fixture
def left(bench: Workbench) -> Workbench:
    for name, (kind, value) in LEFT["redis"].items():
        restore(bench.redis, name, kind, value)
    bench.redis.hset(key("unit", LEFT["waiting"]), "deadline", int(now_ms(bench) + 300_000))
    return bench


def in_whole(bench: Workbench) -> None:
    """Write the records as the first release did: whole, with every field."""
    names = bench.catalogue.documents.names(INC, after="", limit=10)
    for record in bench.catalogue.documents.records(INC, names):
        assert record is not None
        record["made_by"] = made_by(PIPELINE)
        told = json.dumps(record, separators=(",", ":"))
        bench.redis.hset(key("documents", INC), record["document_id"], told)


def send(
    bench: Workbench,
    document: str,
    *,
    sha256: str,
    metadata: str = "{}",
    on_duplicate: str = "index",
) -> str:
    """Send a file; returns its row."""
    job = new_id()
    source = RowSource(document, sha256, 34, document, "", metadata)
    row = RowMaker(PIPELINE).row(job, source, priority="interactive", of_all="{}")
    bench.ingest(INC, rows=[row], job_id=job, on_duplicate=on_duplicate)
    return str(row["id"])


def sha256_of(bench: Workbench, document: str) -> str:
    record = bench.catalogue.documents.record(INC, document)
    assert record is not None
    return str(record["sha256"])


def mills(bench: Workbench) -> str:
    """Send the same mills again."""
    told = '{"year":1850,"made_by":"0a"}'
    return send(bench, "mills.md", sha256=sha256_of(bench, "mills.md"), metadata=told)


@pytest.mark.parametrize("whole", [False, True])
def test_records_of_earlier_builds_are_shown_and_compared(left: Workbench, *, whole: bool) -> None:
    if whole:
        in_whole(left)
    documents = left.catalogue.documents
    records, _ = documents.page(INC, after="", limit=10)
    shown = {record["document_id"]: record for record in records}
    found = documents.hashes(INC, [*shown, "locks.md"], made_by=made_by(PIPELINE))

    assert list(shown) == ["gates", "mills.md", "ponds.md", "weirs.md", "wells.md"]
    assert shown["mills.md"]["metadata"] == FACTS
    assert shown["mills.md"]["text_blob"] == shown["mills.md"]["sha256"]
    assert shown["mills.md"]["updated_at"] == "2026-11-30T04:39:07.352Z"
    assert (shown["gates"]["file"], shown["gates"]["bytes"], shown["gates"]["chars"]) == (
        "gates.pdf", 10, 36,
    )  # fmt: skip
    asked = {name: found[name] == shown[name]["sha256"] for name in found}
    assert asked == {
        "gates": True, "mills.md": True, "wells.md": True,
        "ponds.md": False, "weirs.md": False,  # what is newest is not what is current
    }  # fmt: skip
    assert not any(documents.hashes(INC, list(shown), made_by=made_by("another")).values())


def test_the_same_file_is_unchanged_until_it_is_distrusted(left: Workbench) -> None:
    current = left.catalogue.generations.current(INC, ["mills.md"])["mills.md"]
    before = left.field(mills(left), "outcome")
    left.catalogue.repairs.distrust(INC, "mills.md", current.generation)
    record = left.catalogue.documents.record(INC, "mills.md")

    assert before == "unchanged"
    assert record is not None
    assert (record["metadata"], record["made_by"]) == (FACTS, "")
    again = mills(left)
    assert left.publish(again, language="en") == "updated"
    assert left.field(mills(left), "outcome") == "unchanged"


def test_a_newer_one_that_failed_is_asked_for_again(left: Workbench) -> None:
    row = send(left, "ponds.md", sha256=sha256_of(left, "ponds.md"))

    assert left.state(row) == "queued"


def test_duplicates_are_found_until_their_document_is_replaced_or_deleted(left: Workbench) -> None:
    gates, wells = sha256_of(left, "gates"), sha256_of(left, "wells.md")
    weirs = sha256_of(left, "weirs.md")
    rows = [
        send(left, f"twin {n}", sha256=sha256, on_duplicate="skip")
        for n, sha256 in enumerate((gates, wells, weirs))
    ]
    assert [left.field(row, "duplicate_of") for row in rows] == ["gates", "wells.md", ""]
    assert left.publish(send(left, "wells.md", sha256="ab" * 32)) == "updated"
    _, deletion = left.delete(INC, "gates")
    assert left.activate(left.take(deletion)) == "removed"
    assert left.publish(LEFT["waiting"]) == "updated"
    rows = [
        send(left, f"again {n}", sha256=sha256, on_duplicate="skip")
        for n, sha256 in enumerate((gates, wells, weirs, "ab" * 32))
    ]

    assert [left.field(row, "duplicate_of") for row in rows] == ["", "", "", "wells.md"]
    left_over = set(left.redis.hvals(key("contents", INC)))
    assert left_over == {"mills.md", "ponds.md"}


def test_bytes_that_became_another_document_are_not_taken_for_the_first_one_again(
    left: Workbench,
) -> None:
    gates = sha256_of(left, "gates")
    assert left.publish(send(left, "twin", sha256=gates)) == "created"
    assert left.publish(send(left, "gates", sha256="cd" * 32)) == "updated"
    _, deletion = left.delete(INC, "twin")
    assert left.activate(left.take(deletion)) == "removed"
    third = send(left, "third", sha256=gates, on_duplicate="skip")

    assert left.state(third) == "queued"


def test_what_is_repaired_is_kept_as_this_build_does(left: Workbench) -> None:
    record = left.catalogue.documents.record(INC, "gates")
    assert record is not None
    left.redis.hdel(key("current", INC), "gates")

    assert left.catalogue.repairs.restore(INC, record)
    assert left.catalogue.documents.record(INC, "gates") == record
    twin = send(left, "twin", sha256=record["sha256"], on_duplicate="skip")
    assert left.field(twin, "duplicate_of") == "gates"
    assert not left.redis.hexists(key("contents", INC), record["sha256"])
    current = left.catalogue.generations.current(INC, ["gates"])["gates"]
    assert left.catalogue.repairs.withdraw(INC, "gates", current)
    other = send(left, "other", sha256=record["sha256"], on_duplicate="skip")
    assert left.state(other) == "queued"


def test_a_deleted_document_stays_away_and_a_lost_one_is_no_garbage(left: Workbench) -> None:
    orphan = left.catalogue.garbage.orphan
    generation = left.catalogue.generations.current(INC, ["gates"])["gates"].generation
    locks = left.catalogue.generations.current(INC, ["locks.md"])["locks.md"]

    assert locks.chunks == 0
    assert orphan(INC, "locks.md", locks.generation - 1, 1) == "orphan"
    assert orphan(INC, "gates", generation, 1) == "known"
    left.redis.delete(key("current", INC))
    assert orphan(INC, "gates", generation, 1) == "lost"
    left.redis.delete(key("documents", INC))
    assert orphan(INC, "gates", generation, 1) == "lost"
