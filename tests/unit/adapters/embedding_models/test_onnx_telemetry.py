"""ONNX Runtime neither keeps nor sends what it is used for."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
from adapters.embedding_models.onnx_telemetry import disable_telemetry
disable_telemetry()
import onnxruntime
"""


def test_onnx_runtime_collects_nothing(tmp_path: Path) -> None:
    folders = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=Path(__file__).parents[4], env=environment | folders, check=True,
    )  # fmt: skip

    assert list(tmp_path.rglob("*")) == []


def test_every_import_of_onnx_runtime_comes_after_it_was_told() -> None:
    folder = Path(__file__).parents[4] / "adapters"
    for path in folder.rglob("*.py"):
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
        for number, line in enumerate(lines):
            if line.startswith("import onnxruntime"):
                assert "disable_telemetry()" in lines[max(0, number - 3) : number], path
