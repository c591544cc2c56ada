"""`quern reindex`: makes a collection's vectors anew, and shows how far that is."""

import time
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.session import Session, pass_session
from cli.words import count, duration, failure
from quern import flows
from quern.client import Client
from quern.flows import FINAL_STATES

POLL_S = 0.4
LEFT_OUT = (
    "The embedding model gives no usable vector for these documents. They are not searched any "
    "more; change their text and ingest them again, or reindex with another model:"
)


@click.command()
@click.argument("collection")
@click.option(
    "--watch-progress/--no-watch-progress",
    default=True,
    help="Stay until the new vectors are in use, or only ask for them.",
)
@pass_session
def reindex(session: Session, *, collection: str, watch_progress: bool) -> None:
    """
    Make the vectors of COLLECTION anew, with today's embedding model and HNSW settings.

    Searches go on meanwhile, and change over at once when all is there.
    """
    with session.client() as client:
        if not watch_progress:
            job = _ask(client, collection)
            session.out.print(f"Job {job['id']}", markup=False)
            return
        job = make_anew(client, collection, session.remarks)
    if job["state"] not in ("succeeded", "partial"):
        why = failure(job["error"]) if "error" in job else job["state"]
        session.remarks.print(Text(f"{collection} was not reindexed: {why}", "red"))
        raise SystemExit(1)
    documents = count(job["result"]["documents"], "document")
    took = duration(job["timings_ms"].get("total"))
    session.out.print(f"{collection}: {documents} reindexed in {took}.", markup=False)
    if left_out := job["result"].get("left_out"):
        session.remarks.print(Text(f"{LEFT_OUT}\n" + "\n".join(left_out), "yellow"))
        raise SystemExit(1)


def make_anew(client: Client, collection: str, console: Console) -> Mapping[str, Any]:
    """Have a collection's vectors made anew, showing how far that is; returns the ended job."""
    return _watch(console, client, _ask(client, collection))


def _ask(client: Client, collection: str) -> Mapping[str, Any]:
    """Ask for a reindex; returns its job."""
    asked = flows.submit("/api/admin/reindex", {"collection": collection})
    job: dict[str, Any] = client.run(asked).json()
    return job


def _watch(console: Console, client: Client, job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Show how far a job is until it has ended; an interruption leaves it running."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Reindexing", total=None)
        try:
            while True:
                shown: dict[str, Any] = client.poll(f"/api/jobs/{job['id']}").json()
                if "progress" in shown:
                    done, total = shown["progress"]["done"], shown["progress"]["total"]
                    progress.update(bar, completed=done, total=total)
                if shown["state"] in FINAL_STATES:
                    return shown
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            console.print(f"\nStopped watching; it goes on. See: quern job {job['id']}")
            raise
