"""The vector store on a Chroma server: one of its collections for each vector index."""

import base64
import http.client
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from typing import Any, Final

import numpy as np
import orjson

from adapters.chroma.client import ChromaClient, Collection, NoCollection
from adapters.chroma.filter import LISTED, THEIRS, where
from adapters.chroma.write_pace import Searches, WritePace
from rag.documents import Chunk, Scalar, Value, split_chunk_id
from rag.errors import Broken, StoreUnavailable
from rag.metadata.filters import Filter
from rag.ports import HnswSettings, StoredChunk, Vectors

log = logging.getLogger(__name__)

#: Part of the cosine that a unit of distance takes. Vectors are of length 1, so the inner product
#: is their cosine, and Chroma's `l2` is the squared distance, 2 - 2 x cosine.
PER_DISTANCE: Final = {"cosine": 1.0, "ip": 1.0, "l2": 0.5}

#: Rows asked for at once.
PAGE: Final = 1_000
#: Ids of one page when all are listed: Chroma steps over what lies before it, 1,000 rows in 4 ms,
#: and has no other order to go on by, so pages are few.
IDS_PAGE: Final = 10_000

#: Metadata with all of a chunk that Chroma's filters do not ask for, as JSON: an entry is a row in
#: each of three tables and indexes of Chroma's, so one for all takes less of its disk and its time.
CHUNK: Final = "chunk"
#: Metadata with the lists that a document's metadata has, by name, as JSON: Chroma 1.5 takes
#: lists of one kind of value each, none empty, and servers before it take none.
LISTS: Final = "lists"
#: Its last parts, where nothing is told: sentences, context, headers, page label, page kind,
#: section, headings.
_NOTHING_TOLD: Final = ("", "", (), "", "", "", ())
#: Metadata of a collection: what `label` wrote.
LABEL: Final = "quern."


