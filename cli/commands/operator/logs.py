"""`quern logs`: what all processes of this machine have said, as one stream."""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.text import Text

from cli.session import Session, pass_session
from rag.errors import InvalidRequest
from stack.logs.log_files import LEVELS, LogFiles, Wanted
from stack.logs.readable_lines import parts
from stack.run_folder import find_running
from stack.running_stacks import running_stacks

SETTING: Final = "QUERN_DATA_DIR"
LOGS: Final = "logs"
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_STYLES: Final = {
    "DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red",
}  # fmt: skip


@click.command()
@click.option("--job", metavar="ID", default="", help="Only what happened to this job.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="DEBUG",
    help="Only lines of this level and above.",
)
@click.option(
    "--since",
    metavar="TIME",
    default="",
    help="Only what came since then: 10m, 2h, 1d or RFC 3339.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are.")
@pass_session
def logs(
    session: Session, *, job: str, follow: bool, level: str, since: str, as_json: bool
) -> None:
    """Show the logs of the processes that `quern up` runs here, in the order of time."""
    files = LogFiles(_folder(session))
    wanted = Wanted(job_id=job, since=_moment(since), level=level.upper())
    try:
        _show(session, files.lines(wanted), as_json=as_json)
        if follow:
            _show(session, files.follow(wanted), as_json=as_json)
    except KeyboardInterrupt:
        return


def _folder(session: Session) -> Path:
    """
    Return the logs of the service that is meant: of this data folder, else of what runs elsewhere.

    Raises:
        InvalidRequest: There is none, or several run and none of them is the one of this folder.
    """
    data_dir = session.settings.data_dir
    folder = data_dir / LOGS
    if SETTING in os.environ and not folder.is_dir():
        raise InvalidRequest("logs", f"there is no {folder}; nothing has run on this data folder")
    if SETTING in os.environ or find_running(data_dir):
        return folder
    running = running_stacks()
    asked = {where: record for where, record in running.items() if record.url == session.url}
    chosen = list(asked or running)
    if len(chosen) == 1:
        session.remarks.print(f"The service at {running[chosen[0]].url}, {chosen[0]}", style="dim")
        return chosen[0] / LOGS
    if folder.is_dir():
        return folder
    if chosen:
        where = ", ".join(f"{running[one].url} ({SETTING}={one})" for one in chosen)
        raise InvalidRequest("logs", f"several services run here: {where}; set one")
    raise InvalidRequest(
        "logs",
        f"nothing has run on {data_dir}, and nothing of yours runs elsewhere on this machine; the "
        f"logs of a service that has ended are in its data folder: set {SETTING}",
    )


def _show(session: Session, lines: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    """Print lines, for people or as they are."""
    for line in lines:
        if as_json:
            click.echo(orjson.dumps(line))
            continue
        moment, level, role, event, told, exc = parts(line)
        session.out.print(
            Text.assemble(
                (f"{moment} ", "dim"),
                (f"{level:<8} ", _STYLES.get(level, "")),
                (f"{role:<11} ", "cyan"),
                event,
                (f"  {told}" if told else "", "dim"),
                (f"\n{exc}" if exc else "", "red"),
            ),
            soft_wrap=True,
        )


def _moment(since: str) -> str:
    """
    Return the beginning that was asked for, as lines write it.

    Raises:
        InvalidRequest: It is neither a span nor a time.
    """
    if not since:
        return ""
    if match := re.fullmatch(r"(\d+)([smhd])", since):
        moment = datetime.now(UTC) - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    else:
        try:
            moment = datetime.fromisoformat(since).astimezone(UTC)
        except ValueError as error:
            raise InvalidRequest("--since", "must be like 10m, 2h, 1d or RFC 3339") from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
