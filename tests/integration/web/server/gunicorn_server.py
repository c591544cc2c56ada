"""The front end in gunicorn, as it runs in production, on a port of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from runtime.settings import Settings
from tests.support.waiting import until

ROOT = Path(__file__).parents[4]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_up(url: str, status: int) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == status
    except httpx.HTTPError:
        return False


@contextmanager
def gunicorn(
    settings: Settings, folder: Path, *options: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve until the block ends; yields the URL and the process. Its log lies in *folder*."""
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "web.app:create_app()", *options,
        "--worker-class=web.server.patient_worker.PatientThreadWorker",
        f"--bind=127.0.0.1:{port}", "--no-control-socket",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUERN_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment | settings.environment(), stdout=log, stderr=log, cwd=ROOT
        )
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_up(url, 200), told="the server is ready")
    yield url, process
    process.terminate()
    process.wait(timeout=35)
