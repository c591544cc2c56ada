"""Deleting the documents of a collection whose files are gone from a folder."""

from collections.abc import Sequence

import click
from rich.text import Text

from cli.client import Client, Refused, document_path
from cli.comparing import Comparison
from cli.job_tables import failed_rows
from cli.session import Session
from cli.words import count, failure

#: So many deletes are asked for before the first of them is waited for.
TOGETHER = 50
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


def show_missing(session: Session, gone: Sequence[str], collection: str) -> None:
    """Name the documents whose files are gone."""
    told = count(len(gone), "document")
    session.out.print(Text(f"{told} of {collection} not in the folder any more:"))
    for name in gone[:SHOWN]:
        session.out.print(Text(f"  {name}"), soft_wrap=True)
    if len(gone) > SHOWN:
        session.out.print(Text(f"  and {len(gone) - SHOWN:,} more", "dim"))


def delete_missing(
    session: Session, client: Client, gone: Sequence[str], collection: str, *, yes: bool
) -> bool:
    """Delete documents after that was agreed to; tells whether all are gone."""
    show_missing(session, gone, collection)
    if not yes:
        click.confirm(f"Delete {count(len(gone), 'document')}?", abort=True)
    failed: list[tuple[str, str]] = []
    for first in range(0, len(gone), TOGETHER):
        asked = [(name, _ask(client, collection, name)) for name in gone[first : first + TOGETHER]]
        failed += [
            (name, why) for name, job_id in asked if job_id and (why := _why_not(client, job_id))
        ]
    for name, why in failed:
        session.remarks.print(Text(f"{name} was not deleted: {why}", "red"))
    session.out.print(f"Deleted {count(len(gone) - len(failed), 'document')}.", markup=False)
    return not failed


def _ask(client: Client, collection: str, name: str) -> str:
    """Ask for a delete; returns its job, empty where the document has gone by itself."""
    try:
        return str(client.delete(document_path(collection, name)).json()["id"])
    except Refused as error:
        if error.status == 404:  # noqa: PLR2004
            return ""
        raise


def _why_not(client: Client, job_id: str) -> str:
    """Wait for a delete; returns why it failed, empty where it did not."""
    shown = client.wait(job_id).json()
    if shown["state"] == "succeeded":
        return ""
    rows = failed_rows(client, job_id)
    return next((failure(row.get("error")) for row in rows), str(shown["state"]))
