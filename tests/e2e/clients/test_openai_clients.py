"""OpenAI's own client over every endpoint, with its checks of types: today's and an older one."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from stack.up import Stack

ROOT: Final = Path(__file__).parents[3]
WALK: Final = Path(__file__).with_name("every_endpoint.py")
STEPS: Final = [
    "models", "files", "vector stores", "file batches", "responses", "streams", "chat",
    "embeddings", "batches", "errors",
]  # fmt: skip


@pytest.mark.parametrize("kind", [[], ["--async"]], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("python", "generation"),
    [(sys.executable, "3."), (str(ROOT / ".venv-clients" / "bin" / "python"), "2.8.")],
    ids=["newest", "a year before"],
)
def test_every_endpoint_answers_as_the_client_expects(
    stack: Stack, python: str, generation: str, kind: list[str]
) -> None:
    ran = subprocess.run(
        [python, str(WALK), stack.url, *kind], capture_output=True, text=True, timeout=180,
        env={"PATH": "/usr/bin:/bin"}, check=False,
    )  # fmt: skip

    told = ran.stdout.splitlines()
    assert (ran.returncode, told[1:]) == (0, STEPS), ran.stderr[-3000:]
    assert told[0].startswith(f"openai {generation}")
