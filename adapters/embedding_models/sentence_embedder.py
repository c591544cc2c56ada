"""The embedder: a sentence-transformers model in this process, in full precision."""

import logging
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from adapters.embedding_models.model_weights import ModelWeights, resolve
from rag.errors import Broken, InvalidRequest, NoVector
from rag.ports import EmbeddedPassages, EmbedderIdentity, PassageText, Vectors
from runtime.cores import usable_cores

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

NORM_TOLERANCE = 1e-3
WINDOW = 1_000  # texts tokenised or embedded under one hold of the lock; questions wait for it

log = logging.getLogger(__name__)


class SentenceEmbedder:
    """
    An `Embedder` on sentence-transformers, safe to call from several threads, one at a time.

    One lock and not one model per thread: a forward pass fills the cores it may use, so passes
    side by side only take turns, and each copy would cost its weights again. A call for many texts
    lets others in between batches.
    """

    def __init__(self, model: "SentenceTransformer", weights: ModelWeights, *, batch: int) -> None:
        """Use a loaded model; see `open`."""
        self._model = model
        self._batch = batch
        self._lock = threading.Lock()
        self._counter = _counter(model)
        self._identity = _identity(model, weights)

    @classmethod
    def open(cls, model: str, *, batch: int = 8, threads: int = 0) -> Self:
        """
        Load *model*, checked by `model_weights`, on the CPU, and embed once to prove it.

        Args:
            model: A folder, `all-MiniLM-L6-v2`, or a name on the hub.

            batch: Texts of one forward pass.

            threads: Threads of one forward pass; 0 means one for each core this process may use.

        Raises:
            Broken: The model is not there, is not what it should be, or does not embed.
        """
        weights = resolve(model)
        # OpenMP reads this when torch is loaded. Its threads spin while they wait unless told not
        # to; beside another busy process on the same cores that makes a pass seven times slower.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch  # noqa: PLC0415 - see above
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - imports torch
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415 - the same

        torch.set_num_threads(threads or usable_cores())
        # transformers publishes it without types.
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            loaded = SentenceTransformer(str(weights.path), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise Broken(f"{weights.path} does not load as an embedding model: {error}") from error
        embedder = cls(loaded, weights, batch=batch)
        embedder.embed(["Is anybody there?"])
        log.info("embedding model loaded", extra={"model": weights.name, "path": str(weights.path)})
        return embedder

    @property
    def identity(self) -> EmbedderIdentity:
        """What made these vectors."""
        return self._identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, uncut, special tokens not included."""
        counts: list[int] = []
        for at in range(0, len(texts), WINDOW):
            window = list(texts[at : at + WINDOW])
            encodings = self._counter.encode_batch_fast(window, add_special_tokens=False)
            counts.extend(len(encoding) for encoding in encodings)
        return counts

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        """
        Return float32 vectors of shape (len(texts), dimension), each of norm 1, in order.

        Args:
            texts: Each at most `identity.max_tokens` long.

            truncate: Embed the beginning of a longer text, as for a question, instead of refusing.

        Raises:
            InvalidRequest: A text is too long and must not be cut.

            Broken: The model answered something that is not such vectors.
        """
        counts = self.count_tokens(texts)
        longest = self._identity.max_tokens
        if not truncate and max(counts, default=0) > longest:
            which = next(i for i, count in enumerate(counts) if count > longest)
            raise InvalidRequest(
                "texts",
                f"text {which} has {counts[which]} tokens, the model {self._identity.model} reads "
                f"{longest}: cut it into chunks, or allow it to be truncated",
            )
        vectors = np.empty((len(texts), self._identity.dimension), dtype=np.float32)
        # Of like length together: a batch is as slow as its longest text.
        order = sorted(range(len(texts)), key=counts.__getitem__)
        for at in range(0, len(order), self._batch):
            rows = order[at : at + self._batch]
            vectors[rows] = self._forward([texts[row] for row in rows])
        return vectors

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """Embed passages; of their sentences nothing is told, whose vectors are made when asked."""
        vectors = self.embed([passage.whole for passage in passages])
        return EmbeddedPassages(vectors, [b""] * len(passages))

    def _forward(self, texts: list[str]) -> NDArray[np.float32]:
        """Embed one batch and check what comes back."""
        with self._lock:
            vectors = self._model.encode(
                texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
            )
        expected = (len(texts), self._identity.dimension)
        if vectors.shape != expected:
            raise Broken(f"the model answered vectors of shape {vectors.shape}, not {expected}")
        # Not-a-number fails this comparison too.
        if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < NORM_TOLERANCE):
            raise NoVector("the model answered vectors that are not of norm 1")
        return vectors


def _counter(model: "SentenceTransformer") -> "Tokenizer":
    """Copy the model's tokenizer: its own cuts and pads, and must not be changed while in use."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise Broken("the embedding model has no fast tokenizer (tokenizer.json); choose another")
    from tokenizers import Tokenizer  # noqa: PLC0415 - belongs to the imports of `open`

    counter = Tokenizer.from_str(backend.to_str())
    counter.no_truncation()
    counter.no_padding()
    return counter


def _identity(model: "SentenceTransformer", weights: ModelWeights) -> EmbedderIdentity:
    """Read off the loaded model what its vectors depend on."""
    dimension, length = model.get_embedding_dimension(), model.max_seq_length
    if dimension is None or length is None:
        raise Broken(f"{weights.path} does not say its dimension or its longest input")
    pooling = "+".join(type(module).__name__.lower() for module in list(model)[1:])
    return EmbedderIdentity(
        model=weights.name,
        revision=weights.revision,
        engine=f"sentence-transformers-fp32:{pooling}",
        dimension=dimension,
        max_tokens=length - model.tokenizer.num_special_tokens_to_add(),
    )
