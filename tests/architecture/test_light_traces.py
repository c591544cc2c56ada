"""Without a collector nobody pays for traces: none of what records or sends them is imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.packages import PACKAGES

ROOT = Path(__file__).parents[2]
#: The Redis client imports the API and the SDK's metrics by itself wherever they are installed.
OURS = (
    "opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.instrumentation",
    "opentelemetry.proto", "opentelemetry.propagate", "runtime.tracing.span_",
)  # fmt: skip

WEB = """
from pathlib import Path
from runtime.settings import Settings
from web.app import create_app

app = create_app(Settings(redis_url=sys.argv[1], data_dir=Path(sys.argv[2])))
asked = {"headers": {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}}
assert app.test_client().post("/api/queries", json={"question": "x"}, **asked).status_code == 202
app.extensions["quern"].close()
"""
WORKER = """
import tasks.app, tasks.checking, tasks.ingest, tasks.query, tasks.reindexing, tasks.removal
import workers.generation, workers.process, workers.traced_ports
import adapters.generators.extractive, adapters.generators.openai_generator
import adapters.generators.vllm_engine
from runtime.tracing import traces
from runtime.settings import Settings

traces.configure(Settings(), role="retrieval")
with traces.span("dense"):
    traces.take_up("unit", {})
traces.close()
"""
COMMAND = "import cli.main, stack.programs, stack.up"


@pytest.mark.parametrize("program", [WEB, WORKER, COMMAND])
def test_no_process_loads_opentelemetry_or_starts_its_thread_unasked(
    clean_redis: str, tmp_path: Path, program: str
) -> None:
    code = f"""import json, sys, threading
{program}
found = [name for name in sys.modules if name.startswith({OURS!r})]
threads = [thread.name for thread in threading.enumerate() if "Otel" in thread.name]
print(json.dumps([found, threads]))
"""
    command = [sys.executable, "-c", code, clean_redis, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout

    assert json.loads(told) == [[], []]


def test_of_our_own_modules_only_those_of_the_recorder_import_opentelemetry() -> None:
    found = {
        path.name
        for folder in PACKAGES
        for path in (ROOT / folder).rglob("*.py")
        if "import opentelemetry" in (text := path.read_text()) or "from opentelemetry" in text
    }

    assert found == {"span_export.py", "span_recorder.py"}
