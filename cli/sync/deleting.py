"""Deleting documents of a collection, many of them in one job."""

from collections import deque
from collections.abc import Sequence

from rich.text import Text

from cli.rows import failed_rows
from cli.session import Session
from cli.words import failure
from quern import flows
from quern.client import Client
from quern.paths import documents_path

#: Documents of one job; a server takes no more.
AT_ONCE = 200
#: Jobs that are on their way together.
JOBS = 5


def delete_all(session: Session, client: Client, collection: str, names: Sequence[str]) -> int:
    """Delete documents, and say of each that is left why; returns how many are gone."""
    path = f"{documents_path(collection)}/delete"
    jobs: deque[tuple[str, int]] = deque()
    gone = 0
    for first in range(0, len(names), AT_ONCE):
        ids = list(names[first : first + AT_ONCE])
        jobs.append((str(client.run(flows.submit(path, {"ids": ids})).json()["id"]), len(ids)))
        if len(jobs) == JOBS:
            gone += _deleted(session, client, *jobs.popleft())
    return gone + sum(_deleted(session, client, *job) for job in jobs)


def was_deleted(session: Session, client: Client, job_id: str, document_id: str) -> bool:
    """Wait until a document is deleted; returns True if it was, and says why not."""
    shown = client.wait(job_id)
    if shown["state"] == "succeeded":
        return True
    why = next((failure(row.get("error")) for row in failed_rows(client, job_id)), shown["state"])
    session.remarks.print(Text(f"{document_id} was not deleted: {why}", "red"))
    return False


def _deleted(session: Session, client: Client, job_id: str, asked: int) -> int:
    """Wait until a job has ended; returns how many of its documents are gone, and says why not."""
    if client.wait(job_id)["state"] == "succeeded":
        return asked  # with those that somebody else had deleted
    left = failed_rows(client, job_id)
    for row in left:
        why = failure(row["error"]) if row.get("error") else row["state"]
        session.remarks.print(Text(f"{row['document_id']} was not deleted: {why}", "red"))
    return asked - len(left)
