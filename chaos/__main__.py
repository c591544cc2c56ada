"""
Hurt real processes while clients keep a history, then check it.

    python -m chaos [--seed 1] [--minutes 2] [--plan mixed] [--folder DIR] [--json FILE]

A private stack on an empty folder: clients write, delete, search, ask, cancel and look again, while
processes are killed, frozen and restarted, Redis and the disk fill up, clocks are wrong, and some
documents kill their worker each time. Then every job must have ended once, and the index must be
the set of successful writes. The seed decides what is done; what comes of it depends on the machine
as well. A disk is filled only where one of some hundred megabytes can be mounted (root, Linux).
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.figures.reporting import Limit, report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from chaos.checks.checker import PROMISES
from chaos.faults.plans import FAULTS, PLANS
from chaos.run import Run, measure

#: Not `unclean_stops`: on a busy machine what is asked to end may be slow, and is killed then.
NONE = (*PROMISES, "stray_keys", "left_processes", "left_files", "threads_failed")
LIMITS = {name: Limit(at_most=0) for name in NONE}
MOST_TOLD = 40


def main() -> None:
    """Run, print figures and violations; exit with 1 where a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument(
        "--plan",
        choices=PLANS,
        default="mixed",
        help="mixed: every fault; holders: who holds a claim is killed, every second or two; "
        "redis: Redis is killed, away and full; disk: the disk is full, and processes are killed",
    )
    parser.add_argument(
        "--without", action="append", choices=FAULTS, default=[], help="leave a fault out"
    )
    parser.add_argument("--folder", type=Path, help="keep the history and the logs here")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quern-chaos-") as private, ProgressBars() as bars:
        folder = (options.folder or Path(private)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        plan = PLANS[options.plan].without(options.without)
        figures, told = measure(Run(folder, options.seed, options.minutes, plan), bars)
    title = f"chaos, {options.plan}, seed {options.seed}"
    report(title, figures, limits=LIMITS, json_path=options.json)
    for line in told[:MOST_TOLD]:
        print(line)
    if len(told) > MOST_TOLD:
        print(f"and {len(told) - MOST_TOLD} more")
    if any(not limit.holds(figures[name]) for name, limit in LIMITS.items()):
        sys.exit(1)


if __name__ == "__main__":
    run(main)
