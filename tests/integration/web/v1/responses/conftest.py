"""`/v1` served over HTTP, called by OpenAI's own client, which checks what it is answered."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from openai import AsyncOpenAI, OpenAI

from access.grants import Grant, Limits, Scope
from rag.in_memory_ports.embedder import HashingEmbedder
from runtime.settings import Settings
from tests.integration.conftest import parts_of
from tests.support.worlds.answering_workers import (
    AnsweringWorkers,
    FixedRetriever,
    ScriptedGenerator,
)
from tests.support.worlds.http_server import served

#: What the scripted generator writes, with a marker of two sources that stands apart in the answer.
PIECES = (
    "The log hangs ", "beside the door [1", "]. It is blue", " [1, 2], and doors are ",
    "repainted each spring [2].",
)  # fmt: skip
TEXT = "The log hangs beside the door. It is blue, and doors are repainted each spring."


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with served(app) as address:
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


@pytest.fixture
def caller(app: Flask, url: str) -> Iterator[Callable[..., OpenAI]]:
    """Return what makes a client with a key of its own: of a tenant, with scopes and limits."""
    clients: list[OpenAI] = []

    def build(
        tenant: str, *scopes: Scope, collections: frozenset[str] | None = None, **limits: int
    ) -> OpenAI:
        grant = Grant(
            tenant=tenant, scopes=frozenset(scopes or ("ask", "ingest")), collections=collections,
            limits=Limits(**limits),
        )  # fmt: skip
        _, token = parts_of(app).api_keys.create(grant, name=tenant)
        clients.append(
            OpenAI(
                base_url=url, api_key=token, max_retries=0, timeout=60,
                _strict_response_validation=True,
            )
        )  # fmt: skip
        return clients[-1]

    yield build
    for client in clients:
        client.close()
