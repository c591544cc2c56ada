"""Conversations as OpenAI's clients send them: messages of several roles, and their parts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from rag.answers.conversation import Turn
from rag.errors import InvalidRequest
from rag.metadata.scalars import encoded
from web.v1.errors import shown_type, unsupported

_PARTS: Final = ("input_text", "output_text", "text", "refusal")


@dataclass(frozen=True, slots=True)
class Conversation:
    """
    What was said.

    Attributes:
        question: The user's last words, which are the last of all.

        history: What was said before, oldest first.

        system: What the model is told of its role, each with who says it.
    """

    question: str
    history: tuple[Turn, ...]
    system: tuple[tuple[str, str], ...]


def read_conversation(
    given: Sequence[object], where: str, *, skipped: Collection[str] = ()
) -> Conversation:
    """
    Read messages; *skipped* are types of items that say nothing to a model of ours.

    Raises:
        InvalidRequest, V1Error: Name the place, and what is wrong.
    """
    said: list[Turn] = []
    system: list[tuple[str, str]] = []
    for n, item in enumerate(given):
        place = f"{where}[{n}]"
        if not isinstance(item, dict):
            raise InvalidRequest(place, "must be an object")
        kind = item.get("type") or "message"
        if any(kind == one for one in skipped):
            continue
        if kind != "message":
            raise unsupported(
                f"{place}.type", f"Items of type `{shown_type(kind)}` are not supported."
            )
        role, text = item.get("role"), _text(item.get("content"), f"{place}.content")
        match role:
            case "system" | "developer":
                system.append((role, text))
            case "user" | "assistant":
                if text:
                    said.append(Turn(role, text))
            case _:
                raise InvalidRequest(
                    f"{place}.role", "must be one of: user, assistant, system, developer"
                )
    if not said or said[-1].role != "user":
        raise InvalidRequest(where, "must end with a message of the user that has text")
    *history, last = said
    return Conversation(last.text, tuple(history), tuple(system))


def _text(content: object, where: str) -> str:
    """Return the text of a message."""
    if isinstance(content, str):
        encoded(content, where)
        return content.strip()
    if not isinstance(content, list):
        raise InvalidRequest(where, "must be a text, or a list of parts")
    return "\n".join(_part(part, f"{where}[{n}]") for n, part in enumerate(content)).strip()


def _part(part: object, where: str) -> str:
    """Return the text of a part."""
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind not in _PARTS:
        raise unsupported(f"{where}.type", f"Parts of type `{shown_type(kind)}` are not supported.")
    said = part.get("refusal" if kind == "refusal" else "text")
    if not isinstance(said, str):
        raise InvalidRequest(f"{where}.text", "must be a text")
    encoded(said, f"{where}.text")
    return said
