"""What stays in memory for as long as Quern runs does not hold libraries that it never calls."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.packages import PACKAGES

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


def test_the_python_client_brings_nothing_of_quern_but_its_errors() -> None:
    code = "import json, sys, quern.client, quern.aio; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = set(json.loads(run.stdout))

    ours = {name for name in loaded if name.partition(".")[0] in PACKAGES}
    assert {name for name in ours if not name.startswith("quern")} == {"rag", "rag.errors"}
    # httpx takes click and rich along where they are installed.
    others = {"celery", "flask", "numpy", "opentelemetry", "orjson", "redis"}
    assert loaded & others == set()
