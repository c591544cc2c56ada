"""`quern jobs`, `job`, `cancel` and `retry`: what was asked and what became of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from cli.commands.ask import show_answer
from cli.question_lists import write_answers
from cli.rows import failed_rows, print_failures
from cli.session import Session, json_option, pass_session
from cli.tables import plain_table
from cli.words import age, count, duration, failure, state, timings
from quern import flows
from quern.flows import FINAL_STATES, PAGE

KINDS = ("query", "questions", "ingest", "delete", "delete_collection", "reindex", "check")
STATES = ("queued", "running", "succeeded", "partial", "failed", "cancelled", "expired")
#: For so long a cancelled job is watched: it ends within that but for what one call takes.
STOP_S = 3
_VERBS = {"ingest": "add", "delete": "delete", "questions": "answer"}


@click.command()
@click.option("--state", "wanted_state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--kind", type=click.Choice(KINDS), help="Only jobs of this kind.")
@click.option("--limit", type=click.IntRange(1, PAGE), default=20, show_default=True)
@json_option
@pass_session
def jobs(
    session: Session, *, wanted_state: str | None, kind: str | None, limit: int, as_json: bool
) -> None:
    """List jobs, newest first."""
    with session.client() as client:
        response = client.get("/api/jobs", state=wanted_state, kind=kind, limit=limit)
    if as_json:
        click.echo(response.text)
        return
    table = plain_table("Job", "State", "What", "Age", "Took")
    # Only what a job is about may be cut: an id that is not whole is of no use.
    for column in table.columns:
        column.no_wrap = column.header != "What"
    for shown in response.json()["jobs"]:
        took = duration(shown["timings_ms"].get("total"))
        told = Text(_what(shown), no_wrap=True, overflow="ellipsis")
        table.add_row(shown["id"], state(shown["state"]), told, age(shown["created_at"]), took)
    session.out.print(table if table.rows else "No jobs.")


@click.command()
@click.argument("job_id")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Of a list of questions: write the answers that there are, as .csv or .jsonl.",
)
@json_option
@pass_session
def job(session: Session, job_id: str, *, output: Path | None, as_json: bool) -> None:
    """Show the job JOB_ID."""
    with session.client() as client:
        if output is not None:
            write_answers(client, job_id, output)
        response = client.get(f"/api/jobs/{job_id}")
        if as_json:
            click.echo(response.text)
            return
        shown = response.json()
        rows = failed_rows(client, job_id) if shown["kind"] in ("ingest", "delete") else []
    session.out.print(Text.assemble(f"{shown['kind']} {shown['id']}: ", state(shown["state"])))
    session.out.print(
        f"collection {shown['collection']}, {age(shown['created_at'])} old", markup=False
    )
    if place := shown.get("queue"):
        soon = f", in about {place['eta_s']:.0f} s" if place.get("eta_s") is not None else ""
        session.out.print(f"number {place['position']} in the queue{soon}")
    if shown["kind"] == "query":
        session.out.print(Text(f"\n{shown['request']['question']}\n", "bold"))
        if shown["state"] in FINAL_STATES:
            show_answer(session.out, shown)
        return
    session.out.print(Text(_what(shown)))
    if "error" in shown:
        session.out.print(Text(failure(shown["error"]), "red"))
    print_failures(session.out, rows)
    if line := timings(shown):
        session.out.print(Text(line, "dim"))


@click.command()
@click.argument("job_id")
@pass_session
def cancel(session: Session, job_id: str) -> None:
    """Stop the job JOB_ID; harmless where it has ended."""
    with session.client() as client:
        shown = client.delete(f"/api/jobs/{job_id}").json()
        if shown["state"] not in FINAL_STATES:
            session.remarks.print("Stopping\u2026")
            shown = client.get(f"/api/jobs/{job_id}", wait=STOP_S).json()
    if shown["state"] == "cancelled":
        session.out.print("Cancelled.")
    elif shown["state"] in FINAL_STATES:
        session.out.print(f"It had ended already: {shown['state']}.")
    else:
        session.out.print("It will stop at its next step.")


@click.command()
@click.argument("job_id")
@json_option
@pass_session
def retry(session: Session, job_id: str, *, as_json: bool) -> None:
    """Do the job JOB_ID again as a new one; of an ingest, only what failed."""
    with session.client() as client:
        response = client.run(flows.submit(f"/api/jobs/{job_id}/retry"))
    if as_json:
        click.echo(response.text)
    else:
        session.out.print(f"New job: {response.json()['id']}", markup=False)


def _what(shown: Mapping[str, Any]) -> str:
    """Return in a few words what a job is about."""
    if shown["kind"] == "query":
        return " ".join(str(shown["request"]["question"]).split())
    if shown["kind"] not in _VERBS:
        return f"{shown['kind']} {shown.get('collection') or ''}".strip()
    progress = shown["progress"]
    some = count(progress["total"], progress["unit"].removesuffix("s"))
    counted = some if shown["state"] in FINAL_STATES else f"{progress['done']} of {some}"
    ends = [(progress.get(end), end) for end in ("failed", "cancelled")]
    told = "".join(f", {number} {end}" for number, end in ends if number)
    return f"{_VERBS[shown['kind']]} {counted}{told}"
