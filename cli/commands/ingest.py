"""`quern ingest`: uploads files in batches of one job, and shows the outcome of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from cli.filters import kept_as_text, metadata, metadata_option
from cli.rows import print_failures, was_cancelled
from cli.session import Session, collection_option, pass_session
from cli.sync import missing
from cli.sync.comparing import Comparison, compare
from cli.sync.files import File
from cli.sync.missing import gone_from
from cli.sync.sources import Gathered, Source, gather
from cli.sync.uploading import Ingested, upload
from cli.words import count, duration
from quern.client import Client

#: So many names stand in a line that counts files.
NAMED = 5
#: Up to so many documents are told one by one.
LISTED = 20
#: Remarks on documents that are printed; an ingest may have thousands.
MOST_NOTES = 20
#: What became of a document, in the words of the page.
OUTCOMES: Final = {
    "created": "added",
    "updated": "updated",
    "unchanged": "already there, unchanged",
    "duplicate_of": "same text as another document",
    "superseded": "replaced by a newer version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of an ingest beside its files; see the options of `quern ingest`."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    watch_progress: bool = True
    retry_failed: bool = False
    delete_missing: bool = False
    yes: bool = False
    dry_run: bool = False


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=Source(exists=True, path_type=Path),
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
@click.option(
    "--delete-missing",
    is_flag=True,
    help="Then delete what the collection holds and the folders do not; asks first.",
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent and deleted.")
@pass_session
def ingest(
    session: Session,
    paths: tuple[Path | str, ...],
    *,
    collection: str,
    pairs: tuple[str, ...],
    watch_progress: bool,
    retry_failed: bool,
    delete_missing: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """
    Add files, and folders with all below them; unchanged files cost nothing.

    A document is called after its file: by its path below the folder that was named, or by the
    name alone of a file that was named itself. What is hidden, and lock, temporary, backup and
    system files, are left out of folders. PATH may be an address, such as s3://bucket/folder,
    https://host/file.pdf or sftp://host/folder: any that fsspec reads. With --delete-missing the
    collection comes to hold what the folders hold and nothing else, so it should be theirs alone.
    """
    wishes = Wishes(
        metadata=metadata(pairs), watch_progress=watch_progress, retry_failed=retry_failed,
        delete_missing=delete_missing, yes=yes, dry_run=dry_run,
    )  # fmt: skip
    for said in kept_as_text(pairs):
        session.remarks.print(Text(said, "dim"), soft_wrap=True)
    found = gather(paths)
    _say_left_out(session.out, found)
    _check(found, owning=delete_missing)
    with session.client() as client:
        well = bring(session, client, found.files, collection, wishes)
    if not well:
        raise SystemExit(1)


def bring(
    session: Session, client: Client, files: Sequence[File], collection: str, wishes: Wishes
) -> bool:
    """Hand over what is new or changed of *files*, and say so; returns True if all went well."""
    seen = compare(client, files, collection, gone=wishes.delete_missing)
    if wishes.metadata:
        # The server compares bytes: the same with other metadata would count as unchanged.
        seen.changed, seen.unchanged = seen.changed + seen.unchanged, []
    _say_unsent(session.out, seen, failed_too=wishes.retry_failed)
    send = seen.to_send(failed_too=wishes.retry_failed)
    gone = gone_from(seen) if wishes.delete_missing else []
    if wishes.dry_run:
        _say_plan(session, seen, send, gone, collection)
        return True
    well = True
    if send:
        watch = wishes.watch_progress
        done = upload(
            client, send, collection, session.remarks, watch=watch, metadata=wishes.metadata
        )
        _report(session.out, done, sent=len(send), watched=watch)
        well = not done.failed and (not watch or done.job["state"] == "succeeded")
    if gone:
        # Last: a file that was given another name is there under it before the old one goes.
        well = missing.delete_missing(session, client, gone, collection, yes=wishes.yes) and well
    return well


def _check(found: Gathered, *, owning: bool) -> None:
    """
    Refuse to go on where nothing is there, or where what is missing cannot be known.

    Args:
        found: What was found.

        owning: Whether all shall be deleted that is not there.
    """
    if not found.files:
        raise click.UsageError("there are no files there (hidden ones are left out)")
    if owning and found.alone:
        raise click.UsageError(f"--delete-missing is for folders, and {found.alone[0]} is a file")
    if owning and found.unseen:
        raise click.UsageError(
            f"{found.unseen[0]} cannot be looked into, so what is missing is not known"
        )


def _say_plan(
    session: Session, seen: Comparison, send: Sequence[File], gone: Sequence[str], name: str
) -> None:
    """Print what would be done."""
    known = {file.document_id for file in seen.changed}
    for file in send:
        word = "change" if file.document_id in known else "add"
        session.out.print(Text(f"would {word}  {file.document_id}"), soft_wrap=True)
    for document in gone:
        session.out.print(Text(f"would delete  {document}"), soft_wrap=True)
    told = f"{count(len(send), 'file')} to send, {count(len(gone), 'document')} to delete in {name}"
    session.out.print(Text(f"{told}; nothing was done", "dim"))


def _say_left_out(out: Console, found: Gathered) -> None:
    """Print in one line which files are no documents, and which folders cannot be read."""
    for folder in found.unseen:
        out.print(Text(f"{folder} cannot be looked into", "yellow"))
    if found.left_out:
        told = count(len(found.left_out), "lock, temporary, backup or system file")
        out.print(Text(f"{told} left out: {_named([path.name for path in found.left_out])}", "dim"))


def _say_unsent(out: Console, seen: Comparison, *, failed_too: bool) -> None:
    """Print which files are not uploaded, and why."""
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


def _report(out: Console, done: Ingested, *, sent: int, watched: bool) -> None:
    """Print how it ended, and list what failed."""
    failed = [row for row in done.failed if not was_cancelled(row)]
    good = count(sent - len(done.failed) - len(done.empty), "document")
    if watched:
        took = duration(done.job["timings_ms"].get("total"))
        ending = f", in {took}" if took else ""
        _say_outcomes(out, done.ready)
        how = _counted(done.ready)
        out.print(Text(f"{good} ready{how}, {count(done.chunks, 'passage')}{ending}"))
    else:
        out.print(Text(f"Job {done.job['id']}: {good} handed over"))
    for row in done.empty:
        note = row.get("note") or "the file holds no text"
        out.print(Text(f"{row['document_id']}: nothing to index; {note}", "yellow"))
    for row in done.noted[:MOST_NOTES]:
        out.print(Text(f"{row['document_id']}: {row['note']}", "dim"))
    if (more := len(done.noted) - MOST_NOTES) > 0:
        out.print(Text(f"remarks on {count(more, 'more document')}; see: quern job", "dim"))
    if failed:
        out.print(Text(f"{count(len(failed), 'file')} failed:", "red"))
    print_failures(out, done.failed)


def _say_outcomes(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the outcome of each of a few documents."""
    for row in rows if len(rows) <= LISTED else ():
        if word := OUTCOMES.get(row.get("outcome") or ""):
            twin = f" ({row['duplicate_of']})" if row.get("duplicate_of") else ""
            some = f", {count(int(row['chunks']), 'passage')}" if row["chunks"] else ""
            out.print(Text(f"{row['document_id']}: {word}{twin}{some}"))


def _counted(rows: Sequence[Mapping[str, Any]]) -> str:
    """Count documents by what became of them, in brackets."""
    words = Counter(row.get("outcome") for row in rows)
    short = {outcome: word.partition(",")[0] for outcome, word in OUTCOMES.items()}
    told = [f"{words[outcome]:,} {word}" for outcome, word in short.items() if words[outcome]]
    return f" ({', '.join(told)})" if told else ""
