"""What every benchmark prints and writes: its figures beside their limits, the host, the commit."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PACKAGES = ("celery", "redis", "chromadb", "tantivy", "sentence-transformers", "torch", "flask")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure is held against: at least, or at most."""

    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        """Return True if *value* keeps the limit."""
        if self.at_least is not None and value < self.at_least:
            return False
        return self.at_most is None or value <= self.at_most

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


def report(
    title: str,
    figures: Mapping[str, Any],
    *,
    limits: Mapping[str, Limit],
    json_path: Path | None,
    console: Console | None = None,
) -> None:
    """
    Print *figures* as a table beside their limits, and write them if a path is given.

    The table goes to *console*; without one to the standard output.
    """
    table = Table(title=title, title_justify="left")
    for heading in ("figure", "measured", "limit", ""):
        table.add_column(heading, justify="left" if heading in ("figure", "") else "right")
    for name, value in figures.items():
        limit = limits.get(name)
        held = "" if limit is None else "holds" if limit.holds(value) else "MISSED"
        table.add_row(name, _shown(value), "" if limit is None else str(limit), held)
    (console or Console()).print(table)
    if json_path is not None:
        write(figures, json_path)


def show_miss(console: Console, name: str, *, wanted: str, got: str) -> None:
    """Show one thing that came out otherwise than wanted, on lines as long as they are."""
    words = Text.assemble((f"{name}: ", "bold"), wanted, "\n    came: ", got)
    console.print(words, soft_wrap=True)


def write(figures: Mapping[str, Any], json_path: Path) -> None:
    """Write *figures* as JSON, with the host, the versions and the commit."""
    json_path.write_text(_as_json(figures), "utf-8")


def output(figures: Mapping[str, Any], json_path: Path | None) -> None:
    """Write *figures* as `write` does; without a path to the standard output."""
    if json_path is None:
        print(_as_json(figures), end="", flush=True)
    else:
        write(figures, json_path)


def _as_json(figures: Mapping[str, Any]) -> str:
    """Return figures as JSON, with the host, the versions and the commit."""
    whole = dict(figures) | {"host": host(), "versions": versions(), "commit": commit()}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def percentile(values: list[float], share: float) -> float:
    """Return the value below which *share* of the values lie."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


def host() -> dict[str, Any]:
    """Describe the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Return the versions of what was measured."""
    return {name: version(name) for name in PACKAGES}


def commit() -> str:
    """Return the commit that was measured, with a plus where the tree differs from it."""
    folder = Path(__file__).parents[2]
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def _cpu_model() -> str:
    """Return the processor's name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _shown(value: object) -> str:
    """Write a figure with as many digits as it deserves."""
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return str(value)
