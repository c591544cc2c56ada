"""
Reading what is asked of `/v1/responses`: the conversation, the tools, and what is echoed.

What is not known is passed over; a tool, an item or a part that is not known is refused, because to
leave it out would change the answer. Source: openai-openapi 2.3.0, `CreateResponse`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import orjson

from intake.fields import Field, Fields, flag, nullable, number, text, whole
from intake.requests import MAX_HISTORY_BYTES
from intake.v1.response_request import ResponseRequest
from rag.errors import InvalidRequest
from web.v1.conversations import Conversation, read_conversation
from web.v1.errors import V1Error, shown_type, unsupported
from web.v1.filters import read_filters
from web.v1.reading import metadata

Json = dict[str, Any]

_RESULTS: Final = 20
_MOST_RESULTS: Final = 50
_MOST_STORES: Final = 10
_TOOL: Final = "file_search"
#: Of a filter, as JSON: it is kept with the response, twice.
_MOST_FILTER_BYTES: Final = 64 * 1024
#: What may be shown beside the usual, of all that OpenAI knows.
_INCLUDED: Final = ("file_search_call.results",)
#: The tier of what may wait for others, as OpenAI calls it.
_FLEX: Final = "flex"
#: Who asks for priority has it, as all have who do not let others go first.
_TIERS: Final = (_FLEX, "priority")
#: Fields that would change the answer, and are done nowhere here.
_REFUSED: Final = ("conversation", "prompt", "context_management", "moderation")
#: Items of an earlier output that say nothing to a model of ours.
_SKIPPED: Final = frozenset(
    {"file_search_call", "reasoning", "function_call", "function_call_output", "web_search_call"}
)
_FIELDS: Final = Fields(
    {
        "model": Field(nullable(text(200))),
        "instructions": Field(nullable(text(MAX_HISTORY_BYTES))),
        "previous_response_id": Field(nullable(text(200))),
        "background": Field(nullable(flag(), empty=False)),
        "store": Field(nullable(flag(), empty=True)),
        "stream": Field(nullable(flag(), empty=False)),
        "temperature": Field(nullable(number(0, 2))),
        "top_p": Field(nullable(number(0, 1))),
        "max_output_tokens": Field(nullable(whole(16, 2**31))),
        "max_tool_calls": Field(nullable(whole(1, 2**31))),
        "parallel_tool_calls": Field(nullable(flag(), empty=True)),
        "service_tier": Field(nullable(text(200))),
        "top_logprobs": Field(nullable(whole(0, 20))),
        "user": Field(nullable(text(512))),
        "safety_identifier": Field(nullable(text(512))),
        "prompt_cache_key": Field(nullable(text(512))),
    }
)


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
    said = _said(body.get("input"))
    tools, choice = body.get("tools"), body.get("tool_choice")
    tool = _file_search([] if tools is None else tools, choice)
    searched = None if choice == "none" else tool
    return ResponseRequest(
        question=said.question,
        history=said.history,
        system=said.system,
        instructions=known["instructions"],
        model=known["model"],
        previous_response_id=known["previous_response_id"],
        background=known["background"],
        store=known["store"],
        stream=known["stream"],
        temperature=known["temperature"],
        max_output_tokens=known["max_output_tokens"],
        stores=tuple(searched["vector_store_ids"]) if searched else (),
        max_results=searched["max_num_results"] if searched else 0,
        score_threshold=searched["ranking_options"]["score_threshold"] if searched else 0.0,
        filters=read_filters(searched["filters"], "tools[0].filters") if searched else None,
        may_wait=known["service_tier"] == _FLEX,
        include=_include(body.get("include")),
        echoed=_echoed(body, known, tool),
    )


def _echoed(body: Mapping[str, Any], known: Mapping[str, Any], tool: Json | None) -> Json:
    """Return what a response shows of what was asked, with what is usual filled in."""
    same = (
        "background", "instructions", "max_output_tokens", "max_tool_calls", "parallel_tool_calls",
        "previous_response_id", "prompt_cache_key", "safety_identifier", "store", "user",
    )  # fmt: skip
    return {name: known[name] for name in same} | {
        "metadata": metadata(body.get("metadata")),
        "service_tier": known["service_tier"] if known["service_tier"] in _TIERS else "default",
        "temperature": 1.0 if known["temperature"] is None else known["temperature"],
        "tool_choice": _choice(body.get("tool_choice")),
        "tools": [tool] if tool else [],
        "top_p": 1.0 if known["top_p"] is None else known["top_p"],
        "truncation": "auto" if body.get("truncation") == "auto" else "disabled",
    }


def _said(given: object) -> Conversation:
    """Read what was said, the user's own words last."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise InvalidRequest("input", "must be a text, or a list of items that is not empty")
    return read_conversation(given, "input", skipped=_SKIPPED)


