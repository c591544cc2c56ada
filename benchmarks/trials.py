"""
Small cases of what people hand over: is what comes back right, step by step?

    python -m benchmarks.trials --data DIR [--only NAME…] [--url URL] [--quick] [--json FILE]

DIR holds cases, a folder each with its files and a `case.json` (docs/benchmarks.md tells its form),
as `examples/trials` does. Each case has a collection of its own on one private stack, or on the
running Quern at URL, where it is deleted afterwards. The tables go to the error output, what was
wanted beside what came; the result goes to the standard output unless a file is named for it.
"""

import argparse
import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from benchmarks.data import trial_cases
from benchmarks.data.trial_cases import Case
from benchmarks.figures.reporting import Limit, output, report, show_miss
from benchmarks.parts.trial_checks import Finding
from benchmarks.parts.trial_steps import Trial
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import Service, service

LIMITS: Final = {"right_share": Limit(at_least=1.0)}
#: In a quick run.
QUICK: Final = 5
VERDICTS: Final = {"right": "green", "part": "yellow", "wrong": "red"}


def main() -> None:
    """Try and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trials", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of cases, or one case")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the cases, these")
    parser.add_argument("--url", help="a running Quern, instead of a private one")
    parser.add_argument("--json", "--out", type=Path, help="write the result here")
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK} cases")
    options = parser.parse_args()
    cases = _chosen(trial_cases.read(options.data), options.only)
    if options.quick:
        cases = cases[:QUICK]
    console = Console(stderr=True)
    with service(options.url) as quern, ProgressBars(console) as progress:
        found = try_all(quern, cases, progress)
    console.print(cases_table(cases, found))
    figures, missed = totals(found), misses(found)
    for miss in missed:
        show_miss(console, miss["case"], wanted=miss["check"], got=miss["got"])
    report("trials", figures, limits=LIMITS, json_path=None, console=console)
    output(figures | {"cases_by_name": by_name(cases, found), "misses": missed}, options.json)


def try_all(quern: Service, cases: Sequence[Case], progress: Progress) -> dict[str, list[Finding]]:
    """Take every case by itself, one after the other; returns the findings of each by its name."""
    bar = progress.add_task("trials", total=len(cases))
    found = {}
    for case in cases:
        collection = collection_of(case.name)
        try:
            found[case.name] = Trial(quern, case, collection).run()
        finally:
            if quern.stack is None:  # it is somebody's, who does not want our collections
                with contextlib.suppress(httpx.HTTPError):
                    quern.http.delete(f"/api/collections/{collection}")
        progress.advance(bar)
    return found


def collection_of(name: str) -> str:
    """Return a collection for a case that nobody has had before."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30]
    return f"trial-{plain}-{secrets.token_hex(3)}"


def verdict(findings: Sequence[Finding]) -> str:
    """Return `right` where all checks hold, `wrong` where none does, else `part`."""
    held = sum(finding.held for finding in findings)
    if held == len(findings):
        return "right"
    return "part" if held else "wrong"


def totals(found: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """Return how many cases and checks are right."""
    verdicts = [verdict(findings) for findings in found.values()]
    every = [finding for findings in found.values() for finding in findings]
    return {
        "cases": len(found),
        **{name: verdicts.count(name) for name in VERDICTS},
        "right_share": verdicts.count("right") / len(verdicts),
        "checks": len(every),
        "held": sum(finding.held for finding in every),
    }


def by_name(
    cases: Sequence[Case], found: Mapping[str, Sequence[Finding]]
) -> dict[str, dict[str, Any]]:
    """Return title, verdict and counts of each case."""
    return {
        case.name: {
            "title": case.title,
            "verdict": verdict(found[case.name]),
            "checks": len(found[case.name]),
            "held": sum(finding.held for finding in found[case.name]),
        }
        for case in cases
    }


def misses(found: Mapping[str, Sequence[Finding]]) -> list[dict[str, str]]:
    """Return each check that does not hold, in words."""
    return [
        {"case": name, "check": finding.wanted, "got": finding.got}
        for name, findings in found.items()
        for finding in findings
        if not finding.held
    ]


def cases_table(cases: Sequence[Case], found: Mapping[str, Sequence[Finding]]) -> Table:
    """Show the cases, a row each."""
    table = Table(title="cases", title_justify="left")
    for heading in ("case", "title", "verdict", "held"):
        table.add_column(heading)
    for name, row in by_name(cases, found).items():
        told = Text(row["verdict"], VERDICTS[row["verdict"]])
        table.add_row(Text(name), Text(row["title"]), told, f"{row['held']} of {row['checks']}")
    return table


def _chosen(cases: Sequence[Case], names: Sequence[str] | None) -> list[Case]:
    """Return the cases of these names; all where none is given."""
    if names is None:
        return list(cases)
    if unknown := set(names) - {case.name for case in cases}:
        raise SystemExit(f"there is no case {', '.join(sorted(unknown))}")
    return [case for case in cases if case.name in names]


if __name__ == "__main__":
    run(main)
