"""The rows of a job's documents: which failed, and how that is shown."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.tables import plain_table
from cli.words import count, failure
from quern.client import Client
from quern.flows import FINAL_STATES


def failed_rows(client: Client, job_id: str) -> list[dict[str, Any]]:
    """Return every document row of a job that did not succeed, of an ended job."""
    return [
        row
        for row in document_rows(client, job_id)
        if row["state"] in FINAL_STATES and row["state"] != "succeeded"
    ]


def document_rows(client: Client, job_id: str) -> list[dict[str, Any]]:
    """Return every document row of a job."""
    pages = client.pages(f"/api/jobs/{job_id}/documents", patiently=True)
    return [row for page in pages for row in page.json()["documents"]]


def print_failures(out: Console, rows: list[dict[str, Any]]) -> None:
    """Show which files failed and why, and how many were cancelled."""
    stopped = sum(was_cancelled(row) for row in rows)
    if stopped:
        out.print(Text(f"{count(stopped, 'document')} cancelled", "yellow"))
    if len(rows) > stopped:
        out.print(failure_table([row for row in rows if not was_cancelled(row)]))


def was_cancelled(row: Mapping[str, Any]) -> bool:
    """Return True if a document was not added because its job was cancelled."""
    return bool(row["state"] == "cancelled")


def failure_table(rows: list[dict[str, Any]]) -> Table:
    """Show which files failed, and what is wrong with each."""
    table = plain_table("File", "What is wrong")
    for row in rows:
        reason = failure(row.get("error")) if "error" in row else row["state"]
        table.add_row(Text(row["document_id"]), Text(reason))
    return table
