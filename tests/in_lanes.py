"""
Run every test, in two lanes side by side, which take about as long as each other.

    python tests/in_lanes.py [--without FOLDER …]

Whole stacks wait for half of their time, and one lane alone leaves a core idle for minutes. Each
lane is a pytest of its own, with its own second tries: pytest-xdist would merge their reports, but
its controller runs no test, so that nothing could be tried again after all others. What a lane
says comes as one piece, once it has ended; coverage is combined and held to its floor after both.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LANES: Final = {
    "services": ("integration", "vllm"),
    "stacks": ("unit", "architecture", "contract", "e2e", "browser"),
}
FLOOR: Final = 90
#: A run that says nothing for long looks like one that hangs.
TELL_S: Final = 60.0


@dataclass(slots=True)
class Lane:
    """A pytest on its way, and where what it says is kept."""

    name: str
    process: "subprocess.Popen[bytes]"
    said: Path
    began: float


def main() -> int:
    """Run both lanes; returns 0 if all passed and the coverage is above its floor."""
    parser = argparse.ArgumentParser(prog="python tests/in_lanes.py", description=__doc__)
    parser.add_argument("--without", action="append", default=[], help="a folder of tests")
    without = parser.parse_args().without
    waiting = [_start(name, [one for one in LANES[name] if one not in without]) for name in LANES]
    codes = []
    told = time.monotonic()
    try:
        while waiting:
            for lane in [one for one in waiting if one.process.poll() is not None]:
                waiting.remove(lane)
                codes.append(_tell(lane))
            if time.monotonic() > told + TELL_S:
                told = time.monotonic()
                print(" and ".join(map(_how_far, waiting)), flush=True)  # noqa: T201
            time.sleep(0.2)
    finally:
        for lane in waiting:
            lane.process.terminate()
    return max(*codes, _cover())


def _start(name: str, folders: list[str]) -> Lane:
    """Start the pytest of a lane, whose coverage lies beside the other's."""
    said = ROOT / f".lane-{name}.log"
    command = [sys.executable, "-m", "pytest", "--cov", "--cov-report="]
    with said.open("wb") as out:
        process = subprocess.Popen(
            [*command, *(f"tests/{folder}" for folder in folders)],
            cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
            env=os.environ | {"COVERAGE_FILE": str(_coverage(name))},
        )  # fmt: skip
    return Lane(name, process, said, time.monotonic())


def _tell(lane: Lane) -> int:
    """Print what a lane has said; returns its exit status."""
    took_s = time.monotonic() - lane.began
    print(f"== tests of {lane.name}, {took_s / 60:.1f} minutes", flush=True)  # noqa: T201
    print(lane.said.read_text("utf-8", "replace"), flush=True)  # noqa: T201
    lane.said.unlink()
    return abs(lane.process.returncode)


def _how_far(lane: Lane) -> str:
    """Return the last share of its tests that a lane has told."""
    shares = [word for word in lane.said.read_text("utf-8", "replace").split() if "%]" in word]
    return f"{lane.name}: {shares[-1].rstrip(']') if shares else 'begun'}"


def _cover() -> int:
    """Combine and print the coverage of both lanes; returns what `coverage` does."""
    files = [str(_coverage(name)) for name in LANES]
    coverage = [sys.executable, "-m", "coverage"]
    combined = subprocess.run([*coverage, "combine", *files], cwd=ROOT, check=False).returncode
    shown = [*coverage, "report", f"--fail-under={FLOOR}"]
    return combined or subprocess.run(shown, cwd=ROOT, check=False).returncode


def _coverage(name: str) -> Path:
    """Return where a lane keeps its coverage."""
    return ROOT / f".coverage.{name}"


if __name__ == "__main__":
    sys.exit(main())
