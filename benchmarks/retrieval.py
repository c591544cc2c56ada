"""
How well retrieval ranks: sparse alone, dense alone, both fusions and the default, per set.

    python -m benchmarks.retrieval --data DIR… [--json FILE]

One traced search per question gives both legs' rankings as the service saw them; the fusions are
computed from those, so all columns rest on the same candidates.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from rich.progress import Progress

from benchmarks.datasets import Dataset, Question
from benchmarks.ranking import ndcg, recall, reciprocal_rank
from benchmarks.reporting import Limit, report
from benchmarks.service import Service, call, service
from rag.documents import split_chunk_id
from rag.fusion import convex, rrf
from runtime.settings import Settings

CLIENTS = 4
Ranking = list[tuple[str, float]]

MEASURES: dict[str, Callable[[list[str], dict[str, float]], float]] = {
    "ndcg_at_10": partial(ndcg, k=10),
    "recall_at_5": partial(recall, k=5),
    "recall_at_10": partial(recall, k=10),
    "recall_at_100": partial(recall, k=100),
    "mrr": reciprocal_rank,
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    parser.add_argument("--questions", type=int, default=1_000_000, help="of each set at most")
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    gains = []
    with service(options.url) as quern, Progress() as progress:
        for folder in options.data:
            data = Dataset.read(folder)
            scores = measure(quern, data, options, progress)
            for system, row in scores.items():
                for name, value in row.items():
                    figures[f"{data.name}.{system}.{name}"] = value
            better = max(scores["sparse"]["ndcg_at_10"], scores["dense"]["ndcg_at_10"])
            gains.append(scores["default"]["ndcg_at_10"] - better)
            figures[f"{data.name}.gain_over_better_single"] = gains[-1]
    figures["mean_gain_over_better_single"] = mean(gains)
    figures["worst_gain_over_better_single"] = min(gains)
    limits = {"worst_gain_over_better_single": Limit(at_least=-0.005)}
    report("retrieval", figures, limits=limits, json_path=options.json)


def measure(
    quern: Service, data: Dataset, options: argparse.Namespace, progress: Progress
) -> dict[str, dict[str, float]]:
    """Ingest one set, search for every question, and score each way of ranking."""
    corpus, questions = data.corpus, data.sample(options.questions)
    if options.quick:
        questions = questions[:40]
        wanted = {name for question in questions for name in data.relevant[question.id]}
        corpus = [row for row in corpus if row["_id"] in wanted][:400]
    quern.ingest(corpus, data.name, progress)
    bar = progress.add_task(f"search {data.name}", total=len(questions))

    def some(i: int) -> list[tuple[Question, dict[str, Ranking]]]:
        http = quern.client()
        found = []
        for question in questions[i::CLIENTS]:
            body = {"query": question.text, "collection": data.name, "top_k": 50, "trace": True}
            answer = call(http, "POST", "/api/search", json=body)
            found.append((question, rankings(answer["trace"])))
            progress.advance(bar)
        return found

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = [pair for batch in pool.map(some, range(CLIENTS)) for pair in batch]
    return {
        system: {
            name: mean(
                measured(_documents(ways[system]), data.relevant[question.id])
                for question, ways in found
            )
            for name, measured in MEASURES.items()
        }
        for system in ("sparse", "dense", "rrf", "convex", "default")
    }


def rankings(trace: dict[str, Any]) -> dict[str, Ranking]:
    """Return every way of ranking a traced search's candidates."""
    settings = Settings()
    legs = {
        leg: [
            (candidate["chunk_id"], candidate[leg]["score"])
            for candidate in sorted(
                (c for c in trace["candidates"] if leg in c), key=lambda c: c[leg]["rank"]
            )
        ]
        for leg in ("sparse", "dense")
    }
    return legs | {
        "rrf": rrf(legs["dense"], legs["sparse"], k=settings.rrf_k),
        "convex": convex(legs["dense"], legs["sparse"], weight=settings.fusion_weight),
        "default": [(c["chunk_id"], c["score"]) for c in trace["candidates"]],
    }


def _documents(ranking: Ranking) -> list[str]:
    """Return the documents of a ranking of chunks, each at its best chunk's place."""
    return list(dict.fromkeys(split_chunk_id(name)[0] for name, _ in ranking))


if __name__ == "__main__":
    main()
