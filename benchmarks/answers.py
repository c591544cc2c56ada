"""
The main job, end to end: ingest a set through the API, ask through the queue, check the answers.

    python -m benchmarks.answers --data DIR [--questions 500] [--clients 16] [--json FILE]
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import quote

import httpx
from rich.progress import Progress

from benchmarks.data.datasets import Dataset, Question
from benchmarks.figures.ranking import ndcg, recall
from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import FINAL, Service, call, service

ALONE = 40  # questions asked by one client, once and again
TOP_K = 10
ANSWER_CHARACTERS, FIRST_CHARACTERS, QUOTES = 700, 350, 3

LIMITS = {
    "recall_at_5": Limit(at_least=0.95),
    "ndcg_at_10": Limit(at_least=0.89),
    "answer_gold": Limit(at_least=0.87),
    "answer_gold_first": Limit(at_least=0.70),
    "citations_valid_share": Limit(at_least=1.0),
    "jobs_finished_once_share": Limit(at_least=1.0),
    "first_p50_ms": Limit(at_most=400),
    "repeat_p50_ms": Limit(at_most=80),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its finished job, and how long the client waited for it."""

    question: Question
    job: dict[str, Any]
    ms: float


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with a BEIR-like set")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    data = Dataset.read(options.data)
    questions = data.sample(options.questions + ALONE)
    corpus = data.corpus
    if options.quick:
        questions = questions[:60]
        wanted = {name for question in questions for name in data.relevant[question.id]}
        corpus = [row for row in corpus if row["_id"] in wanted]
    with service(options.url) as quern, ProgressBars() as progress:
        figures = measure(
            quern, data, progress, corpus=corpus, questions=questions, clients=options.clients
        )
    limits = LIMITS if any(question.answers for question in questions) else {
        name: limit for name, limit in LIMITS.items() if "gold" not in name and "at_" not in name
    }  # fmt: skip
    report(f"answers: {data.name}", figures, limits=limits, json_path=options.json)


def measure(
    quern: Service,
    data: Dataset,
    progress: Progress,
    *,
    corpus: list[dict[str, str]],
    questions: list[Question],
    clients: int,
) -> dict[str, Any]:
    """Run every part and return its figures."""
    figures: dict[str, Any] = {"passages": len(corpus), "questions": len(questions) - ALONE}
    began = time.perf_counter()
    job = quern.ingest(corpus, data.name, progress)
    figures["ingest_s"] = time.perf_counter() - began
    figures["ingest_failed"] = job["progress"]["failed"]
    began = time.perf_counter()
    again = quern.ingest(corpus, data.name, progress)
    figures["reingest_s"] = time.perf_counter() - began
    outcomes = [(row["outcome"], row["chunks"]) for row in quern.rows(again["id"])]
    figures["reingest_unchanged"] = sum(outcome == "unchanged" for outcome, _ in outcomes)
    figures["reingest_embedded"] = sum(n for outcome, n in outcomes if outcome != "unchanged")

    step = len(questions) // ALONE
    alone = questions[::step][:ALONE]
    rest = [question for question in questions if question not in alone]
    bar = progress.add_task("one client", total=2 * len(alone))
    warm = quern.client()
    ask(warm, data.name, Question("warm", "Is anybody there?"))
    first = [_advance(ask(warm, data.name, question), progress, bar) for question in alone]
    repeat = [_advance(ask(warm, data.name, question), progress, bar) for question in alone]
    figures |= _latencies("first", first) | _latencies("repeat", repeat)

    bar = progress.add_task(f"{clients} clients", total=len(rest))
    connections = [quern.client() for _ in range(clients)]
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        batches = pool.map(
            lambda i: [
                _advance(ask(connections[i], data.name, question), progress, bar)
                for question in rest[i::clients]
            ],
            range(clients),
        )
        asked = [one for batch in batches for one in batch]
    took = time.perf_counter() - began
    waits = [one.ms for one in asked]
    figures |= {
        "jobs_per_s": len(asked) / took,
        "p50_ms": median(waits),
        "p95_ms": percentile(waits, 0.95),
    }
    return figures | quality(quern, data, asked, progress)


def ask(
    http: httpx.Client, collection: str, question: Question, history: Sequence[dict[str, str]] = ()
) -> Asked:
    """Submit a question, after the turns of *history*, and poll until its job has ended."""
    began = time.perf_counter()
    body: dict[str, Any] = {"question": question.text, "collection": collection, "top_k": TOP_K}
    if history:
        body["history"] = list(history)
    job = call(http, "POST", "/api/queries", json=body)
    while job["state"] not in FINAL:
        job = call(http, "GET", f"/api/jobs/{job['id']}", params={"wait": 30})
    return Asked(question, job, (time.perf_counter() - began) * 1000)


