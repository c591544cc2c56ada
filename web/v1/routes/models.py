"""`/v1/models`: what may be named as a model: who answers, who embeds, and each collection."""

from typing import Any, Final

from flask import Blueprint, Response, jsonify

from intake.errors import NotFound
from intake.vector_stores.stores import is_own_name
from runtime.settings import Settings
from web.front_end import front_end
from web.guards.authorization import needs

bp = Blueprint("v1_models", __name__, url_prefix="/v1/models")

#: What answers are made by where no language model is set.
EXTRACTIVE: Final = "quern-extractive"
#: In front of a collection's name: questions of that collection.
OF_COLLECTION: Final = "quern:"


@bp.get("")
@needs()
def index() -> Response:
    """List the models: the one that answers first."""
    names = [*served(front_end().settings), *_collections()]
    return jsonify({"object": "list", "data": [_shown(name) for name in names]})


@bp.get("/<path:name>")
@needs()
def show(name: str) -> Response:
    """Show a model."""
    if name not in (*served(front_end().settings), *_collections()):
        raise NotFound(f"there is no model {name!r}")
    return jsonify(_shown(name))


def served(settings: Settings) -> list[str]:
    """Return the names of the models that answer and embed."""
    answers = EXTRACTIVE if settings.answerer == "extractive" else settings.model
    return list(dict.fromkeys((answers, settings.embedding_model)))


def _collections() -> list[str]:
    """Return a name for each collection of the caller that was made as one."""
    found = front_end().intake.collections.all()
    return [OF_COLLECTION + one["name"] for one in found if not is_own_name(one["name"])]


def _shown(name: str) -> dict[str, Any]:
    """Show a model; nobody here knows when it was made."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "quern"}
