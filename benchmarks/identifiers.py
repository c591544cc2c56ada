"""
Are identifiers found whole, in other spellings, and missed where they stand nowhere?

    python -m benchmarks.identifiers [--each 40] [--json FILE]

Versions, part numbers, error codes, flaws, amounts, dates and symbols are made by rule, each in a
sentence of its own document, every second one a near twin of another. A search for it as it is
written has to find its document first, one in another spelling among the first three. Each is
asked for, and so is a twin that stands nowhere.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.answers import ask
from benchmarks.data.datasets import Question
from benchmarks.data.made_identifiers import KINDS, Made, made
from benchmarks.figures.reporting import Limit, report, show_miss
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, call, service

CLIENTS = 4
NAME = "identifiers"
FIRST: Final = 3  # places among which another spelling is found
SHOWN: Final = 12  # misses that are told

LIMITS: Final = {
    "exact_first": Limit(at_least=0.99),
    "spelling_in_first_three": Limit(at_least=0.95),
    "absent_refused": Limit(at_least=0.95),
    "present_answered": Limit(at_least=0.95),
}
#: What is tried with each: kind of identifier, what was handed over, whether it came out right.
Tried = tuple[str, str, bool]
T = TypeVar("T")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identifiers", description=__doc__)
    parser.add_argument("--each", type=int, default=40, help="identifiers of each kind")
    parser.add_argument("--seed", type=int, default=5, help="other identifiers by another seed")
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    things = made(8 if options.quick else options.each, seed=options.seed)
    corpus = [
        {"_id": str(row), "title": one.title, "text": one.sentence}
        for row, one in enumerate(things)
    ]
    with service(options.url) as quern, ProgressBars() as progress:
        quern.ingest(corpus, NAME, progress)
        tried = measure(quern, things, progress)
    figures: dict[str, float] = {"identifiers": len(things)}
    figures |= {name: mean(right for _, _, right in rows) for name, rows in tried.items()}
    console = Console()
    console.print(table(tried))
    for name, rows in tried.items():
        for _, asked, right in [row for row in rows if not row[2]][:SHOWN]:
            show_miss(console, name, wanted=asked, got=str(right))
    report("identifiers", figures, limits=LIMITS, json_path=options.json)


def measure(quern: Service, things: Sequence[Made], progress: Progress) -> dict[str, list[Tried]]:
    """Search and ask for each; returns what was tried, by figure."""
    rows = list(enumerate(things))
    spelt = [(row, one, other) for row, one in rows for other in one.others]

    def told(name: str, one: Callable[[T], Tried], some: Iterable[T]) -> list[Tried]:
        cases = list(some)
        bar = progress.add_task(name, total=len(cases))

        def counted(case: T) -> Tried:
            found = one(case)
            progress.advance(bar)
            return found

        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(counted, cases))

    found = partial(is_found, quern)
    answers = partial(is_answered, quern)
    return {
        "exact_first": told(
            "search", lambda case: found(case[1].kind, case[1].written, case[0], 1), rows
        ),
        "spelling_in_first_three": told(
            "search spellings", lambda case: found(case[1].kind, case[2], case[0], FIRST), spelt
        ),
        "absent_refused": told(
            "ask in vain", lambda one: answers(one.kind, one.asked_absent, wanted=False), things
        ),
        "present_answered": told(
            "ask", lambda one: answers(one.kind, one.asked, wanted=True), things
        ),
    }


def is_found(quern: Service, kind: str, query: str, row: int, first: int) -> Tried:
    """Return whether the document of a row is among the *first* of a search."""
    body = {"query": query, "collection": NAME, "top_k": FIRST}
    results = call(quern.client(), "POST", "/api/search", json=body)["results"]
    return kind, query, str(row) in [one["document_id"] for one in results[:first]]


def is_answered(quern: Service, kind: str, question: str, *, wanted: bool) -> Tried:
    """Return whether a question was answered, or refused, as it should be."""
    result = ask(quern.client(), NAME, Question("", question)).job["result"]
    return kind, question, bool(result["answered"]) is wanted


def table(tried: dict[str, list[Tried]]) -> Table:
    """Show the figures of each kind."""
    shown = Table(title="identifiers, by kind", title_justify="left")
    for heading in ("", *tried):
        shown.add_column(heading, justify="right" if heading else "left")
    for kind in KINDS:
        shares = [
            mean(right for name, _, right in rows if name == kind.name) for rows in tried.values()
        ]
        shown.add_row(kind.name, *(f"{share:.3f}" for share in shares))
    return shown


if __name__ == "__main__":
    run(main)
