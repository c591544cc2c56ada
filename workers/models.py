"""Opening the models of the settings: the embedder behind its cache, and a reranker if any."""

import contextlib
import logging

from rag.embedding_cache import CachedEmbedder
from rag.errors import Broken
from rag.ports import Embedder
from runtime.settings import Settings
from workers import processor
from workers.cross_encoder import CrossEncoderReranker
from workers.int8_model import ENVIRONMENT
from workers.measured_embedder import MeasuredEmbedder
from workers.model_weights import DEFAULT_MODEL, resolve
from workers.onnx_embedder import OnnxEmbedder
from workers.redis_bytes import RedisBytes
from workers.sentence_embedder import SentenceEmbedder

log = logging.getLogger(__name__)


def open_embedder(stack: contextlib.ExitStack, settings: Settings) -> CachedEmbedder:
    """Load the embedding model, and connect its cache until *stack* closes."""
    store = stack.enter_context(RedisBytes.open(settings.cache_url))
    model = MeasuredEmbedder(open_model(settings))
    return CachedEmbedder(model, store, ttl_s=settings.embedding_ttl_s)


def open_reranker(settings: Settings) -> CrossEncoderReranker | None:
    """Load the reranker, if one is named."""
    if not settings.reranker_model:
        return None
    return CrossEncoderReranker.open(settings.reranker_model, threads=settings.model_threads)


def open_model(settings: Settings) -> Embedder:
    """
    Load the embedding model on the engine of the settings.

    Raises:
        Broken: It does not load, or `onnx-int8` is wanted and this model has no int8 form.
    """
    engine = settings.embedding_engine
    if engine == "onnx-int8":
        return _int8(settings)
    if engine == "auto":
        reason = _against_int8(settings)
        if not reason:
            try:
                embedder = _int8(settings)
            except Broken as error:
                reason = str(error)
            else:
                log.info("embedding in int8", extra={"engine": embedder.identity.engine})
                return embedder
        log.info("embedding with sentence-transformers", extra={"reason": reason})
    return SentenceEmbedder.open(
        settings.embedding_model, batch=settings.embedding_batch, threads=settings.model_threads
    )


def _against_int8(settings: Settings) -> str:
    """Say what speaks against int8 where nobody chose; nothing: the empty string."""
    if resolve(settings.embedding_model).name != DEFAULT_MODEL:
        return f"int8 is the default for {DEFAULT_MODEL} only"
    if not processor.multiplies_int8():
        return "this processor has no instructions for int8 products"
    return ""


def _int8(settings: Settings) -> OnnxEmbedder:
    """Open the int8 form; made in the data folder where the environment cannot be written."""
    return OnnxEmbedder.open(
        settings.embedding_model,
        threads=settings.model_threads,
        places=[ENVIRONMENT, settings.data_dir / "models"],
    )
