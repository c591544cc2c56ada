"""A small Quern in one process: the front end over HTTP, and one thread that does all work."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from adapters.generators.extractive import Extractive
from corpus.embedding import PacedEmbedder
from corpus.ingestion import Ingestion
from corpus.parsing import FileReader
from jobs.leases.leases import Leases
from protocol.keys import key
from protocol.messages import ROLES
from rag.chunking.chunker import Chunker
from rag.embedding_cache import CachedEmbedder
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.bytes_store import DictStore
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.vector_store import DictVectors
from rag.metadata.filters import Filter
from rag.ports import Ranking, Snapshot, StoredChunk
from rag.search import fusion
from rag.search.candidates import CandidateReader
from rag.search.chunk_texts import ChunkTexts
from rag.search.retrieval import Retriever
from runtime.redis_clients import ledger_client
from tasks import query
from tasks.resources import Resources
from tests.support.workbench import English, LineParser
from web.front_end import FrontEnd


class NoReplica:
    """A replica that is never ready: what matches is asked of the vector store."""

    def whole(self, collection_id: str, snapshot: Snapshot) -> None:
        """Have no rows."""

    def select(
        self, collection_id: str, filters: Filter, *, snapshot: Snapshot | None = None
    ) -> None:
        """Have no rows."""

    def search(
        self, collection_id: str, query: str, *, limit: int, snapshot: Snapshot | None = None
    ) -> Ranking | None:
        """Find nothing yet."""
        del collection_id, query, limit, snapshot
        return None

    def chunks(self, collection_id: str, chunk_ids: Sequence[str]) -> dict[str, StoredChunk]:
        """Hold nothing."""
        del collection_id, chunk_ids
        return {}


class StoreHouse:
    """
    Runs whatever is dispatched, in one thread; `held` lets it wait.

    *parser* reads files line by line; those whose names begin with `bad` cannot be read.
    """

    def __init__(self, parts: FrontEnd) -> None:
        storage = parts.intake._storage
        self._redis = ledger_client(parts.settings.redis_url, connections=8)
        self._leases = Leases(storage.ledger.work, self._redis, name="retrieval/test/1")
        self.parser = LineParser()
        self.vectors = DictVectors()
        self.model = HashingEmbedder()  # it notes what it embeds
        embedder = CachedEmbedder(self.model, DictStore(), ttl_s=600)
        self._ingestion = Ingestion(
            leases=self._leases,
            steps=storage.ledger.documents,
            reader=FileReader(
                parser=self.parser, chunker=Chunker(), tokens=embedder,
                languages=English(), blobs=storage.blobs,
            ),
            embedder=PacedEmbedder(embedder),
            vectors=self.vectors,
            catalogue=storage.catalogue,
            change_log=storage.change_log,
            blobs=storage.blobs,
        )  # fmt: skip
        replica: Any = NoReplica()
        reader = CandidateReader(
            embedder=embedder, vectors=self.vectors, sparse=replica,
            visibility=storage.catalogue.generations, texts=ChunkTexts(replica, self.vectors),
            depth=50, clock=time.perf_counter,
        )  # fmt: skip
        self._resources = Resources(
            storage=storage,
            leases=self._leases,
            retriever=Retriever(reader, fuse=partial(fusion.convex, weight=0.6), scale=math.sqrt),
            generator=Extractive(ExtractiveGenerator(embedder)),
        )
        self._closing = threading.Event()
        self._working = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=10)
        self._redis.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no work begin until the block ends."""
        with self._working:
            yield

    def _work(self) -> None:
        while not self._closing.wait(0.003):
            for role in ROLES:
                try:
                    found = self._redis.zrange(key("inflight", role), 0, 10)
                except RedisError:
                    return
                for unit_id in found:
                    with self._working:
                        self._run(unit_id)

    def _run(self, unit_id: str) -> None:
        stage: Any = self._redis.hget(key("unit", unit_id), "stage")
        if stage == "parse":
            self._ingestion.parse(unit_id)
        elif stage == "publish":
            self._ingestion.publish(unit_id)
        elif stage == "remove":
            self._ingestion.remove(unit_id)
        elif stage == "retrieve":
            with self._leases.claim(unit_id, stage) as lease:
                if lease is not None:
                    query.search_and_answer(lease, self._resources)
