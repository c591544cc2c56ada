"""`/v1/embeddings`: texts as vectors of the model that documents are embedded with."""

from typing import Any

from flask import Blueprint, Response, jsonify

from web.front_end import front_end
from web.guards.authorization import needs
from web.v1 import reading
from web.v1.embedding_requests import read_embeddings
from web.v1.errors import V1Error, answer_refusals, unsupported
from web.v1.shapes.embeddings import embeddings_object
from web.v1.waiting import ended

bp = Blueprint("v1_embeddings", __name__, url_prefix="/v1/embeddings")
answer_refusals(bp)


@bp.post("")
@needs("ask", "ingest")
def create() -> Response:
    """Embed texts, in their order."""
    asked = read_embeddings(reading.body())
    embeddings, settings = front_end().intake.embeddings, front_end().settings
    _, seen = ended(
        lambda: embeddings.submit(asked), settings.interactive_deadline_s, late=_too_late()
    )
    found, why = embeddings.result(seen.row)
    if found is None:
        raise _failure(why["error"])
    size = len(found.vectors[0]) // 4
    # A worker of an earlier build does not look before it embeds.
    if asked.dimensions not in (None, size):
        raise unsupported("dimensions", f"Vectors of this model have {size} dimensions.")
    return jsonify(embeddings_object(found, as_base64=asked.as_base64))


def _failure(error: dict[str, Any]) -> V1Error:
    """Return why there are no vectors."""
    kind = error.get("type")
    detail = str(error.get("detail") or "No vectors were made; try again.")
    if kind == "dimensions":
        return unsupported("dimensions", detail)
    if kind == "deadline":
        return _too_late()
    # What the model refuses is the caller's to change.
    is_theirs = kind in ("invalid", "no_vector")
    return V1Error(400 if is_theirs else 500, detail, param="input", code=kind)


def _too_late() -> V1Error:
    """Return the error of a list that takes too long: to send it again helps nobody."""
    within_s = front_end().settings.interactive_deadline_s
    return V1Error(
        400,
        f"The texts were not embedded within {within_s} seconds; send fewer of them at a time.",
        param="input",
        code="deadline",
    )
