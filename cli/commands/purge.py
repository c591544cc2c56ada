"""`quern purge`: jobs that ended long ago are forgotten before their time."""

import re
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from cli.session import Session, pass_session
from cli.words import count
from quern.client import Client
from rag.errors import InvalidRequest

PATH: Final = "/api/admin/purge"
_UNITS: Final = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}


@click.command()
@click.option("--older-than", "span", required=True, metavar="SPAN", help="Such as 30d, 12w, 48h.")
@click.option("--collection", "-c", help="Only jobs of this collection.")
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def purge(session: Session, *, span: str, collection: str | None, dry_run: bool, yes: bool) -> None:
    """
    Forget jobs that ended longer than SPAN ago: questions, answers, records of ingests.

    Documents, and jobs that have not ended, stay.
    """
    asked: dict[str, Any] = {"older_than_s": _seconds(span)}
    if collection is not None:
        asked["collection"] = collection
    with session.client() as client:
        if dry_run or not yes:
            found = _all(client, asked | {"dry_run": True}, session.remarks)
            if dry_run or not found["jobs"]:
                session.out.print(Text(f"{_what(found)} would be forgotten."))
                return
            click.confirm(f"Forget {_what(found)}?", abort=True)
        session.out.print(Text(f"{_what(_all(client, asked, session.remarks))} forgotten."))


def _all(client: Client, asked: dict[str, Any], remarks: Console) -> dict[str, int]:
    """Ask until there is no more; returns what was forgotten in all."""
    done = {"jobs": 0, "documents": 0}
    with remarks.status("Looking at jobs") as status:
        cursor = None
        while True:
            more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
            told = client.post(PATH, asked | more).json()
            done = {name: n + told[name] for name, n in done.items()}
            status.update(_what(done))
            if (cursor := told["next_cursor"]) is None:
                return done


def _what(done: dict[str, int]) -> str:
    """Write what was forgotten."""
    rows = count(done["documents"], "record")
    with_rows = f" with {rows} of documents or questions" if done["documents"] else ""
    return count(done["jobs"], "job") + with_rows


def _seconds(span: str) -> int:
    """Read a span; raises InvalidRequest."""
    if match := re.fullmatch(r"(\d{1,6})([hdw])", span):
        return int(match[1]) * _UNITS[match[2]]
    raise InvalidRequest("--older-than", "must be like 30d, 12w or 48h")
