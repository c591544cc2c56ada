"""Responses, as `/v1` shows them: what was asked, echoed, and what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from web.v1.shapes.cited_text import CitedText, annotations, cited_text, filename

Json = dict[str, Any]

#: States of a job, as of a response.
STATUS: Final = {
    "queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed",
    "expired": "failed", "cancelled": "cancelled", "gone": "failed",
}  # fmt: skip
TERMINAL: Final = frozenset({"completed", "failed", "incomplete", "cancelled"})
_RESULTS: Final = "file_search_call.results"


def response_object(told: Json, job: Mapping[str, Any], *, include: Sequence[str] = ()) -> Json:
    """
    Show a response.

    Args:
        told: What was asked, see `intake.v1.responses`.

        job: What became of it: `state`, and `result` or `error`.

        include: What is shown beside the usual.
    """
    status = status_of(job)
    result = job.get("result") or {}
    base = empty_response(told, created_at=told["created_at"], status=status)
    if status in ("completed", "incomplete"):
        base["output"] = output(told, result, include=include)
        base["completed_at"] = told.get("ended_at")
        base["usage"] = usage(result)
    elif status == "failed":
        base["error"] = failure(job)
    if status == "incomplete":
        base["incomplete_details"] = {"reason": "max_output_tokens"}
    return base


def empty_response(told: Json, *, created_at: int, status: str) -> Json:
    """Show a response of which nothing is known but what was asked."""
    asked = told["request"]
    return {
        "id": told["id"],
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": status,
        "background": asked["background"],
        "error": None,
        "incomplete_details": None,
        "instructions": asked["instructions"],
        "max_output_tokens": asked["max_output_tokens"],
        "max_tool_calls": asked.get("max_tool_calls"),
        "metadata": asked["metadata"],
        "model": asked["model"],
        "output": [],
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "previous_response_id": asked["previous_response_id"],
        "prompt_cache_key": asked.get("prompt_cache_key"),
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": asked.get("safety_identifier"),
        "service_tier": asked.get("service_tier", "default"),
        "store": asked["store"],
        "temperature": asked["temperature"],
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": asked["tool_choice"],
        "tools": asked["tools"],
        "top_logprobs": 0,
        "top_p": asked["top_p"],
        "truncation": asked.get("truncation", "disabled"),
        "usage": None,
        "user": asked.get("user"),
    }


def status_of(job: Mapping[str, Any]) -> str:
    """Return the status of a response by its job; one whose result is gone has failed."""
    if job["state"] != "succeeded":
        return STATUS[job["state"]]
    result = job.get("result")
    if result is None:
        return "failed"
    return "incomplete" if result.get("finish_reason") == "length" else "completed"


def output(told: Json, result: Mapping[str, Any], *, include: Sequence[str] = ()) -> list[Json]:
    """Return the items of a response that has ended: the search, then the message."""
    searched = [file_search_call(told, result, include=include)] if searches(told) else []
    return [*searched, message(told, result)]


def searches(told: Json) -> bool:
    """Return True if a response searches files, and says so."""
    asked = told["request"]
    return bool(asked["tools"]) and asked["tool_choice"] != "none"


def file_search_call(
    told: Json, result: Mapping[str, Any], *, include: Sequence[str] = (), status: str = "completed"
) -> Json:
    """Show the search of a response; its results are shown where that is asked for."""
    found = None
    if _RESULTS in include:
        found = [search_result(source) for source in result.get("sources", ())]
    return {
        "type": "file_search_call",
        "id": f"fs_{told['id'].removeprefix('resp_')}",
        "status": status,
        "queries": [told["question"]],
        "results": found,
    }


def search_result(source: Mapping[str, Any]) -> Json:
    """Show a passage that was found, with its place in its document."""
    return {
        "file_id": source["document_id"],
        "filename": filename(source),
        "score": min(1.0, max(0.0, float(source.get("relevance", source["score"])))),
        "text": source["text"],
        "attributes": source.get("metadata") or {},
        "chunk_id": source["chunk_id"],
        "start": source["start"],
        "end": source["end"],
        "page": source.get("page"),
    }


def message(told: Json, result: Mapping[str, Any]) -> Json:
    """Show what was answered."""
    written = answer_text(told, result)
    return message_item(
        told,
        text=written.text,
        notes=annotations(written, result.get("sources", ())),
        status="incomplete" if result.get("finish_reason") == "length" else "completed",
    )


def answer_text(told: Json, result: Mapping[str, Any]) -> CitedText:
    """Return an answer's text without its markers, and where its citations stand."""
    return cited_text(result, grounded=told["grounded"])


def message_item(told: Json, *, text: str, notes: list[Json], status: str) -> Json:
    """Show a message."""
    return {
        "type": "message",
        "id": message_id(told),
        "role": "assistant",
        "status": status,
        "content": [text_part(text, notes)],
    }


def text_part(text: str, notes: list[Json]) -> Json:
    """Show the text of a message."""
    return {"type": "output_text", "text": text, "annotations": notes, "logprobs": []}


def message_id(told: Json) -> str:
    """Return what the message of a response is called."""
    return f"msg_{told['id'].removeprefix('resp_')}"


def usage(result: Mapping[str, Any]) -> Json:
    """Show what an answer cost; without a language model that is nothing."""
    cost = result.get("usage") or {}
    asked, written = int(cost.get("prompt_tokens") or 0), int(cost.get("completion_tokens") or 0)
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + written,
    }


def failure(job: Mapping[str, Any]) -> Json:
    """Say why a job failed; OpenAI's list of codes is closed, so ours stands beside it."""
    error = job.get("error") or {}
    kind = error.get("type")
    return {
        "code": "invalid_prompt" if kind == "invalid" else "server_error",
        "message": str(error.get("detail") or error.get("title") or "The response failed."),
        "type": kind,
    }