class ChromaStore:
    """
    Keep chunks on a Chroma server.

    Args:
        url: Of the server.

        searches: Whether people search: writes give way to them. None: no write does.
    """

    def __init__(self, url: str, *, searches: Searches | None = None) -> None:
        self._client = ChromaClient(url)
        self._pace = WritePace(searches)
        self._collections: dict[str, Collection] = {}
        # One upsert at a time into each: of several at once Chroma puts all rows into its graph
        # again with every one, at five times the processor time and more (1.5, one server).
        self._writing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def create(self, collection_id: str, hnsw: HnswSettings | None = None) -> None:
        """
        Make the collection, and check that it has the settings asked for.

        Harmless when it exists. With None a new one gets the defaults, and one that exists is
        taken as it is.

        Raises:
            Broken: Chroma keeps it with other settings.
        """
        if collection_id in self._collections:
            return
        asked = asdict(hnsw or HnswSettings())
        with self._calls():
            collection = self._client.make(collection_id, asked)
        # Read back: Chroma ignores a wrong outer key, and the settings of one that exists, in
        # silence.
        kept = collection.hnsw
        different = {name: kept.get(name) for name in asked if kept.get(name) != asked[name]}
        if different and hnsw is not None:
            raise Broken(f"Chroma did not keep the index configuration: {different}")
        self._collections[collection_id] = collection

    def upsert(self, collection_id: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """
        Write chunks under their ids, replacing equal ids; waits for a write before it.

        While people search they are written a few at a time: see `WritePace`.
        """
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks and {len(vectors)} vectors")
        metadata = [_metadata(stored) for stored in chunks]
        with self._writing[collection_id], self._calls():
            try:
                collection = self._collection(collection_id)
                for part in self._pace.parts(
                    len(chunks), collection_id, count=lambda: self._client.count(collection)
                ):
                    self._client.upsert(
                        collection,
                        ids=[stored.chunk_id for stored in chunks[part]],
                        vectors=vectors[part],
                        texts=[stored.chunk.text for stored in chunks[part]],
                        metadata=metadata[part],
                    )
            except NoCollection as error:
                # Dropped meanwhile, or lost by the server: the next attempt makes it or gives up.
                self._collections.pop(collection_id, None)
                raise StoreUnavailable("the collection is not in Chroma any more") from error

    def search(self, collection_id: str, vector: Vectors, *, limit: int) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks, best first."""
        return self._nearest(collection_id, vector, limit)

    def search_where(
        self, collection_id: str, vector: Vectors, *, limit: int, filters: Filter
    ) -> list[tuple[str, float]]:
        """Return (chunk id, cosine) of the nearest chunks that may match a filter, best first."""
        return self._nearest(collection_id, vector, limit, where(filters))

    def get(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Return the chunks that exist, by id."""
        if not chunk_ids:
            return {}
        with self._calls():
            try:
                found = self._client.get(
                    self._collection(collection_id),
                    ids=chunk_ids,
                    include=("documents", "metadatas"),
                )
            except NoCollection:
                self._collections.pop(collection_id, None)
                return {}
        return {
            name: _stored(name, text, metadata)
            for name, text, metadata in zip(
                found["ids"], found["documents"], found["metadatas"], strict=True
            )
        }

    def get_with_vectors(
        self, collection_id: str, chunk_ids: Sequence[str]
    ) -> tuple[list[StoredChunk], Vectors]:
        """Return the chunks that exist, in the order asked for, and their vectors row by row."""
        nothing: Vectors = np.zeros((0, 0), dtype=np.float32)
        if not chunk_ids:
            return [], nothing
        with self._calls():
            try:
                found = self._client.get(
                    self._collection(collection_id),
                    ids=chunk_ids,
                    include=("documents", "metadatas", "embeddings"),
                )
            except NoCollection:
                self._collections.pop(collection_id, None)
                return [], nothing
        rows = {
            name: (_stored(name, text, metadata), vector)
            for name, text, metadata, vector in zip(
                found["ids"], found["documents"], found["metadatas"], found["embeddings"],
                strict=True,
            )
        }  # fmt: skip
        there = [rows[name] for name in chunk_ids if name in rows]
        if not there:
            return [], nothing
        return [chunk for chunk, _ in there], np.array([v for _, v in there], dtype=np.float32)

    def ids(self, collection_id: str) -> Iterator[list[str]]:
        """Yield the id of every chunk present, page by page; each page costs what lies before."""
        offset = 0
        while True:
            with self._calls():
                try:
                    page = self._client.get(
                        self._collection(collection_id),
                        limit=IDS_PAGE,
                        offset=offset,
                    )
                except NoCollection:
                    self._collections.pop(collection_id, None)
                    return
            yield page["ids"]
            if len(page["ids"]) < IDS_PAGE:
                return
            offset += IDS_PAGE

    def present(self, collection_id: str, chunk_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""
        found: set[str] = set()
        for first in range(0, len(chunk_ids), PAGE):
            with self._calls():
                try:
                    page = self._client.get(
                        self._collection(collection_id), ids=chunk_ids[first : first + PAGE]
                    )
                except NoCollection:
                    self._collections.pop(collection_id, None)
                    return set()
            found.update(page["ids"])
        return found

    def label(self, collection_id: str, about: Mapping[str, str]) -> bool:
        """Write beside a collection what a lost catalogue would need; returns True if it exists."""
        told = {LABEL + name: value for name, value in about.items()}
        with self._calls():
            try:
                collection = self._client.find(collection_id)
                if collection.metadata != told:
                    self._client.describe(collection, told)
            except NoCollection:
                return False
        return True

    def labels(self) -> dict[str, dict[str, str]]:
        """Return every collection with its label, empty where it has none."""
        found: dict[str, dict[str, str]] = {}
        while True:
            with self._calls():
                page = self._client.page(limit=PAGE, offset=len(found))
            for collection in page:
                found[collection.name] = {
                    name.removeprefix(LABEL): str(value)
                    for name, value in collection.metadata.items()
                    if name.startswith(LABEL)
                }
            if len(page) < PAGE:
                return found

    def delete(self, collection_id: str, chunk_ids: Sequence[str]) -> None:
        """Remove chunks; ids that do not exist are ignored."""
        for first in range(0, len(chunk_ids), PAGE):
            with self._calls():
                try:
                    self._client.delete(
                        self._collection(collection_id), chunk_ids[first : first + PAGE]
                    )
                except NoCollection:
                    return

    def drop(self, collection_id: str) -> None:
        """Remove the whole collection. Harmless when it does not exist."""
        self._collections.pop(collection_id, None)
        self._writing.pop(collection_id, None)
        self._pace.forget(collection_id)
        with self._calls():
            try:
                self._client.drop(collection_id)
            except NoCollection:
                log.debug("nothing to drop", extra={"collection_id": collection_id})

    def count(self, collection_id: str) -> int:
        """Return how many chunks there are, of all generations."""
        with self._calls():
            try:
                return self._client.count(self._collection(collection_id))
            except NoCollection:
                self._collections.pop(collection_id, None)
                return 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._collections.clear()

    def _nearest(
        self,
        collection_id: str,
        vector: Vectors,
        limit: int,
        clause: Mapping[str, Any] | None = None,
    ) -> list[tuple[str, float]]:
        """Ask for the nearest chunks."""
        with self._calls():
            try:
                collection = self._collection(collection_id)
                found = self._client.nearest(collection, vector, limit=limit, where=clause)
            except NoCollection:
                # Nothing was ever published here, or it was dropped meanwhile.
                self._collections.pop(collection_id, None)
                return []
        part = PER_DISTANCE[collection.hnsw.get("space", "cosine")]
        return [(name, 1.0 - part * distance) for name, distance in found]

    def _collection(self, collection_id: str) -> Collection:
        """Return what is known of a collection: it holds the id and saves a look-up."""
        # Asked for once: another thread may take it out at any time.
        known = self._collections.get(collection_id)
        if known is None:
            known = self._collections[collection_id] = self._client.find(collection_id)
        return known

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Turn what goes wrong on the way into StoreUnavailable; a missing collection passes."""
        try:
            yield
        except (http.client.HTTPException, OSError) as error:
            raise StoreUnavailable(f"Chroma does not answer: {type(error).__name__}") from error


def _metadata(stored: StoredChunk) -> dict[str, Scalar]:
    """Write a chunk's metadata: with its id enough to rebuild the catalogue from Chroma alone."""
    document, _, _ = split_chunk_id(stored.chunk_id)
    chunk = stored.chunk
    told: list[Any] = [stored.of, chunk.start, chunk.end, chunk.page, chunk.before]
    rare: list[list[Any]] = [
        [base64.b85encode(stored.sentences).decode()],
        [chunk.context, chunk.headers],
        [chunk.page_label, chunk.page_kind],
        [chunk.section, chunk.headings],
    ]
    # By their places: what is told keeps that of what is not, up to the last that is.
    while rare and not any(rare[-1]):
        rare.pop()
    told += chain.from_iterable(rare)
    written: dict[str, Scalar] = {
        "document": document, "title": stored.title, CHUNK: orjson.dumps(told).decode()
    }  # fmt: skip
    if stored.language:
        written["language"] = stored.language
    lists = {name: value for name, value in stored.metadata.items() if isinstance(value, list)}
    if lists:
        written[LISTS] = orjson.dumps(lists).decode()
    for name, value in stored.metadata.items():
        if isinstance(value, list):
            written[LISTED + name] = True
        else:
            written[THEIRS + name] = value
    return written


def _stored(name: str, text: str, metadata: Mapping[str, Any]) -> StoredChunk:
    """Read a chunk back."""
    of, start, end, page, before, *rest = _told(metadata)
    # The last ones are left out where there is nothing to tell, and by earlier builds.
    rest += _NOTHING_TOLD[len(rest) :]
    sentences, context, headers, label, kind, section, headings = rest
    known: dict[str, Value] = {
        key.removeprefix(THEIRS): value for key, value in metadata.items() if key.startswith(THEIRS)
    }
    if LISTS in metadata:
        known |= orjson.loads(metadata[LISTS])
    return StoredChunk(
        chunk_id=name,
        chunk=Chunk(
            n=split_chunk_id(name)[2], start=start, end=end, text=text, page=page, before=before,
            context=context, headers=tuple((first, last) for first, last in headers),
            page_label=label, page_kind=kind, section=section,
            headings=tuple((first, last, level) for first, last, level in headings),
        ),
        of=of,
        title=metadata["title"],
        metadata=known,
        language=metadata.get("language", ""),
        sentences=base64.b85decode(sentences),
    )  # fmt: skip


def _told(metadata: Mapping[str, Any]) -> list[Any]:
    """Read what is known of a chunk besides its id, document, title and language."""
    if CHUNK in metadata:
        told: list[Any] = orjson.loads(metadata[CHUNK])
        return told
    # As earlier builds wrote it, an entry each.
    known = (metadata["of"], metadata["start"], metadata["end"], metadata.get("page"))
    return [*known, metadata.get("before", "")]
