"""
The files of a batch: what its lines came to, in their order; answers in one, errors in the other.

They are made when somebody looks at a batch that has ended, by a thread of its own, and written
down once, whoever made them: ids and lines come from the job.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson

from corpus.blobs import BlobStore
from corpus.files import FileRecord, fields_of
from corpus.growing_blobs import Growing
from intake.disk_room import DiskRoom
from intake.errors import QueueError
from intake.lookup.views import JobView, has_ended
from intake.v1.batches.batch import Batch, Endpoint
from intake.v1.batches.reading import KEPT
from jobs.ledger.ledger import Ledger
from jobs.question_lists import LIST_BLOB, ListedQuestion, read_from
from protocol.names import tenant_of
from rag.errors import QuernError

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: Rows that are in memory together.
_TOGETHER: Final = 100
#: How long the files of a batch are kept that does not say, as OpenAI does.
_USUAL_S: Final = 30 * 86_400
_ID_DIGITS: Final = 24
_NO_ROW: Final[Mapping[str, str]] = {}


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
                spent = self._write(batch, show, good, bad)
                if spent is not None:
                    self._keep(batch, good, bad, spent)
        except (QuernError, QueueError, OSError):
            log.exception("files of a batch not made", extra={"job_id": batch.job_id})
        finally:
            with self._lock:
                self._making.pop(batch.job_id, None)

    def _write(
        self, batch: Batch, show: ShowLine, good: Growing, bad: Growing
    ) -> tuple[int, int] | None:
        """Write the lines; returns what all cost, None where this process is about to end."""
        asked = written = 0
        for line in self._lines(batch):
            if self._closing.is_set():
                return None
            is_good, shown, cost = show(line)
            (good if is_good else bad).write(orjson.dumps(shown) + b"\n")
            asked, written = asked + cost[0], written + cost[1]
        return asked, written

    def _keep(self, batch: Batch, good: Growing, bad: Growing, spent: tuple[int, int]) -> None:
        """Write down what a batch came to."""
        fields: dict[str, str] = {"usage": orjson.dumps(spent).decode()}
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
        if self._ledger.slices.keep_outputs(batch.job_id, fields, files):
            log.info("files of a batch made", extra={"job_id": batch.job_id})

    def _lines(self, batch: Batch) -> Iterator[EndedLine]:
        """Yield all lines of a batch, in the order of its file."""
        total = int(batch.row["fill_total"])
        with ExitStack() as opened:
            listed = _Listed(batch, self._blobs, opened)
            for first in range(0, total, _TOGETHER):
                end = min(first + _TOGETHER, total)
                rows = self._ledger.rows.documents(batch.job_id, first=first, last=end - 1)
                rows += [dict(_NO_ROW)] * (end - first - len(rows))
                there = [row for row in rows if "kind" in row]
                outcomes = iter(self._view.outcomes(there))
                for n, row in enumerate(rows, start=first):
                    told = next(outcomes) if "kind" in row else {}
                    yield _ended(batch, n, row, told, listed)


class _Listed:
    """The lines of a batch as they were sent, read in step: most rows say all themselves."""

    def __init__(self, batch: Batch, blobs: BlobStore, opened: ExitStack) -> None:
        self._batch = batch
        self._blobs = blobs
        self._opened = opened
        self._more: Iterator[ListedQuestion] | None = None
        self._at = 0

    def custom_id(self, n: int) -> str:
        """Return what line *n* is called, behind any that was asked for before."""
        if self._more is None:
            file = self._blobs.open(self._batch.row[LIST_BLOB])
            self._more = iter(())
            if file is not None:
                self._more = read_from(self._opened.enter_context(file), 0)
        found = next(islice(self._more, n - self._at, None), None)
        self._at = n + 1
        return str(n + 1) if found is None else found.id


def _ended(batch: Batch, n: int, row: Mapping[str, str], told: Json, listed: _Listed) -> EndedLine:
    """Return what became of a line; one without a row was not come to before the end."""
    state = row.get("state", "cancelled" if batch.is_cancelled else "expired")
    kept = row.get(KEPT)
    return EndedLine(
        name=f"{batch.job_id.replace('-', '')}{n:05x}",
        custom_id=row.get("question_id") or listed.custom_id(n),
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
