"""`quern demo`: starts everything, uploads the examples, asks three questions, and serves."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from cli.commands.ask import show_answer
from cli.commands.reindex import make_anew
from cli.rows import failure_table
from cli.session import Session, pass_session
from cli.sync.files import find_files
from cli.sync.uploading import Ingested, upload
from cli.words import count, duration
from quern.client import Client
from rag.errors import QuernError
from stack.programs import FLOWER_USER
from stack.run_folder import RunRecord, find_running
from stack.up import Stack

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = 3
COLLECTION = "default"
#: As the workers call a collection whose vectors are another embedding model's, or engine's.
MISMATCH = "embedder_mismatch"
OTHER_VECTORS = (
    "This collection was embedded by another model or engine before; making its vectors anew."
)
POLL_S = 0.5
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NoExamples(QuernError):
    """Raised when the example documents are not beside the program."""


@click.command()
@click.option("--once", is_flag=True, help="Stop after the answers; exit code 0 if all are cited.")
@pass_session
def demo(session: Session, *, once: bool) -> None:
    """Start Quern, hand over a dozen documents and ask three questions about them."""
    if not (EXAMPLES / "documents").is_dir():
        raise NoExamples(f"there are no examples at {EXAMPLES}; run the demo from a checkout")
    with _stopped_by_signals(), _stack(session) as (record, stack):
        good = _show(session, Client(record.url))
        _say_where(session.out, record)
        if once:
            raise SystemExit(0 if good else 1)
        if stack is None:
            return
        session.out.print("\nCtrl-C stops everything.")
        _serve(stack, session.remarks)


@contextmanager
def _stack(session: Session) -> Iterator[tuple[RunRecord, Stack | None]]:
    """Give the stack that runs on the data folder already, else a new one, stopped at the end."""
    settings = session.settings
    if running := find_running(settings.data_dir):
        session.remarks.print(f"Quern is already running at {running.url}.")
        yield running, None
        return
    began = time.monotonic()
    with session.remarks.status("Starting Quern"):
        stack = Stack.start(data_dir=settings.data_dir, settings=settings, fixed_ports=True)
    with stack:
        took = duration((time.monotonic() - began) * 1000)
        session.remarks.print(f"Quern is ready at {stack.url} (after {took})")
        try:
            yield stack.record, stack
        finally:
            session.remarks.print("Stopping Quern")


def _show(session: Session, client: Client) -> bool:
    """Hand over, ask, print; true when every document is in and every answer has citations."""
    out = session.out
    files = find_files([EXAMPLES / "documents"])
    told = f"\nHanding over {count(len(files), 'document')} from {EXAMPLES / 'documents'}"
    out.print(told, markup=False, soft_wrap=True)
    with client:
        done = upload(client, files, COLLECTION, session.remarks, watch=True)
        if _other_vectors(done):
            # A data folder from before, under another model or engine: what people ask the demo
            # for is answers, not a command to type.
            out.print(OTHER_VECTORS)
            make_anew(client, COLLECTION, session.remarks)
            done = upload(client, files, COLLECTION, session.remarks, watch=True)
        took = duration(done.job["timings_ms"].get("total"))
        out.print(f"{count(done.chunks, 'passage')} searchable after {took}")
        if done.failed:
            out.print(failure_table(done.failed))
        answered = [_ask(out, client, question) for question in _questions()]
    return not done.failed and all(answered)


def _other_vectors(done: Ingested) -> bool:
    """Return True if files were refused because the collection is another embedding model's."""
    return any((row.get("error") or {}).get("type") == MISMATCH for row in done.failed)


def _questions() -> list[str]:
    """Read the first questions of the examples."""
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["question"]) for line in lines[:QUESTIONS]]


def _ask(out: Console, client: Client, question: str) -> bool:
    """Ask one question and print the answer; true when it has citations."""
    out.print(Rule(style="dim"))
    out.print(Text(question, "bold"))
    body = {"question": question, "collection": COLLECTION}
    job_id = client.post("/api/queries", body).json()["id"]
    job = client.wait(job_id)
    show_answer(out, job)
    result = job.get("result") or {}
    return bool(result.get("answered") and result.get("citations"))


def _say_where(out: Console, record: RunRecord) -> None:
    """Print the addresses of everything that people can open."""
    out.print(Rule(style="dim"))
    places = {
        "Page": record.url,
        "API": f"{record.url}/api/docs",
        "Health": f"{record.url}/health",
    }
    if record.flower_url:
        password = Path(record.data_dir) / "flower" / "password"
        places["Flower"] = f"{record.flower_url}  (user {FLOWER_USER}, password in {password})"
    for name, where in places.items():
        out.print(Text(f"{name:<8}{where}"), soft_wrap=True)
    out.print(
        Text('\nAsk something yourself:  quern ask "What is a fencing token?"'), soft_wrap=True
    )


def _serve(stack: Stack, remarks: Console) -> None:
    """Wait until asked to end, which is no failure, or until the stack ends by itself."""
    asked = threading.Event()
    for number in _ENDING:
        signal.signal(number, lambda _number, _frame: asked.set())
    while not asked.wait(POLL_S):
        if find_running(Path(stack.record.data_dir)) is None:
            remarks.print("Quern has stopped.")
            raise SystemExit(1)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """End in order on SIGINT, SIGTERM and SIGHUP, so that the stack is stopped with the demo."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
