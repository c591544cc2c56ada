"""Embeddings: texts as vectors, of the model that documents are embedded with."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import orjson

from corpus.blobs import BlobStore
from corpus.sources import kept_result
from intake.disk_room import DiskRoom
from intake.lookup.jobs import JobLookup
from intake.queries import Queries
from intake.v1.asking import somewhere
from intake.v1.errors import Missing
from intake.v1.model_names import USUAL
from jobs.requests import EmbeddingRequest
from runtime.settings import Settings


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
        jobs: JobLookup,
        blobs: BlobStore,
        disk: DiskRoom,
    ) -> None:
        self._settings = settings
        self._queries = queries
        self._jobs = jobs
        self._blobs = blobs
        self._disk = disk

    @property
    def model(self) -> str:
        """What the model is called: a folder's own name, not the way to it."""
        return PurePath(self._settings.embedding_model.rstrip("/")).name

    def submit(self, texts: Sequence[str], *, model: str | None, truncate: bool) -> str:
        """
        Record texts that are to be embedded; returns the id of their job.

        Raises:
            Missing: No embedding model has that name.

            Full, MemoryFull, DiskFull, StoreUnavailable, Overspent: As their names say.
        """
        aliases = self._settings.aliases
        known = {self.model, self._settings.embedding_model, USUAL, *aliases}
        if model is not None and model not in known and "*" not in aliases:
            raise Missing(
                f"The model `{model}` does not exist; `{self.model}` embeds here, and "
                "QUERN_MODEL_ALIASES may give it other names.",
                param="model",
                code="model_not_found",
            )
        told = orjson.dumps(texts)
        self._disk.check(len(told))
        # Not synced to the disk: whoever sent them waits, and sends them again.
        blob = self._blobs.put(told, durable=False)
        return self._queries.submit_embedding(
            EmbeddingRequest(collection=somewhere(), texts_blob=blob, truncate=truncate)
        )

    def result(self, job_id: str) -> tuple[Embedded | None, dict[str, Any]]:
        """
        Return what texts became, or None and why they became nothing.

        Raises:
            Unreadable: It is gone from the blob store.

            NotFound, Gone: There is no such job.
        """
        row = self._jobs.row(job_id)
        result = kept_result(row, self._blobs) if row["state"] == "succeeded" else None
        if result is None:
            return None, {"error": orjson.loads(row.get("error", "{}"))}
        whole, size = base64.b64decode(result["vectors"]), 4 * int(result["dimension"])
        vectors = [whole[at : at + size] for at in range(0, len(whole), size)]
        return Embedded(self.model, vectors, int(result["tokens"])), {}
