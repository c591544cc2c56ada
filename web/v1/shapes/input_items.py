"""The input of a response as items, each with an id."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


def input_items(response_id: str, said: Sequence[Mapping[str, str]]) -> list[Json]:
    """Show what was said, in its order; an id tells the response and the place."""
    own = response_id.removeprefix("resp_")
    return [_item(f"msg_{own}_in{n}", one["role"], one["text"]) for n, one in enumerate(said)]


def _item(item_id: str, role: str, text: str) -> Json:
    """Show one message."""
    part: Json = {"type": "input_text", "text": text}
    if role == "assistant":
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message", "id": item_id, "role": role, "status": "completed", "content": [part],
    }  # fmt: skip
