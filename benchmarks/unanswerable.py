"""
Does Quern know what it does not know? Questions whose paragraph does not answer them.

    python -m benchmarks.unanswerable --data DIR/squad2-unanswerable [--questions 500] [--json FILE]

The `answers` of its questions are empty. The folder beside it, `squad-dev`, holds the paragraphs
and the questions that they do answer.
"""

import argparse
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

from rich.progress import Progress

from benchmarks.answers import ask
from benchmarks.data.datasets import Dataset, Question, lines
from benchmarks.figures.reporting import report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, service

CLIENTS = 16


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unanswerable", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=500, help="of each kind")
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    hard = without_answer(options.data)
    data = Dataset.read(options.data.parent / "squad-dev")
    count = 40 if options.quick else options.questions
    unanswerable = random.Random(7).sample(hard, min(count, len(hard)))
    with service(options.url) as quern, ProgressBars() as progress:
        corpus = data.corpus[:200] if options.quick else data.corpus
        quern.ingest(corpus, data.name, progress)
        yes = confidences(quern, data.name, data.sample(count), progress)
        no = confidences(quern, data.name, unanswerable, progress)
    figures = {
        "questions_answerable": len(yes),
        "questions_unanswerable": len(no),
        "auroc_answered": auroc([c for c, _ in yes], [c for c, _ in no]),
        "answered_share_answerable": mean(answered for _, answered in yes),
        "answered_share_unanswerable": mean(answered for _, answered in no),
    }
    report("unanswerable", figures, limits={}, json_path=options.json)


def without_answer(folder: Path) -> list[Question]:
    """
    Return the questions of a folder whose `answers` are empty.

    Raises:
        SystemExit: The folder has no such question: what is measured would mean nothing.
    """
    path = folder / "queries.jsonl"
    rows = list(lines(path)) if path.is_file() else []
    found = [Question(row["_id"], row["text"]) for row in rows if row.get("answers") == []]
    if not found:
        lacking = "no question whose `answers` are empty" if rows else "no questions"
        raise SystemExit(
            f"{folder} has no unanswerable questions: {lacking} in {path.name}. "
            'Give a folder with lines {"_id": …, "text": …, "answers": []} there, '
            "such as squad2-unanswerable."
        )
    return found


def confidences(
    quern: Service, collection: str, questions: list[Question], progress: Progress
) -> list[tuple[float, bool]]:
    """Ask questions; returns the confidence of each answer, and whether it claims to answer."""
    bar = progress.add_task("ask", total=len(questions))

    def one(i: int) -> list[tuple[float, bool]]:
        http = quern.client()
        found = []
        for question in questions[i::CLIENTS]:
            result: dict[str, Any] = ask(http, collection, question).job["result"]
            found.append((float(result["confidence"]), bool(result["answered"])))
            progress.advance(bar)
        return found

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [pair for batch in pool.map(one, range(CLIENTS)) for pair in batch]


def auroc(positive: list[float], negative: list[float]) -> float:
    """
    Return the area under the ROC curve: how often a positive scores above a negative.

    Ties count half (the Mann-Whitney U statistic, normalised).
    """
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


if __name__ == "__main__":
    run(main)
