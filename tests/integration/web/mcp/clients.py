"""The official client of MCP, and a server that it can reach."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2
import orjson
from flask import Flask
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from werkzeug.serving import make_server

T = TypeVar("T")
#: How the client begins: with what it would say today, or as it did before 2026-07-28.
MODES = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve until the block ends; yields the address of the whole server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=5)


def using(url: str, act: Callable[[Any], Awaitable[T]], *, mode: str = "auto", key: str = "") -> T:
    """Connect, *act* and disconnect."""

    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode) as client:
                return await act(client)

    return asyncio.run(run())


def call(url: str, name: str, *, mode: str = "auto", key: str = "", **given: Any) -> Any:
    """Call one tool; returns its result."""
    return using(url, lambda mcp: mcp.call_tool(name, given), mode=mode, key=key)


def told(answer: Any) -> Any:
    """What a tool told, the same in both places of its result."""
    (content,) = answer.content
    assert not answer.is_error, content.text
    assert orjson.loads(content.text) == answer.structured_content
    return answer.structured_content


def said(answer: Any) -> str:
    """What a tool that failed says."""
    (content,) = answer.content
    assert answer.is_error, content.text
    return str(content.text)
