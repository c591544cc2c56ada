"""One whole stack for all end-to-end tests, in a folder of its own."""

from collections.abc import Iterator

import pytest

from stack.up import Stack
from tests.support.whole_stack import Api, quick_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with quick_stack(data_dir=tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def api(stack: Stack) -> Iterator[Api]:
    with Api(stack.url) as api:
        yield api
