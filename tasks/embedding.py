"""Embedding the texts of callers, with the model that documents are embedded with."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from corpus.sources import keep_result
from jobs.leases.lease import Lease
from jobs.requests import EmbeddingRequest
from rag.errors import Unreadable
from rag.ports import Embedder, Vectors
from runtime.turns import aside
from tasks.resources import Resources, require

#: Texts that are embedded between two looks whether there is still a reason to go on. A list of
#: more of them is long.
_TOGETHER: Final = 32
#: A list for which there is no place comes back after this: others end meanwhile.
_PAUSE_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Vectors of texts, in their order, and the tokens of all."""

    vectors: Vectors
    tokens: int


def embed_texts(lease: Lease, resources: Resources) -> None:
    """
    Embed texts and end the unit with their vectors: float32, one after the other, in base64.

    Long lists have some of the threads of a process, and no turn: one may last for minutes, and
    questions are to find a thread and a turn meanwhile. Others wait outside, see `LongTexts`.

    Raises:
        InvalidRequest: A text is too long for the model, and must not be cut.

        Unreadable: The texts are gone from the blob store, or vectors of the model are not as long
            as they were to be.
    """
    request = EmbeddingRequest.from_row(lease.unit.fields)
    embedder = require(resources.embedder)
    _check_dimensions(request, embedder)
    texts = list(request.texts) or resources.storage.blobs.get_json(request.texts_blob)
    if not isinstance(texts, list):
        raise Unreadable("texts_gone", "the texts are gone from the blob store; send them again")
    if len(texts) <= _TOGETHER:
        _finish(lease, resources, _embedded(lease, embedder, texts, truncate=request.truncate))
        return
    unit = lease.unit
    place = resources.long_texts.place(unit.id, int(unit.fields["created"]), lease.check)
    with aside(), place as is_there:
        if not is_there:
            lease.release(at_once=False, longest_pause_ms=_PAUSE_MS)
            return
        found = _embedded(lease, embedder, texts, truncate=request.truncate)
    _finish(lease, resources, found)


def _check_dimensions(request: EmbeddingRequest, embedder: Embedder) -> None:
    """Go on only if vectors are as long as the caller wants them; raises Unreadable."""
    dimension = embedder.identity.dimension
    if request.dimensions not in (None, dimension):
        raise Unreadable("dimensions", f"Vectors of this model have {dimension} dimensions.")


def _embedded(
    lease: Lease, embedder: Embedder, texts: Sequence[str], *, truncate: bool
) -> _Embedded:
    """Embed texts, a few at a time; raises what the lease and the embedder raise."""
    vectors: list[Vectors] = []
    tokens = 0
    for at in range(0, len(texts), _TOGETHER):
        lease.check()
        some = texts[at : at + _TOGETHER]
        vectors.append(embedder.embed(some, truncate=truncate))
        tokens += sum(embedder.count_tokens(some))
    return _Embedded(np.concatenate(vectors), tokens)


def _finish(lease: Lease, resources: Resources, found: _Embedded) -> None:
    """End the unit with its vectors."""
    identity = require(resources.embedder).identity
    result = {
        "model": identity.model,
        "dimension": identity.dimension,
        "tokens": found.tokens,
        "vectors": base64.b64encode(found.vectors.astype("<f4").tobytes()).decode(),
    }
    fields = keep_result(result, resources.storage.blobs) | {"tokens": f"{found.tokens} 0"}
    lease.finish(state="succeeded", fields=fields)
