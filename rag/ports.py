"""The ports of the domain: what it asks of the outside, by a real or an in-memory adapter."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.documents import Chunk, ParsedDocument, Value, indexed_text
from rag.errors import EmbedderMismatch
from rag.metadata.filters import Filter
from rag.mixing import may_mix

Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]
Ranking = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What made a vector. Recorded with a collection: only vectors that mix stand in one."""

    model: str
    revision: str
    engine: str
    dimension: int
    max_tokens: int
    normalised: bool = True

    def mixes_with(self, other: "EmbedderIdentity") -> bool:
        """Return True if the vectors of both may be compared; see `rag.mixing`."""
        mine, theirs = ((one.dimension, one.max_tokens, one.normalised) for one in (self, other))
        made = [(one.model, one.revision, one.engine) for one in (self, other)]
        return mine == theirs and may_mix(*made)


@dataclass(frozen=True, slots=True)
class HnswSettings:
    """How the graph of a vector collection is built and searched; fixed when it is made."""

    space: str = "cosine"
    ef_construction: int = 400
    ef_search: int = 400
    max_neighbors: int = 64


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """
    The vectors of a collection, all by one embedder: the name a vector store knows them by.

    *embedder* is None before anything was written, *hnsw* where it was not recorded.
    """

    name: str
    embedder: EmbedderIdentity | None = None
    hnsw: HnswSettings | None = None

    def check_embedder(self, mine: EmbedderIdentity) -> None:
        """Go on only with vectors that mix with *mine*; raises EmbedderMismatch."""
        theirs = self.embedder
        if theirs is not None and not theirs.mixes_with(mine):
            raise EmbedderMismatch(
                f"this collection was embedded with {theirs.model} (revision {theirs.revision}, "
                f"{theirs.engine}), and this worker runs {mine.model} (revision {mine.revision}, "
                f"{mine.engine}); run quern reindex, or set "
                "QUERN_EMBEDDING_MODEL and QUERN_EMBEDDING_ENGINE back"
            )


class TokenCounter(Protocol):
    """Counts tokens as the embedder will, special tokens not included."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, uncut."""
        ...


class PassageText(NamedTuple):
    """
    A passage as it is embedded: what stands before it, and its own text.

    Args:
        before: Its document's title and its context, each with a line break, or nothing.

        text: Its own text.

        sentences: The spans of *text* that may be quoted, ascending.
    """

    before: str
    text: str
    sentences: Sequence[tuple[int, int]]

    @property
    def whole(self) -> str:
        """What the model reads."""
        return self.before + self.text


class EmbeddedPassages(NamedTuple):
    """
    The vectors of passages, and of their sentences.

    Args:
        vectors: Of each passage; float32, of shape (passages, dimension), each of norm 1.

        sentences: Of each passage its sentences, as `rag.sentence_codes` packs them; empty where
            the model tells nothing of them.
    """

    vectors: Vectors
    sentences: list[bytes]


class Embedder(TokenCounter, Protocol):
    """Turns texts into unit vectors."""

    @property
    def identity(self) -> EmbedderIdentity:
        """What made these vectors."""
        ...

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        """
        Return float32 vectors of shape (len(texts), dimension), each of norm 1.

        A text longer than the model accepts is refused unless *truncate* says to cut it.
        """
        ...

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """Return what `embed` makes of each whole passage, and its sentences out of one pass."""
        ...


class Reranker(Protocol):
    """Reads a question and a passage together, which ranks better than two vectors do."""

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        """
        Return how well each text answers *query*: float32 of shape (len(texts),), in 0 to 1.

        A score depends on its text alone. What is too long for the model is cut.

        Raises:
            RerankerFailed: There are no scores; the reason is in the log.
        """
        ...


class Parser(Protocol):
    """Turns bytes into text inside limits, in another process."""

    def parse(self, data: bytes, *, filename: str, abort: Callable[[], bool]) -> ParsedDocument:
        """
        Parse a file; gives up when *abort* says so.

        Raises:
            Unreadable, NoText: It cannot be turned into text; the detail says why.
        """
        ...


