"""In-memory twins of the ports: the same contracts, no files, no processes, no weights."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from rag import sentence_codes
from rag.documents import split_chunk_id
from rag.errors import Cancelled, InvalidRequest, RerankerFailed, StoreUnavailable
from rag.metadata.filters import Facts, Filter, facts, holds
from rag.ports import (
    EmbeddedPassages,
    EmbedderIdentity,
    HnswSettings,
    PassageText,
    Scores,
    StoredChunk,
    StoredRow,
    Vectors,
)
from rag.words.analysis import terms
from rag.words.query_terms import query_alternatives, query_terms

K1, B = 1.2, 0.75


class Stop:
    """A stop signal that a test pulls."""

    def __init__(self) -> None:
        self.stopped = False
        self.callbacks: list[Callable[[], None]] = []

    def on_stop(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)
        if self.stopped:
            callback()

    def check(self) -> None:
        if self.stopped:
            raise Cancelled("unit")

    def pull(self) -> None:
        self.stopped = True
        for callback in self.callbacks:
            callback()


class DictStore:
    """A `BytesStore` in a dict; counts its calls and never forgets."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.ttls: dict[str, int] = {}
        self.used: list[str] = []
        self.trouble = ""
        self.reads = 0

    def get_many(self, keys: Sequence[str], *, ttl_s: int) -> list[bytes | None]:
        self.reads += 1
        self.ttls.update({key: ttl_s for key in keys if key in self.values})
        return [self.values.get(key) for key in keys]

    def set_many(
        self, items: Mapping[str, bytes], *, ttl_s: int, used: Collection[str] = ()
    ) -> list[str]:
        self.used.extend(sorted(used))
        self.values.update(items)
        self.ttls.update(dict.fromkeys(items, ttl_s))
        return [key for key in used if key not in self.values]


