"""Deleting documents of a collection, many of them on their way together."""

from collections.abc import Sequence

from rich.text import Text

from cli.client import Client, Refused, document_path
from cli.rows import failed_rows
from cli.session import Session
from cli.words import failure

#: So many deletes are asked for before the first of them is waited for.
AT_ONCE = 100
NOT_FOUND = 404


def delete_all(session: Session, client: Client, collection: str, names: Sequence[str]) -> int:
    """Delete documents, and say of each that is left why; returns how many are gone."""
    gone = 0
    for first in range(0, len(names), AT_ONCE):
        jobs = [(name, _begin(client, collection, name)) for name in names[first : first + AT_ONCE]]
        gone += sum(job is None or was_deleted(session, client, job, name) for name, job in jobs)
    return gone


def was_deleted(session: Session, client: Client, job_id: str, document_id: str) -> bool:
    """Wait until a document is deleted; returns True if it was, and says why not."""
    shown = client.wait(job_id).json()
    if shown["state"] == "succeeded":
        return True
    why = next((failure(row.get("error")) for row in failed_rows(client, job_id)), shown["state"])
    session.remarks.print(Text(f"{document_id} was not deleted: {why}", "red"))
    return False


def _begin(client: Client, collection: str, document_id: str) -> str | None:
    """Begin to delete a document, and return the job; None where it is gone already."""
    try:
        return str(client.delete(document_path(collection, document_id)).json()["id"])
    except Refused as error:
        if error.status == NOT_FOUND:
            return None
        raise
