"""Lists of `/v1`: a part of one, and whether more follow."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")


def list_object(
    entries: Iterable[T], shown: Callable[[T], dict[str, Any]], *, limit: int
) -> dict[str, Any]:
    """Show up to *limit* of *entries*, which go on where the list ends."""
    some = list(islice(entries, limit + 1))
    return page_object([shown(entry) for entry in some[:limit]], has_more=len(some) > limit)


def page_object(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """
    Show part of a list; that of nothing has empty ids, which typed clients take and null not.

    Source: openai-openapi 2.3.0, `ListVectorStoresResponse`: both are required and texts.
    """
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else "",
        "last_id": data[-1]["id"] if data else "",
        "has_more": has_more,
    }
