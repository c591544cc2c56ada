"""
Messages of MCP's Streamable HTTP transport, without sessions and streams: one request, one answer.

Revisions from 2026-07-28 on carry their version with every request ("modern"); earlier ones begin
with a handshake, of which nothing has to be remembered here ("legacy"). Both are served at one
address. Several messages in one body, which 2025-03-26 alone had, are refused. Source:
modelcontextprotocol.io, specification 2026-07-28 (basic, basic/versioning, server/discover,
server/tools, basic/transports/streamable-http) and 2025-11-25 (basic/lifecycle, basic/transports).
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

Json = dict[str, Any]
#: Tells what a header of the request says, None where it is not there.
Header = Callable[[str], str | None]

MODERN: Final = ("2026-07-28",)
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
#: What a request without a version may be: the header came with 2025-06-18.
UNNAMED: Final = "2025-03-26"

_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_CLIENT: Final = "io.modelcontextprotocol/clientCapabilities"
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
class Served:
    """
    What one caller is served.

    Args:
        version: Of Quern, as it is told.

        tools: The definitions of the tools that the caller may use.

        call: Calls the tool of a name with arguments, and returns the result.
    """

    version: str
    tools: list[Json]
    call: Callable[[str, Json], Json]


def answer(message: object, header: Header, served: Served) -> tuple[int, Json | None]:
    """
    Return status and body of the answer to one message; the body is None for a notification.

    *header* looks up a header whatever the case of its name.
    """
    try:
        return HTTPStatus.OK, _answered(message, header, served)
    except _Notified:
        return HTTPStatus.ACCEPTED, None
    except Refusal as refusal:
        body: Json = {"jsonrpc": "2.0", "error": refusal.error}
        if isinstance(message, dict) and _is_id(message.get("id")):
            body["id"] = message["id"]
        return refusal.status, body


def _is_id(value: object) -> bool:
    """Return True if a request may have this id: a string or a whole number."""
    return isinstance(value, str | int) and not isinstance(value, bool)


class _Notified(Exception):
    """Raised where a message asks for no answer."""


def _answered(message: object, header: Header, served: Served) -> Json:
    """Return the response to a request; raises Refusal, or _Notified where there is none."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Refusal(INVALID_REQUEST, "The body must be one JSON-RPC 2.0 request.")
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise Refusal(INVALID_REQUEST, "A request has a `method`, and an object as `params`.")
    if "id" not in message:
        raise _Notified
    if not _is_id(message["id"]):
        raise Refusal(INVALID_REQUEST, "The `id` of a request is a string or a whole number.")
    meta = params.get("_meta")
    told = meta if isinstance(meta, dict) else {}
    if _VERSION in told or _read(header, "MCP-Protocol-Version") in MODERN:
        result = _modern(method, params, told, header, served)
    else:
        result = _legacy(method, params, header, served)
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def _modern(method: str, params: Json, told: Json, header: Header, served: Served) -> Json:
    """Answer a request that carries its own version; *told* is its `_meta`."""
    if missing := [name for name in (_VERSION, _CLIENT) if name not in told]:
        raise Refusal(INVALID_PARAMS, f"`_meta` of `params` lacks {' and '.join(missing)}.")
    version = _read(header, "MCP-Protocol-Version")
    _compare("MCP-Protocol-Version", version, told[_VERSION])
    if told[_VERSION] not in MODERN:
        raise _unsupported(told[_VERSION])
    _compare("Mcp-Method", _read(header, "Mcp-Method"), method)
    if method == "tools/call":
        _compare("Mcp-Name", _decoded(_read(header, "Mcp-Name")), params.get("name"))
    result: Json
    match method:
        case "server/discover":
            result = {
                "supportedVersions": [*MODERN, *LEGACY],
                "capabilities": _CAPABILITIES,
                "instructions": INSTRUCTIONS,
            } | _KEPT
        case "tools/list":
            result = {"tools": served.tools} | _KEPT
        case "tools/call":
            result = _called(params, served)
        case _:
            raise _no_method(method, status=HTTPStatus.NOT_FOUND)
    return {"resultType": "complete", "_meta": {_SERVER: _server(served)}} | result


def _legacy(method: str, params: Json, header: Header, served: Served) -> Json:
    """Answer a request of a client that begins, or began, with a handshake."""
    sent = _read(header, "MCP-Protocol-Version") or UNNAMED
    if method != "initialize" and sent not in LEGACY:
        raise _unsupported(sent)
    match method:
        case "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in LEGACY else LEGACY[0],
                "capabilities": _CAPABILITIES,
                "serverInfo": _server(served),
                "instructions": INSTRUCTIONS,
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": served.tools}
        case "tools/call":
            return _called(params, served)
    raise _no_method(method, status=HTTPStatus.OK)


_CAPABILITIES: Final[Json] = {"tools": {"listChanged": False}}
#: How long an answer may be kept, and for whom: which tools there are varies by key.
_KEPT: Final[Json] = {"ttlMs": _TTL_MS, "cacheScope": "private"}


def _unsupported(version: object) -> Refusal:
    """Return the refusal of a version that is not spoken here, with those that are."""
    data = {"supported": [*MODERN, *LEGACY], "requested": version}
    return Refusal(UNSUPPORTED_VERSION, "Unsupported protocol version", data=data)


def _no_method(method: str, *, status: int) -> Refusal:
    """Return the refusal of a method that is not there."""
    return Refusal(METHOD_NOT_FOUND, f"Method not found: {method}", status=status)


def _server(served: Served) -> Json:
    """Return who answers."""
    return {"name": "quern", "title": "Quern", "version": served.version}


def _called(params: Json, served: Served) -> Json:
    """Return the result of a tool."""
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str) or name not in {tool["name"] for tool in served.tools}:
        raise Refusal(INVALID_PARAMS, f"Unknown tool: {name}", status=HTTPStatus.OK)
    if not isinstance(arguments, dict | None):
        raise Refusal(INVALID_PARAMS, "`arguments` must be an object.", status=HTTPStatus.OK)
    return served.call(name, arguments or {})


def _read(header: Header, name: str) -> str | None:
    """Return what a header says, without the blanks around it (RFC 9110, section 5.5)."""
    sent = header(name)
    return None if sent is None else sent.strip(" \t")


def _compare(name: str, sent: str | None, value: object) -> None:
    """Go on only if the header of that name says what the body says; raises Refusal."""
    if sent is None or sent != value:
        raise Refusal(
            HEADER_MISMATCH,
            f"Header mismatch: {name} is {sent!r}, and the body has {value!r}.",
        )


def _decoded(sent: str | None) -> str | None:
    """Return the value of a header, which may be encoded; None where it cannot be decoded."""
    if sent is None or not (sent.startswith("=?base64?") and sent.endswith("?=")):
        return sent
    letters = sent[len("=?base64?") : -len("?=")]
    try:
        value = base64.b64decode(letters, validate=True)
        # One value has one form: two that differ in unused bits would pass for one another.
        return value.decode() if base64.b64encode(value).decode() == letters else None
    except (binascii.Error, UnicodeDecodeError):
        return None
