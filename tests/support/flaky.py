"""
How often tests fail by chance: some of them, again and again, beside a load on every core.

    python -m tests.support.flaky [--rounds 20] TESTS…      (make flaky ARGS="TESTS…" N=20)

Each round is a pytest of its own, so that everything is started anew and a crash ends one round
only; what is said beside --rounds is pytest's. Says how often each test failed, and shows the first
failure of each. Nothing has a second try here, unlike in CI.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from benchmarks.running.processes import run, running
from benchmarks.running.progress import ProgressBars
from runtime.cores import usable_cores

BUSY = "while True: pass"
#: Stands for a test where a round ended otherwise than pytest ends, and in no test.
ITSELF = "pytest itself"


class Recorder:
    """A pytest plugin that writes what happens to a file at once: a crash may come any time."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tell(what="began", test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._tell(what="skipped", test=report.nodeid)
        elif report.failed:
            parts = [f"in {report.when}:", report.longreprtext]
            parts += [f"--- {title}\n{text}" for title, text in report.sections]
            self._tell(what="failed", test=report.nodeid, text="\n".join(parts))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._tell(what="ended", test=nodeid)

    def _tell(self, **told: str) -> None:
        print(json.dumps(told), file=self._file, flush=True)


class Tally:
    """What became of each test in all rounds."""

    def __init__(self) -> None:
        self.rounds = 0
        self.ran: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.skipped: set[str] = set()
        self.first: dict[str, str] = {}

    def add(self, lines: list[str], *, code: int, output: str) -> None:
        """Add a round: what its recorder wrote, how it ended, and what it said."""
        self.rounds += 1
        told = [json.loads(line) for line in lines]
        by_kind = {
            kind: {each["test"] for each in told if each["what"] == kind}
            for kind in ("began", "skipped", "failed", "ended")
        }
        crashed = by_kind["began"] - by_kind["ended"]
        if not crashed and code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            crashed = {ITSELF}
        self.skipped |= by_kind["skipped"]
        self.ran.update(by_kind["began"] - by_kind["skipped"])
        self.failed.update(by_kind["failed"] | crashed)
        for each in told:
            if each["what"] == "failed":
                self._show(each["test"], each["text"])
        for test in crashed:
            self._show(test, f"pytest ended in it with {code}:\n{output}")

    def _show(self, test: str, text: str) -> None:
        self.first.setdefault(test, f"===== {test}\n===== round {self.rounds}, {text}\n")

    def __str__(self) -> str:
        parts = [*self.first.values()]
        parts += [
            f"{count:4} of {self.ran[test] or self.rounds:3} failed  {test}"
            for test, count in self.failed.most_common()
        ]
        never = len(self.ran.keys() - self.failed.keys())
        skipped = f", {len(self.skipped)} were skipped" if self.skipped else ""
        parts.append(f"{never} of {len(self.ran)} tests never failed{skipped}")
        return "\n".join(parts)


def main() -> None:
    """Run all rounds, or the one that another process asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.flaky", description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    options, asked = parser.parse_known_args()
    if options.record is not None:
        # Told to end, it ends what its tests have started.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with options.record.open("w", encoding="utf-8") as file:
            sys.exit(pytest.main(asked, plugins=[Recorder(file)]))
    if not asked:
        parser.error('name the tests: make flaky ARGS="tests/e2e/test_demo.py"')
    began = time.monotonic()
    tally = Tally()
    try:
        with load(), ProgressBars() as progress, tempfile.TemporaryDirectory() as folder:
            for _ in progress.track(range(options.rounds), description="rounds"):
                one_round(asked, Path(folder), tally)
    finally:  # ended before the last round, it says what it has seen
        seconds = time.monotonic() - began
        print(f"{tally}\n{tally.rounds} rounds on busy cores in {seconds:.0f} s")  # noqa: T201
    sys.exit(bool(tally.failed))


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Keep every core busy during the block."""
    cores = usable_cores()
    with contextlib.ExitStack() as stack:
        for _ in range(cores):
            stack.enter_context(running([sys.executable, "-I", "-S", "-c", BUSY]))
        yield


def one_round(asked: list[str], folder: Path, tally: Tally) -> None:
    """Run the tests once; ends everything, with what pytest said, if it ran none."""
    record, said = folder / "record", folder / "said"
    record.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "tests.support.flaky", "--record", str(record), *asked]
    with said.open("wb") as output:  # noqa: SIM117  it is read once pytest has ended
        with running(command, env=environment, stdout=output, stderr=output) as process:
            code = process.wait()
    lines = record.read_text("utf-8").splitlines() if record.exists() else []
    text = said.read_text("utf-8", errors="replace")
    if not lines:
        sys.exit(text)
    tally.add(lines, code=code, output=text)


if __name__ == "__main__":
    run(main)
