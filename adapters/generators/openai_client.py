"""A server that speaks OpenAI's API: what it has, and answers as they are streamed."""

import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from rag.errors import Broken, InvalidRequest, Retryable
from runtime.settings import Settings
from runtime.tracing import traces

log = logging.getLogger(__name__)

CONNECT_S = 5.0
#: Below the 5 s after which common servers hang up: a request sent just then would be lost.
KEEP_ALIVE_S = 2.0
#: What a server is taken to have room for where neither it nor the settings say: Ollama's usual.
USUAL_CONTEXT = 4_096
MAX_WORDS = 500  # characters of a server's own words in an error

#: The server's refusals that are the question's fault. Any other refusal is for the operator to
#: repair (a key, a model's name) or passes by itself: the question waits.
_QUESTION_AT_FAULT = frozenset({400, 413, 422})
_TOO_LONG = re.compile(
    r"context[_ ](?:length|size|window)|maximum[_ ](?:context|model)|max_model_len"
    r"|(?:prompt|input)[\w ,()]{0,40} (?:too long|exceeds)",
    re.IGNORECASE,
)


class Refused(Retryable):
    """Raised when the server refuses for now; its words may quote the question."""

    is_safe_to_log = False

    def __init__(self, status: int, said: str) -> None:
        """Remember what may be told to others than who asked."""
        super().__init__(f"the model server refuses with {status}: {said}")
        self.for_logs = f"the model server refuses with {status}"


class TooLong(InvalidRequest):
    """Raised when the server counts more tokens than its model has room for."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model of a server, and how many tokens its prompt and answer have together."""

    model: str
    context: int


@dataclass(slots=True)
class Reply:
    """What a stream has brought so far."""

    pieces: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


class ChatServer:
    """
    Streams answers from `/chat/completions`; belongs to one event loop.

    Cancelling a stream closes its connection, on which the server aborts the request.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.openai_key
        self._client = httpx.AsyncClient(
            **_connection(settings),
            timeout=httpx.Timeout(settings.openai_silence_s, connect=CONNECT_S),
            # The pool's threads bound the connections.
            limits=httpx.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE_S),
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def stream(self, body: Mapping[str, Any], put: Callable[[str], None]) -> Reply:
        """
        Send a request, and give each piece of text to *put* as it comes.

        Raises:
            InvalidRequest: The server refuses the question; TooLong where its length is why.

            Retryable: The server is away, busy or silent, refuses for a reason of its own, or
                has cut the answer off.
        """
        reply = Reply()
        try:
            async with self._client.stream(
                "POST", "chat/completions", json=body, headers=traces.passed_on()
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise self._refusal(response.status_code, await response.aread())
                async for data in _events(response):
                    if data == b"[DONE]":
                        break
                    self._take(data, reply, put)
        except httpx.TimeoutException as error:
            raise Retryable(f"the model server is silent: {type(error).__name__}") from error
        except httpx.TransportError as error:
            raise Retryable(f"the model server is away: {error}") from error
        if reply.finish_reason is None:
            raise Retryable("the model server cut the answer off")
        return reply

    def _take(self, data: bytes, reply: Reply, put: Callable[[str], None]) -> None:
        """Read one chunk of a stream."""
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise Retryable("the model server sent a chunk that is not JSON") from error
        if not isinstance(chunk, dict):
            raise Retryable("the model server sent a chunk that is not an object")
        if chunk.get("error"):
            code = chunk["error"].get("code") if isinstance(chunk["error"], dict) else None
            raise self._refusal(code if isinstance(code, int) else 500, data)
        reply.usage = chunk.get("usage") or reply.usage
        for choice in (chunk.get("choices") or [])[:1]:
            if text := (choice.get("delta") or {}).get("content"):
                reply.pieces.append(text)
                put(text)
            reply.finish_reason = choice.get("finish_reason") or reply.finish_reason

    def _refusal(self, status: int, body: bytes) -> Exception:
        """Return what a refusal means, with the server's words and without our key."""
        said = _words(body, secret=self._key)
        if status not in _QUESTION_AT_FAULT:
            return Refused(status, said)
        if _TOO_LONG.search(said):
            return TooLong("question", f"is too long for the model: {said}")
        return InvalidRequest("question", f"the model server refuses it: {said}")


def discover(settings: Settings) -> Served:
    """
    Ask the server for its models; return the one to use.

    A server that does not answer is no error where the settings name the model.

    Raises:
        Broken: Base URL, key or model cannot work; says which.
    """
    if not re.match(r"https?://[^/\s]+", settings.openai_url):
        raise Broken(f"QUERN_OPENAI_URL={settings.openai_url!r} is not an http(s) address")
    try:
        with httpx.Client(**_connection(settings)) as client:
            response = client.get("models", timeout=CONNECT_S)
    except httpx.TransportError as error:
        if not settings.model:
            raise Broken(
                f"QUERN_MODEL is empty and {settings.openai_url} does not answer: {error}"
            ) from error
        log.warning("the model server is away", extra={"reason": str(error)})
        return Served(settings.model, settings.max_model_len or USUAL_CONTEXT)
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        said = _words(response.content, secret=settings.openai_key)
        raise Broken(f"{settings.openai_url} refuses QUERN_OPENAI_KEY: {said}")
    listed = _models(response)
    if not settings.model and len(listed) != 1:
        names = ", ".join(sorted(listed)) or "none"
        raise Broken(f"set QUERN_MODEL to one of the models of {settings.openai_url}: {names}")
    model = settings.model or next(iter(listed))
    if listed and model not in listed:
        # Some servers take names that they do not list: a tag left out, a route of a proxy.
        log.warning("the model server does not list this model", extra={"model": model})
    told = listed.get(model, {}).get("max_model_len")
    known = settings.max_model_len or (told if isinstance(told, int) else 0)
    if not known:
        log.warning(
            "the model server does not tell its context; set QUERN_MAX_MODEL_LEN",
            extra={"taken": USUAL_CONTEXT},
        )
    return Served(model, known or USUAL_CONTEXT)


def _models(response: httpx.Response) -> dict[str, Mapping[str, Any]]:
    """Read a list of models by id; empty where it is no such list."""
    try:
        data = orjson.loads(response.content)["data"]
        return {model["id"]: model for model in data}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}


def _connection(settings: Settings) -> dict[str, Any]:
    """Return where the server is and how it knows us."""
    key = settings.openai_key
    return {
        "base_url": settings.openai_url.rstrip("/") + "/",
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
    }


async def _events(response: httpx.Response) -> AsyncIterator[bytes]:
    """
    Yield the data of each server-sent event.

    Split here: httpx takes U+2028 for the end of a line, which JSON and SSE do not. These servers
    write every event's data in one line.
    """
    rest = b""
    async for piece in response.aiter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()
    if rest.startswith(b"data:"):
        yield rest.removeprefix(b"data:").strip()


def _words(body: bytes, *, secret: str) -> str:
    """Return a refusal's own words in one line, bounded; servers like to repeat the key."""
    try:
        told: Any = orjson.loads(body)
        for name in ("error", "message", "detail"):
            told = told.get(name, told) if isinstance(told, dict) else told
    except orjson.JSONDecodeError:
        told = body.decode("utf-8", "replace")
    said = " ".join(str(told).split())
    return (said.replace(secret, "***") if secret else said)[:MAX_WORDS] or "no reason given"
