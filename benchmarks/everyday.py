"""
Everyday files and questions: is the verdict right, and does the right piece come first?

    python -m benchmarks.everyday [--url URL] [--json FILE] [--misses]

Thirteen files of a small firm, in as many forms as people keep them, 80 questions of which 20
have no answer there, and 32 that follow others. The rules of the product were not chosen on them.
"""

import argparse
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final, NamedTuple

import docx
import orjson
from rich.progress import Progress

from benchmarks.answers import ask
from benchmarks.data.datasets import Question
from benchmarks.figures.reporting import Limit, report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, service
from benchmarks.unanswerable import auroc

FILES: Final = Path(__file__).parent / "everyday_files"
QUESTIONS: Final = "questions.jsonl"
DIALOGUES: Final = "dialogues.jsonl"
COLLECTION: Final = "everyday"
SURE: Final = 0.5

LIMITS: Final = {
    "verdict_right": Limit(at_least=0.9),
    "first_right": Limit(at_least=0.85),
    "absent_above_half": Limit(at_most=0),
    "follow_ups_first_right": Limit(at_least=0.85),
}


class Outcome(NamedTuple):
    """A question, what holds its answer (None: nothing does), and what came."""

    question: str
    answer: str | None
    answered: bool
    confidence: float
    first: str

    @property
    def verdict_right(self) -> bool:
        """Whether it was answered if and only if there is an answer."""
        return self.answered == (self.answer is not None)

    @property
    def first_right(self) -> bool:
        """Whether what is shown first holds the answer."""
        return self.answer is not None and _plain(self.answer) in _plain(self.first)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.everyday", description=__doc__)
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    parser.add_argument("--misses", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    asked = questions()[:: 2 if options.quick else 1]
    with service(options.url) as quern, ProgressBars() as progress:
        with tempfile.TemporaryDirectory(prefix="quern-everyday-") as folder:
            write_files(Path(folder))
            quern.ingest_folder(Path(folder), COLLECTION)
        outcomes = _outcomes(quern, asked, progress)
        followed = _follow_ups(quern, dialogues()[:: 2 if options.quick else 1], progress)
    if options.misses:
        _print_misses([*outcomes, *followed])
    told = figures(outcomes) | {
        "follow_ups": len(followed),
        "follow_ups_first_right": mean(one.first_right for one in followed),
    }
    report("everyday", told, limits=LIMITS, json_path=options.json)


def questions() -> list[tuple[str, str | None]]:
    """Return the questions, each with what its answer holds, or None."""
    rows = map(orjson.loads, (FILES / QUESTIONS).read_bytes().splitlines())
    return [(row["question"], row["answer"]) for row in rows]


def dialogues() -> list[tuple[list[str], str, str]]:
    """Return questions in their order, one that follows them, and what its answer holds."""
    rows = map(orjson.loads, (FILES / DIALOGUES).read_bytes().splitlines())
    return [(row["before"], row["question"], row["answer"]) for row in rows]


def write_files(folder: Path) -> None:
    """Write the files into *folder*, with a Word file that is made for it."""
    for path in FILES.iterdir():
        if path.name not in (QUESTIONS, DIALOGUES):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "cleaning-contract.docx").write_bytes(_contract())


def _contract() -> bytes:
    """Make a short contract as a Word file, with a table."""
    document = docx.Document()
    document.add_heading("Cleaning contract", level=1)
    document.add_paragraph(
        "Clearwell Services, represented by Oluwaseun Adeyemi, cleans the premises of the Mallow "
        "Bakery from 1 February 2025 on."
    )
    document.add_paragraph("Either side may end the contract with four weeks' notice.")
    table = document.add_table(rows=0, cols=3)
    for row in (
        ("Work", "How often", "Price"),
        ("Floors", "every evening", "410 euros a month"),
        ("Window cleaning", "every six weeks", "85 euros"),
        ("Extraction hood", "twice a year", "230 euros"),
    ):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _outcomes(
    quern: Service, asked: list[tuple[str, str | None]], progress: Progress
) -> list[Outcome]:
    """Ask every question."""
    bar = progress.add_task("ask", total=len(asked))
    outcomes = []
    for question, answer in asked:
        outcomes.append(_outcome(question, answer, _asked(quern, question)))
        progress.advance(bar)
    return outcomes


def _follow_ups(
    quern: Service, asked: list[tuple[list[str], str, str]], progress: Progress
) -> list[Outcome]:
    """Ask what follows, each after the questions before it and the answers they got."""
    bar = progress.add_task("follow-ups", total=len(asked))
    outcomes = []
    for before, question, answer in asked:
        turns: list[dict[str, str]] = []
        for one in before:
            said = _asked(quern, one, turns)["answer"]
            turns += [{"role": "user", "text": one}, {"role": "assistant", "text": said}]
        outcomes.append(_outcome(question, answer, _asked(quern, question, turns)))
        progress.advance(bar)
    return outcomes


def _asked(quern: Service, question: str, history: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    """Return the result of a question."""
    job = ask(quern.http, COLLECTION, Question(question, question), history).job
    result: dict[str, Any] = job["result"]
    return result


def _outcome(question: str, answer: str | None, result: Mapping[str, Any]) -> Outcome:
    """Judge a result."""
    return Outcome(
        question,
        answer,
        bool(result["answered"]),
        float(result["confidence"]),
        result["answer"].partition(" [")[0],
    )


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the figures of the report."""
    there = [one for one in outcomes if one.answer is not None]
    absent = [one for one in outcomes if one.answer is None]
    return {
        "questions": len(outcomes),
        "questions_absent": len(absent),
        "verdict_right": mean(one.verdict_right for one in outcomes),
        "answered_share_there": mean(one.answered for one in there),
        "answered_share_absent": mean(one.answered for one in absent),
        "first_right": mean(one.first_right for one in there),
        "absent_above_half": sum(one.confidence > SURE for one in absent),
        "auroc_answered": auroc(
            [one.confidence for one in there], [one.confidence for one in absent]
        ),
    }


def _print_misses(outcomes: list[Outcome]) -> None:
    """Print each question whose verdict or first piece is wrong."""
    for one in outcomes:
        if not one.verdict_right or (one.answer is not None and not one.first_right):
            wanted = one.answer or "nothing"
            print(f"{one.confidence:.2f} {one.question} | wanted {wanted} | {one.first[:90]!r}")


def _plain(text: str) -> str:
    """Fold case and runs of white space."""
    return " ".join(text.casefold().split())


if __name__ == "__main__":
    run(main)
