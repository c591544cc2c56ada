"""
Reading what is asked of `/v1/responses`: the conversation, the tools, and what is echoed.

What is not known is passed over; a tool, an item or a part that is not known is refused, because to leave
it out would change the answer. Source: openai-openapi 2.3.0, `CreateResponse`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from intake.fields import Field, Fields, flag, nullable, number, text, whole
from rag.answers.conversation import Turn
from rag.errors import InvalidRequest
from web.v1.errors import V1Error, unsupported
from web.v1.filters import ours

Json = dict[str, Any]

_MOST_BYTES: Final = 1_000_000
_RESULTS: Final = 20
_MOST_RESULTS: Final = 50
_TOOL: Final = "file_search"
#: Fields that would change the answer, and are done nowhere here.
_REFUSED: Final = ("conversation", "prompt", "context_management", "moderation")
#: Items of an earlier output that say nothing to a model of ours.
_SKIPPED: Final = frozenset(
    {"file_search_call", "reasoning", "function_call", "function_call_output", "web_search_call"}
)
_FIELDS: Final = Fields(
    {
        "model": Field(nullable(text(200))),
        "instructions": Field(nullable(text(_MOST_BYTES))),
        "previous_response_id": Field(nullable(text(200))),
        "background": Field(nullable(flag(), empty=False)),
        "store": Field(nullable(flag(), empty=True)),
        "stream": Field(nullable(flag(), empty=False)),
        "temperature": Field(nullable(number(0, 2))),
        "top_p": Field(nullable(number(0, 1))),
        "max_output_tokens": Field(nullable(whole(16, 2**31))),
        "max_tool_calls": Field(nullable(whole(1, 2**31))),
        "top_logprobs": Field(nullable(whole(0, 20))),
        "user": Field(nullable(text(512))),
        "safety_identifier": Field(nullable(text(512))),
        "prompt_cache_key": Field(nullable(text(512))),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """
    A response that can be made.

    Attributes:
        question: What was said last by the user.

        history: What was said before it, oldest first; without the chain before.

        instructions: What the model is told of its role; those of `input` follow the field.

        stores: Vector stores to be searched, none where there is no search.

        filters: A filter of ours.

        echoed: What the response shows of what was asked.
    """

    question: str
    history: tuple[Turn, ...]
    instructions: str
    model: str | None
    previous_response_id: str | None
    background: bool
    store: bool
    stream: bool
    temperature: float | None
    max_output_tokens: int | None
    stores: tuple[str, ...]
    max_results: int
    score_threshold: float
    filters: Json | None
    include: tuple[str, ...]
    echoed: Json


def read_response(body: Mapping[str, Any]) -> ResponseRequest:
    """
    Read a request.

    Raises:
        InvalidRequest, V1Error: Name the field and what it should hold.
    """
    for name in _REFUSED:
        if body.get(name) is not None:
            raise unsupported(name, f"`{name}` is not supported by this server.")
    known = _FIELDS.read({name: body.get(name) for name in _FIELDS.properties})
    if known["background"] and not known["store"]:
        raise V1Error(400, "A background response must be stored.", param="background")
    if known["top_logprobs"]:
        raise unsupported("top_logprobs", "Log probabilities are not told by this server.")
    _check_text(body.get("text"))
    said, system = _conversation(body.get("input"))
    tools = body.get("tools")
    tool = _file_search([] if tools is None else tools, body.get("tool_choice"))
    metadata = _metadata(body.get("metadata"))
    *history, last = said
    instructions = "\n\n".join(filter(None, [known["instructions"], *system]))
    return ResponseRequest(
        question=last.text,
        history=tuple(history),
        instructions=instructions,
        model=known["model"],
        previous_response_id=known["previous_response_id"],
        background=known["background"],
        store=known["store"],
        stream=known["stream"],
        temperature=known["temperature"],
        max_output_tokens=known["max_output_tokens"],
        stores=tuple(tool["vector_store_ids"]) if tool else (),
        max_results=tool["max_num_results"] if tool else 0,
        score_threshold=tool["ranking_options"]["score_threshold"] if tool else 0.0,
        filters=ours(tool["filters"], "tools[0].filters") if tool else None,
        include=_include(body.get("include")),
        echoed={
            "background": known["background"],
            "instructions": known["instructions"],
            "max_output_tokens": known["max_output_tokens"],
            "metadata": metadata,
            "previous_response_id": known["previous_response_id"],
            "prompt_cache_key": known["prompt_cache_key"],
            "safety_identifier": known["safety_identifier"],
            "store": known["store"],
            "temperature": 1.0 if known["temperature"] is None else known["temperature"],
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": [tool] if tool else [],
            "top_p": 1.0 if known["top_p"] is None else known["top_p"],
            "user": known["user"],
        },
    )


def _conversation(given: object) -> tuple[list[Turn], list[str]]:
    """Return what was said, the user's own words last, and what the model is told of its role."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise InvalidRequest("input", "must be a text, or a list of items that is not empty")
    said: list[Turn] = []
    system: list[str] = []
    for n, item in enumerate(given):
        where = f"input[{n}]"
        if not isinstance(item, dict):
            raise InvalidRequest(where, "must be an object")
        kind = item.get("type") or "message"
        if kind in _SKIPPED:
            continue
        if kind != "message":
            raise unsupported(f"{where}.type", f"Items of type `{kind}` are not supported.")
        role, words = item.get("role"), _words(item.get("content"), f"{where}.content")
        match role:
            case "system" | "developer":
                system.append(words)
            case "user" | "assistant":
                if words:
                    said.append(Turn(role, words))
            case _:
                raise InvalidRequest(
                    f"{where}.role", "must be one of: user, assistant, system, developer"
                )
    if not said or said[-1].role != "user":
        raise InvalidRequest("input", "must end with a message of the user that has text")
    return said, system


