"""Embeddings: texts as vectors, of the model that documents are embedded with."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import orjson

from corpus.blobs import BlobStore
from corpus.sources import kept_result
from intake.disk_room import DiskRoom
from intake.queries import Queries
from intake.v1.asking import somewhere
from intake.v1.errors import Missing
from intake.v1.model_names import USUAL
from jobs.requests import EmbeddingRequest
from runtime.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsAsked:
    """
    Texts that are to be embedded, as they were read.

    Attributes:
        truncate: Whether a text that is too long is cut, not refused.

        as_base64: Whether vectors are shown as their bytes.

        dimensions: How many the caller wants, None for any.
    """

    texts: Sequence[str]
    model: str | None = None
    truncate: bool = False
    as_base64: bool = False
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """
    Texts that were embedded.

    Attributes:
        vectors: Of each text, as float32, little-endian.

        tokens: Of all texts.
    """

    model: str
    vectors: list[bytes]
    tokens: int


class Embeddings:
    """Have texts embedded, and read what they became."""

    def __init__(
        self,
        settings: Settings,
        *,
        queries: Queries,
        blobs: BlobStore,
        disk: DiskRoom,
    ) -> None:
        self._settings = settings
        self._queries = queries
        self._blobs = blobs
        self._disk = disk

    @property
    def model(self) -> str:
        """What the model is called: a folder's own name, not the way to it."""
        return PurePath(self._settings.embedding_model.rstrip("/")).name

    def check_model(self, model: str | None) -> None:
        """Go on only if an embedding model has that name, or none was named; raises Missing."""
        aliases = self._settings.aliases
        known = {self.model, self._settings.embedding_model, USUAL, *aliases}
        if model is not None and model not in known and "*" not in aliases:
            raise Missing(
                f"The model `{model}` does not exist; `{self.model}` embeds here, and "
                "QUERN_MODEL_ALIASES may give it other names.",
                param="model",
                code="model_not_found",
            )

    def submit(self, asked: EmbeddingsAsked) -> str:
        """
        Record texts that are to be embedded; returns the id of their job.

        Raises:
            Missing: No embedding model has that name.

            Full, MemoryFull, DiskFull, StoreUnavailable, Overspent: As their names say.
        """
        self.check_model(asked.model)
        told = orjson.dumps(asked.texts)
        self._disk.check(len(told))
        # Not synced to the disk: whoever sent them waits, and sends them again.
        blob = self._blobs.put(told, durable=False)
        return self._queries.submit_embedding(
            EmbeddingRequest(
                collection=somewhere(),
                texts_blob=blob,
                truncate=asked.truncate,
                dimensions=asked.dimensions,
            )
        )

    def result(self, row: Mapping[str, str]) -> tuple[Embedded | None, dict[str, Any]]:
        """
        Return what texts became, or None and why they became nothing; *row* is that of their job.

        Raises:
            Unreadable: It is gone from the blob store.
        """
        result = kept_result(row, self._blobs) if row["state"] == "succeeded" else None
        if result is None:
            return None, {"error": orjson.loads(row.get("error", "{}"))}
        return embedded(self.model, result), {}


def embedded(model: str, result: Mapping[str, Any]) -> Embedded:
    """Read what a job with texts came to; *model* is what the model is called."""
    whole, size = base64.b64decode(result["vectors"]), 4 * int(result["dimension"])
    vectors = [whole[at : at + size] for at in range(0, len(whole), size)]
    return Embedded(model, vectors, int(result["tokens"]))