class LanguageDetector(Protocol):
    """Detects the language of a text; equal texts get equal answers, in any thread."""

    def language_of(self, text: str) -> str:
        """Return the ISO 639-1 code of most of *text*, empty where nothing is likely."""
        ...


class BytesStore(Protocol):
    """Where cached bytes live; a miss is None, a store that is away answers only misses."""

    @property
    def trouble(self) -> str:
        """Why it answers only misses or keeps nothing, for an operator; empty when all is well."""
        ...

    def get_many(self, keys: Sequence[str], *, ttl_s: int) -> list[bytes | None]:
        """Return the value of each key, None where there is none; a value lives *ttl_s* s again."""
        ...

    def set_many(
        self, items: Mapping[str, bytes], *, ttl_s: int, used: Collection[str] = ()
    ) -> Collection[str]:
        """
        Keep each value for *ttl_s* seconds.

        What is full drops what was least recently used; *used* are keys that were, unseen by the
        store, since the last call, and live as long again. Returns those of them that it no longer
        holds.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """
    A chunk as the vector store keeps it: enough to rebuild the sparse index and a citation.

    *language* is its document's, ISO 639-1; empty where nobody could tell. *sentences* are the
    vectors of its sentences, as `rag.sentence_codes` packs them; empty where there are none.
    """

    chunk_id: str
    chunk: Chunk
    of: int
    title: str
    metadata: Mapping[str, Value]
    language: str = ""
    sentences: bytes = b""

    @property
    def indexed(self) -> str:
        """What both indexes see of it."""
        return indexed_text(self.title, self.chunk.text, self.chunk.context)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    What a search must know before it reads anything.

    Args:
        seq: How many activations there have been.

        vector index: The vectors that are searched, read after *seq*.

        entry: Of the change log, the newest activation's; `0-0` before the first. Read after
            *vector_index*.

        epoch: Which log that is.

        documents: How many there are.

        waiting: How many are still on their way.
    """

    seq: int
    vector_index: VectorIndex
    entry: str
    epoch: str
    documents: int = 0
    waiting: int = 0


class VectorStore(Protocol):
    """
    The truth about chunks: ids, texts, vectors.

    What is called *collection_id* here is the name of one vector index of a collection: its
    own name until the first reindex.
    """

    def create(self, collection_id: str, hnsw: HnswSettings | None = None) -> None:
        """
        Make the collection, and check that it has the settings asked for.

        Harmless when it exists. With None a new one gets the defaults, and one that exists is
        taken as it is.
        """
        ...

    def upsert(self, collection_id: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Write chunks under their ids, replacing equal ids."""
        ...

    def search(self, collection_id: str, vector: Vectors, *, limit: int) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks, best first; *vector* has shape (d,)."""
        ...

    def search_where(
        self, collection_id: str, vector: Vectors, *, limit: int, filters: Filter
    ) -> list[tuple[str, float]]:
        """
        Return (chunk id, cosine) of the nearest chunks that may match a filter, best first.

        None that matches is left out for its facts, but one that does not match may be among them:
        the store cannot say everything that a filter can. Its cost grows with the collection.
        """
        ...

    def get(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that exist, by id."""
        ...

    def get_with_vectors(
        self, collection_id: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        """Return the chunks that exist, in the order asked for, and their vectors row by row."""
        ...

    def ids(self, collection_id: str) -> Iterator[list[str]]:
        """
        Yield the id of every chunk present, page by page, for the check.

        A page may cost as much as all that lies before it.
        What is written or deleted meanwhile may be missed or come twice.
        """
        ...

    def present(self, collection_id: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""
        ...

    def count(self, collection_id: str) -> int:
        """Return how many chunks there are, of all generations."""
        ...

    def label(self, collection_id: str, about: Mapping[str, str]) -> bool:
        """
        Write beside a collection what a lost catalogue would need of it; returns True if it exists.

        Harmless when it says so already.
        """
        ...

    def labels(self) -> dict[str, dict[str, str]]:
        """Return every collection with its label, empty where it has none."""
        ...

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove chunks; ids that do not exist are ignored."""
        ...

    def drop(self, collection_id: str) -> None:
        """Remove the whole collection. Harmless when it does not exist."""
        ...
