"""`quern check`: whether catalogue, Chroma and sparse indexes agree, and repair of them."""

from collections.abc import Mapping
from typing import Any

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.session import Session, json_option, pass_session
from cli.tables import plain_table
from cli.words import count, failure
from quern import flows
from quern.client import Client
from quern.flows import FINAL_STATES

POLL_S = 1
#: Kinds of differences in people's words.
WORDS = {
    "passages_missing": "passages missing in Chroma",
    "orphan": "left-over passages in Chroma",
    "entry_missing": "lost by the catalogue",
    "record_missing": "record missing",
    "text_missing": "parsed text missing",
    "file_missing": "original file missing",
    "log_lost": "change log lost",
    "sparse_missing": "missing in a sparse index",
    "sparse_extra": "left over in a sparse index",
    "index_unusable": "sparse index unusable",
    "replica_silent": "replica did not answer",
    "collection_unknown": "collection unknown to the catalogue",
}


@click.command()
@click.argument("collection", required=False)
@click.option(
    "--repair", is_flag=True, help="Repair what differs, and say what cannot be repaired."
)
@json_option
@pass_session
def check(session: Session, *, collection: str | None, repair: bool, as_json: bool) -> None:
    """
    Compare catalogue, Chroma and sparse indexes, of COLLECTION or of all.

    Exits with 1 where differences remain.
    """
    with session.client() as client:
        body = {"repair": repair} | ({} if collection is None else {"collection": collection})
        response = run_check(client, body, session.remarks)
    job = response.json()
    if as_json:
        click.echo(response.text)
    elif job["state"] == "succeeded":
        show_result(session.out, job["result"])
    else:
        why = failure(job.get("error")) if job.get("error") else job["state"]
        session.remarks.print(Text(f"The check did not end: {why}", "red"))
    if job["state"] != "succeeded" or not job["result"]["consistent"]:
        raise SystemExit(1)


def show_result(out: Console, result: dict[str, Any]) -> None:
    """Print what a check found: a line for each collection, then each difference."""
    table = plain_table("Collection", "Documents", "Passages", "Indexes", "Differences", "Left")
    for column in (1, 2, 3, 5):
        table.columns[column].justify = "right"
    for shown in result["collections"]:
        found = shown["differences"]
        told = ", ".join(f"{n['found']:,} {WORDS.get(kind, kind)}" for kind, n in found.items())
        left = sum(n["found"] - n["repaired"] for n in found.values())
        table.add_row(
            Text(shown["collection"]), f"{shown['documents']:,}", f"{shown['passages']:,}",
            str(len(shown["replicas"])), Text(told or "none"),
            Text(f"{left:,}", "red" if left else "green"),
        )  # fmt: skip
    out.print(table if table.rows else "There are no collections.")
    for shown in result["collections"]:
        _show_findings(out, shown)
    if not result["consistent"] and not result["repair"]:
        out.print(Text("Repair what can be repaired with: quern check --repair", "dim"))


def _show_findings(out: Console, shown: dict[str, Any]) -> None:
    """Print the differences of one collection."""
    if not shown["findings"]:
        return
    table = plain_table("What", "Document", "Became")
    for finding in shown["findings"]:
        style = {"repaired": "green", "left": "red"}.get(finding["outcome"], "yellow")
        name = finding["document_id"] or ""
        table.add_row(Text(finding["detail"]), Text(name), Text(finding["outcome"], style))
    out.print()
    out.print(Text(shown["collection"], "bold"))
    out.print(table)
    more = sum(n["found"] for n in shown["differences"].values()) - len(shown["findings"])
    if more > 0:
        out.print(Text(f"and {count(more, 'more difference')}", "dim"))


def run_check(client: Client, body: Mapping[str, Any], remarks: Console) -> httpx.Response:
    """Ask for a check and show how far it is until it has ended; returns the job's last answer."""
    job_id = client.run(flows.submit("/api/admin/check", body)).json()["id"]
    with Progress(
        TextColumn("Checking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=remarks, disable=not remarks.is_terminal,
    ) as progress:  # fmt: skip
        bar = progress.add_task("Checking", total=None)
        while True:
            response = client.poll(f"/api/jobs/{job_id}", wait=POLL_S)
            job = response.json()
            if told := job.get("progress"):
                progress.update(bar, completed=told["done"], total=told["total"])
            if job["state"] in FINAL_STATES:
                return response
