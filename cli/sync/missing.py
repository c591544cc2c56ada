"""Deleting the documents of a collection whose files are gone from a folder."""

from collections.abc import Sequence

import click
from rich.text import Text

from cli.session import Session
from cli.sync.comparing import Comparison
from cli.sync.deleting import delete_all
from cli.words import count
from quern.client import Client

#: So many names are shown before the question.
SHOWN = 20


def gone_from(seen: Comparison) -> list[str]:
    """
    Return the documents that no file is.

    Raises:
        click.UsageError: The server could not compare; then nothing is deleted.
    """
    if seen.gone is None:
        raise click.UsageError(
            "the server cannot compare these files, so nothing can be said to be missing: a name "
            "among them is none that a document may have"
        )
    return seen.gone


def delete_missing(
    session: Session, client: Client, gone: Sequence[str], collection: str, *, yes: bool
) -> bool:
    """Delete documents after that was agreed to; returns True if all are gone."""
    _show(session, gone, collection)
    if not yes:
        click.confirm(f"Delete {count(len(gone), 'document')}?", abort=True)
    deleted = delete_all(session, client, collection, gone)
    session.out.print(f"Deleted {count(deleted, 'document')}.", markup=False)
    return deleted == len(gone)


def _show(session: Session, gone: Sequence[str], collection: str) -> None:
    """Name the documents whose files are gone."""
    told = count(len(gone), "document")
    session.out.print(Text(f"{told} of {collection} not in the folder any more:"))
    for name in gone[:SHOWN]:
        session.out.print(Text(f"  {name}"), soft_wrap=True)
    if len(gone) > SHOWN:
        session.out.print(Text(f"  and {len(gone) - SHOWN:,} more", "dim"))
