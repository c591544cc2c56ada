"""Lists of questions from a file: handed over, watched, and written with their answers."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.session import Session
from quern import flows
from quern.client import Client
from quern.flows import FINAL_STATES

#: Files with lines of JSON; what is called otherwise is written as a table.
_LINES: Final = frozenset({".jsonl", ".ndjson"})
#: Between two looks at a job, seconds.
_LOOK_S: Final = 1


def ask_list(
    session: Session, path: Path, output: Path | None, of_all: Mapping[str, str]
) -> dict[str, Any]:
    """
    Have the questions of a file answered, write them with their answers, and return the ended job.

    *output* is the file that is written, None for the standard output; *of_all* are fields that
    hold for all questions.
    """
    with _written(output) as out, session.client() as client:
        with path.open("rb") as file:
            form = {"file": (path.name, file, "application/octet-stream")}
            job_id = client.run(flows.submit_form("/api/questions", form, of_all)).json()["id"]
        try:
            job = _watched(client, job_id, session.remarks)
        except KeyboardInterrupt:
            session.remarks.print(
                f"\nStopped waiting; the job goes on. Its answers: quern job {job_id} -o FILE"
            )
            raise
        client.download(f"/api/jobs/{job_id}/export", out, format=_form(output))
    return job


def write_answers(client: Client, job_id: str, output: Path) -> None:
    """Write a list with the answers that there are."""
    with _written(output) as out:
        client.download(f"/api/jobs/{job_id}/export", out, format=_form(output))


def _watched(client: Client, job_id: str, console: Console) -> dict[str, Any]:
    """Show how far a list is, until it has ended; returns the job."""
    with Progress(
        TextColumn("answering"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None)
        while True:
            job: dict[str, Any] = client.poll(f"/api/jobs/{job_id}", wait=_LOOK_S).json()
            told = job["progress"]
            bar.update(task, total=told["total"], completed=told["done"])
            if job["state"] in FINAL_STATES:
                return job


@contextmanager
def _written(output: Path | None) -> Iterator[BinaryIO]:
    """
    Open what a file is written to, which gets its name once it is whole.

    Opened before anything is asked, so that no answers are lost to a folder that is not there.
    """
    if output is None:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
        return
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(output)
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _form(output: Path | None) -> str:
    """Return the format that a file's name asks for."""
    return "jsonl" if output is not None and output.suffix.lower() in _LINES else "csv"
