"""Embeddings: vectors of texts, as numbers and as bytes, of the model that documents have."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask import Flask
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI

from rag.in_memory_ports.embedder import HashingEmbedder
from tests.support.worlds.answering_workers import AnsweringWorkers

TEXTS = ["The log hangs beside the door.", "It is blue.", "The log hangs beside the door."]
MODEL = "all-MiniLM-L6-v2"

pytestmark = pytest.mark.usefixtures("workers")


@pytest.fixture
def openai(url: str) -> Iterator[OpenAI]:
    """A client that checks less: its type knows no bytes, which it asks for by itself."""
    with OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture
def strict(url: str) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=url, api_key="none", max_retries=0, timeout=60, _strict_response_validation=True
    ) as client:
        yield client


@pytest.mark.parametrize("form", ["float", "base64", None])
def test_vectors_come_in_the_order_of_their_texts(
    openai: OpenAI, strict: OpenAI, form: Any
) -> None:
    more = {} if form is None else {"encoding_format": form}
    asked = strict if form == "float" else openai
    answer = asked.embeddings.create(model=MODEL, input=TEXTS, **more)
    vectors = [
        np.frombuffer(np.asarray(_floats(one.embedding), dtype=np.float32), dtype=np.float32)
        for one in answer.data
    ]

    assert np.array_equal(np.stack(vectors), HashingEmbedder().embed(TEXTS))
    assert [one.index for one in answer.data] == [0, 1, 2]
    assert answer.model == MODEL
    assert answer.usage.prompt_tokens == sum(HashingEmbedder().count_tokens(TEXTS))


def _floats(told: Any) -> list[float]:
    """Return a vector, of which the client leaves the bytes alone where it was asked for them."""
    if isinstance(told, str):
        return np.frombuffer(base64.b64decode(told), dtype="<f4").tolist()
    return list(told)


def test_many_texts_are_embedded_together(openai: OpenAI) -> None:
    texts = [f"text number {n}" for n in range(100)]
    answer = openai.embeddings.create(model="quern", input=texts)

    expected = HashingEmbedder().embed(texts)
    assert np.allclose([one.embedding for one in answer.data], expected)


def test_one_text_needs_no_list(url: str) -> None:
    async def called() -> Any:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            return await client.embeddings.create(model=MODEL, input=TEXTS[0])

    (one,) = asyncio.run(called()).data

    assert np.allclose(one.embedding, HashingEmbedder().embed(TEXTS[:1])[0])


def test_nothing_of_it_is_kept_or_listed(openai: OpenAI, app: Flask) -> None:
    openai.embeddings.create(model=MODEL, input=TEXTS)
    redis = app.extensions["quern"].intake.redis

    assert app.test_client().get("/api/jobs").get_json()["jobs"] == []
    (name,) = redis.keys("quern:unit:*")
    assert 0 < redis.ttl(name) <= 60
    assert redis.hget("quern:tallies", "finished:embedding:ok") == "1"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": []}, "input"), ({"input": ""}, "input"), ({"input": [1, 2]}, "input[0]"),
        ({"input": [[1, 2]]}, "input[0]"), ({"input": ["a", " "]}, "input[1]"),
        ({"input": "a", "dimensions": 3}, "dimensions"), ({"input": ["a"] * 2_049}, "input"),
    ],
)  # fmt: skip
def test_what_cannot_be_embedded_is_named(openai: OpenAI, body: Any, param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        openai.embeddings.create(**{"model": MODEL, **body})

    assert refused.value.param == param


def test_a_text_that_is_too_long_is_refused_or_cut(
    openai: OpenAI, workers: AnsweringWorkers
) -> None:
    assert workers.leases.bodies == 0
    long = "word " * 5_000
    with pytest.raises(BadRequestError) as refused:
        openai.embeddings.create(model=MODEL, input=long)
    cut = openai.embeddings.create(model=MODEL, input=long, extra_body={"truncate": True})

    assert refused.value.param == "input"
    assert len(cut.data) == 1


def test_another_model_is_not_found(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        openai.embeddings.create(model="text-embedding-3-small", input="a")

    assert refused.value.code == "model_not_found"


def test_vectors_of_another_length_are_refused_before_any_is_made(
    openai: OpenAI, app: Flask
) -> None:
    with pytest.raises(BadRequestError) as refused:
        openai.embeddings.create(model=MODEL, input=TEXTS, dimensions=3)
    same = openai.embeddings.create(model=MODEL, input=TEXTS, dimensions=256)

    told = (refused.value.param, refused.value.code, str(refused.value.body))
    assert told[:2] == ("dimensions", "unsupported_value")
    assert "256 dimensions" in told[2]
    assert len(same.data) == len(TEXTS)
    redis = app.extensions["quern"].intake.redis
    assert redis.hget("quern:tallies", "finished:embedding:ok") == "1"
