"""Opening the embedder: the model of the settings behind the cache that survives restarts."""

import contextlib

from rag.embedding_cache import CachedEmbedder
from runtime.settings import Settings
from workers.redis_bytes import RedisBytes
from workers.sentence_embedder import SentenceEmbedder


def open_embedder(stack: contextlib.ExitStack, settings: Settings) -> CachedEmbedder:
    """Load the embedding model, and connect its cache until *stack* closes."""
    store = stack.enter_context(RedisBytes.open(settings.cache_url))
    model = SentenceEmbedder.open(
        settings.embedding_model, batch=settings.embedding_batch, threads=settings.model_threads
    )
    return CachedEmbedder(model, store, ttl_s=settings.embedding_ttl_s)
