"""The reranker: a sentence-transformers cross-encoder in this process, off unless it is named."""

import json
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from adapters.embedding_models.model_weights import ModelWeights, resolve
from rag.errors import Broken, RerankerFailed
from rag.ports import Scores
from runtime.cores import usable_cores
from runtime.logging.log_words import words
from runtime.turns import aside

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

SETTING = "QUERN_RERANKER_MODEL"
#: Tokens of a question and a passage together, where the model could read more: a chunk has 220.
MOST_TOKENS = 512

log = logging.getLogger(__name__)


class CrossEncoderReranker:
    """
    A `Reranker` on sentence-transformers, safe to call from several threads, one at a time.

    Scores are the sigmoid of the model's only output, whatever activation it was saved with: the
    order is the same, and scores lie in 0 to 1 as those of the fusion do.
    """

    def __init__(self, model: "CrossEncoder", weights: ModelWeights) -> None:
        """Use a loaded model; see `open`."""
        self._model = model
        self._lock = threading.Lock()
        self.name = weights.name

    @classmethod
    def open(cls, model: str, *, threads: int = 0) -> Self:
        """
        Load *model* on the CPU and score once to prove it.

        Args:
            model: A folder, or a name on the hub such as `cross-encoder/ms-marco-MiniLM-L6-v2`.

            threads: Threads of one forward pass; 0 means one for each core this process may use.

        Raises:
            Broken: The model is not there, is no cross-encoder with one output, or does not score.
        """
        weights = resolve(model, setting=SETTING)
        _check_head(weights.path)
        # Before torch is loaded, as for the embedder.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch  # noqa: PLC0415 - see above
        from safetensors import SafetensorError  # noqa: PLC0415 - belongs to transformers
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - imports torch
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415 - the same

        torch.set_num_threads(threads or usable_cores())
        # transformers publishes it without types.
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            loaded = CrossEncoder(
                str(weights.path),
                device="cpu",
                local_files_only=True,
                activation_fn=torch.nn.Sigmoid(),
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise Broken(f"{SETTING}: {weights.path} does not load: {error}") from error
        if loaded.num_labels != 1:
            raise Broken(
                f"{SETTING}: {weights.path} has {loaded.num_labels} outputs; a reranker has one"
            )
        loaded.max_seq_length = min(loaded.max_seq_length or MOST_TOKENS, MOST_TOKENS)
        reranker = cls(loaded, weights)
        try:
            reranker.scores("Is anybody there?", ["Nobody is here.", "Yes."])
        except RerankerFailed as error:
            raise Broken(f"{SETTING}: {weights.path} does not score: {error}") from error
        log.info("reranker loaded", extra={"model": weights.name, "path": str(weights.path)})
        return reranker

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        """
        Return how well each text answers *query*: float32 of shape (len(texts),), in 0 to 1.

        Raises:
            RerankerFailed: The model failed, or answered something that is not such scores.
        """
        if not texts:
            return np.empty(0, dtype=np.float32)
        try:
            with aside(), self._lock:
                found = self._model.predict(
                    [(query, text) for text in texts],
                    batch_size=len(texts),
                    show_progress_bar=False,
                )
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            log.warning("not reranked", extra={"model": self.name, "reason": words(error)})
            raise RerankerFailed(f"the reranker failed: {error}") from error
        scores: Scores = np.asarray(found, dtype=np.float32)
        if scores.shape != (len(texts),) or not np.all((scores >= 0) & (scores <= 1)):
            log.warning("not reranked", extra={"model": self.name, "reason": "no scores"})
            raise RerankerFailed(f"the reranker answered no scores of {len(texts)} texts")
        return scores


def _check_head(path: Path) -> None:
    """Refuse a model without a trained head: it would load, and score by chance."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Broken(f"{SETTING}: {path} has no readable config.json: {error}") from error
    kinds = config.get("architectures") or []
    if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
        raise Broken(
            f"{SETTING}: {path} is no cross-encoder ({', '.join(kinds) or 'no architecture'}); "
            "name one such as cross-encoder/ms-marco-MiniLM-L6-v2"
        )
