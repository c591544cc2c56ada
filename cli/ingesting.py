"""`quern ingest`: hands files over in batches of one job, and shows what becomes of each."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.client import FINAL_STATES, Client, Refused
from cli.comparing import Comparison, compare
from cli.files import Found, LocalFile, batches, look
from cli.filters import metadata, metadata_option
from cli.job_tables import document_rows, failure_table
from cli.session import Session, collection_option, pass_session
from cli.words import count, duration

BATCH_FILES = 100
BATCH_BYTES = 100_000_000
#: So many names stand in a line that counts files.
NAMED = 5
PAGE = 200
#: Between two looks at the job, at first and at last; and between two counts of passages.
FIRST_LOOK_S = 0.1
LAST_LOOK_S = 1.0
COUNT_S = 5.0
#: The server looks at the bytes, not at what a sender calls them.
MEDIA_TYPE = "application/octet-stream"
#: What one bad file can make a whole request fail with: too large, not acceptable.
_SPLIT = (413, 422)


@dataclass(slots=True)
class Ingested:
    """What became of an ingest: the job as last seen, and the rows that did not become text."""

    job: dict[str, Any]
    failed: list[dict[str, Any]] = field(default_factory=list)
    empty: list[dict[str, Any]] = field(default_factory=list)
    chunks: int = 0


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(exists=True, path_type=Path),
)
@collection_option
@metadata_option
@click.option(
    "--watch-progress/--no-watch-progress",
    default=True,
    help="Stay until every file is searchable, or only hand them over.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Send files again of which nothing could be made before, with the same content.",
)
@pass_session
def ingest(
    session: Session,
    paths: tuple[Path, ...],
    *,
    collection: str,
    pairs: tuple[str, ...],
    watch_progress: bool,
    retry_failed: bool,
) -> None:
    """
    Add files, and folders with all below them; unchanged files cost nothing.

    A document is called after its file: by its path below the folder that was named, or by the
    name alone of a file that was named itself. What is hidden, and lock, temporary, backup and
    system files, are left out of folders.
    """
    about = metadata(pairs)
    found = look(paths)
    _say_left_out(session.out, found)
    if not found.files:
        raise click.UsageError("there are no files there (hidden ones are left out)")
    with session.client() as client:
        seen = compare(client, found.files, collection)
        if about:
            # The server compares bytes: the same with other metadata would count as unchanged.
            seen.changed, seen.unchanged = seen.changed + seen.unchanged, []
        _say_unsent(session.out, seen, failed_too=retry_failed)
        send = seen.to_send(failed_too=retry_failed)
        if not send:
            return
        done = hand_over(
            client, send, collection, session.remarks, watch=watch_progress, metadata=about
        )
    _report(session.out, done, sent=len(send), watched=watch_progress)
    if done.failed or (watch_progress and done.job["state"] != "succeeded"):
        raise SystemExit(1)


def _say_left_out(out: Console, found: Found) -> None:
    """Say in one line what is nobody's document."""
    if found.left_out:
        told = count(len(found.left_out), "lock, temporary, backup or system file")
        out.print(Text(f"{told} left out: {_named([path.name for path in found.left_out])}", "dim"))


def _say_unsent(out: Console, seen: Comparison, *, failed_too: bool) -> None:
    """Say which files are not handed over, and why."""
    if same := len(seen.unchanged):
        out.print(Text(f"{count(same, 'document')} unchanged"))
    if seen.empty:
        names = _named([file.document_id for file in seen.empty])
        out.print(Text(f"{count(len(seen.empty), 'empty file')} left out: {names}", "dim"))
    if seen.failed and not failed_too:
        names = _named([file.document_id for file in seen.failed])
        told = count(len(seen.failed), "file")
        said = f"{told} not sent again, nothing could be made of the same content before: {names}"
        out.print(Text(f"{said} (--retry-failed sends them)", "yellow"))


def _named(names: Sequence[str]) -> str:
    """List some names on one line."""
    shown = ", ".join(name.strip() for name in names[:NAMED])
    return f"{shown} and {len(names) - NAMED:,} more" if len(names) > NAMED else shown


def hand_over(
    client: Client,
    files: Sequence[LocalFile],
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
        except KeyboardInterrupt:
            remarks.print(f"\nStopped; what was sent goes on. See: quern job {job['id']}")
            raise
        finally:
            done.job = client.post(f"/api/jobs/{job['id']}/close").json()
        if watch:
            _watch(client, done, progress, total=len(files))
    return done


def _watch(client: Client, done: Ingested, progress: Progress, *, total: int) -> None:
    """Show how far the indexing is until the job has ended."""
    indexing = progress.add_task("Indexing", total=total, note="")
    job_id, refused = done.job["id"], len(done.failed)
    rows = _Rows(client, job_id)
    pause, counted_at = FIRST_LOOK_S, time.monotonic()
    while True:
        done.job = client.get(f"/api/jobs/{job_id}").json()
        if time.monotonic() > counted_at + COUNT_S:
            done.chunks, counted_at = rows.chunks(), time.monotonic()
        completed, note = done.job["progress"]["done"] + refused, count(done.chunks, "passage")
        progress.update(indexing, completed=completed, note=note)
        if done.job["state"] in FINAL_STATES:
            ended = document_rows(client, job_id)
            done.failed += [row for row in ended if row["state"] != "succeeded"]
            done.empty = [row for row in ended if row.get("outcome") == "empty"]
            done.chunks = sum(int(row["chunks"]) for row in ended)
            return
        time.sleep(pause)
        pause = min(pause * 1.3, LAST_LOOK_S)


def _send(client: Client, job_id: str, batch: Sequence[LocalFile]) -> list[dict[str, Any]]:
    """Send one batch; when it is refused, halves of it, until what is at fault stands alone."""
    with ExitStack() as stack:
        try:
            opened = [(f.document_id, stack.enter_context(f.path.open("rb"))) for f in batch]
            form = [("files", (name, data, MEDIA_TYPE)) for name, data in opened]
            client.upload(f"/api/jobs/{job_id}/documents", form)
        except OSError as error:
            if len(batch) == 1:
                return [_refused(batch[0], f"cannot be read: {error.strerror}")]
        except Refused as error:
            if error.status not in _SPLIT:
                raise
            if len(batch) == 1:
                return [_refused(batch[0], _reason(error))]
        else:
            return []
    half = len(batch) // 2
    return _send(client, job_id, batch[:half]) + _send(client, job_id, batch[half:])


def _reason(error: Refused) -> str:
    """Say what is wrong with a file that was sent alone."""
    fields = error.problem.get("errors") or []
    return "; ".join(str(entry["message"]) for entry in fields) or str(error)


def _refused(file: LocalFile, why: str) -> dict[str, Any]:
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
            page = self._client.get(self._path, limit=PAGE, cursor=self._cursor).json()
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


def _report(out: Console, done: Ingested, *, sent: int, watched: bool) -> None:
    """Say how it ended, and list what failed."""
    bad = len(done.failed)
    good = count(sent - bad - len(done.empty), "document")
    if watched:
        took = duration(done.job["timings_ms"].get("total"))
        ending = f", in {took}" if took else ""
        out.print(Text(f"{good} ready, {count(done.chunks, 'passage')}{ending}"))
    else:
        out.print(Text(f"Job {done.job['id']}: {good} handed over"))
    for row in done.empty:
        note = row.get("note") or "the file holds no text"
        out.print(Text(f"{row['document_id']}: nothing to index; {note}", "yellow"))
    if bad:
        out.print(Text(f"{count(bad, 'file')} failed:", "red"))
        out.print(failure_table(done.failed))
