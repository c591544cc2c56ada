"""`quern health`: how the server is, part by part."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from cli.session import Session, json_option, pass_session
from cli.words import age

_STYLES = {"pass": "green", "warn": "yellow", "fail": "red"}
_WORST_FIRST: Final = {"fail": 0, "warn": 1, "pass": 2}
_STARTING = "starting; what is asked now waits until all is there"
_WORDS = {"pass": "all well", "warn": "something needs a look", "fail": "not well"}


@click.command()
@json_option
@pass_session
def health(session: Session, *, as_json: bool) -> None:
    """Show how the server is; exit code 1 when something has failed."""
    with session.client() as client:
        url, response = client.url, client.health()
    body = response.json()
    if as_json:
        click.echo(response.text)
    else:
        status = body["status"]
        words = _STARTING if _is_starting(body) else _WORDS.get(status, status)
        session.out.print(Text.assemble(f"{url}: ", (words, _STYLES.get(status, ""))))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for name, status, told in sorted(
            _parts(body), key=lambda part: _WORST_FIRST.get(part[1], 0)
        ):
            table.add_row(Text(status, _STYLES.get(status, "dim")), Text(name), Text(told, "dim"))
        session.out.print(table)
    if body["status"] == "fail":
        raise SystemExit(1)


def _is_starting(body: Mapping[str, Any]) -> bool:
    """Return True if nothing ails but what an ordinary start has not brought yet."""
    return bool(body.get("checks")) and body.get("output") == "starting"


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, status, what was seen) of each part, as health+json lists them."""
    for name, entries in body.get("checks", {}).items():
        for entry in entries:
            value = entry.get("observedValue")
            seen = "" if value is None else f"{value} {entry.get('observedUnit', '')}".strip()
            finished = entry.get("lastFinished")
            last = f"last finished {age(finished)} ago" if finished else ""
            told = ", ".join(part for part in (seen, last, entry.get("output", "")) if part)
            component = entry.get("componentId")
            yield f"{name} {component}" if component else name, entry.get("status", "pass"), told
