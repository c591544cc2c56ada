"""`quern backup` and `quern restore`: an installation into a folder, and out of it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.commands.check import run_check, show_result
from cli.session import Session, pass_session
from cli.words import age, count
from quern.client import Client
from stack.addresses import embedded
from stack.backups.backup import Made, make_backup
from stack.backups.manifest import Manifest
from stack.backups.restore import restore_backup
from stack.up import Stack

#: Names of damaged files that are shown.
SHOWN = 5


class _Bars:
    """A bar for each thing that is copied."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show how far *what* is."""
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._bars[what], completed=done, total=total)


@contextmanager
def _bars(remarks: Console) -> Iterator[_Bars]:
    """Show bars while the block runs."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=remarks, disable=not remarks.is_terminal) as progress:
        yield _Bars(progress)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@pass_session
def backup(session: Session, *, folder: Path) -> None:
    """
    Copy all of this installation into DIR, while it runs or not.

    A second backup into the same DIR copies what is new and replaces the first. It holds
    documents, questions and answers as they are: keep it where nobody else reads it.
    """
    with _bars(session.remarks) as told:
        made = make_backup(session.settings, folder.absolute(), told=told)
    _show(session.out, made, folder)
    if made.unreadable:
        raise SystemExit(1)


def _show(out: Console, made: Made, folder: Path) -> None:
    """Print what a backup holds."""
    out.print(Text(f"{_what(made.manifest)} in {folder}."))
    out.print(Text(f"{count(made.copied, 'file')} copied, {made.blobs - made.copied:,} there."))
    if made.unreadable:
        names = ", ".join(made.unreadable[:SHOWN])
        told = f"{count(len(made.unreadable), 'file')} of the blob store damaged, left out: {names}"
        out.print(Text(f"{told}; see: quern check", "red"))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--check/--no-check", default=True, help="Start it once, make its vectors, check it.")
@pass_session
def restore(session: Session, *, folder: Path, check: bool) -> None:
    """
    Make the installation whose backup is in DIR, on an empty data folder.

    It ends with a check, which also makes the vectors anew from the stored texts; exits with 1
    where differences remain.
    """
    with _bars(session.remarks) as told:
        manifest = restore_backup(session.settings, folder, told=told)
    session.out.print(Text(f"{_what(manifest)}, restored into {session.settings.data_dir}."))
    for name, value in sorted(manifest.settings.items()):
        variable = f"QUERN_{name.upper()}"
        if str(getattr(session.settings, name, None)) != value:
            session.out.print(Text(f"It was made with {variable}={value}: set that", "yellow"))
    outside = not all(map(embedded, (session.settings.redis_url, session.settings.chroma_url)))
    if outside or not check:
        session.out.print("Start it, then make its vectors: quern check --repair")
        return
    if not _check(session):
        raise SystemExit(1)
    session.out.print("Start it with: quern up")


def _check(session: Session) -> bool:
    """Start what was restored, repair what is not there yet, and stop it; True if all agrees."""
    settings = session.settings
    with session.remarks.status("Starting Quern"):
        stack = Stack.start(data_dir=settings.data_dir, settings=settings, fixed_ports=True)
    with stack, Client(stack.url) as client:
        job: dict[str, Any] = {}
        for repair in (True, False):  # the second look is the proof
            job = run_check(client, {"repair": repair}, session.remarks).json()
            if job["state"] != "succeeded":
                session.remarks.print(Text(f"The check did not end: {job['state']}", "red"))
                return False
    show_result(session.out, job["result"])
    return bool(job["result"]["consistent"])


def _what(manifest: Manifest) -> str:
    """Return in a few words what a backup holds."""
    counts = manifest.counts
    held = ", ".join(
        count(counts.get(name, 0), one)
        for name, one in (("documents", "document"), ("jobs", "job"), ("blobs", "file"))
    )
    return f"{held}, of {age(manifest.made_at)} ago"
