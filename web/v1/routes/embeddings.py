"""`/v1/embeddings`: texts as vectors of the model that documents are embedded with."""

import base64
import struct
from typing import Any, Final

from flask import Blueprint, Response, jsonify

from intake.fields import Field, Fields, choice, flag, nullable, text, whole
from intake.v1.embeddings import Embedded
from rag.errors import InvalidRequest
from rag.metadata.scalars import encoded
from web.front_end import front_end
from web.guards.authorization import needs
from web.v1 import reading
from web.v1.errors import V1Error, answer_refusals, unsupported
from web.v1.waiting import ended

bp = Blueprint("v1_embeddings", __name__, url_prefix="/v1/embeddings")
answer_refusals(bp)

#: As many texts as OpenAI lets be sent together.
_MOST_TEXTS: Final = 2_048
_FIELDS: Final = Fields(
    {
        "model": Field(nullable(text(200))),
        "encoding_format": Field(nullable(choice("float", "base64"), empty="float")),
        "dimensions": Field(nullable(whole(1, 100_000))),
        "truncate": Field(nullable(flag(), empty=False)),
    }
)


@bp.post("")
@needs("ask", "ingest")
def create() -> Response:
    """Embed texts, in their order."""
    sent = reading.body()
    known = _FIELDS.read({name: sent.get(name) for name in _FIELDS.properties})
    texts = _texts(sent.get("input"))
    embeddings, settings = front_end().intake.embeddings, front_end().settings
    job_id = ended(
        lambda: embeddings.submit(texts, model=known["model"], truncate=known["truncate"]),
        settings.interactive_deadline_s,
    )
    found, why = embeddings.result(job_id)
    if found is None:
        raise _failure(why["error"])
    size = len(found.vectors[0]) // 4
    if known["dimensions"] not in (None, size):
        raise unsupported("dimensions", f"Vectors of this model have {size} dimensions.")
    return jsonify(_shown(found, as_base64=known["encoding_format"] == "base64"))


def _shown(found: Embedded, *, as_base64: bool) -> dict[str, Any]:
    """Show vectors, as numbers or as their bytes."""
    told: list[str] | list[list[float]] = (
        [base64.b64encode(vector).decode() for vector in found.vectors]
        if as_base64
        else [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in found.vectors]
    )
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": n, "embedding": one} for n, one in enumerate(told)
        ],
        "model": found.model,
        "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
    }


def _texts(given: object) -> list[str]:
    """Read what is to be embedded: a text, or a list of texts; raises InvalidRequest, V1Error."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= _MOST_TEXTS:
        raise InvalidRequest("input", f"must be a text, or a list of 1 to {_MOST_TEXTS} texts")
    for n, one in enumerate(texts):
        where = "input" if isinstance(given, str) else f"input[{n}]"
        if isinstance(one, int | list):
            raise unsupported(where, "Lists of tokens are not supported; send texts.")
        if not isinstance(one, str) or not one.strip():
            raise InvalidRequest(where, "must be a text that is not empty")
        encoded(one, where)
    return texts


def _failure(error: dict[str, Any]) -> V1Error:
    """Return why there are no vectors."""
    kind = error.get("type")
    detail = str(error.get("detail") or "No vectors were made; try again.")
    # What the model refuses is the caller's to change.
    is_theirs = kind in ("invalid", "no_vector")
    return V1Error(400 if is_theirs else 500, detail, param="input", code=kind)
