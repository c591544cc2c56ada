"""Opening the models of the settings: the embedder behind its cache, and a reranker if any."""

import contextlib

from rag.embedding_cache import CachedEmbedder
from rag.ports import Embedder
from runtime.settings import Settings
from workers.cross_encoder import CrossEncoderReranker
from workers.redis_bytes import RedisBytes
from workers.sentence_embedder import SentenceEmbedder


def open_model(settings: Settings) -> Embedder:
    """Load the embedding model."""
    return SentenceEmbedder.open(
        settings.embedding_model, batch=settings.embedding_batch, threads=settings.model_threads
    )


def open_embedder(stack: contextlib.ExitStack, settings: Settings) -> CachedEmbedder:
    """Load the embedding model, and connect its cache until *stack* closes."""
    store = stack.enter_context(RedisBytes.open(settings.cache_url))
    return CachedEmbedder(open_model(settings), store, ttl_s=settings.embedding_ttl_s)


def open_reranker(settings: Settings) -> CrossEncoderReranker | None:
    """Load the reranker, if one is named."""
    if not settings.reranker_model:
        return None
    return CrossEncoderReranker.open(settings.reranker_model, threads=settings.model_threads)
