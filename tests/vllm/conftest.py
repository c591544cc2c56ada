"""A whole stack whose answers come from a tiny random model on the real engine."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import Broken
from runtime.settings import Settings
from stack.engines import generation_python
from tests.support.collector import Collector
from tests.support.whole_stack import WANTED, quick_stack
from tests.vllm.generating import Generating
from workers.metrics_server import ABOVE

#: Starts in half the time, and leaves memory to others.
OPTIONS = {"enforce_eager": True, "kv_cache_memory_bytes": 512 * 2**20}


@pytest.fixture(scope="session")
def engine_python() -> str:
    """The Python that has the engine; without one tests skip, unless they were asked for."""
    try:
        return generation_python(Settings(model="any"))
    except Broken as error:
        if os.environ.get("VLLM"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def model(engine_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    script = Path(__file__).with_name("tiny_model.py")
    subprocess.run([engine_python, str(script), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def service(
    model: Path, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Generating]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        model=str(model),
        engine_options=json.dumps(OPTIONS),
        metrics_port=port - ABOVE["generation"],
        otlp_endpoint=collector.url,
        trace_ratio=0.0,  # what a caller traces is traced, nothing else
    )
    with (
        quick_stack(
            data_dir=tmp_path_factory.mktemp("stack"),
            settings=settings,
            only=[*WANTED, "generation"],
            timeout_s=280,
        ) as stack,
        Generating(stack, metrics_port=port) as service,
    ):
        yield service
