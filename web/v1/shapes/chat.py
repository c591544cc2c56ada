"""
Chat completions, as `/v1` shows them: whole, and as chunks while they are written.

The text keeps its markers, `[1]`: chat has no annotations of files. What each points at stands
beside it, in `citations`. Source: openai-openapi 2.3.0, `CreateChatCompletionResponse` and
`CreateChatCompletionStreamResponse`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from web.v1.shapes.cited_text import MarkerFilter, filename, rest_of

Json = dict[str, Any]

_TOLD_ANEW: Final = "The answer was begun anew and differs from what was told; ask again."


def completion(told: Json, result: Mapping[str, Any]) -> Json:
    """Show a completion; *told* is its `id`, when it was `created`, and its `model`."""
    message = {
        "role": "assistant", "content": result["answer"].strip(), "refusal": None,
        "citations": cited(result),
    }  # fmt: skip
    choice = {
        "index": 0, "message": message, "finish_reason": _finish(result), "logprobs": None,
    }  # fmt: skip
    return _head(told, "chat.completion") | {"choices": [choice], "usage": usage(result)}


def cited(result: Mapping[str, Any]) -> list[Json]:
    """Show what the markers of an answer point at."""
    sources = result.get("sources", ())
    found = []
    for citation in result.get("citations", ()):
        if citation["source"] >= len(sources):
            continue
        source = sources[citation["source"]]
        found.append(
            {
                "marker": citation["marker"],
                "file_id": source["document_id"],
                "filename": filename(source),
                "quote": citation["quote"],
                "start": citation["start"],
                "end": citation["end"],
                "page": citation.get("page"),
            }
        )
    return found


def usage(result: Mapping[str, Any]) -> Json:
    """Show what an answer cost; without a language model that is nothing."""
    cost = result.get("usage") or {}
    asked, written = int(cost.get("prompt_tokens") or 0), int(cost.get("completion_tokens") or 0)
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def failure(job: Mapping[str, Any]) -> Json:
    """Say why there is no answer, as an error of OpenAI's."""
    error = job.get("error") or {}
    is_asked_wrongly = error.get("type") == "invalid"
    return {
        "message": str(error.get("detail") or error.get("title") or "No answer was made."),
        "type": "invalid_request_error" if is_asked_wrongly else "server_error",
        "param": None,
        "code": error.get("type"),
    }


@dataclass(slots=True)
class ChatChunks:
    """
    Make chunks out of a job's events, one after the other.

    Args:
        told: `id`, `created` and `model`.

        tells_usage: Whether the last chunk says what the answer cost.
    """

    told: Json
    tells_usage: bool = False
    is_over: bool = False
    _began: bool = False
    _sources: int = 0
    _comes_whole: bool = False
    _said: str = ""
    _text: MarkerFilter = field(init=False)

    def __post_init__(self) -> None:
        """Begin a text."""
        self._begin()

    def take(self, kind: str, data: Any) -> Iterator[Json]:
        """Yield what an event of the job means; `done` is the last."""
        if self.is_over:
            return
        if not self._began:
            self._began = True
            yield self._chunk({"role": "assistant", "content": "", "refusal": None})
        match kind:
            case "sources":
                self._sources = len(data["sources"])
                self._begin()
            case "verdict":
                # It is told with an answer that is there, whose brackets are as they shall be.
                self._comes_whole = True
            case "token" if not self._comes_whole:
                self._text.feed(data["text"])
                yield from self._grown(self._text.text)
            case "reset":
                self._comes_whole = False
                self._begin()
            case "done":
                yield from self._done(data)

    def _begin(self) -> None:
        """Begin a text: its markers are written as those of an answer are."""
        self._text = MarkerFilter(cites=bool(self._sources), kept=self._sources)

    def _grown(self, text: str) -> Iterator[Json]:
        """Yield how far a text has grown; what a worker told that died is not told again."""
        if self._said.startswith(text):
            return
        if not text.startswith(self._said):
            yield self._told_anew()
            return
        delta, self._said = text[len(self._said) :], text
        yield self._chunk({"content": delta})

    def _done(self, job: Json) -> Iterator[Json]:
        """Yield the end."""
        result = job.get("result")
        if job["state"] != "succeeded" or result is None:
            yield self._failed(job)
            return
        rest = rest_of(result["answer"].strip(), self._said)
        if rest is None:
            yield self._told_anew()
            return
        if rest:
            yield self._chunk({"content": rest})
        self.is_over = True
        yield self._chunk({"citations": cited(result)}, finish=_finish(result))
        if self.tells_usage:
            yield _head(self.told, "chat.completion.chunk") | {
                "choices": [], "usage": usage(result),
            }  # fmt: skip

    def _told_anew(self) -> Json:
        """Return the end of a stream that cannot go on."""
        return self._failed({"error": {"type": "told_anew", "detail": _TOLD_ANEW}})

    def _failed(self, job: Json) -> Json:
        """Return the end of a stream that has no answer."""
        self.is_over = True
        return {"error": failure(job)}

    def _chunk(self, delta: Json, *, finish: str | None = None) -> Json:
        """Return one chunk."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        head = _head(self.told, "chat.completion.chunk") | {"choices": [choice]}
        return head | ({"usage": None} if self.tells_usage else {})


def _head(told: Json, kind: str) -> Json:
    """Return what whole completions and chunks begin with."""
    return {
        "id": told["id"], "object": kind, "created": told["created"], "model": told["model"],
        "service_tier": "default", "system_fingerprint": None,
    }  # fmt: skip


def _finish(result: Mapping[str, Any]) -> str:
    """Return why an answer ends where it does."""
    return "length" if result.get("finish_reason") == "length" else "stop"
