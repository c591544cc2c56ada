"""Opening the models of the settings: the embedder behind its cache, and a reranker if any."""

import contextlib
import logging
from typing import NamedTuple

from adapters.embedding_models.cross_encoder import CrossEncoderReranker
from adapters.embedding_models.embedding_engines import Engine, candidates, first_that_works
from adapters.embedding_models.measured_embedder import MeasuredEmbedder
from adapters.embedding_models.model_weights import resolve
from adapters.embedding_models.onnx_embedder import OnnxEmbedder
from adapters.embedding_models.onnx_form import ENVIRONMENT
from adapters.embedding_models.redis_bytes import RedisBytes
from adapters.embedding_models.sentence_embedder import SentenceEmbedder
from rag.embedding_cache import CachedEmbedder
from rag.ports import Embedder
from runtime.settings import Settings

log = logging.getLogger(__name__)


class EmbeddingModel(NamedTuple):
    """The embedding model behind its cache, and what computes it."""

    embedder: CachedEmbedder
    engine: Engine


def open_embedder(stack: contextlib.ExitStack, settings: Settings) -> EmbeddingModel:
    """Load the embedding model, and connect its cache until *stack* closes."""
    store = stack.enter_context(RedisBytes.open(settings.cache_url))
    model, engine = open_model(settings)
    cached = CachedEmbedder(MeasuredEmbedder(model), store, ttl_s=settings.embedding_ttl_s)
    return EmbeddingModel(cached, engine)


def open_reranker(settings: Settings) -> CrossEncoderReranker | None:
    """Load the reranker, if one is named."""
    if not settings.reranker_model:
        return None
    return CrossEncoderReranker.open(settings.reranker_model, threads=settings.model_threads)


def open_model(settings: Settings) -> tuple[Embedder, Engine]:
    """
    Load the embedding model on the first engine that works.

    Raises:
        Broken: None does; tells why the last one does not.
    """
    engines = candidates(settings.embedding_engine, resolve(settings.embedding_model).name)
    embedder, engine = first_that_works(engines, lambda engine: _open(engine, settings))
    level = logging.INFO if engine == engines[0] else logging.WARNING  # others were left out
    log.log(level, "embedding engine", extra={"engine": engine.name, "reason": engine.why})
    return embedder, engine


def _open(engine: Engine, settings: Settings) -> Embedder:
    """Load the embedding model on one engine; raises Broken."""
    model, threads = settings.embedding_model, settings.model_threads
    if engine.precision is None:
        return SentenceEmbedder.open(model, batch=settings.embedding_batch, threads=threads)
    # A form is made in the data folder where the environment cannot be written.
    places = [ENVIRONMENT, settings.data_dir / "models"]
    return OnnxEmbedder.open(model, precision=engine.precision, threads=threads, places=places)