def _words(content: object, where: str) -> str:
    """Return the text of a message."""
    if isinstance(content, str):
        return content.strip()
    if not isinstance(content, list):
        raise InvalidRequest(where, "must be a text, or a list of parts")
    words = []
    for n, part in enumerate(content):
        place = f"{where}[{n}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("input_text", "output_text", "text", "refusal"):
            raise unsupported(f"{place}.type", f"Parts of type `{kind}` are not supported.")
        said = part.get("refusal" if kind == "refusal" else "text")
        if not isinstance(said, str):
            raise InvalidRequest(f"{place}.text", "must be a text")
        words.append(said)
    return "\n".join(words).strip()


def _file_search(tools: object, choice: object) -> Json | None:
    """Return the search of files with what is usual filled in; None where there is none."""
    if not isinstance(tools, list):
        raise InvalidRequest("tools", "must be a list")
    for n, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != _TOOL:
            raise unsupported(f"tools[{n}].type", f"Tools of type `{kind}` are not supported.")
    is_known = choice in (None, "auto", "required", "none") or (
        isinstance(choice, dict) and choice.get("type") == _TOOL
    )
    if not is_known:
        raise unsupported("tool_choice", "It must be auto, required, none or file_search.")
    if len(tools) > 1:
        raise unsupported("tools[1]", "One file_search is supported; it may name several stores.")
    if not tools or choice == "none":
        return None
    return _searched(tools[0], "tools[0]")


def _searched(tool: Json, where: str) -> Json:
    """Return one search of files with what is usual filled in."""
    ids = tool.get("vector_store_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise InvalidRequest(f"{where}.vector_store_ids", "must be a list of ids, not empty")
    most = tool.get("max_num_results")
    ranking = tool.get("ranking_options") or {}
    if not isinstance(ranking, dict):
        raise InvalidRequest(f"{where}.ranking_options", "must be an object")
    place = f"{where}.ranking_options"
    return {
        "type": _TOOL,
        "vector_store_ids": ids,
        "filters": tool.get("filters"),
        "max_num_results": _RESULTS
        if most is None
        else whole(1, _MOST_RESULTS).read(most, f"{where}.max_num_results"),
        "ranking_options": {
            "ranker": _ranker(ranking.get("ranker"), f"{place}.ranker"),
            "score_threshold": number(0, 1).read(
                ranking.get("score_threshold") or 0.0, f"{place}.score_threshold"
            ),
        },
    }


def _ranker(given: object, where: str) -> str:
    """Check how passages are ordered."""
    if given is None:
        return "auto"
    if given not in ("auto", "none", "default-2024-11-15"):
        raise unsupported(where, "It must be auto, none or default-2024-11-15.")
    return str(given)


def _metadata(given: object) -> dict[str, str]:
    """Check what a caller keeps with a response."""
    if given is None:
        return {}
    checks: list[Callable[[Any], bool]] = [
        lambda told: isinstance(told, dict) and len(told) <= 16,  # noqa: PLR2004  as OpenAI has it
        lambda told: all(isinstance(k, str) and len(k) <= 64 for k in told),  # noqa: PLR2004
        lambda told: all(isinstance(v, str) and len(v) <= 512 for v in told.values()),  # noqa: PLR2004
    ]
    if not all(check(given) for check in checks):
        raise InvalidRequest(
            "metadata", "must have at most 16 texts, each of 512 characters under a name of 64"
        )
    assert isinstance(given, dict)
    return given


def _check_text(given: object) -> None:
    """Refuse a form of the answer that nobody here can write."""
    form = given.get("format") if isinstance(given, dict) else None
    kind = form.get("type") if isinstance(form, dict) else "text"
    if kind != "text":
        raise unsupported("text.format", f"The format `{kind}` is not supported by this server.")


def _include(given: object) -> tuple[str, ...]:
    """Read what is to be shown beside the usual; what is not known is passed over."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise InvalidRequest("include", "must be a list")
    return tuple(str(one) for one in given)
