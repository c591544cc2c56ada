"""`/v1` served over HTTP, OpenAI's client of it, and a worker that does all work."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.integration.conftest import parts_of
from tests.support.worlds.http_server import served
from tests.support.worlds.store_house import StoreHouse
from tests.support.worlds.v1_client import strict_client


@pytest.fixture
def house(app: Flask) -> Iterator[StoreHouse]:
    house = StoreHouse(parts_of(app))
    yield house
    house.close()


@pytest.fixture
def api(app: Flask) -> Iterator[Any]:
    openai = pytest.importorskip("openai")
    with served(app) as url, strict_client(openai, url) as client:
        yield client


@pytest.fixture
def store(api: Any) -> str:
    return str(api.vector_stores.create(name="papers").id)
