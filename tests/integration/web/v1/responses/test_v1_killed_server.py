"""A web server that is killed in the midst of a stream: the next one goes on with it."""

import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import APIConnectionError, OpenAI

from runtime.settings import Settings
from tests.integration.web.server.gunicorn_server import gunicorn
from tests.integration.web.v1.responses.conftest import TEXT
from tests.integration.web.v1.responses.test_v1_streams import asked, check
from tests.support.worlds.answering_workers import AnsweringWorkers, ScriptedGenerator


def client_of(url: str) -> OpenAI:
    return OpenAI(
        base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=60,
        _strict_response_validation=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a server: its workers first, which would go on for a while without it."""
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait(timeout=10)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Folders for the logs of two servers."""
    found = [tmp_path / "first", tmp_path / "second"]
    for folder in found:
        folder.mkdir()
    return found


@pytest.mark.parametrize("is_background", [True, False])
def test_the_next_server_goes_on_where_the_killed_one_stopped(
    settings: Settings,
    folders: list[Path],
    workers: AnsweringWorkers,
    generator: ScriptedGenerator,
    *,
    is_background: bool,
) -> None:
    assert workers.leases.bodies == 0
    generator.pause_at = 2
    with gunicorn(settings, folders[0], "--threads=8") as (url, process), client_of(url) as client:
        stream = client.responses.create(**asked(stream=True, background=is_background))
        seen: list[Any] = [next(stream)]
        while seen[-1].type != "response.output_text.delta":
            seen.append(next(stream))
        kill(process)
        with pytest.raises(APIConnectionError):
            next(stream)
    generator.go.set()
    with gunicorn(settings, folders[1], "--threads=8") as (url, _), client_of(url) as client:
        rest = list(
            client.responses.retrieve(
                seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number
            )
        )
        check([*seen, *rest])
        assert rest[-1].response.output_text == TEXT
        assert rest[-1].response == client.responses.retrieve(seen[0].response.id)
