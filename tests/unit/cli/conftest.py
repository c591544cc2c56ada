"""The command with a stand-in for the API behind it."""

from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.session import Session
from tests.support.fake_api import FakeApi


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def quern(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command with the stand-in behind it."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> Result:
        session = Session(given_url="http://quern", transport=httpx.MockTransport(api))
        return CliRunner().invoke(main, arguments, obj=session)

    return run
