"""What is current of documents, in any order of steps: one version, with its bytes and record."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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

from protocol import sizes
from protocol.keys import key
from tests.support.workbench import Workbench, activate

DOCUMENTS = ("a", "b:c", "ü")
CONTENTS = ("one", "two")
MADE_BY = "0123456789abcdef"


@dataclass
class Row:
    """A row that has not ended; a delete has no content."""

    name: str
    document: str
    content: str | None
    generation: int


@dataclass
class Held:
    """What a document came to: its newest accepted generation and its current one."""

    accepted: int = 0
    current: int = 0
    content: str | None = None
    #: Whether the same bytes would be called unchanged, and whether a comparison tells their hash.
    trusted: bool = True
    hash_told: bool = True


class Documents(RuleBasedStateMachine):
    """Documents that are accepted, made current, replaced, deleted, lost and repaired."""

    bench: Workbench

    def __init__(self) -> None:
        super().__init__()
        self.bench.redis.flushdb()
        self.inc = self.bench.collection()
        self.open: list[Row] = []
        self.held = {document: Held() for document in DOCUMENTS}
        self.bytes: dict[str, str] = {}  # content → the document that it is known as

    def is_open(self, document: str, generation: int) -> bool:
        return any((row.document, row.generation) == (document, generation) for row in self.open)

    @rule(
        document=st.sampled_from(DOCUMENTS), content=st.sampled_from(CONTENTS), skip=st.booleans()
    )
    def accept(self, document: str, content: str, skip: bool) -> None:
        bench, held = self.bench, self.held[document]
        given = bench.row(document, content=content) | {"made_by": MADE_BY}
        policy = "skip" if skip else "index"
        _, (row,) = bench.ingest(self.inc, rows=[given], on_duplicate=policy)
        twin = self.bytes.get(content)
        if twin == document or (twin and self.is_open(twin, self.held[twin].accepted)):
            twin = None
        settled = held.current == held.accepted and held.content is not None
        if settled and held.trusted and held.content == content:
            assert bench.field(row, "outcome") == "unchanged"
        elif skip and twin:
            assert bench.field(row, "duplicate_of") == twin
        else:
            assert bench.state(row) == "queued"
            generation = int(bench.field(row, "generation"))
            assert generation > max(held.accepted, held.current)
            held.accepted = generation
            self.open.append(Row(row, document, content, generation))

    @rule(document=st.sampled_from(DOCUMENTS))
    def delete(self, document: str) -> None:
        _, row = self.bench.delete(self.inc, document)
        generation = int(self.bench.field(row, "generation"))
        self.held[document].accepted = generation
        self.open.append(Row(row, document, None, generation))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), language=st.sampled_from(["", "en"]))
    def publish(self, data: st.DataObject, language: str) -> None:
        self.activate(data.draw(st.sampled_from(self.open)), language)

    @rule(document=st.sampled_from(DOCUMENTS), content=st.sampled_from(CONTENTS))
    def replace(self, document: str, content: str) -> None:
        """Have a document accepted and current at once, as most are."""
        known = len(self.open)
        self.accept(document, content, skip=False)
        if len(self.open) > known:
            self.activate(self.open[-1], "en")

    def activate(self, row: Row, language: str) -> None:
        self.open.remove(row)
        held, bench = self.held[row.document], self.bench
        if row.content is None:
            outcome = bench.activate(bench.take(row.name))
        else:
            bench.parse(row.name)
            unit = bench.take(row.name)
            outcome = activate(
                bench.ledger, unit, entry=bench.log_add(unit), document=self.record(row, language)
            )
        if row.generation < held.current:
            assert outcome == "superseded"
            return
        self.forget_bytes(row.document)
        held.current, held.content = row.generation, row.content
        held.trusted = held.hash_told = True
        if row.content is not None:
            self.bytes[row.content] = row.document

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self.open))
        self.open.remove(row)
        self.bench.ledger.submissions.cancel(row.name)

    @rule(document=st.sampled_from(DOCUMENTS))
    def distrust(self, document: str) -> None:
        held = self.held[document]
        if held.content is not None:
            self.bench.catalogue.repairs.distrust(self.inc, document, held.current)
            held.trusted = held.hash_told = False

    @rule(document=st.sampled_from(DOCUMENTS))
    def withdraw(self, document: str) -> None:
        current = self.bench.catalogue.generations.current_of(self.inc, document)
        if current and current.chunks:
            assert self.bench.catalogue.repairs.withdraw(self.inc, document, current)
            self.forget_bytes(document)
            self.held[document].content = None

    @rule(document=st.sampled_from(DOCUMENTS))
    def lose_and_restore(self, document: str) -> None:
        """Lose an entry; what the vector store has of it is no garbage, and comes back."""
        held, catalogue = self.held[document], self.bench.catalogue
        if held.content is None:
            return
        self.bench.redis.hdel(key("current", self.inc), document)
        assert catalogue.garbage.orphan(self.inc, document, held.current, 2) == "lost"
        record = catalogue.documents.record(self.inc, document)
        assert record is not None
        assert catalogue.repairs.restore(self.inc, record)
        # Lost with the entry; an earlier build kept it apart.
        apart = self.bench.redis.hget(key("newest", self.inc), document) or ""
        held.trusted &= apart == f"{held.current}:{fingerprint(document, held.content)}"
        self.bytes.setdefault(held.content, document)
        catalogue.repairs.all_restored(self.inc)

    @rule(document=st.sampled_from(DOCUMENTS), whole=st.booleans())
    def as_before(self, document: str, whole: bool) -> None:
        """Write what is current as an earlier build did."""
        held, redis = self.held[document], self.bench.redis
        if not held.current:
            return
        entry = redis.hget(key("current", self.inc), document).split(":")
        redis.hset(key("current", self.inc), document, ":".join(entry[:4]).removesuffix(":"))
        if not redis.hexists(key("newest", self.inc), document):
            print_ = fingerprint(document, held.content) if held.trusted and held.content else ""
            redis.hset(key("newest", self.inc), document, f"{held.current}:{print_}")
        if held.content is None:
            return
        record = self.bench.catalogue.documents.record(self.inc, document)
        assert record is not None
        made_by = MADE_BY if record.pop("made_by") else ""
        record |= {"made_by": made_by, "updated_at": record.pop("updated_at")}  # in their order
        if not whole:
            record = {name: record[name] for name in record if record[name] not in ({}, None)}
        redis.hset(key("documents", self.inc), document, json.dumps(record, separators=(",", ":")))
        if self.bytes.get(held.content) == document:
            for name in redis.scan_iter(match=key("by_hash", self.inc, "*")):
                for field, value in redis.hgetall(name).items():
                    if field and value == document:
                        redis.hdel(name, field)
            redis.hset(key("contents", self.inc), sha256(held.content), document)

    def forget_bytes(self, document: str) -> None:
        for content in CONTENTS:
            if self.bytes.get(content) == document and self.held[document].content == content:
                del self.bytes[content]

    def record(self, row: Row, language: str) -> dict[str, Any]:
        assert row.content
        return {
            "document_id": row.document, "generation": row.generation, "title": row.document,
            "file": row.document, "kind": "text", "language": language,
            "sha256": sha256(row.content), "source_blob": sha256(row.content), "text_blob": "t",
            "manifest_blob": "m", "bytes": 3, "chars": 3, "chunks": 2, "made_by": MADE_BY,
            "metadata": {"made_by": "0a", "none": []}, "updated_at": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip

    @invariant()
    def each_document_is_what_it_came_to(self) -> None:
        catalogue = self.bench.catalogue
        current = catalogue.generations.current(self.inc, DOCUMENTS)
        hashes = catalogue.documents.hashes(self.inc, DOCUMENTS, made_by=MADE_BY)
        for document, held in self.held.items():
            now = current.get(document)
            assert (now.generation if now else 0) == held.current
            record = catalogue.documents.record(self.inc, document)
            assert (record is None) == (held.content is None)
            if record is None or held.content is None:
                continue
            told = held.hash_told and held.accepted == held.current
            assert hashes[document] == (sha256(held.content) if told else "")
            assert (record["generation"], record["sha256"]) == (held.current, sha256(held.content))
            assert (record["metadata"], record["chunks"]) == ({"made_by": "0a", "none": []}, 2)

    @invariant()
    def what_is_known_of_bytes_is_of_current_documents(self) -> None:
        known = dict(self.bench.redis.hgetall(key("contents", self.inc)))
        for name in self.bench.redis.scan_iter(match=key("by_hash", self.inc, "*")):
            known |= {f: value for f, value in self.bench.redis.hgetall(name).items() if f}
        assert sorted(known.values()) == sorted(self.bytes.values())

    @invariant()
    def apart_is_only_what_is_not_current(self) -> None:
        """Beside rows of earlier builds, which may have their current generation there too."""
        for document, text in self.bench.redis.hgetall(key("newest", self.inc)).items():
            assert int(text.split(":")[0]) >= self.held[document].current


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def fingerprint(document: str, content: str) -> str:
    return hashlib.sha256(f"{document}\0{content}".encode()).hexdigest()[:32]


@pytest.fixture
def bench(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.setattr(sizes, "BY_HASH_FIELDS", 1)
    bench = Workbench(redis_url)
    yield bench
    bench.close()


def test_of_each_document_one_version_is_current_with_its_bytes_and_record(
    bench: Workbench,
) -> None:
    machine = type("Machine", (Documents,), {"bench": bench})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
