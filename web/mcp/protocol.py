"""
Messages of MCP's Streamable HTTP transport, without sessions and streams: one request, one answer.

Revisions from 2026-07-28 on carry their version with every request ("modern"); earlier ones begin
with a handshake, of which nothing has to be remembered here ("legacy"). Both are served at one
address. Source: modelcontextprotocol.io, specification 2026-07-28 (basic/versioning, server/tools,
basic/transports/streamable-http) and 2025-11-25 (basic/lifecycle, basic/transports).
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from runtime.version import version

Json = dict[str, Any]

MODERN: Final = ("2026-07-28",)
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
#: What a request without a version may be: the header came with 2025-06-18.
UNNAMED: Final = "2025-03-26"

_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_SERVER: Final = "io.modelcontextprotocol/serverInfo"
#: Tools change with keys and versions of Quern alone.
_TTL_MS: Final = 300_000

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

INSTRUCTIONS: Final = (
    "Quern holds documents of its users. `search` finds passages and `fetch` reads a whole "
    "document; `ask` answers a question with citations, and says where the documents do not tell."
)


class Refusal(Exception):
    """
    Raised to answer with a JSON-RPC error.

    Args:
        code, message, data: Those of the error.

        status: The HTTP status.
    """

    def __init__(
        self, code: int, message: str, *, status: int = HTTPStatus.BAD_REQUEST, data: Any = None
    ) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        self.status = status


@dataclass(frozen=True, slots=True)
class Tools:
    """What a caller may do: the definitions of the tools, and how one is called."""

    listed: Callable[[], list[Json]]
    call: Callable[[str, Json], Json]


def answer(message: object, headers: Mapping[str, str], tools: Tools) -> tuple[int, Json | None]:
    """
    Return status and body of the answer to one message; the body is None for a notification.

    *headers* are looked up whatever the case of their names.
    """
    request_id = message.get("id") if isinstance(message, dict) else None
    try:
        return HTTPStatus.OK, _answered(message, headers, tools)
    except _Notified:
        return HTTPStatus.ACCEPTED, None
    except Refusal as refusal:
        body: Json = {"jsonrpc": "2.0", "error": refusal.error}
        if isinstance(request_id, str | int):
            body["id"] = request_id
        return refusal.status, body


class _Notified(Exception):
    """Raised where a message asks for no answer."""


def _answered(message: object, headers: Mapping[str, str], tools: Tools) -> Json:
    """Return the response to a request; raises Refusal, or _Notified where there is none."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Refusal(INVALID_REQUEST, "The body must be one JSON-RPC 2.0 request.")
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise Refusal(INVALID_REQUEST, "A request has a `method`, and an object as `params`.")
    if "id" not in message:
        raise _Notified
    if isinstance(message["id"], bool) or not isinstance(message["id"], str | int):
        raise Refusal(INVALID_REQUEST, "The `id` of a request is a string or a whole number.")
    meta = params.get("_meta")
    named = meta.get(_VERSION) if isinstance(meta, dict) else None
    if named is not None or headers.get("MCP-Protocol-Version", UNNAMED) in MODERN:
        result = _modern(method, params, named, headers, tools)
    else:
        result = _legacy(method, params, headers, tools)
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def _modern(
    method: str, params: Json, named: object, headers: Mapping[str, str], tools: Tools
) -> Json:
    """Answer a request that carries its own version."""
    sent = headers.get("MCP-Protocol-Version")
    if sent is None or sent != named:
        raise Refusal(
            HEADER_MISMATCH,
            f"Header mismatch: MCP-Protocol-Version is {sent!r}, and the body names {named!r}.",
        )
    if sent not in MODERN:
        supported = [*MODERN, *LEGACY]
        raise Refusal(
            UNSUPPORTED_VERSION,
            "Unsupported protocol version",
            data={"supported": supported, "requested": sent},
        )
    _check_header(headers, "Mcp-Method", method)
    if method == "tools/call":
        _check_header(headers, "Mcp-Name", params.get("name"))
    private = {"ttlMs": _TTL_MS, "cacheScope": "private"}
    match method:
        case "server/discover":
            return {
                "resultType": "complete",
                "supportedVersions": [*MODERN, *LEGACY],
                "capabilities": _CAPABILITIES,
                "instructions": INSTRUCTIONS,
                "_meta": {_SERVER: _server()},
            } | private
        case "tools/list":
            return {"resultType": "complete", "tools": tools.listed()} | private
        case "tools/call":
            return {"resultType": "complete"} | _called(params, tools)
    raise Refusal(METHOD_NOT_FOUND, f"Method not found: {method}", status=HTTPStatus.NOT_FOUND)


def _legacy(method: str, params: Json, headers: Mapping[str, str], tools: Tools) -> Json:
    """Answer a request of a client that begins, or began, with a handshake."""
    sent = headers.get("MCP-Protocol-Version", UNNAMED)
    if method != "initialize" and sent not in LEGACY:
        known = ", ".join((*MODERN, *LEGACY))
        raise Refusal(INVALID_REQUEST, f"Unsupported protocol version {sent!r}; known are {known}.")
    match method:
        case "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in LEGACY else LEGACY[0],
                "capabilities": _CAPABILITIES,
                "serverInfo": _server(),
                "instructions": INSTRUCTIONS,
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": tools.listed()}
        case "tools/call":
            return _called(params, tools)
    raise Refusal(METHOD_NOT_FOUND, f"Method not found: {method}", status=HTTPStatus.OK)


_CAPABILITIES: Final[Json] = {"tools": {"listChanged": False}}


def _server() -> Json:
    """Return who answers."""
    return {"name": "quern", "title": "Quern", "version": version()}


def _called(params: Json, tools: Tools) -> Json:
    """Return the result of a tool."""
    name, arguments = params.get("name"), params.get("arguments") or {}
    if name not in {tool["name"] for tool in tools.listed()}:
        raise Refusal(INVALID_PARAMS, f"Unknown tool: {name}", status=HTTPStatus.OK)
    if not isinstance(arguments, dict):
        raise Refusal(INVALID_PARAMS, "`arguments` must be an object.", status=HTTPStatus.OK)
    return tools.call(str(name), arguments)


def _check_header(headers: Mapping[str, str], name: str, value: object) -> None:
    """Go on only if a header says what the body says; raises Refusal."""
    sent = headers.get(name)
    if sent is None or _decoded(sent) != value:
        raise Refusal(
            HEADER_MISMATCH, f"Header mismatch: {name} is {sent!r}, and the body has {value!r}."
        )


def _decoded(sent: str) -> str | None:
    """Return the value of a header, which may be encoded; None where it cannot be decoded."""
    if not (sent.startswith("=?base64?") and sent.endswith("?=")):
        return sent
    try:
        return base64.b64decode(sent[len("=?base64?") : -len("?=")], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
