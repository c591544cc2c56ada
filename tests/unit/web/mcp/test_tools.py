"""The tools of MCP as they are defined, and as the page on them says."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rag.errors import InvalidRequest
from web.mcp.protocol import LEGACY, MODERN
from web.mcp.tool import Call, Tool
from web.mcp.tools import TOOLS

PAGE = (Path(__file__).parents[4] / "docs" / "mcp.md").read_text("utf-8")


def test_the_page_on_mcp_lists_each_tool_with_what_it_takes_and_the_scope_it_needs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| (.*?) ?\| .+ \|$", PAGE, re.MULTILINE)
    documented = {
        name: (re.findall(r"`(\w+)`", takes), scope.strip("`") or None)
        for name, takes, scope in rows
    }

    assert documented == {tool.name: (list(tool.takes), tool.scope) for tool in TOOLS}


def test_the_page_on_mcp_names_every_revision_that_is_spoken() -> None:
    spoken = PAGE.partition("## What is spoken")[2]

    assert re.findall(r"\d{4}-\d\d-\d\d", spoken) == [*MODERN, *LEGACY]


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_what_a_tool_takes_and_tells_is_json_schema(tool: Tool, is_held: bool) -> None:
    shown = tool.shown(is_held=is_held)

    for schema in (shown["inputSchema"], shown["outputSchema"]):
        Draft202012Validator.check_schema(schema)
        assert set(schema["required"]) <= schema["properties"].keys()
    assert "collection" not in shown["inputSchema"]["properties"] or not is_held


def echo(**takes: Any) -> Tool:
    return Tool(
        name="echo", title="Echo", description="", gives={}, takes=takes,
        does=lambda call: {"call": call},
    )  # fmt: skip


def test_what_is_left_out_or_null_is_as_usual() -> None:
    tool = echo(text={"type": "string"}, n={"type": "integer", "default": 3})

    for arguments in ({"text": "a"}, {"text": "a", "n": None}):
        told = tool.called(arguments, None)
        assert told["call"] == Call({"text": "a", "n": 3}, "default", is_held=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "text: is missing"),
        ({"text": None}, "text: is missing"),
        ({"text": 1}, "text: must be text"),
        ({"text": "a", "n": "1"}, "n: must be a whole number"),
        ({"text": "a", "n": True}, "n: must be a whole number"),
        ({"text": "a", "n": 1.0}, "n: must be a whole number"),
        ({"text": "a", "more": 1}, "more: is not an argument of `echo`"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(arguments: Any, words: str) -> None:
    tool = echo(text={"type": "string"}, n={"type": "integer", "default": 3})

    with pytest.raises(InvalidRequest, match=re.escape(words)):
        tool.called(arguments, None)


def test_the_address_names_the_collection_or_the_caller_does() -> None:
    tool = echo(collection={"type": "string", "default": "default"})

    assert tool.called({}, None)["call"].collection == "default"
    assert tool.called({"collection": "papers"}, None)["call"].collection == "papers"
    held = tool.called({}, "papers")["call"]
    assert (held.collection, held.is_held) == ("papers", True)
    with pytest.raises(InvalidRequest, match="collection"):
        tool.called({"collection": "papers"}, "papers")
