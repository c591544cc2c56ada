"""
How well, how fast and how safely files are read: real ones, and a manifest of what to find.

    python -m benchmarks.documents --data DIR [--peer-python PATH | --no-peer] [--json FILE]

DIR holds files and `manifest.jsonl` (`manifest` tells its form). Each file goes through
the sandbox of the ingestion worker with its default limits, and right after it to markitdown alone,
which is installed for the run into a temporary environment. The tables go to the error output; the
figures go to the standard output unless a file is named for them.
"""

import argparse
import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.data import manifest
from benchmarks.data.manifest import Expected, Judgement, Reading, judge
from benchmarks.figures.reporting import Limit, output, report, show_miss
from benchmarks.parts.peer import PINNED, Peer
from benchmarks.parts.watched_parsers import WatchedParsers
from benchmarks.running.environments import environment
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from runtime.settings import Settings

LIMITS: Final = {
    "text_right_share": Limit(at_least=0.98),
    "error_right_share": Limit(at_least=1.0),
    "empty_right_share": Limit(at_least=1.0),
    "must_not_contain_absent_share": Limit(at_least=1.0),
    "workers_restarted": Limit(at_most=0),
}
HEADINGS: Final = (
    "kind", "files", "right", "strings", "s", "MB/s", "MB", "peer: strings", "s", "MB",
)  # fmt: skip


