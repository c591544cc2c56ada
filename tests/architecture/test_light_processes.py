"""What stays in memory for as long as Quern runs does not hold libraries that it never calls."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("workers.ingestion", ("chromadb", "grpc", "pydantic", "httpx", "torch", "transformers")),
        ("workers.retrieval", ("chromadb", "grpc", "pydantic", "httpx", "torch", "transformers")),
        ("cli.main, stack.up", ("httpx", "numpy", "celery", "flask")),
        (
            "tasks.flower_server",
            ("numpy", "prompt_toolkit", "tasks.ingest", "adapters", "workers", "httpx"),
        ),
    ],
)
def test_a_process_that_stays_imports_only_what_it_uses(
    modules: str, unwanted: tuple[str, ...]
) -> None:
    code = f"import json, sys, {modules}; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert sorted(set(unwanted) & set(json.loads(run.stdout))) == []
