"""The retrieval worker: embeds questions, searches, and answers where no model is set."""

import contextlib
import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from adapters.chroma.store import ChromaStore
from adapters.embedding_models.models import open_embedder, open_reranker
from adapters.generators.extractive import Extractive
from adapters.local_index.follower import Follower
from adapters.local_index.slot import Slot
from adapters.webhooks.addresses import Allowed
from adapters.webhooks.sender import WebhookSender
from corpus.current_vectors import CurrentVectors
from corpus.storage import Storage
from jobs.leases.leases import Leases
from jobs.webhooks.deliveries import Deliveries
from rag.extractive.extractive import ExtractiveGenerator
from rag.ports import Reranker
from rag.search import fusion
from rag.search.candidates import CandidateReader
from rag.search.chunk_texts import ChunkTexts
from rag.search.reranking import Reranking
from rag.search.retrieval import Fuse, Retriever
from runtime.metrics.collecting import collecting
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from runtime.turns import Turns
from tasks.long_texts import LongTexts
from tasks.resources import Resources
from workers import collectors, traced_ports
from workers.maintenance import start_maintenance
from workers.process import run


def open_resources(
    stack: contextlib.ExitStack, settings: Settings, storage: Storage, leases: Leases
) -> tuple[Resources, Sequence[str]]:
    """Open what this worker owns; closed in reverse order with *stack*."""
    embedder, engine = open_embedder(stack, settings)
    watched = traced_ports.embedder(embedder)
    reranker = open_reranker(settings)
    vectors = ChromaStore(settings.chroma_url)
    stack.callback(vectors.close)
    current = CurrentVectors(vectors, storage.catalogue.vector_indexes)
    follower = stack.enter_context(
        Follower(
            Slot(settings.indexes),
            redis=ledger_client(settings.redis_url, connections=4),
            catalogue=storage.catalogue,
            change_log=storage.change_log,
            vectors=current,
        )
    )
    # Here: this worker is there whoever answers, and it opens no files of strangers.
    stack.enter_context(
        WebhookSender(
            Deliveries(storage.redis, storage.ledger.scripts),
            allowed=Allowed(settings.webhook_allow_private),
            job_secret=settings.webhook_secret,
        )
    )
    replica = follower.reader
    start_maintenance(
        stack, storage, current, most_documents=settings.max_ingest_documents,
        most_questions=settings.max_batch_jobs,
    )  # fmt: skip
    stack.enter_context(
        collecting(
            collectors.cache(embedder),
            collectors.index(replica.counts, storage.catalogue.collections),
        )
    )
    executor = stack.enter_context(
        ThreadPoolExecutor(settings.retrieval_threads, thread_name_prefix="sparse")
    )
    reader = CandidateReader(
        embedder=watched,
        vectors=traced_ports.vectors(vectors),
        sparse=traced_ports.sparse(replica),
        visibility=storage.catalogue.generations,
        texts=ChunkTexts(replica, traced_ports.vectors(vectors)),
        depth=settings.search_depth,
        clock=time.perf_counter,
        executor=executor,
    )
    retriever = Retriever(
        reader,
        fuse=traced_ports.fuse(fuse(settings)),
        languages=settings.embedder_languages,
        reranking=_reranking(reranker, settings),
        vectors=replica if settings.fusion == "convex" else None,
        # Evidence grows with the square of the distance: what is told lies as cosines do.
        scale=math.sqrt if settings.fusion == "convex" else None,
    )
    resources = Resources(
        storage=storage,
        leases=leases,
        details=lambda: {
            "embedding_cache": embedder.report(),
            "embedding_engine": engine.told,
            "models": {"embedding": embedder.identity.model}
            | ({"reranker": reranker.name} if reranker else {}),
            "sparse": follower.report(),
        },
        retriever=retriever,
        embedder=watched,
        generator=Extractive(ExtractiveGenerator(watched, replica)) if answers(settings) else None,
        turn=Turns().turn,
        long_texts=LongTexts(threads=settings.retrieval_threads),
    )
    return resources, [embedder.identity.model, *([reranker.name] if reranker else [])]


def fuse(settings: Settings) -> Fuse:
    """Return the fusion that the settings name."""
    if settings.fusion == "rrf":
        return partial(fusion.rrf, k=settings.rrf_k)
    return partial(fusion.convex, weight=settings.fusion_weight)


def _reranking(reranker: Reranker | None, settings: Settings) -> Reranking | None:
    """Return what orders the best anew, where there is a reranker."""
    if reranker is None:
        return None
    return Reranking(
        traced_ports.reranker(reranker), depth=settings.rerank_depth, clock=time.monotonic
    )


def answers(settings: Settings) -> bool:
    """Return True if this worker answers too: quoting needs its embedder and no model."""
    return settings.answerer == "extractive"


def queues(settings: Settings) -> Sequence[str]:
    """Return the queues it serves."""
    return ("retrieve", "generate") if answers(settings) else ("retrieve",)


def main() -> int:
    """Run the worker."""
    return run(
        role="retrieval",
        queues=queues,
        threads=lambda settings: settings.retrieval_threads,
        open_resources=open_resources,
    )


if __name__ == "__main__":
    sys.exit(main())
