"""Uploading files in batches of one job, and watching the outcome of each."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.rows import document_rows
from cli.sync.files import File, batches
from cli.words import count
from quern import flows
from quern.client import Client
from quern.errors import Refused
from quern.flows import FINAL_STATES, PAGE

BATCH_FILES = 100
BATCH_BYTES = 100_000_000
#: Between two looks at the job, at first and at last; and between two counts of passages.
FIRST_POLL_S = 0.1
LAST_POLL_S = 1.0
COUNT_S = 5.0
#: The server looks at the bytes, not at what a sender calls them.
MEDIA_TYPE = "application/octet-stream"
#: What one bad file can make a whole request fail with: too large, not acceptable.
_SPLIT = (413, 422)


@dataclass(slots=True)
class Ingested:
    """
    What became of an ingest: the job as last seen, and its rows by what became of each.

    Those that are *noted* are ready, and their parser had something to say.
    """

    job: dict[str, Any]
    failed: list[dict[str, Any]] = field(default_factory=list)
    ready: list[dict[str, Any]] = field(default_factory=list)
    empty: list[dict[str, Any]] = field(default_factory=list)
    noted: list[dict[str, Any]] = field(default_factory=list)
    chunks: int = 0


def upload(
    client: Client,
    files: Sequence[File],
    collection: str,
    remarks: Console,
    *,
    watch: bool,
    metadata: Mapping[str, Any] = MappingProxyType({}),
) -> Ingested:
    """
    Send *files* as one job, each with *metadata*, and, with *watch*, stay until it has ended.

    Whatever happens the job is closed, so that what was sent is worked on.
    """
    asked = {"collection": collection, "open": True, "metadata": dict(metadata)}
    job = client.post("/api/ingests", asked).json()
    done = Ingested(job)
    with _progress(remarks) as progress:
        sending = progress.add_task("Sending", total=len(files), note="")
        try:
            for batch in batches(files, most_files=BATCH_FILES, most_bytes=BATCH_BYTES):
                done.failed += _send(client, job["id"], batch)
                progress.advance(sending, len(batch))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                remarks.print(f"\nStopped; what was sent goes on. See: quern job {job['id']}")
            client.run(flows.close(job["id"], patiently=False))
            raise
        done.job = client.run(flows.close(job["id"], patiently=True)).json()
        if watch:
            try:
                _watch(client, done, progress, total=len(files))
            except KeyboardInterrupt:
                remarks.print(f"\nStopped watching; it goes on. See: quern job {job['id']}")
                raise
    return done


def _watch(client: Client, done: Ingested, progress: Progress, *, total: int) -> None:
    """Show how far the indexing is until the job has ended."""
    indexing = progress.add_task("Indexing", total=total, note="")
    job_id, refused = done.job["id"], len(done.failed)
    rows = _Rows(client, job_id)
    pause, began = FIRST_POLL_S, time.monotonic()
    counted_at = began
    while True:
        done.job = client.poll(f"/api/jobs/{job_id}").json()
        if time.monotonic() > counted_at + COUNT_S:
            done.chunks, counted_at = rows.chunks(), time.monotonic()
        completed, note = done.job["progress"]["done"] + refused, count(done.chunks, "passage")
        progress.update(indexing, completed=completed, note=note)
        if done.job["state"] in FINAL_STATES:
            ended = document_rows(client, job_id)
            done.failed += [row for row in ended if row["state"] != "succeeded"]
            done.empty = [row for row in ended if row.get("outcome") == "empty"]
            good = [row for row in ended if row["state"] == "succeeded"]
            done.ready = [row for row in good if row.get("outcome") != "empty"]
            done.noted = [row for row in done.ready if "note" in row]
            done.chunks = sum(int(row["chunks"]) for row in ended)
            return
        pause = min(pause * 1.3, LAST_POLL_S)
        share = completed / max(1, total)
        time.sleep(until_next_poll(pause, share=share, took_s=time.monotonic() - began))


def until_next_poll(pause_s: float, *, share: float, took_s: float) -> float:
    """
    Return the seconds until a job is polled again: sooner where it is about to end.

    Args:
        pause_s: What it is while the end is far.

        share: Of the documents that have ended, 0 to 1.

        took_s: Seconds since the first poll.
    """
    if not share:
        return pause_s
    left_s = took_s * (1 - share) / share
    return max(FIRST_POLL_S, min(pause_s, left_s / 2))


def _send(client: Client, job_id: str, batch: Sequence[File]) -> list[dict[str, Any]]:
    """Send one batch; when it is refused, halves of it, until what is at fault stands alone."""
    with ExitStack() as stack:
        form, failed = _opened(stack, batch)
        try:
            if form:
                client.run(flows.upload(f"/api/jobs/{job_id}/documents", form))
        except OSError as error:
            if len(batch) == 1:
                return [_refused(batch[0], f"cannot be read: {error.strerror}")]
        except Refused as error:
            if error.status not in _SPLIT:
                raise
            if len(batch) == 1:
                return [_refused(batch[0], _reason(error))]
        else:
            return failed
    half = len(batch) // 2
    return _send(client, job_id, batch[:half]) + _send(client, job_id, batch[half:])


def _opened(
    stack: ExitStack, batch: Sequence[File]
) -> tuple[list[tuple[str, tuple[str, BinaryIO, str]]], list[dict[str, Any]]]:
    """Open files until *stack* closes; returns them as parts of a form, and rows of the others."""
    form: list[tuple[str, tuple[str, BinaryIO, str]]] = []
    failed: list[dict[str, Any]] = []
    for file in batch:
        try:
            data = stack.enter_context(file.open())
        except OSError as error:
            failed.append(_refused(file, f"cannot be read: {error.strerror}"))
        else:
            form.append(("files", (file.document_id, data, MEDIA_TYPE)))
    return form, failed


def _reason(error: Refused) -> str:
    """Return what is wrong with a file that was sent alone."""
    fields = error.problem.get("errors") or []
    return "; ".join(str(entry["message"]) for entry in fields) or str(error)


def _refused(file: File, why: str) -> dict[str, Any]:
    """Return a row for a file that the server never took."""
    return {"document_id": file.document_id, "state": "failed", "error": {"detail": why}}


class _Rows:
    """Counts passages without reading the rows of ended files again and again."""

    def __init__(self, client: Client, job_id: str) -> None:
        self._client = client
        self._path = f"/api/jobs/{job_id}/documents"
        self._cursor: str | None = None
        self._settled = 0

    def chunks(self) -> int:
        """Return how many passages there are, of all files up to the first that still waits."""
        while True:
            page = self._client.poll(self._path, limit=PAGE, cursor=self._cursor).json()
            here = sum(int(row["chunks"]) for row in page["documents"])
            waits = any(row["state"] not in FINAL_STATES for row in page["documents"])
            following = page.get("next_cursor")
            if waits or not following:
                return self._settled + here
            self._cursor, self._settled = following, self._settled + here


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=console,
        disable=not console.is_terminal,
    )