@dataclass(slots=True)
class Read:
    """A file, what was made of it in each round, and the worst judgement of ours."""

    expected: Expected
    readings: list[Reading]
    judgement: Judgement
    peer: list[Reading]
    peer_judgement: Judgement | None = None


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documents", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="files and their manifest.jsonl")
    parser.add_argument("--rounds", type=int, default=3, help="of which times are the medians")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has markitdown")
    parser.add_argument("--no-peer", action="store_true", help="leave markitdown out")
    parser.add_argument("--json", "--out", type=Path, help="write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    files = manifest.read(options.data)
    rounds = 1 if options.quick else max(1, options.rounds)
    if options.quick:
        files = _few(files)
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        # First, while this process has no threads: the parsers' template is forked.
        settings = Settings()
        parsers = stack.enter_context(WatchedParsers.open(settings))
        progress = stack.enter_context(ProgressBars(console))
        peer = None
        if not options.no_peer:
            python = options.peer_python or stack.enter_context(_installed(progress))
            peer = stack.enter_context(Peer.open(python, timeout_s=settings.parser_timeout_s))
        done = measure(files, parsers, peer, progress, rounds=rounds)
        figures = totals(done) | {
            "rounds": rounds,
            "workers_restarted": parsers.restarted,
            "isolation": parsers.isolation,
        }
        if peer is not None:
            figures |= {"peer": f"markitdown {peer.version}", "peer_restarted": peer.restarted}
    console.print(table(done))
    missed = misses(done)
    for miss in missed:
        show_miss(console, miss["file"], wanted=miss["expected"], got=miss["got"])
    report("documents", figures, limits=LIMITS, json_path=None, console=console)
    output(figures | {"kinds": kinds(done), "misses": missed}, options.json)


def measure(
    files: Sequence[Expected],
    parsers: WatchedParsers,
    peer: Peer | None,
    progress: Progress,
    *,
    rounds: int,
) -> list[Read]:
    """Read every file *rounds* times, with ours and with the peer in turns."""
    bar = progress.add_task("documents", total=rounds * len(files))
    done: list[Read] = []
    for number in range(rounds):
        for place, expected in enumerate(files):
            reading = parsers.read(expected.path)
            if not number:
                done.append(Read(expected, [], judge(expected, reading), []))
            read = done[place]
            read.readings.append(reading)
            # A file that was read rightly once and wrongly another time is a miss.
            read.judgement = _worse(read.judgement, judge(expected, reading))
            if peer is not None:
                read.peer.append(peer.read(expected.path))
                read.peer_judgement = judge(expected, read.peer[-1])
            progress.advance(bar)
    return done


def totals(done: Sequence[Read]) -> dict[str, Any]:
    """Return the figures of all these files; what was not measured is left out."""
    size = sum(read.expected.path.stat().st_size for read in done) / 1e6
    figures: dict[str, Any] = {"files": len(done), "mb": size}
    for outcome in manifest.EXPECTED:
        right = [read.judgement.right for read in done if read.expected.outcome == outcome]
        figures |= _share(f"{outcome}_right_share", sum(right), len(right))
    judgements = [read.judgement for read in done]
    figures |= _strings("must_contain_share", done, judgements)
    forbidden = sum(len(read.expected.must_not_contain) for read in done)
    unwanted = sum(len(judgement.unwanted) for judgement in judgements)
    figures |= _share("must_not_contain_absent_share", forbidden - unwanted, forbidden)
    figures |= _speed("", [read.readings for read in done], size, peak="peak_parser_mb")
    others = [read.peer_judgement for read in done if read.peer_judgement is not None]
    if others:
        figures |= _strings("peer_must_contain_share", done, others)
        figures |= _speed("peer_", [read.peer for read in done], size, peak="peer_peak_mb")
    return figures


def kinds(done: Sequence[Read]) -> dict[str, dict[str, Any]]:
    """Return the figures of each kind of file by itself."""
    groups: dict[str, list[Read]] = defaultdict(list)
    for read in done:
        groups[read.expected.kind].append(read)
    return {kind: totals(group) | {"right": _right(group)} for kind, group in groups.items()}


def misses(done: Sequence[Read]) -> list[dict[str, str]]:
    """Return each file of which something else came than was expected."""
    return [
        {
            "file": read.expected.name,
            "kind": read.expected.kind,
            "expected": str(read.expected),
            "got": read.judgement.got,
        }
        for read in done
        if not read.judgement.right
    ]


def table(done: Sequence[Read]) -> Table:
    """Show each kind, and all of them in the last row."""
    shown = Table(title="reading, by kind", title_justify="left")
    for heading in HEADINGS:
        shown.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, figures in (kinds(done) | {"all": totals(done) | {"right": _right(done)}}).items():
        shown.add_row(
            kind,
            str(figures["files"]),
            str(figures["right"]),
            _percent(figures.get("must_contain_share")),
            f"{figures['seconds']:.2f}",
            f"{figures['mb_per_s']:.2f}",
            _number(figures.get("peak_parser_mb")),
            _percent(figures.get("peer_must_contain_share")),
            _number(figures.get("peer_seconds"), digits=2),
            _number(figures.get("peer_peak_mb")),
        )
    return shown


@contextlib.contextmanager
def _installed(progress: Progress) -> Iterator[Path]:
    """Install the peer for the block; gives its interpreter."""
    bar = progress.add_task("install markitdown", total=1)
    with tempfile.TemporaryDirectory(prefix="quern-peer-") as folder:
        python = environment(Path(folder), [PINNED], hint=" (--no-peer leaves it out)")
        progress.advance(bar)
        yield python


def _few(files: Sequence[Expected]) -> list[Expected]:
    """Return the first file of each kind and each outcome that is expected."""
    first = {(expected.kind, expected.outcome): expected for expected in reversed(files)}
    return [expected for expected in files if first[expected.kind, expected.outcome] is expected]


def _worse(one: Judgement, other: Judgement) -> Judgement:
    return other if one.right else one


def _right(done: Sequence[Read]) -> int:
    return sum(read.judgement.right for read in done)


def _strings(name: str, done: Sequence[Read], judgements: Sequence[Judgement]) -> dict[str, float]:
    """Return the share of the strings that were found, of files that have text."""
    pairs = [
        (judgement.found, len(read.expected.must_contain))
        for read, judgement in zip(done, judgements, strict=True)
        if read.expected.outcome == "text"
    ]
    return _share(name, sum(found for found, _ in pairs), sum(wanted for _, wanted in pairs))


def _share(name: str, part: int, whole: int) -> dict[str, float]:
    return {name: part / whole} if whole else {}


def _speed(
    prefix: str, readings: Sequence[Sequence[Reading]], size: float, *, peak: str
) -> dict[str, float]:
    """Return the time of all files, each its median, MB a second, and the most memory."""
    seconds = sum(median(one.seconds for one in rounds) for rounds in readings)
    figures = {f"{prefix}seconds": seconds, f"{prefix}mb_per_s": size / seconds}
    peaks = [one.peak for rounds in readings for one in rounds if one.peak is not None]
    return figures | ({peak: max(peaks) / 1e6} if peaks else {})


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None, *, digits: int = 0) -> str:
    return "" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    run(main)
