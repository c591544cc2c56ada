"""A collection in memory to search."""

import pytest

from tests.support.worlds.search_world import World


@pytest.fixture
def world() -> World:
    return World()
