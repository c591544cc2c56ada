"""A retrieval worker's index of one collection: BM25 terms, and rows beside them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Self

from adapters.local_index.sparse.tantivy_index import TantivyIndex
from adapters.local_index.stored_chunks.chunk_rows import ChunkRows
from adapters.local_index.stored_chunks.committed_rows import CommittedRows
from adapters.local_index.stored_chunks.selection import Selection
from corpus.change_log import not_before
from rag.metadata.filters import Filter
from rag.ports import Ranking, StoredChunk, Vectors

#: Up to so many generations are named to the words' index; of more, it is asked for more hits.
FEW_NAMES = 500
#: A name costs the words' index as much as so many hits that are looked through.
HITS_PER_NAME = 4.0
#: Asked for beyond what an even spread of the matching chunks would need.
SLACK = 2


class LocalIndex:
    """
    The words' index and the rows of one collection, which apply the same log.

    Each commits with a cursor of its own; what both have is the older one. After a crash the log is
    applied again from there, which changes nothing in the part that had it.
    """

    def __init__(self, words: TantivyIndex, rows: ChunkRows) -> None:
        self._words = words
        self._rows = rows

    @classmethod
    def open(cls, path: Path) -> Self:
        """
        Open both parts in the folder *path*, or make empty ones there.

        Raises:
            IndexUnusable: One of them is corrupt or of another version.

            IndexInUse: Another process is writing there.
        """
        words = TantivyIndex.open(path)
        try:
            return cls(words, ChunkRows.open(path / "rows"))
        except BaseException:
            words.close()
            raise

    @property
    def cursor(self) -> str:
        """The last entry of the change log that both parts have; empty when new."""
        words, rows = self._words.cursor, self._rows.cursor
        return words if not_before(rows, words) else rows

    @property
    def log_epoch(self) -> str:
        """Which log the cursor belongs to; empty where the parts disagree."""
        return self._words.log_epoch if self._words.log_epoch == self._rows.log_epoch else ""

    def add(self, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Add chunks with their vectors, replacing any of the same generation; see `commit`."""
        self._words.add(chunks)
        self._rows.add(chunks, vectors)

    def remove(self, document_id: str, generation: int) -> None:
        """Remove a generation's chunks; seen after commit."""
        self._words.remove(document_id, generation)
        self._rows.remove(document_id, generation)

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Make everything since the last commit durable and visible, together with the cursor."""
        self._rows.commit(cursor=cursor, log_epoch=log_epoch)
        self._words.commit(cursor=cursor, log_epoch=log_epoch)

    def search(self, query: str, *, limit: int) -> Ranking:
        """Return (chunk id, BM25 score), best first."""
        return self._words.search(query, limit=limit)

    def select(self, filters: Filter | None) -> "Matching":
        """Return what matches a filter, to be searched; all chunks without one."""
        rows = self._rows.committed
        return Matching(self._words, rows.select(filters), rows)

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that are here, by id."""
        return self._rows.committed.chunks(chunk_ids)

    def vectors(self, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        """Return the ids of the chunks that are here, with their vectors of norm 1."""
        return self._rows.committed.vectors(chunk_ids)

    def count(self) -> int:
        """Return the number of chunks that searches see."""
        return self._words.count()

    def holdings(self) -> Mapping[tuple[str, int], int]:
        """Return how many chunks there are of each generation, 0 where the parts disagree."""
        words, rows = self._words.holdings(), self._rows.holdings()
        return {
            name: words[name] if words.get(name) == rows.get(name) else 0
            for name in words.keys() | rows.keys()
        }

    def intact(self, *, thorough: bool = False) -> bool:
        """Return True if the files of both parts are there; *thorough* also reads their sums."""
        parts = (self._words, self._rows)
        return all(part.intact(thorough=thorough) for part in parts)

    def rest(self) -> None:
        """Let go what only writing needs, until something is written again."""
        self._words.rest()

    def close(self) -> None:
        """Release files and locks; what was not committed is dropped."""
        self._words.close()
        self._rows.close()


class Matching:
    """The chunks of a replica that match a filter; a `rag.reading_ports.Matching`."""

    def __init__(self, words: TantivyIndex, selected: Selection, rows: CommittedRows) -> None:
        self._words = words
        self._selected = selected
        self._rows = rows

    @property
    def rows(self) -> int:
        """How many chunks match."""
        return self._selected.rows

    @property
    def of(self) -> int:
        """How many chunks there are."""
        return self._selected.of

    def fields(self, only: AbstractSet[str] | None = None) -> Mapping[str, frozenset[str]]:
        """Return the fields of all chunks, or *only* these, with the kinds of their values."""
        return self._rows.fields(only)

    def keeps(self, name: str) -> bool:
        """Return True if the chunk of that id matches."""
        return self._selected.keeps(name)

    def share_near(self, vector: Vectors) -> float:
        """Return about what share of the chunks near a vector matches."""
        return self._selected.share_near(vector)

    def nearest(self, vector: Vectors, *, limit: int) -> Ranking:
        """Return (chunk id, cosine) of the nearest that match, best first; scores are exact."""
        return self._selected.nearest(vector, limit)

    def search(self, query: str, *, limit: int) -> Ranking:
        """Return (chunk id, BM25 score) of those that match, best first, scored as among all."""
        if not self.rows:
            return []
        spelled, generations = self._selected.spelled, self._selected.generations
        if spelled is not None:
            return self._words.search(query, limit=limit, within=spelled)
        asked = limit * self.of * SLACK // self.rows
        most = int(generations * HITS_PER_NAME)
        if generations > FEW_NAMES and asked <= most:
            found = self._words.search_among(
                query, limit=limit, among=self._selected.among, asked=asked, most=most
            )
            if found is not None:
                return found
        # Few match, or few of the best: only the index itself finds those further down.
        return self._words.search(query, limit=limit, generations=self._selected.names())


class NothingThere:
    """What matches in a collection into which nothing was published yet."""

    rows = of = 0

    def fields(
        self,
        only: AbstractSet[str] | None = None,  # noqa: ARG002  # the port's
    ) -> Mapping[str, frozenset[str]]:
        """Return nothing."""
        return {}

    def keeps(self, name: str) -> bool:  # noqa: ARG002  # the port's
        """Return False: it does not match."""
        return False

    def share_near(self, vector: Vectors) -> float:  # noqa: ARG002  # the port's
        """Return 0: none matches."""
        return 0.0

    def nearest(self, vector: Vectors, *, limit: int) -> Ranking:  # noqa: ARG002  # the port's
        """Return nothing."""
        return []

    def search(self, query: str, *, limit: int) -> Ranking:  # noqa: ARG002  # the port's
        """Return nothing."""
        return []
