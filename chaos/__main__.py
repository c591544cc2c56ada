"""
Hurt real processes while clients keep a history, then check it.

    python -m chaos [--seed 1] [--minutes 2] [--folder DIR] [--json FILE]

A private stack on an empty folder: clients write, delete, search, ask, cancel and look again, while
processes are killed, frozen and restarted and one document kills its worker each time. Then every
job must have ended once, and the index must be the set of successful writes. The seed decides what
is done; what comes of it depends on the machine as well. Not done: a full disk, a skewed clock.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.figures.reporting import Limit, report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from chaos.checker import PROMISES
from chaos.run import measure

LIMITS = {name: Limit(at_most=0) for name in (*PROMISES, "stray_keys", "left_processes")}
MOST_TOLD = 40


def main() -> None:
    """Run, print figures and violations; exit with 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, help="keep the data and the history here")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quern-chaos-") as private, ProgressBars() as bars:
        folder = (options.folder or Path(private)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        figures, told = measure(folder, seed=options.seed, minutes=options.minutes, bars=bars)
    report(f"chaos, seed {options.seed}", figures, limits=LIMITS, json_path=options.json)
    for _line in told[:MOST_TOLD]:
        pass
    if any(not limit.holds(figures[name]) for name, limit in LIMITS.items()):
        sys.exit(1)


if __name__ == "__main__":
    run(main)
