"""
How well retrieval ranks: sparse alone, dense alone, both fusions and the default, per set.

    python -m benchmarks.retrieval --data DIR… [--json FILE] [--plot FILE.svg]

One traced search per question gives both retrievers' rankings as the service saw them; `rrf` and
`convex` are computed from those alone, so all columns rest on the same candidates. `default` is
the service's own order, which leans on BM25 where the embedder does not know a set's language. For
such languages BM25 is also run in this process, with their stemmer and without.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.local_index.sparse.tantivy_index import TantivyIndex
from benchmarks.data.datasets import Dataset, Question
from benchmarks.figures.bars import grouped_bars
from benchmarks.figures.bootstrap import interval
from benchmarks.figures.ranking import ndcg, recall, reciprocal_rank
from benchmarks.figures.reporting import Limit, report, write
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, call, service
from rag.documents import Chunk, chunk_id, split_chunk_id
from rag.ports import StoredChunk
from rag.search.fusion import convex, evidence, rrf
from rag.terms.stems import ENGLISH, STEMMERS
from runtime.environment import read_settings

CLIENTS = 4
Ranking = list[tuple[str, float]]

SYSTEMS = ("sparse", "dense", "rrf", "convex", "default")
DEPTH = 100
HEADLINE = "ndcg_at_10"
MEASURES: dict[str, Callable[[list[str], dict[str, float]], float]] = {
    HEADLINE: partial(ndcg, k=10),
    "recall_at_5": partial(recall, k=5),
    "recall_at_10": partial(recall, k=10),
    "recall_at_100": partial(recall, k=100),
    "mrr": reciprocal_rank,
}

#: Over the better retriever, in languages that the embedder knows.
WORST, MEAN = Limit(at_least=0.0), Limit(at_least=0.03)
#: In others it is held against BM25, which it follows: as good, give or take chance.
FOREIGN = Limit(at_least=-0.005)


@dataclass(slots=True)
class Scores:
    """What was measured on one set: per system and measure, a value for each question."""

    name: str
    language: str
    is_known: bool
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def gains(self) -> list[float]:
        """
        The default's nDCG@10 over that of the better retriever, question by question.

        Where the embedder does not know the language that is BM25's, whichever is ahead here.
        """
        retrievers = [self.values[retriever][HEADLINE] for retriever in ("sparse", "dense")]
        better = max(retrievers, key=mean) if self.is_known else retrievers[0]
        default = self.values["default"][HEADLINE]
        return [ours - theirs for ours, theirs in zip(default, better, strict=True)]

    @property
    def limit(self) -> Limit:
        """What the mean gain is held against."""
        return WORST if self.is_known else FOREIGN

    def figures(self) -> dict[str, float]:
        """Return every figure of the set, flat."""
        told = {
            f"{self.name}.{system}.{measure}": mean(values)
            for system, row in self.values.items()
            for measure, values in row.items()
        }
        low, high = interval(self.gains)
        over = "gain_over_better_single" if self.is_known else "gain_over_sparse"
        return told | {
            f"{self.name}.{over}": mean(self.gains),
            f"{self.name}.default.gain_low": low,
            f"{self.name}.default.gain_high": high,
        }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    parser.add_argument("--questions", type=int, default=1_000_000, help="of each set at most")
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--plot", type=Path, help="also draw nDCG@10 per set, as SVG")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    with service(options.url) as quern, ProgressBars() as progress:
        sets = [measure(quern, Dataset.read(path), options, progress) for path in options.data]
    Console().print(table(sets))
    overall = summary(sets)
    limits = {"worst_gain_over_better_single": WORST, "mean_gain_over_better_single": MEAN}
    report("retrieval, over the better retriever", overall, limits=limits, json_path=None)
    if options.json is not None:
        figures = {name: value for each in sets for name, value in each.figures().items()}
        write(figures | overall, options.json)
    if options.plot is not None:
        groups = [
            (each.name, [(name, mean(row[HEADLINE])) for name, row in each.values.items()])
            for each in sets
        ]
        options.plot.write_text(grouped_bars("nDCG@10", groups), "utf-8")


def measure(
    quern: Service, data: Dataset, options: argparse.Namespace, progress: Progress
) -> Scores:
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
    language = language_of(quern, data.name)
    known = read_settings().embedder_languages
    scores = Scores(data.name, language, is_known=known is None or language in {"", *known})
    for system in SYSTEMS:
        ranked = [(question, ways[system]) for question, ways in found]
        scores.values[system] = scored(ranked, data)
    if language in STEMMERS and language != ENGLISH:
        scores.values |= {
            "sparse_stemmed": scored(by_words(corpus, questions, language), data),
            "sparse_unstemmed": scored(by_words(corpus, questions, language, stemmed=False), data),
        }
    return scores


def scored(ranked: Sequence[tuple[Question, Ranking]], data: Dataset) -> dict[str, list[float]]:
    """Return each measure of each question's ranking of chunks, as a ranking of documents."""
    return {
        name: [
            measured(_documents(ranking), data.relevant[question.id])
            for question, ranking in ranked
        ]
        for name, measured in MEASURES.items()
    }


