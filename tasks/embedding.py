"""Embedding the texts of callers, with the model that documents are embedded with."""

import base64
from typing import Final

import numpy as np

from corpus.sources import keep_result
from jobs.leases.lease import Lease
from jobs.requests import EmbeddingRequest
from rag.errors import Unreadable
from tasks.resources import Resources, require

#: Texts that are embedded between two looks whether there is still a reason to go on.
_TOGETHER: Final = 32


def embed_texts(lease: Lease, resources: Resources) -> None:
    """
    Embed texts and end the unit with their vectors: float32, one after the other, in base64.

    Raises:
        InvalidRequest: A text is too long for the model, and must not be cut.

        Unreadable: The texts are gone from the blob store.
    """
    request = EmbeddingRequest.from_row(lease.unit.fields)
    blobs, embedder = resources.storage.blobs, require(resources.embedder)
    texts = list(request.texts) or blobs.get_json(request.texts_blob)
    if not isinstance(texts, list):
        raise Unreadable("texts_gone", "the texts are gone from the blob store; send them again")
    vectors = []
    for at in range(0, len(texts), _TOGETHER):
        lease.check()
        vectors.append(embedder.embed(texts[at : at + _TOGETHER], truncate=request.truncate))
    tokens = sum(embedder.count_tokens(texts))
    result = {
        "model": embedder.identity.model,
        "dimension": embedder.identity.dimension,
        "tokens": tokens,
        "vectors": base64.b64encode(np.concatenate(vectors).astype("<f4").tobytes()).decode(),
    }
    fields = keep_result(result, blobs) | {"tokens": f"{tokens} 0"}
    lease.finish(state="succeeded", fields=fields)
