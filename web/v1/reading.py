"""Reading requests of `/v1`: what is not known is passed over, what is wrong is named."""

from collections.abc import Iterable
from typing import Any, Final

from flask import request

from intake.fields import Fields, whole
from rag.errors import InvalidRequest
from rag.metadata.scalars import encoded
from web.http import request_parts
from web.v1.errors import V1Error

#: How many entries metadata and attributes have, how long a name and a text of them may be.
ENTRIES: Final = 16
NAME_CHARACTERS: Final = 64
TEXT_CHARACTERS: Final = 512
_TRUE: Final = {"true": True, "false": False}


def body() -> dict[str, Any]:
    """Read a JSON object, or nothing as an empty one; raises Problem or InvalidRequest."""
    if not request.get_data(cache=True):
        return {}
    sent = request_parts.json_body()
    if not isinstance(sent, dict):
        raise V1Error(400, "The body must be a JSON object.")
    return sent


def known(sent: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """Return the values of the fields that are declared; others are passed over."""
    names = fields.properties
    return fields.read({name: value for name, value in sent.items() if name in names})


def metadata(given: object, where: str = "metadata") -> dict[str, str]:
    """
    Read what a caller keeps with an object: 16 texts of 512 characters, under names of 64.

    Null is read as nothing. Raises InvalidRequest. Source: openai-openapi 2.3.0, `Metadata`.
    """
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > ENTRIES:
        raise InvalidRequest(where, f"must be an object of at most {ENTRIES} strings")
    for name, value in given.items():
        if len(name) > NAME_CHARACTERS:
            raise InvalidRequest(where, f"must have names of at most {NAME_CHARACTERS} characters")
        if not isinstance(value, str) or len(value) > TEXT_CHARACTERS:
            raise InvalidRequest(
                f"{where}.{name}", f"must be a string of at most {TEXT_CHARACTERS} characters"
            )
        encoded(name + value, where)
    return given


def cursors() -> tuple[str | None, str | None]:
    """Read behind which entry a page of a list begins, or in front of which; empty is none."""
    return argument("after") or None, argument("before") or None


def newest_first() -> bool:
    """Read in which order a list is asked for; raises InvalidRequest."""
    return one_of("order", ("asc", "desc"), "desc") == "desc"


def argument(name: str) -> str | None:
    """Return a query parameter, None where it was not sent."""
    return request.args.get(name)


def arguments(name: str) -> list[str]:
    """Return a list among the query parameters: as `name[]`, as `name`, again and again."""
    return [*request.args.getlist(f"{name}[]"), *request.args.getlist(name)]


def flag(name: str) -> bool:
    """Read a flag among the query parameters; raises InvalidRequest."""
    sent = request.args.get(name)
    if sent is not None and sent not in _TRUE:
        raise InvalidRequest(name, "must be true or false")
    return _TRUE.get(sent or "false", False)


def one_of(name: str, allowed: Iterable[str], usual: str) -> str:
    """Read one of some words among the query parameters; raises InvalidRequest."""
    sent = request.args.get(name, usual)
    if sent not in (words := list(allowed)):
        raise InvalidRequest(name, f"must be one of: {', '.join(words)}")
    return sent


def limit(usual: int, most: int) -> int:
    """Read how many entries are asked for; raises InvalidRequest."""
    return request_parts.whole(request.args.to_dict(), "limit", whole(1, most)) or usual
