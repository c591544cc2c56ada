"""The ingestion worker: parses, chunks, embeds and publishes documents, in bulk."""

import contextlib
import sys
from collections.abc import Callable, Sequence

from adapters.chroma.store import ChromaStore
from adapters.embedding_models.models import open_embedder
from adapters.parsing.language_detector import Py3langidDetector
from adapters.parsing.sandbox.parser_pool import ParserPool
from corpus.check_and_repair.checker import checker_of
from corpus.current_vectors import CurrentVectors
from corpus.embedding import PacedEmbedder
from corpus.ingestion import Ingestion
from corpus.parsing import FileReader
from corpus.reindexing import Reindexer
from corpus.storage import Storage
from jobs.leases.leases import Leases
from jobs.searches import SearchSight
from rag.chunking.chunker import Chunker
from rag.documents import ParsedDocument
from runtime.metrics.collecting import collecting
from runtime.settings import Settings
from tasks.resources import Resources
from workers import collectors, traced_ports
from workers.maintenance import start_background_check, start_maintenance
from workers.process import run


class LimitedParser:
    """The parser pool with the time a file may take."""

    def __init__(self, pool: ParserPool, *, timeout_s: float) -> None:
        self._pool = pool
        self._timeout_s = timeout_s

    def parse(self, data: bytes, *, filename: str, abort: Callable[[], bool]) -> ParsedDocument:
        """Parse a file in a sub-process; gives up when *abort* says so."""
        return self._pool.parse(data, filename=filename, timeout_s=self._timeout_s, abort=abort)


def open_resources(
    stack: contextlib.ExitStack, settings: Settings, storage: Storage, leases: Leases
) -> tuple[Resources, Sequence[str]]:
    """Open what this worker owns; closed in reverse order with *stack*."""
    # First, while this process has no threads and no model: the parsers' template is forked.
    pool = ParserPool.open(settings)
    stack.callback(pool.close)
    embedder, engine = open_embedder(stack, settings)
    stack.enter_context(collecting(collectors.cache(embedder)))
    searches = SearchSight(storage.redis)
    vectors = ChromaStore(settings.chroma_url, searches=searches)
    stack.callback(vectors.close)
    current = CurrentVectors(vectors, storage.catalogue.vector_indexes)
    start_maintenance(
        stack, storage, current, most_documents=settings.max_ingest_documents,
        most_questions=settings.max_batch_jobs,
    )  # fmt: skip
    checker = checker_of(storage, vectors, embedder)
    start_background_check(stack, storage, checker)
    # A model that reads less than that is still one setting away.
    chunk_tokens = min(settings.chunk_tokens, embedder.identity.max_tokens)
    reader = FileReader(
        parser=traced_ports.parser(LimitedParser(pool, timeout_s=settings.parser_timeout_s)),
        chunker=traced_ports.chunker(Chunker(max_tokens=chunk_tokens)),
        tokens=embedder,
        languages=Py3langidDetector.open(),
        blobs=storage.blobs,
    )
    resources = Resources(
        storage=storage,
        leases=leases,
        details=lambda: {
            "embedding_cache": embedder.report(),
            "embedding_engine": engine.told,
            "isolation": pool.isolation,
            "models": {"embedding": embedder.identity.model},
        },
        vectors=vectors,
        checker=checker,
        ingestion=Ingestion(
            leases=leases,
            steps=storage.ledger.documents,
            reader=reader,
            embedder=PacedEmbedder(traced_ports.embedder(embedder)),
            vectors=traced_ports.vectors(vectors),
            catalogue=storage.catalogue,
            change_log=traced_ports.change_log(storage.change_log),
            blobs=storage.blobs,
        ),
        reindexer=Reindexer(
            vectors=vectors,
            embedder=embedder,
            catalogue=storage.catalogue,
            blobs=storage.blobs,
        ),
    )
    return resources, [embedder.identity.model]


def main() -> int:
    """Run the worker."""
    return run(
        role="ingestion",
        queues=lambda _settings: ("ingest", "embed"),
        threads=lambda settings: settings.ingestion_threads,
        nice=lambda settings: settings.ingestion_nice,
        open_resources=open_resources,
    )


if __name__ == "__main__":
    sys.exit(main())
