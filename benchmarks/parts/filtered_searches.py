"""Searches under filters of known selectivity, each beside the same search without one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from rich.progress import Progress

from benchmarks.data.scale_texts import Asked, Corpus
from benchmarks.parts.bare import Floats, Stored
from benchmarks.running.service import retrieval_ms

KINDS: Final = ("none", "tenth", "hundredth", "one", "other_language")
LEAST: Final = 20


@dataclass(frozen=True, slots=True)
class FilteredSearches:
    """
    What filtered searches need.

    Args:
        corpus: What was ingested, and questions about it.

        stored: Its chunks, for the exact neighbours among those that match.

        search: Asks the service: text, and more of the request's fields.

        embed: Returns a question's vector.
    """

    corpus: Corpus
    stored: Stored
    search: Callable[..., dict[str, Any]]
    embed: Callable[[str], Floats]

    def figures(self, count: int, progress: Progress) -> dict[str, float]:
        """Ask *count* questions under each kind of filter; what they cost, and what they find."""
        count = max(count, LEAST)
        # Each its own words: what the cache holds would make it a cheaper search.
        asked = {kind: self.corpus.questions(count, skip=1 + n) for n, kind in enumerate(KINDS)}
        numbers, langs = self._facts()
        spent: dict[str, list[float]] = {kind: [] for kind in KINDS}
        recalls: dict[str, list[float]] = {kind: [] for kind in KINDS[1:]}
        bar = progress.add_task("filter", total=2 * count)
        for n in range(count):
            for kind in KINDS:
                question = asked[kind][n]
                chosen, _ = _filter(kind, question, n, numbers, langs)
                spent[kind].append(retrieval_ms(self.search(question.text, filters=chosen)))
            progress.advance(bar)
        # Not between the measurements: a pass over all vectors empties the processor's caches.
        for n in range(count):
            for kind in KINDS[1:]:
                question = asked[kind][n]
                chosen, among = _filter(kind, question, n, numbers, langs)
                recalls[kind].append(self._recall(question, chosen, among))
            progress.advance(bar)
        return _summary(spent, recalls)

    def _facts(self) -> tuple[Any, Any]:
        """Return number and language of each chunk's passage; -1 and nothing where it has none."""
        # What an earlier run on a kept folder has added bears no metadata, so no filter matches it.
        names = [name.split(":")[0] for name in self.stored.ids]
        numbers = np.array([int(name[1:]) if name.startswith("p") else -1 for name in names])
        rows = self.corpus.rows
        return numbers, np.array([rows[n]["metadata"]["lang"] if n >= 0 else "" for n in numbers])

    def _recall(self, question: Asked, chosen: Mapping[str, Any] | None, among: Any) -> float:
        """Return the share of the exact ten that the dense retriever finds."""
        exact = self.stored.nearest(self.embed(question.text), 10, among)
        dense = self.search(question.text, filters=chosen, mode="dense", top_k=10)
        hits = {hit["chunk_id"] for hit in dense["results"]}
        return len(hits & exact) / len(exact)


def _summary(
    spent: Mapping[str, list[float]], recalls: Mapping[str, list[float]]
) -> dict[str, float]:
    """Return medians and recalls, and the worst of each."""
    medians = {kind: median(values) for kind, values in spent.items()}
    recall = {kind: sum(values) / len(values) for kind, values in recalls.items()}
    return {
        **{f"filtered_{kind}_p50_ms": value for kind, value in medians.items()},
        **{f"filtered_{kind}_recall_at_10": value for kind, value in recall.items()},
        "filtered_over_unfiltered_worst": max(medians[k] / medians["none"] for k in recall),
        "filtered_recall_at_10_worst": min(recall.values()),
    }


def _filter(
    kind: str, question: Asked, n: int, numbers: Any, langs: Any
) -> tuple[Mapping[str, Any] | None, Any]:
    """Return a filter of some selectivity and the rows that it matches."""
    if kind == "tenth":
        return {"tenth": n % 10}, (numbers >= 0) & (numbers % 10 == n % 10)
    if kind == "hundredth":
        return {"hundredth": n % 100}, (numbers >= 0) & (numbers % 100 == n % 100)
    if kind == "one":
        return {"number": question.number}, numbers == question.number
    if kind == "other_language":  # nothing that is near the question matches
        other = "de" if question.lang == "en" else "en"
        return {"lang": other}, langs == other
    return None, None
