"""`/v1/models`: what may be named as a model: who answers, who embeds, and each collection."""

from typing import Any

from flask import Blueprint, Response, jsonify

from intake.errors import NotFound
from intake.v1.model_names import model_names, of_collection
from intake.vector_stores.stores import is_own_name
from web.front_end import front_end
from web.guards.authorization import needs

bp = Blueprint("v1_models", __name__, url_prefix="/v1/models")


@bp.get("")
@needs()
def index() -> Response:
    """List the models: the one that answers first."""
    return jsonify({"object": "list", "data": [_shown(name) for name in _names()]})


@bp.get("/<path:name>")
@needs()
def show(name: str) -> Response:
    """Show a model."""
    if name not in _names():
        raise NotFound(f"there is no model {name!r}")
    return jsonify(_shown(name))


def _names() -> list[str]:
    """Return every name of a model that the caller may use: what answers first."""
    parts = front_end()
    return [*model_names(parts.settings), parts.intake.embeddings.model, *_collections()]


def _collections() -> list[str]:
    """Return a name for each collection of the caller that was made as one."""
    found = front_end().intake.collections.all()
    return [of_collection(one["name"]) for one in found if not is_own_name(one["name"])]


def _shown(name: str) -> dict[str, Any]:
    """Show a model; nobody here knows when it was made."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "quern"}