def _file_search(tools: object, choice: object) -> Json | None:
    """Return the search of files with what is usual filled in; None where there is none."""
    if not isinstance(tools, list):
        raise InvalidRequest("tools", "must be a list")
    for n, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != _TOOL:
            raise unsupported(
                f"tools[{n}].type", f"Tools of type `{shown_type(kind)}` are not supported."
            )
    is_known = choice in (None, "auto", "required", "none") or (
        isinstance(choice, dict) and choice.get("type") == _TOOL
    )
    if not is_known:
        raise unsupported("tool_choice", "It must be auto, required, none or file_search.")
    if len(tools) > 1:
        raise unsupported("tools[1]", "One tool is supported, a file_search.")
    return _searched(tools[0], "tools[0]") if tools else None


def _choice(choice: object) -> str | Json:
    """Return which tool is to be used, of what `_file_search` allows."""
    return {"type": _TOOL} if isinstance(choice, dict) else str(choice or "auto")


def _searched(tool: Json, where: str) -> Json:
    """Return one search of files with what is usual filled in."""
    ids = tool.get("vector_store_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise InvalidRequest(f"{where}.vector_store_ids", "must be a list of ids, not empty")
    if len(ids) > _MOST_STORES:
        raise unsupported(
            f"{where}.vector_store_ids", f"At most {_MOST_STORES} vector stores are searched."
        )
    most = tool.get("max_num_results")
    ranking = tool.get("ranking_options") or {}
    if not isinstance(ranking, dict):
        raise InvalidRequest(f"{where}.ranking_options", "must be an object")
    place = f"{where}.ranking_options"
    return {
        "type": _TOOL,
        "vector_store_ids": [
            text(200).read(one, f"{where}.vector_store_ids[{n}]") for n, one in enumerate(ids)
        ],
        "filters": _filters(tool.get("filters"), f"{where}.filters"),
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


def _filters(given: object, where: str) -> Json | None:
    """Check a filter; returns what is known of it, None where there is none."""
    if given is None:
        return None
    read_filters(given, where)
    told = _known(cast("Json", given))
    if len(orjson.dumps(told)) > _MOST_FILTER_BYTES:
        raise InvalidRequest(where, f"must have at most {_MOST_FILTER_BYTES} bytes")
    return told


def _known(given: Mapping[str, Any]) -> Json:
    """Return the fields of a filter that was read which mean something."""
    if given["type"] in ("and", "or"):
        return {"type": given["type"], "filters": [_known(part) for part in given["filters"]]}
    return {name: given[name] for name in ("type", "key", "value")}


def _ranker(given: object, where: str) -> str:
    """Check how passages are ordered."""
    if given is None:
        return "auto"
    if given not in ("auto", "none", "default-2024-11-15"):
        raise unsupported(where, "It must be auto, none or default-2024-11-15.")
    return str(given)


def _check_text(given: object) -> None:
    """Refuse a form of the answer that nobody here can write."""
    form = given.get("format") if isinstance(given, dict) else None
    kind = form.get("type") if isinstance(form, dict) else "text"
    if kind != "text":
        raise unsupported("text.format", f"The format `{shown_type(kind)}` is not supported.")


def _include(given: object) -> tuple[str, ...]:
    """Read what is to be shown beside the usual; what is not known is passed over."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise InvalidRequest("include", "must be a list")
    return tuple(one for one in _INCLUDED if one in given)
