"""The demo, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


def test_the_demo_ends_with_cited_answers_and_leaves_no_process(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUERN_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--once"],
        cwd=ROOT,
        env=environment | {"QUERN_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("quoted, no language model") == 3
    assert "k1 = 1.2 and b = 0.75" in done.stdout
    assert not [p for p in psutil.process_iter() if _runs_in(p, tmp_path)]


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    """Tell whether a process has the folder in its command or environment."""
    try:
        told = [*process.cmdline(), *process.environ().values()]
    except psutil.Error:
        return False
    return any(str(folder / "data") in text for text in told)
