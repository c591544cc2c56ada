"""`/v1` served over HTTP, called by OpenAI's own client, which checks what it is answered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from openai import AsyncOpenAI, OpenAI
from werkzeug.serving import WSGIRequestHandler, make_server

from rag.in_memory_ports.embedder import HashingEmbedder
from runtime.settings import Settings
from tests.integration.conftest import parts_of
from tests.support.worlds.answering_workers import (
    AnsweringWorkers,
    FixedRetriever,
    ScriptedGenerator,
)

#: What the scripted generator writes, with a marker of two sources that stands apart in the answer.
PIECES = (
    "The log hangs ", "beside the door [1", "]. It is blue", " [1, 2], and doors are ",
    "repainted each spring [2].",
)  # fmt: skip
TEXT = "The log hangs beside the door. It is blue, and doors are repainted each spring."


class QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing of requests."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an app until the block ends; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serving(app) as address:
        yield f"{address}/v1"


@pytest.fixture
def openai(url: str) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=url, api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def async_openai(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=url, api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
    )


@pytest.fixture
def retriever() -> FixedRetriever:
    return FixedRetriever()


@pytest.fixture
def generator() -> ScriptedGenerator:
    return ScriptedGenerator(*PIECES)


@pytest.fixture
def store(app: Flask) -> str:
    """Make a collection; return the id of the vector store that it is."""
    intake = parts_of(app).intake
    collection_id, _ = intake._storage.catalogue.collections.create("papers")
    return f"vs_{collection_id.lower()}"


@pytest.fixture
def workers(
    app: Flask,
    store: str,  # noqa: ARG001
    settings: Settings,
    retriever: FixedRetriever,
    generator: ScriptedGenerator,
) -> Iterator[AnsweringWorkers]:
    storage = parts_of(app).intake._storage
    with AnsweringWorkers(
        storage, settings.redis_url, retriever=retriever, generator=generator,
        embedder=HashingEmbedder(),
    ) as found:  # fmt: skip
        yield found


@pytest.fixture(autouse=True)
def all_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all passages be of documents that are there."""
    monkeypatch.setattr("tasks.query._current", lambda _lease, _resources, passages: list(passages))