def quality(
    quern: Service, data: Dataset, asked: list[Asked], progress: Progress
) -> dict[str, Any]:
    """Check rankings, answers, citations, and that every job ended exactly once."""
    done = [one for one in asked if one.job["state"] == "succeeded"]
    ranked = [
        (
            [source["document_id"] for source in one.job["result"]["sources"]],
            data.relevant[one.question.id],
        )
        for one in done
    ]
    figures: dict[str, Any] = {
        "succeeded_share": len(done) / len(asked),
        "recall_at_5": mean(recall(found, relevant, k=5) for found, relevant in ranked),
        "ndcg_at_10": mean(ndcg(found, relevant, k=10) for found, relevant in ranked),
    }
    answers = [_quotes(one) for one in done]
    if any(one.question.answers for one in done):
        figures["answer_gold"] = mean(
            holds_gold("\n".join(quotes[:QUOTES])[:ANSWER_CHARACTERS], one.question)
            for quotes, one in zip(answers, done, strict=True)
        )
        figures["answer_gold_first"] = mean(
            holds_gold(quotes[0][:FIRST_CHARACTERS] if quotes else "", one.question)
            for quotes, one in zip(answers, done, strict=True)
        )
    figures["answer_chars_p95"] = percentile(
        [float(sum(len(quote) for quote in quotes)) for quotes in answers], 0.95
    )
    figures["answered_share"] = mean(one.job["result"]["answered"] for one in done)
    figures["citations_valid_share"] = _valid_share(quern, data.name, done, progress)
    figures["jobs_finished_once_share"] = _once_share(quern, asked, progress)
    return figures


def holds_gold(text: str, question: Question) -> bool:
    """Return True if a text holds one of the answers, case and white space aside."""
    folded = _folded(text)
    return any(_folded(answer) in folded for answer in question.answers)


def _folded(text: str) -> str:
    """Fold case and runs of white space."""
    return " ".join(text.casefold().split())


def _quotes(one: Asked) -> list[str]:
    """Return the sentences that an answer quotes, in its order."""
    return [citation["quote"] for citation in one.job["result"]["citations"]]


def _valid_share(quern: Service, collection: str, done: list[Asked], progress: Progress) -> float:
    """Compare every quote with the span it names in the parsed text."""
    texts: dict[tuple[str, int], str] = {}
    bar = progress.add_task("check citations", total=len(done))
    checked = valid = 0
    for one in done:
        sources = one.job["result"]["sources"]
        for citation in one.job["result"]["citations"]:
            source = sources[citation["source"]]
            name = (source["document_id"], source["generation"])
            if name not in texts:
                path = f"/api/collections/{collection}/documents/{_path(name[0])}/text"
                texts[name] = call(quern.http, "GET", path, params={"generation": name[1]})["text"]
            span = texts[name][citation["start"] : citation["end"]]
            checked += 1
            valid += span == citation["quote"] and citation["source"] == citation["marker"] - 1
        progress.advance(bar)
    return valid / checked if checked else 0.0


def _once_share(quern: Service, asked: list[Asked], progress: Progress) -> float:
    """Count the jobs whose event stream ends exactly once."""
    bar = progress.add_task("check ends", total=len(asked))
    once = 0
    for one in asked:
        response = quern.http.get(f"/api/jobs/{one.job['id']}/events").raise_for_status()
        ends = sum(line == "event: done" for line in response.text.splitlines())
        once += ends == 1 and one.job["state"] in FINAL
        progress.advance(bar)
    return once / len(asked)


def _latencies(name: str, asked: list[Asked]) -> dict[str, float]:
    """Return the median wait of one client, and where the time went."""
    figures = {f"{name}_p50_ms": median(one.ms for one in asked)}
    for part in ("queued", "embed", "retrieve", "generate", "total"):
        spent = [one.job["timings_ms"][part] for one in asked if part in one.job["timings_ms"]]
        if spent:
            figures[f"{name}_{part}_p50_ms"] = median(spent)
    return figures


def _path(document_id: str) -> str:
    """Quote a document's id for a path."""
    return quote(document_id, safe="")


def _advance(asked: Asked, progress: Progress, bar: Any) -> Asked:
    """Move a progress bar on."""
    progress.advance(bar)
    return asked


if __name__ == "__main__":
    run(main)
