"""`quern documents`, `text` and `delete`: what a collection holds, and taking from it."""

from typing import Any

import click
from rich.text import Text

from cli.client import Client, Refused, document_path, documents_path
from cli.job_tables import failed_rows
from cli.session import Session, collection_option, json_option, pass_session
from cli.tables import plain_table
from cli.words import count, failure

PAGE = 200
#: Documents of a folder whose deletes are on their way together.
AT_ONCE = 100
NOT_FOUND = 404


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
    """Delete one document and say so; tells whether it worked."""
    job_id = client.delete(document_path(collection, document_id)).json()["id"]
    if worked := _deleted(session, client, job_id, document_id):
        session.out.print(f"Deleted {document_id}.", markup=False)
    return worked


def _delete_folder(
    session: Session, client: Client, collection: str, folder: str, *, yes: bool
) -> bool:
    """Delete what lies in a folder, having asked, and say so; tells whether it worked."""
    names = _names(client, collection, folder)
    if not names:
        session.remarks.print(Text(f"There are no documents in {folder}", "red"))
        return False
    if not yes:
        click.confirm(f"Delete {count(len(names), 'document')} in {folder}?", abort=True)
    deleted = 0
    for first in range(0, len(names), AT_ONCE):
        jobs = [(name, _begin(client, collection, name)) for name in names[first : first + AT_ONCE]]
        deleted += sum(job is None or _deleted(session, client, job, name) for name, job in jobs)
    session.out.print(f"Deleted {count(deleted, 'document')} in {folder}.", markup=False)
    return deleted == len(names)


def _names(client: Client, collection: str, folder: str) -> list[str]:
    """Return the ids of the documents in a folder."""
    names: list[str] = []
    cursor = None
    while True:
        path = documents_path(collection)
        page = client.get(path, prefix=folder, limit=PAGE, cursor=cursor).json()
        names += [_identity(entry) for entry in page["documents"]]
        if not (cursor := page.get("next_cursor")):
            return names


def _begin(client: Client, collection: str, document_id: str) -> str | None:
    """Begin to delete a document, and return the job; None where it is gone already."""
    try:
        return str(client.delete(document_path(collection, document_id)).json()["id"])
    except Refused as error:
        if error.status == NOT_FOUND:
            return None
        raise


def _deleted(session: Session, client: Client, job_id: str, document_id: str) -> bool:
    """Wait until a document is deleted; tells whether it was, and says why not."""
    shown = client.wait(job_id).json()
    if shown["state"] == "succeeded":
        return True
    why = next((failure(row.get("error")) for row in failed_rows(client, job_id)), shown["state"])
    session.remarks.print(Text(f"{document_id} was not deleted: {why}", "red"))
    return False


def _identity(entry: dict[str, Any]) -> str:
    """Return a listed document's id."""
    return str(entry.get("document_id") or entry["id"])
