"""
Filters of vector stores, as ours: comparisons of attributes, and `and` and `or` of them.

An attribute that a file does not have satisfies `ne` and `nin` alone; a value of another kind, as
text where a number is asked for, satisfies nothing else. Source of the grammar: openai-openapi
2.3.0, `ComparisonFilter` and `CompoundFilter`.
"""

from typing import Any, Final

from rag.errors import InvalidRequest
from rag.metadata.filters import MAX_DEPTH, METADATA, parse

Json = dict[str, Any]

#: A comparison's type, as ours.
_OURS: Final = {
    "eq": "eq", "ne": "ne", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "in": "in",
    "nin": "not_in",
}  # fmt: skip


def ours(given: object, where: str = "filters") -> Json | None:
    """
    Return a filter of ours that means the same; None where nothing was given.

    Raises:
        InvalidRequest: Names the place in the filter and what it should hold.
    """
    return None if given is None else _filter(given, where, MAX_DEPTH)


def read_filters(given: object, where: str = "filters") -> Json | None:
    """
    Return a filter of ours that can be searched with; None where nothing is left out.

    Raises:
        InvalidRequest: Names the place in the filter and what it should hold.
    """
    filters = ours(given, where)
    return None if parse(filters, where) is None else filters


def _filter(given: object, where: str, depth: int) -> Json:
    """Return what one filter means."""
    if depth == 0:
        raise InvalidRequest(where, f"must be nested at most {MAX_DEPTH} deep")
    if not isinstance(given, dict):
        raise InvalidRequest(where, "must be an object with a type")
    kind = given.get("type")
    if kind in ("and", "or"):
        parts = given.get("filters")
        if not isinstance(parts, list) or not parts:
            raise InvalidRequest(f"{where}.filters", "must be a list of at least one filter")
        told = [_filter(part, f"{where}.filters[{n}]", depth - 1) for n, part in enumerate(parts)]
        return told[0] if len(told) == 1 else {str(kind): told}
    if not isinstance(kind, str) or kind not in _OURS:
        raise InvalidRequest(f"{where}.type", f"must be one of: and, or, {', '.join(_OURS)}")
    name, value = given.get("key"), given.get("value")
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"{where}.key", "must be the name of an attribute")
    _check_value(kind, value, f"{where}.value")
    return {METADATA + name: {_OURS[kind]: value}}


def _check_value(kind: str, value: object, where: str) -> None:
    """Refuse a value that the comparison cannot have."""
    if kind in ("in", "nin"):
        is_list = isinstance(value, list) and value and all(map(_is_scalar, value))
        if not is_list:
            raise InvalidRequest(where, "must be a list of texts or numbers")
    elif not _is_scalar(value):
        raise InvalidRequest(where, "must be a text, a number or a flag")


def _is_scalar(value: object) -> bool:
    """Return True if an attribute can have a value."""
    return isinstance(value, str | int | float | bool)
