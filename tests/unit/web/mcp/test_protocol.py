"""Messages of MCP: both eras at one address, and what is no message."""

from typing import Any

import pytest

from web.mcp.protocol import Json, Served, answer

VERSION = "io.modelcontextprotocol/protocolVersion"
META: Json = {VERSION: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
SERVED = Served(
    version="1.2", tools=[{"name": "echo"}], call=lambda name, given: {"told": [name, given]}
)
MODERN = {"MCP-Protocol-Version": "2026-07-28"}
LISTS = MODERN | {"Mcp-Method": "tools/list"}
CALLS = MODERN | {"Mcp-Method": "tools/call"}


def asked(message: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    return answer(message, (headers or {}).get, SERVED)


def legacy(method: str, **params: Any) -> Json:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def modern(method: str, **params: Any) -> Json:
    return legacy(method, **params, _meta=META)


def test_an_early_client_begins_with_a_handshake_of_which_nothing_is_kept() -> None:
    status, body = asked(legacy("initialize", protocolVersion="2025-06-18"))

    assert (status, body["jsonrpc"], body["id"]) == (200, "2.0", 1)
    assert body["result"]["protocolVersion"] == "2025-06-18"
    assert body["result"]["serverInfo"]["version"] == "1.2"
    assert body["result"]["capabilities"] == {"tools": {"listChanged": False}}
    assert asked(legacy("tools/list"))[1]["result"] == {"tools": [{"name": "echo"}]}
    early = {"MCP-Protocol-Version": "2025-03-26"}
    assert asked(legacy("ping"), early)[1]["result"] == {}


@pytest.mark.parametrize("wanted", ["2026-07-28", "2024-11-05", "1", None, ["2025-06-18"]])
def test_who_asks_for_another_early_revision_is_offered_the_last(wanted: Any) -> None:
    _, body = asked(legacy("initialize", protocolVersion=wanted))

    assert body["result"]["protocolVersion"] == "2025-11-25"


def test_a_modern_request_is_answered_by_itself() -> None:
    _, found = asked(modern("server/discover"), MODERN | {"Mcp-Method": "server/discover"})
    _, listed = asked(modern("tools/list"), LISTS)
    call = modern("tools/call", name="echo", arguments={"a": 1})
    _, called = asked(call, CALLS | {"Mcp-Name": "echo"})

    for result in (found["result"], listed["result"], called["result"]):
        assert result["resultType"] == "complete"
        assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "quern"
    assert found["result"]["supportedVersions"][:2] == ["2026-07-28", "2025-11-25"]
    # What a caller may do depends on its key.
    assert {found["result"]["cacheScope"], listed["result"]["cacheScope"]} == {"private"}
    assert listed["result"]["ttlMs"] == found["result"]["ttlMs"] > 0
    assert called["result"]["told"] == ["echo", {"a": 1}]


@pytest.mark.parametrize("params", [{"name": "echo"}, {"name": "echo", "arguments": None}])
def test_a_tool_may_be_called_without_arguments(params: Json) -> None:
    assert asked(legacy("tools/call", **params))[1]["result"]["told"] == ["echo", {}]


@pytest.mark.parametrize(
    "message",
    [
        [], "ping", None, [legacy("ping")],
        {"id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(message: Any) -> None:
    status, body = asked(message)

    assert (status, body["error"]["code"]) == (400, -32600)
    has_id = isinstance(message, dict) and type(message.get("id")) is int
    assert body.get("id") == (1 if has_id else None)


@pytest.mark.parametrize(
    ("message", "headers", "status", "code"),
    [
        (legacy("none"), {}, 200, -32601),
        (legacy("tools/call"), {}, 200, -32602),
        (legacy("tools/call", name=["echo"]), {}, 200, -32602),
        (legacy("tools/call", name="none"), {}, 200, -32602),
        (legacy("tools/call", name="echo", arguments=[]), {}, 200, -32602),
        (legacy("ping"), {"MCP-Protocol-Version": "1"}, 400, -32022),
        # A modern request says what it is in its body, and the same in its headers.
        (legacy("tools/list"), LISTS, 400, -32602),
        (legacy("tools/list", _meta=[]), LISTS, 400, -32602),
        (legacy("tools/list", _meta={VERSION: "2026-07-28"}), LISTS, 400, -32602),
        (legacy("tools/list", _meta=META | {VERSION: ["2026-07-28"]}), LISTS, 400, -32020),
        (modern("tools/list"), {}, 400, -32020),
        (modern("tools/list"), LISTS | {"MCP-Protocol-Version": "2025-11-25"}, 400, -32020),
        (modern("tools/list"), MODERN, 400, -32020),
        (modern("tools/list"), CALLS, 400, -32020),
        (modern("tools/list"), MODERN | {"Mcp-Method": "Tools/List"}, 400, -32020),
        (modern("tools/call", name="echo"), CALLS, 400, -32020),
        (modern("tools/call", name="echo"), CALLS | {"Mcp-Name": "ECHO"}, 400, -32020),
        (modern("tools/call", name="none"), CALLS | {"Mcp-Name": "none"}, 200, -32602),
        (modern("ping"), MODERN | {"Mcp-Method": "ping"}, 404, -32601),
    ],
)
def test_a_broken_request_is_an_error(
    message: Json, headers: dict[str, str], status: int, code: int
) -> None:
    answered, body = asked(message, headers)

    assert (answered, body["error"]["code"], body["id"]) == (status, code, 1)


def test_a_version_that_is_not_known_is_told_which_are() -> None:
    message = legacy("tools/list", _meta=META | {VERSION: "1900-01-01"})
    status, body = asked(message, LISTS | {"MCP-Protocol-Version": "1900-01-01"})

    assert (status, body["error"]["code"]) == (400, -32022)
    assert body["error"]["data"]["requested"] == "1900-01-01"
    assert body["error"]["data"]["supported"][0] == "2026-07-28"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("=?base64?ZWNobw==?=", 200),
        ("=?base64?ZWNobx==?=", 400),  # the same letters, and bits that are not used
        ("=?base64?ZWNobw?=", 400),
        ("=?base64?/w==?=", 400),
        ("=?base64?", 400),
        ("ZWNobw==", 400),
    ],
)
def test_the_name_of_a_tool_may_come_encoded(sent: str, status: int) -> None:
    answered, _ = asked(modern("tools/call", name="echo"), CALLS | {"Mcp-Name": sent})

    assert answered == status


def test_blanks_around_a_header_are_none_of_it() -> None:
    headers = {name: f" {said}\t" for name, said in (CALLS | {"Mcp-Name": "echo"}).items()}

    assert asked(modern("tools/call", name="echo"), headers)[0] == 200


def test_the_method_may_not_come_encoded() -> None:
    headers = MODERN | {"Mcp-Method": "=?base64?dG9vbHMvbGlzdA==?="}

    assert asked(modern("tools/list"), headers)[0] == 400


def test_a_notification_has_no_answer() -> None:
    assert asked({"jsonrpc": "2.0", "method": "notifications/initialized"}) == (202, None)
