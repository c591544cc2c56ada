"""`quern collections`: which collections there are, how large, and taking one away."""

import click
from rich.text import Text

from cli.session import Session, json_option, pass_session
from cli.tables import plain_table
from cli.words import age, count
from quern.client import Client
from quern.paths import collection_path


@click.command()
@click.option("--delete", "doomed", metavar="NAME", help="Delete this one with all it holds.")
@click.option("--yes", is_flag=True, help="Delete without asking first.")
@json_option
@pass_session
def collections(session: Session, *, doomed: str | None, yes: bool, as_json: bool) -> None:
    """List the collections with the number of their documents."""
    with session.client() as client:
        if doomed is not None:
            _delete(session, client, doomed, yes=yes)
            return
        response = client.get("/api/collections")
    if as_json:
        click.echo(response.text)
        return
    table = plain_table("Collection", "Documents", "Age", "Embedded with")
    table.columns[0].overflow, table.columns[1].justify = "fold", "right"
    for entry in response.json()["collections"]:
        model = str((entry.get("embedder") or {}).get("model") or "")
        made = age(entry["created_at"])
        table.add_row(Text(entry["name"]), f"{entry['documents']:,}", made, Text(model))
    session.out.print(table if table.rows else "No collections.")


def _delete(session: Session, client: Client, name: str, *, yes: bool) -> None:
    """Delete a collection, after its size was shown and that was agreed to."""
    size = client.get(collection_path(name)).json()["documents"]
    if not yes:
        click.confirm(f"Delete {name} with {count(size, 'document')}?", abort=True)
    job_id = client.delete(collection_path(name)).json()["id"]
    shown = client.wait(job_id)
    if shown["state"] != "succeeded":
        session.remarks.print(
            Text(f"{name} is gone; clearing up {shown['state']}. See: quern job {job_id}", "red")
        )
        raise SystemExit(1)
    session.out.print(f"Deleted {name} with {count(size, 'document')}.", markup=False)
