"""`quern watch`: brings a collection up to date whenever a folder has changed."""

import time
from pathlib import Path

import click
from rich.text import Text

from cli.commands.ingest import Wishes, bring
from cli.session import Session, collection_option, pass_session
from cli.sync.files import Found, scan
from cli.words import count
from quern.errors import Refused, Unreachable
from rag.errors import InvalidRequest

#: What a folder looks like: size and time of the last change of each file.
Shape = dict[Path, tuple[int, int]]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@collection_option
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=1),
    default=10.0,
    show_default=True,
    help="Seconds between two looks at the folder.",
)
@click.option(
    "--delete-missing",
    is_flag=True,
    help="Also delete what the collection holds and the folder does not, without asking.",
)
@pass_session
def watch(
    session: Session, folder: Path, *, collection: str, every_s: float, delete_missing: bool
) -> None:
    """
    Hand over what is new or changed in FOLDER, now and as it changes, until Ctrl-C.

    A change is handed over once the folder has looked alike twice, so that no file is read while
    somebody writes it. Looking needs nothing of the file system but its listing: shares work too.
    """
    wishes = Wishes(delete_missing=delete_missing, yes=True)
    session.remarks.print(f"Watching {folder}; Ctrl-C ends it.", markup=False)
    done: Shape | None = None
    before: Shape | None = None
    try:
        while True:
            try:
                found = scan([folder])
                shape = {file.path: (file.size, file.changed_ns) for file in found.files}
            except InvalidRequest as error:  # two files of one name
                session.remarks.print(Text(str(error), "yellow"))
                found, shape = Found(), done or {}
            if shape != done and (shape == before or done is None):
                done = shape if _bring(session, found, collection, wishes) else None
            before = shape
            time.sleep(every_s)
    except KeyboardInterrupt:
        session.remarks.print("Stopped watching.")


def _bring(session: Session, found: Found, collection: str, wishes: Wishes) -> bool:
    """Bring the collection up to date; false where that is to be tried again at the next poll."""
    if wishes.delete_missing and (found.unseen or not found.files):
        why = f"{found.unseen[0]} cannot be looked into" if found.unseen else "no files are there"
        session.remarks.print(Text(f"{why}: nothing is done until that changes", "yellow"))
        return True
    session.out.print(Text(f"{time.strftime('%H:%M:%S')} {count(len(found.files), 'file')}", "dim"))
    if not found.files:
        return True
    try:
        with session.client() as client:
            bring(session, client, found.files, collection, wishes)
    except (Unreachable, Refused, InvalidRequest, click.UsageError) as error:
        session.remarks.print(Text(f"{error}; trying again", "yellow"))
        return False
    return True
