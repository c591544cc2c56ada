"""What people are told once the stack is up."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from runtime.settings import Settings
from stack.report import StackReport
from stack.run_folder import RunFolder


@pytest.mark.parametrize(
    ("running", "keys", "told"),
    [("web", "on", True), ("web", "off", False), ("redis-queue", "on", False)],
)
def test_who_needs_a_key_is_told_how_one_is_made(
    tmp_path: Path, running: str, keys: str, told: bool
) -> None:
    folder, shown = RunFolder(tmp_path), io.StringIO()
    folder.path.mkdir()
    settings = Settings(data_dir=tmp_path, keys=keys)
    report = StackReport(settings, folder, Console(file=shown), on_ready=None)
    program = SimpleNamespace(log=tmp_path / "log")
    child = SimpleNamespace(name=running, pid=1, created_at=1.0, is_up=True, program=program)
    report.changed([child])  # type: ignore[list-item]  # what is asked of a child
    report.all_ready()

    assert ("quern keys create" in shown.getvalue()) is told