def by_words(
    corpus: Sequence[Mapping[str, str]],
    questions: Sequence[Question],
    language: str,
    *,
    stemmed: bool = True,
) -> list[tuple[Question, Ranking]]:
    """Rank whole documents by BM25 in this process, with the language's stemmer or without."""
    with tempfile.TemporaryDirectory(prefix="quern-bench-") as folder, patch.dict(STEMMERS):
        if not stemmed:
            del STEMMERS[language]
        index = TantivyIndex.open(Path(folder) / "index")
        index.add(
            [
                StoredChunk(
                    chunk_id(row["_id"], 1, 0), Chunk(0, 0, len(row["text"]), row["text"]), 1,
                    row["title"], {}, language,
                )
                for row in corpus
            ]
        )  # fmt: skip
        index.commit(cursor="1", log_epoch="benchmark")
        found = [(question, index.search(question.text, limit=DEPTH)) for question in questions]
        index.close()
    return found


def language_of(quern: Service, collection: str) -> str:
    """Return the language that the service found in most documents of a collection."""
    path = f"/api/collections/{collection}/documents"
    shown = call(quern.http, "GET", path, params={"limit": 200})["documents"]
    ((language, _),) = Counter(str(one.get("language", "")) for one in shown).most_common(1)
    return language


def rankings(trace: dict[str, Any]) -> dict[str, Ranking]:
    """Return every way of ranking a traced search's candidates."""
    settings = read_settings()
    retrievers = {
        retriever: [
            (candidate["chunk_id"], candidate[retriever]["score"])
            for candidate in sorted(
                (c for c in trace["candidates"] if retriever in c),
                key=lambda c: c[retriever]["rank"],
            )
        ]
        for retriever in ("sparse", "dense")
    }
    return retrievers | {
        "rrf": rrf(retrievers["dense"], retrievers["sparse"], k=settings.rrf_k),
        "convex": convex(
            *evidence(retrievers["dense"], retrievers["sparse"]), weight=settings.fusion_weight
        ),
        "default": [(c["chunk_id"], c["score"]) for c in trace["candidates"]],
    }


def summary(sets: Sequence[Scores]) -> dict[str, float]:
    """Return the mean and the worst gain over the sets in a language that the embedder knows."""
    gains = [mean(each.gains) for each in sets if each.is_known]
    if not gains:
        return {}
    return {
        "mean_gain_over_better_single": mean(gains),
        "worst_gain_over_better_single": min(gains),
    }


def table(sets: Sequence[Scores]) -> Table:
    """Show all sets side by side: nDCG@10 per system, then the default's gain and the rest."""
    caption = "* over BM25 where the embedder does not know the set's language"
    shown = Table(title="retrieval", caption=caption, title_justify="left")
    for heading in ("", *(each.name for each in sets)):
        shown.add_column(heading, justify="right" if heading else "left")
    for system in (*SYSTEMS, "sparse_stemmed", "sparse_unstemmed"):
        rows = [each.values.get(system) for each in sets]
        if any(rows):
            cells = (f"{mean(row[HEADLINE]):.4f}" if row else "" for row in rows)
            shown.add_row(f"{system} {HEADLINE}", *cells)
    shown.add_section()
    gains = [mean(each.gains) for each in sets]
    ends = [interval(each.gains) for each in sets]
    verdicts = [
        "holds" if each.limit.holds(gain) else "MISSED"
        for each, gain in zip(sets, gains, strict=True)
    ]
    shown.add_row("default over the better retriever*", *(f"{gain:+.4f}" for gain in gains))
    shown.add_row("95 % interval", *(f"{low:+.3f} to {high:+.3f}" for low, high in ends))
    shown.add_row("limit", *(str(each.limit) for each in sets))
    shown.add_row("", *verdicts)
    shown.add_section()
    for measure in list(MEASURES)[1:]:
        cells = (f"{mean(each.values['default'][measure]):.4f}" for each in sets)
        shown.add_row(f"default {measure}", *cells)
    return shown


def _documents(ranking: Ranking) -> list[str]:
    """Return the documents of a ranking of chunks, each at its best chunk's place."""
    return list(dict.fromkeys(split_chunk_id(name)[0] for name, _ in ranking))


if __name__ == "__main__":
    run(main)
