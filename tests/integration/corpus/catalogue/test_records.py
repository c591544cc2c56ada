"""What the record of a document, and all that stands beside it, takes of a real Redis."""

import hashlib

from jobs.document_rows import RowMaker, RowSource
from protocol.ids import new_id
from protocol.keys import key
from protocol.timestamps import rfc3339
from tests.support.workbench import Workbench, activate

#: Enough for tables that are neither full nor empty.
MANY = 240


def publish(bench: Workbench, inc: str, number: int) -> None:
    """Make a short text of a folder with an id of 37 characters current, as the workers do."""
    document = f"handbook/chapter-{number // 40:03}/section-{number:05}.md"
    source = RowSource(document, sha256(f"text {number}"), 69, document, "", "{}")
    job = new_id()
    made = RowMaker("pipeline").row(job, source, priority="batch", of_all="{}")
    _, (row,) = bench.ingest(inc, rows=[made], job_id=job)
    bench.parse(row, chunks=1)
    unit = bench.take(row)
    generation = int(unit.fields["generation"])
    record = {
        "document_id": document, "generation": generation, "title": f"Section {number}",
        "file": document, "kind": "markdown", "language": "en", "sha256": source.sha256,
        "source_blob": source.sha256, "text_blob": source.sha256,
        "manifest_blob": sha256(f"manifest {number}"), "bytes": 69, "chars": 69, "chunks": 1,
        "metadata": {"department": "works 3"}, "made_by": unit.fields["made_by"],
        "updated_at": rfc3339(generation + 4_000_000),
    }  # fmt: skip
    activate(bench.ledger, unit, entry=bench.log_add(unit), document=record)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_is_current_of_a_document_takes_less_than_700_bytes(bench: Workbench) -> None:
    inc = bench.collection()
    for number in range(MANY):
        publish(bench, inc, number)
    kinds = ("documents", "current", "newest", "names", "contents", "barren")
    names = [key(kind, inc) for kind in kinds]
    names += bench.redis.scan_iter(match=key("by_hash", inc, "*"))
    taken = sum(bench.redis.memory_usage(name, samples=0) or 0 for name in names)

    assert bench.redis.zcard(key("names", inc)) == MANY
    assert taken / MANY < 700
