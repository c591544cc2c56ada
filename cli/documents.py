"""`quern documents`, `text` and `delete`: what a collection holds, and taking from it."""

from typing import Any

import click
from rich.text import Text

from cli.client import Client, document_path, documents_path
from cli.job_tables import failed_rows
from cli.session import Session, collection_option, json_option, pass_session
from cli.tables import plain_table
from cli.words import count, failure

PAGE = 200


@click.command()
@collection_option
@json_option
@pass_session
def documents(session: Session, *, collection: str, as_json: bool) -> None:
    """List the documents of a collection; with --json each page is one line."""
    table = plain_table("Document", "Title", "Passages")
    table.columns[0].overflow, table.columns[2].justify = "fold", "right"
    chunks = 0
    with session.client() as client:
        cursor = None
        while True:
            response = client.get(documents_path(collection), limit=PAGE, cursor=cursor)
            if as_json:
                click.echo(response.text)
            page = response.json()
            for entry in page["documents"]:
                document_id, passages = _identity(entry), int(entry.get("chunks") or 0)
                chunks += passages
                table.add_row(Text(document_id), Text(entry.get("title") or ""), f"{passages:,}")
            if not (cursor := page.get("next_cursor")):
                break
    if as_json:
        return
    if table.rows:
        session.out.print(table)
    total = f"{count(len(table.rows), 'document')}, {count(chunks, 'passage')}"
    session.out.print(Text(total if table.rows else "No documents.", "dim"))


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
@click.argument("document_ids", metavar="DOCUMENT...", nargs=-1, required=True)
@collection_option
@pass_session
def delete(session: Session, document_ids: tuple[str, ...], *, collection: str) -> None:
    """Delete documents; when this returns, no search finds them."""
    with session.client() as client:
        failed = [name for name in document_ids if not _delete(session, client, collection, name)]
    if failed:
        raise SystemExit(1)


def _delete(session: Session, client: Client, collection: str, document_id: str) -> bool:
    """Delete one document and say so; tells whether it worked."""
    job_id = client.delete(document_path(collection, document_id)).json()["id"]
    shown = client.wait(job_id).json()
    if shown["state"] == "succeeded":
        session.out.print(f"Deleted {document_id}.", markup=False)
        return True
    why = next((failure(row.get("error")) for row in failed_rows(client, job_id)), shown["state"])
    session.remarks.print(Text(f"{document_id} was not deleted: {why}", "red"))
    return False


def _identity(entry: dict[str, Any]) -> str:
    """Return a listed document's id."""
    return str(entry.get("document_id") or entry["id"])
