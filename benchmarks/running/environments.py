"""Environments of what is measured beside Quern, with packages that Quern does not have."""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.running.processes import finished


def environment(folder: Path, packages: Sequence[str], *, hint: str = "") -> Path:
    """
    Make an environment with *packages* in *folder*; returns its interpreter.

    One that is there is kept, and what it lacks is added. The *hint* is told where that fails.

    Raises:
        SystemExit: They could not be installed; ends with what pip said.
    """
    python = folder / "bin" / "python"
    failure = f"{' '.join(packages)} could not be installed{hint}"
    if not python.exists():
        finished([sys.executable, "-m", "venv", str(folder)], failure=failure)
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    finished([*pip, *packages], failure=failure)
    return python
