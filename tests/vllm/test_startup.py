"""An engine that cannot start ends its worker at once, with the reason in one line."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from jobs.heartbeats import failures
from runtime.redis_clients import ledger_client

ROOT = Path(__file__).parents[2]
#: Eager: memory is looked at only after the model was compiled, which takes most of a slow start.
TOO_MUCH = '{"kv_cache_memory_bytes": 1000000000000000, "enforce_eager": true}'


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ENGINE_OPTIONS", '{"no_such_thing": 1}', "vLLM does not have: no_such_thing"),
        ("ENGINE_OPTIONS", TOO_MUCH, "Available memory"),
        ("MODEL", "/there/is/no/such/model", "/there/is/no/such/model"),
    ],
)
def test_an_engine_that_cannot_start_says_why_and_ends(  # noqa: PLR0917  cases and fixtures
    name: str, value: str, reason: str, model: Path, engine_python: str, clean_redis: str
) -> None:  # fmt: skip
    settings = {
        "QUERN_REDIS_URL": clean_redis,
        "QUERN_MODEL": str(model),
        "QUERN_METRICS_PORT": "0",
        "PYTHONPATH": str(ROOT),
        f"QUERN_{name}": value,
    }
    done = subprocess.run(
        [engine_python, "-P", "-m", "workers.generation"],
        env={k: v for k, v in os.environ.items() if not k.startswith("QUERN_")} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    with ledger_client(clean_redis, connections=1) as redis:
        told = failures(redis)

    assert done.returncode == 1
    assert reason in told["generate"]
    assert "\n" not in told["generate"]
    assert f"cannot run: {told['generate']}" in json.loads(_last(done.stderr))["event"]


def _last(text: str) -> str:
    """The last line of the worker's own log; what it leaves behind may speak later."""
    return [line for line in text.splitlines() if line.startswith('{"ts"')][-1]
