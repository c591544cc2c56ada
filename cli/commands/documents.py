"""`quern documents`, `text` and `delete`: what a collection holds, and taking from it."""

from collections.abc import Sequence
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from cli.filters import written
from cli.session import Session, collection_option, json_option, pass_session
from cli.sync.deleting import delete_all, was_deleted
from cli.tables import plain_table
from cli.words import count, shortened
from quern.client import Client
from quern.paths import document_path, documents_path

#: Characters of a document's metadata that are shown.
METADATA = 200


@click.command()
@collection_option
@json_option
@pass_session
def documents(session: Session, *, collection: str, as_json: bool) -> None:
    """List the documents of a collection; with --json each page is one line."""
    rows, chunks = [], 0
    with session.client() as client:
        for response in client.pages(documents_path(collection)):
            if as_json:
                click.echo(response.text)
            for entry in response.json()["documents"]:
                document_id, passages = _identity(entry), int(entry.get("chunks") or 0)
                chunks += passages
                known = shortened(written(entry.get("metadata") or {}), METADATA)
                rows.append((document_id, entry.get("title") or "", f"{passages:,}", known))
    if as_json:
        return
    if rows:
        session.out.print(_table(rows))
    total = f"{count(len(rows), 'document')}, {count(chunks, 'passage')}"
    session.out.print(Text(total if rows else "No documents.", "dim"))


def _table(rows: Sequence[tuple[str, str, str, str]]) -> Table:
    """Show documents, with their metadata where any has some."""
    told = any(known for *_, known in rows)
    table = plain_table("Document", "Title", "Passages", *(["Metadata"] if told else []))
    table.columns[0].overflow, table.columns[2].justify = "fold", "right"
    for row in rows:
        table.add_row(*map(Text, row if told else row[:3]))
    return table


@click.command()
@click.argument("document_id", metavar="DOCUMENT")
@collection_option
@json_option
@pass_session
def text(session: Session, document_id: str, *, collection: str, as_json: bool) -> None:
    """Print the text that was read out of DOCUMENT, as it is searched."""
    with session.client() as client:
        response = client.get(f"{document_path(collection, document_id)}/text")
    # Not through rich: a text is printed as it is, whatever it holds, and lines are not broken.
    click.echo(response.text if as_json else response.json()["text"])


@click.command()
@click.argument("document_ids", metavar="DOCUMENT|FOLDER/...", nargs=-1, required=True)
@collection_option
@click.option("--yes", is_flag=True, help="Delete folders without asking.")
@pass_session
def delete(session: Session, document_ids: tuple[str, ...], *, collection: str, yes: bool) -> None:
    """
    Delete documents; when this returns, no search finds them.

    A name that ends with a slash is a folder: all documents whose ids begin with it.
    """
    good = True
    with session.client() as client:
        for name in document_ids:
            if name.endswith("/"):
                good &= _delete_folder(session, client, collection, name, yes=yes)
            else:
                good &= _delete(session, client, collection, name)
    if not good:
        raise SystemExit(1)


def _delete(session: Session, client: Client, collection: str, document_id: str) -> bool:
    """Delete one document and say so; returns True if it worked."""
    job_id = client.delete(document_path(collection, document_id)).json()["id"]
    if worked := was_deleted(session, client, job_id, document_id):
        session.out.print(f"Deleted {document_id}.", markup=False)
    return worked


def _delete_folder(
    session: Session, client: Client, collection: str, folder: str, *, yes: bool
) -> bool:
    """Delete what lies in a folder, having asked, and say so; returns True if it worked."""
    names = _names(client, collection, folder)
    if not names:
        session.remarks.print(Text(f"There are no documents in {folder}", "red"))
        return False
    if not yes:
        click.confirm(f"Delete {count(len(names), 'document')} in {folder}?", abort=True)
    deleted = delete_all(session, client, collection, names)
    session.out.print(f"Deleted {count(deleted, 'document')} in {folder}.", markup=False)
    return deleted == len(names)


def _names(client: Client, collection: str, folder: str) -> list[str]:
    """Return the ids of the documents in a folder."""
    pages = client.pages(documents_path(collection), prefix=folder)
    return [_identity(entry) for page in pages for entry in page.json()["documents"]]


def _identity(entry: dict[str, Any]) -> str:
    """Return a listed document's id."""
    return str(entry.get("document_id") or entry["id"])
