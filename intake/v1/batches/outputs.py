"""
The files of a batch: what its lines came to, in their order; answers in one, errors in the other.

They are made when somebody looks at a batch that has ended, by a thread of its own, and written
down once, whoever made them: ids and lines come from the job.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

import orjson

from corpus.blobs import BlobStore
from corpus.files import FileRecord, fields_of
from corpus.growing_blobs import Growing
from intake.disk_room import DiskRoom
from intake.lookup.questions import ListedInStep
from intake.lookup.views import JobView, has_ended
from intake.v1.batches.batch import Batch, Endpoint
from intake.v1.batches.reading import KEPT
from jobs.ledger.ledger import Ledger
from jobs.question_lists import number_of
from protocol.names import tenant_of

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: Rows that are in memory together.
_TOGETHER: Final = 100
#: How long the files of a batch are kept that does not say, as OpenAI does.
_USUAL_S: Final = 30 * 86_400
_ID_DIGITS: Final = 24
#: What is told of a line whose row went before its time.
_LOST: Final = {
    "type": "lost", "detail": "What became of this request was forgotten; send it again.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EndedLine:
    """
    A line of a batch that has ended.

    Attributes:
        name: A word for it that no other line has.

        request: What was asked, as its row has it; empty where it was refused, or never had one.

        kept: What was kept of it to be shown: of one that was refused `status`, `param` and `code`.

        ended_at: Seconds since 1970.

        outcome: What became of it: `state`, and `result` or `error`.
    """

    name: str
    custom_id: str
    endpoint: Endpoint
    request: Json
    kept: Json
    ended_at: int
    outcome: Json


#: Makes a line of a file; tells whether that is an answer, and what it cost: asked and written.
ShowLine = Callable[[EndedLine], tuple[bool, Json, tuple[int, int]]]


class Outputs:
    """Make the files of batches, one batch at a time in this process."""

    def __init__(self, ledger: Ledger, view: JobView, blobs: BlobStore, *, disk: DiskRoom) -> None:
        self._ledger = ledger
        self._view = view
        self._blobs = blobs
        self._disk = disk
        self._lock = threading.Lock()
        self._makers = ThreadPoolExecutor(1, thread_name_prefix="batch files")
        self._making: dict[str, Future[None]] = {}
        self._closing = threading.Event()

    def settle(self, batch: Batch, show: ShowLine, *, wait_s: float) -> None:
        """Have the files of a batch made that has ended; waits for them up to *wait_s*."""
        with self._lock:
            if self._closing.is_set():
                return
            making = self._making.get(batch.job_id)
            if making is None:
                making = self._makers.submit(self._make, batch, show)
                self._making[batch.job_id] = making
        wait([making], timeout=wait_s)

    def close(self) -> None:
        """Stop making files; whoever looks next begins anew."""
        self._closing.set()
        self._makers.shutdown()

    def _make(self, batch: Batch, show: ShowLine) -> None:
        """Make the files of a batch; where that fails, whoever looks next has it tried again."""
        try:
            self._disk.check()
            with self._blobs.growing() as good, self._blobs.growing() as bad:
                made = self._write(batch, show, good, bad)
                if made is not None:
                    self._keep(batch, good, bad, made)
        except Exception:
            log.exception("files of a batch not made", extra={"job_id": batch.job_id})
        finally:
            with self._lock:
                self._making.pop(batch.job_id, None)

    def _write(self, batch: Batch, show: ShowLine, good: Growing, bad: Growing) -> "_Made | None":
        """Write the lines; returns None where this process is about to end."""
        made = _Made()
        with ListedInStep(batch.row, self._blobs) as listed:
            rows = self._rows(batch)
            row = next(rows, None)
            for n in range(int(batch.row["fill_total"])):
                if self._closing.is_set():
                    return None
                if row is not None and row[0] == n:
                    line, row = _ended(batch, *row, listed), next(rows, None)
                    made.rows += 1
                else:
                    line = _ended(batch, n, {}, {}, listed)
                is_good, shown, cost = show(line)
                (good if is_good else bad).write(orjson.dumps(shown) + b"\n")
                made.asked, made.written = made.asked + cost[0], made.written + cost[1]
        return made

    def _keep(self, batch: Batch, good: Growing, bad: Growing, made: "_Made") -> None:
        """Write down what a batch came to, unless some of it was forgotten meanwhile."""
        fields: dict[str, str] = {"usage": orjson.dumps((made.asked, made.written)).decode()}
        records = []
        for what, blob in (("output", good), ("error", bad)):
            if blob.size:
                record = _record(batch, what, blob)
                fields[f"{what}_file"] = record.file_id
                records.append(record)
        files = [
            (
                record.file_id, record.tenant, record.created_us,
                str((record.expires_us or 0) // 1_000), fields_of(record),
            )
            for record in records
        ]  # fmt: skip
        if self._ledger.slices.keep_outputs(batch.job_id, fields, files, rows=made.rows):
            log.info("files of a batch made", extra={"job_id": batch.job_id})

    def _rows(self, batch: Batch) -> Iterator[tuple[int, Mapping[str, str], Json]]:
        """Yield the rows that there are with their numbers, in order, and what came of each."""
        # A line's vectors may be megabytes.
        together = 1 if batch.told["endpoint"] == "/v1/embeddings" else _TOGETHER
        for first in range(0, int(batch.row["fill_total"]), _TOGETHER):
            self._disk.check()
            named = self._ledger.rows.by_name(
                batch.job_id, first=first, last=first + _TOGETHER - 1
            )  # fmt: skip
            told = iter(self._outcomes(list(named.values()), together))
            for name, row in named.items():
                yield number_of(name), row, next(told) if "kind" in row else {}

    def _outcomes(self, rows: Sequence[Mapping[str, str]], together: int) -> Iterator[Json]:
        """Yield what came of each row that is not gone, *together* of them read at a time."""
        there = [row for row in rows if "kind" in row]
        for at in range(0, len(there), together):
            yield from self._view.outcomes(there[at : at + together])


@dataclass(slots=True)
class _Made:
    """What files were made of: tokens that all lines cost, and how many rows were there."""

    asked: int = 0
    written: int = 0
    rows: int = 0


def _ended(
    batch: Batch, n: int, row: Mapping[str, str], told: Json, listed: ListedInStep
) -> EndedLine:
    """Return what became of a line; one that never had a row was not come to before the end."""
    state = row.get("state", "cancelled" if batch.is_cancelled else "expired")
    if not row and n < int(batch.row.get("total", "0")):
        state, told = "failed", {"error": _LOST}
    kept = row.get(KEPT)
    return EndedLine(
        name=f"{batch.job_id.replace('-', '')}{n:05x}",
        custom_id=row.get("question_id") or listed.question(n).id,
        endpoint=batch.told["endpoint"],
        request=orjson.loads(row.get("request", "{}")),
        kept=orjson.loads(kept) if kept else {},
        ended_at=int(row.get("finished") or batch.row["finished"]) // 1_000_000,
        outcome={"state": state} | (told if has_ended({"state": state}) else {}),
    )


def _record(batch: Batch, what: str, blob: Growing) -> FileRecord:
    """Keep a blob, and return the record of the file that it is."""
    now, kept_s = time.time_ns() // 1_000, batch.told["output_s"] or _USUAL_S
    digest = hashlib.sha256(f"{batch.job_id}/{what}".encode()).hexdigest()
    return FileRecord(
        file_id=f"file-{digest[:_ID_DIGITS]}",
        tenant=tenant_of(batch.row["collection"]),
        key_id=batch.row.get("key", ""),
        filename=f"{batch.id}_{what}.jsonl",
        size=blob.size,
        purpose="batch_output",
        sha256=blob.keep(),
        created_us=now,
        expires_us=now + kept_s * 1_000_000,
    )