class HashingEmbedder:
    """
    An `Embedder` by feature hashing: texts that share stemmed words are near each other.

    A token is a word between blanks. *seen* lists every text embedded, in order.
    """

    def __init__(self, *, dimension: int = 256, max_tokens: int = 254) -> None:
        self.identity = EmbedderIdentity("hashing", "1", "twin", dimension, max_tokens)
        self.seen: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        vectors = np.zeros((len(texts), self.identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            words = text.split()
            if len(words) > self.identity.max_tokens and not truncate:
                raise InvalidRequest("texts", f"text {row} is too long")
            self.seen.append(text)
            cut = " ".join(words[: self.identity.max_tokens])
            for term in terms(cut) or [cut]:
                digest = hashlib.blake2b(term.encode(), digest_size=8).digest()
                place = int.from_bytes(digest[:7]) % self.identity.dimension
                vectors[row, place] += 1 if digest[7] % 2 else -1
            if not vectors[row].any():
                vectors[row, 0] = 1
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        vectors = self.embed([passage.whole for passage in passages])
        packed = []
        for passage, vector in zip(passages, vectors, strict=True):
            texts = [passage.text[start:end] for start, end in passage.sentences]
            ends = [end for _, end in passage.sentences]
            of_each = _alone(self.identity, texts)
            packed.append(sentence_codes.encode(vector, of_each, ends) if texts else b"")
        return EmbeddedPassages(vectors, packed)


def _alone(identity: EmbedderIdentity, texts: Sequence[str]) -> Vectors:
    """Embed texts that nobody shall see embedded."""
    return HashingEmbedder(dimension=identity.dimension, max_tokens=identity.max_tokens).embed(
        texts
    )


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
        self._remove(f"{document_id}:{generation}")

    def commit(self, *, cursor: str, log_epoch: str) -> None:
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
        return len(self._visible)

    def holdings(self) -> Mapping[tuple[str, int], int]:
        return Counter(split_chunk_id(name)[:2] for name in self._visible)

    def intact(self, *, thorough: bool = False) -> bool:
        del thorough
        return True

    def close(self) -> None:
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


class OverlapReranker:
    """
    A `Reranker` by the share of the question's terms that a text holds.

    *seen* lists the texts of each call. With *fails* it raises instead.
    """

    def __init__(self, *, fails: bool = False) -> None:
        self.seen: list[list[str]] = []
        self.fails = fails

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        self.seen.append(list(texts))
        if self.fails:
            raise RerankerFailed("told to fail")
        wanted = set(query_terms(query))
        shares = [len(wanted.intersection(terms(text))) / (len(wanted) or 1) for text in texts]
        return np.array(shares, dtype=np.float32)


class DictVectors:
    """A `VectorStore` in dicts: exact cosine over everything, written in one step per upsert."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, tuple[StoredChunk, Vectors]]] = {}
        self.about: dict[str, dict[str, str]] = {}

    def create(self, incarnation: str, hnsw: HnswSettings | None = None) -> None:
        del hnsw  # exact: there is no graph
        self.collections.setdefault(incarnation, {})

    def upsert(self, incarnation: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks and {len(vectors)} vectors")
        if incarnation not in self.collections:
            raise StoreUnavailable("there is no such collection")
        for stored, vector in zip(chunks, vectors, strict=True):
            self.collections[incarnation][stored.chunk_id] = (stored, vector)

    def search(self, incarnation: str, vector: Vectors, *, limit: int) -> list[tuple[str, float]]:
        held = self.collections.get(incarnation, {})
        found = [(name, _cosine(vector, other)) for name, (_, other) in held.items()]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]

    def get(self, incarnation: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        held = self.collections.get(incarnation, {})
        return {name: held[name][0] for name in chunk_ids if name in held}

    def search_where(
        self, incarnation: str, vector: Vectors, *, limit: int, wanted: Filter
    ) -> list[tuple[str, float]]:
        held = self.collections.get(incarnation, {})
        found = self.search(incarnation, vector, limit=len(held))
        return [hit for hit in found if matches(wanted, held[hit[0]][0])][:limit]

    def get_with_vectors(
        self, incarnation: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        if len(set(chunk_ids)) < len(chunk_ids):
            raise ValueError("ids repeat")  # as Chroma does
        chunks = self.get(incarnation, chunk_ids)
        held = self.collections.get(incarnation, {})
        there = [name for name in chunk_ids if name in chunks]
        if not there:
            return [], np.zeros((0, 0), dtype=np.float32)
        return [chunks[name] for name in there], np.stack([held[name][1] for name in there])

    def rows(self, incarnation: str) -> Iterator[list[StoredRow]]:
        held = self.collections.get(incarnation, {})
        yield [StoredRow(*split_chunk_id(name), stored.of) for name, (stored, _) in held.items()]

    def present(self, incarnation: str, chunk_ids: Sequence[str]) -> set[str]:
        return set(chunk_ids) & set(self.collections.get(incarnation, {}))

    def label(self, incarnation: str, about: Mapping[str, str]) -> bool:
        if incarnation in self.collections:
            self.about[incarnation] = dict(about)
        return incarnation in self.collections

    def labels(self) -> dict[str, dict[str, str]]:
        return {name: self.about.get(name, {}) for name in self.collections}

    def delete(self, incarnation: str, chunk_ids: Sequence[str]) -> None:
        for name in chunk_ids:
            self.collections.get(incarnation, {}).pop(name, None)

    def drop(self, incarnation: str) -> None:
        self.collections.pop(incarnation, None)
        self.about.pop(incarnation, None)

    def count(self, incarnation: str) -> int:
        return len(self.collections.get(incarnation, {}))


def matches(wanted: Filter, stored: StoredChunk) -> bool:
    document = split_chunk_id(stored.chunk_id)[0]
    return holds(wanted, facts(document, stored.title, stored.metadata, stored.language))


def _cosine(a: Vectors, b: Vectors) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
