"""A BM25 index that looks at every chunk for every question."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from rag.documents import split_chunk_id
from rag.metadata.filters import Facts, Filter, facts, holds
from rag.ports import StoredChunk
from rag.terms.analysis import terms
from rag.terms.query_terms import query_alternatives

K1, B = 1.2, 0.75


class ListIndex:
    """A `SparseIndex` that scores every chunk for every question, with tantivy's BM25."""

    def __init__(self) -> None:
        self.cursor = ""
        self.log_epoch = ""
        self._visible: dict[str, Counter[str]] = {}
        self._pending: dict[str, Counter[str]] = {}
        self._languages: dict[str, str] = {}
        self._facts: dict[str, Facts] = {}

    def add(self, chunks: Sequence[StoredChunk]) -> None:
        """Add chunks, replacing any of the same document and generation; seen after commit."""
        generations = {stored.chunk_id.rpartition(":")[0] for stored in chunks}
        for generation in generations:
            self._remove(generation)
        for stored in chunks:
            self._pending[stored.chunk_id] = Counter(terms(stored.indexed, stored.language))
            self._languages[stored.chunk_id] = stored.language
            document, _, _ = split_chunk_id(stored.chunk_id)
            self._facts[stored.chunk_id] = facts(
                document, stored.title, stored.metadata, stored.language
            )

    def remove(self, document_id: str, generation: int) -> None:
        """Remove a generation's chunks; seen after commit."""
        self._remove(f"{document_id}:{generation}")

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Make everything since the last commit visible, together with the cursor."""
        self._visible = dict(self._pending)
        self.cursor, self.log_epoch = cursor, log_epoch

    def search(
        self,
        query: str,
        *,
        limit: int,
        generations: Sequence[str] | None = None,
        within: Filter | None = None,
    ) -> list[tuple[str, float]]:
        """Return (chunk id, BM25 score), best first."""
        languages = {self._languages[name] for name in self._visible}
        asked = Counter(query_alternatives(query, languages))
        scores = {name: self._score(asked, held) for name, held in self._visible.items()}
        found = [
            (name, score)
            for name, score in scores.items()
            if score > 0
            and (generations is None or name.rpartition(":")[0] in generations)
            and (within is None or holds(within, self._facts[name]))
        ]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[: max(limit, 0)]

    def count(self) -> int:
        """Return the number of chunks that searches see."""
        return len(self._visible)

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """Return how many chunks searches see of each (document, generation)."""
        return Counter(split_chunk_id(name)[:2] for name in self._visible)

    def intact(self, *, thorough: bool = False) -> bool:
        """Return True: memory is still there."""
        del thorough
        return True

    def close(self) -> None:
        """Forget everything."""
        self._visible, self._pending = {}, {}

    def _score(self, asked: Counter[tuple[str, ...]], held: Counter[str]) -> float:
        return sum(
            times * max(self._weight(stem, held) for stem in stems)
            for stems, times in asked.items()
        )

    def _weight(self, term: str, held: Counter[str]) -> float:
        count = len(self._visible)
        mean = sum(c.total() for c in self._visible.values()) / count
        frequency = held[term]
        holders = sum(term in other for other in self._visible.values())
        idf = math.log(1 + (count - holders + 0.5) / (holders + 0.5))
        norm = K1 * (1 - B + B * held.total() / (mean or 1))
        return idf * frequency * (K1 + 1) / (frequency + norm)

    def _remove(self, generation: str) -> None:
        for name in [n for n in self._pending if n.rpartition(":")[0] == generation]:
            del self._pending[name]
